// Figures in words: their value in their own unit, and how it was reckoned.
import { briefOfGdrip, exactOfGdrip, NOTHING, percent, whole } from "./format";
import { filled, grouped, readable, unitOf } from "./formulas";
import { t } from "./i18n/index.svelte";
import type { Fact } from "./shapes";

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

/** A number, and where it comes from. What a text does not have to say is empty. */
export type Reckoning = {
  name: string;
  about: string;
  value: string | null; // null: not known
  short: string; // what stands there instead
  why: string; // it is not known
  formula: string;
  filled: string; // with the numbers that went in
  exact: string; // what comes out of it
  source: string; // who told it, where nobody reckoned
  inputs: readonly Input[];
};
export type Input = { name: string; code: string; text: string; exact: string };

/** One number that went in; what it is called in formulas says its unit. */
export const inputOf = (code: string, value: string | number | null): Input => ({
  name: t().past.input[code] ?? t().pools.input[code] ?? code,
  code,
  text: value === null ? t().past.explain.unknown : figureText(code, value),
  exact: exactText(code, value),
});

/** A figure of a validator's performance, as the server tells it. */
export function reckoningOf(fact: Fact): Reckoning {
  const inputs = Object.entries(fact.inputs);
  /** A figure that is a sum by itself has no formula worth telling. */
  const plain = inputs.length === 1 && inputs[0]?.[0] === fact.formula;
  const value = fact.value === null ? null : figureText(fact.key, fact.value);
  const [name, about] = t().past.figure[fact.key];
  return {
    name,
    about,
    value,
    short: fact.why ? t().past.whyShort[fact.why] : t().past.explain.unknown,
    why: fact.why ? t().past.why[fact.why] : "",
    formula: plain ? "" : readable(fact.formula),
    filled: plain || value === null ? "" : filled(fact.formula, fact.inputs),
    exact: plain ? "" : grouped(fact.value ?? ""),
    source: "",
    inputs: inputs.map(([code, number]) => inputOf(code, number)),
  };
}
