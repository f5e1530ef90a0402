// Light, dark or the system's. first.js has set it before the first paint; this changes it in place.
import { keep, kept } from "./kept";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const system = matchMedia("(prefers-color-scheme: dark)");
const chosen = kept("theme");

let theme = $state<Theme>(chosen === "light" || chosen === "dark" ? chosen : "system");
let dark = $state(isDark());

function isDark(): boolean {
  return theme === "dark" || (theme === "system" && system.matches);
}

function apply(): void {
  dark = isDark();
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

system.addEventListener("change", apply);

export const themeNow = (): Theme => theme;
/** Canvases read colours when they draw, so they ask this to be told of a change. */
export const darkNow = (): boolean => dark;

export function paint(next: Theme): void {
  theme = next;
  keep("theme", next === "system" ? null : next);
  apply();
}

export function nextTheme(now: Theme): Theme {
  return THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "system";
}
