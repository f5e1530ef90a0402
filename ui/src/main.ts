import { mount } from "svelte";
import App from "./App.svelte";
import "uplot/dist/uPlot.min.css";
import "./app.css";

const place = document.getElementById("page");
if (place) mount(App, { target: place });
