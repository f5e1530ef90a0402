// Figures of performance in words: which unit a name has, its value in that unit, and its formula made readable.
import { cfxOfGdrip, exactOfGdrip, NOTHING, percent, whole } from "./format";
import { t } from "./i18n/index.svelte";

type Unit = "share" | "blocks" | "money" | "voteSeconds" | "score" | "whole";

/** Millionths of a block; every other name in `_ppm` is a share. */
const MILLIONTHS_OF_BLOCKS = new Set(["expected_led_ppm", "led_luck_ppm", "lead_share_ppm"]);

export function unitOf(name: string): Unit {
  if (MILLIONTHS_OF_BLOCKS.has(name)) return "blocks";
  if (name.endsWith("_ppm")) return "share";
  if (name.endsWith("_gdrip")) return "money";
  if (name.endsWith("vote_seconds")) return "voteSeconds";
  return name === "score" ? "score" : "whole";
}

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
      return t().past.explain.blocks((number / 1e6).toFixed(1));
    case "money":
      return cfxOfGdrip(String(value));
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

/** Whole decimal text of any length with thousands separators. */
export const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** The server's arithmetic with the signs that people write. */
export const readable = (formula: string): string =>
  formula.replaceAll("//", "÷").replaceAll("*", "×").replace(/\b\d+\b/g, grouped);

/** The same with the numbers that went in; an input that is not known stays a question mark. */
export const filled = (formula: string, inputs: Readonly<Record<string, string | null>>): string =>
  readable(formula.replace(/[a-z][a-z_]*\w*/g, (name) => (Object.hasOwn(inputs, name) ? (inputs[name] ?? "?") : name)));
