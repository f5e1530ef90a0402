// The words of alerts: incidents, rules, contacts, routing, duty and silences. They come with the pages that speak them.
import { alertsEn, type AlertsCatalogue } from "./alerts.en";
import { alertsZh } from "./alerts.zh";
import { language } from "./index.svelte";

export const a = (): AlertsCatalogue => (language() === "zh" ? alertsZh : alertsEn);
