// Which language is spoken. Changing it changes every word in place; the choice is remembered here only.
import { keep, kept } from "../kept";
import { en, type Catalogue } from "./en";
import { zh } from "./zh";

const catalogues = { en, zh } as const;
export type Lang = keyof typeof catalogues;

const isLang = (text: string | null): text is Lang => text === "en" || text === "zh";

export function langOf(chosen: string | null, browser: string): Lang {
  if (isLang(chosen)) return chosen;
  return /^zh\b/i.test(browser) ? "zh" : "en";
}

let lang = $state<Lang>(langOf(kept("lang"), navigator.language));

/** The words of the page. */
export const t = (): Catalogue => catalogues[lang];
export const language = (): Lang => lang;

export function speak(next: Lang): void {
  lang = next;
  keep("lang", next);
  document.documentElement.lang = next;
}
