// The arithmetic behind figures of performance, as the server tells it. Pure.

export type Unit = "share" | "blocks" | "money" | "voteSeconds" | "score" | "whole";

/** Millionths of a block; every other name in `_ppm` is a share. */
const MILLIONTHS_OF_BLOCKS = new Set(["expected_led_ppm", "led_luck_ppm", "lead_share_ppm"]);

export function unitOf(name: string): Unit {
  if (MILLIONTHS_OF_BLOCKS.has(name)) return "blocks";
  if (name.endsWith("_ppm")) return "share";
  if (name.endsWith("_gdrip")) return "money";
  if (name.endsWith("vote_seconds")) return "voteSeconds";
  return name === "score" ? "score" : "whole";
}

/** Decimal text of any length with thousands separators. */
export function grouped(digits: string): string {
  const [units = "", part] = digits.split(".");
  return units.replace(/\B(?=(\d{3})+(?!\d))/g, ",") + (part === undefined ? "" : `.${part}`);
}

/** The server's arithmetic with the signs that people write. */
export const readable = (formula: string): string =>
  formula.replaceAll("//", "÷").replaceAll("*", "×").replace(/\b\d+\b/g, (digits) => grouped(digits));

/** The same with the numbers that went in; an input that is not known stays a question mark. */
export const filled = (formula: string, inputs: Readonly<Record<string, string | null>>): string =>
  readable(formula.replace(/[a-z][a-z_]*\w*/g, (name) => (Object.hasOwn(inputs, name) ? (inputs[name] ?? "?") : name)));
