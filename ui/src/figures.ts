// Figures of performance in words: their value in their own unit.
import { briefOfGdrip, exactOfGdrip, NOTHING, percent, whole } from "./format";
import { grouped, unitOf } from "./formulas";
import { t } from "./i18n/index.svelte";

/** Yields are told to the hundredth of a percent: a tenth is a lot of money. */
const decimalsOf = (name: string): number => (name.endsWith("apy_ppm") ? 2 : 1);

/** The value as people read it; a dash for what is not known. */
export function figureText(name: string, value: string | number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  const number = Number(value);
  switch (unitOf(name)) {
    case "share":
      return number < 0 ? `-${percent(-number, decimalsOf(name))}` : percent(number, decimalsOf(name));
    case "blocks":
      return t().past.explain.blocks(grouped((number / 1e6).toFixed(1)));
    case "money":
      return briefOfGdrip(String(value));
    case "voteSeconds":
      return t().past.explain.voteSeconds(grouped(String(value)));
    case "score":
    case "whole":
      return whole(number);
  }
}

/** The same to the last digit. */
export function exactText(name: string, value: string | number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  return unitOf(name) === "money" ? exactOfGdrip(String(value)) : grouped(String(value));
}
