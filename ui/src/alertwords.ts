// Sentences of alerts: a value with its unit, whom a matcher means, when a window comes.
import type { LimitValue, Maintenance, Matcher, RuleLimit } from "./alertshapes";
import { alerts } from "./alertnames.svelte";
import { beatOf, clockOf } from "./cron";
import { cfxOfGdrip, clockTime, exact, localTime, measure } from "./format";
import { a } from "./i18n/alerts";
import { t } from "./i18n/index.svelte";
import { limitName, limitText } from "./limits";
import { short } from "./format";
import type { Incident, Severity } from "./shapes";
import { span2Text } from "./words";

/** What was measured, as people write it: what lasts in its two largest units, what is money in CFX. */
export function measured(value: number, unit: string): string {
  if (unit === "gdrip") return cfxOfGdrip(String(Math.round(value)));
  if (unit === "ms" && value >= 1000 && value < 60_000) return `${Number((value / 1000).toPrecision(3))}${a().units.gap}${a().units.time["s"]}`;
  if (unit === "ms" && value >= 60_000) return span2Text(value);
  if (unit === "seconds" && value >= 60) return span2Text(value * 1000);
  const rounded = unit === "bytes" || unit === "ratio" || Number.isInteger(value) ? value : Number(value.toPrecision(3));
  return unit === "bytes" ? sized(value) : limitText(rounded, unit, a().units);
}

/** A measured size is seldom whole: three digits do. */
function sized(value: number): string {
  const step = Math.min(Math.max(Math.floor(Math.log10(Math.max(value, 1)) / 3), 0), 4);
  return `${Number((value / 1000 ** step).toPrecision(3))} ${["B", "kB", "MB", "GB", "TB"][step] ?? "B"}`;
}

export function againstLimit(measure: NonNullable<Incident["measure"]>): string {
  const value = measured(measure.value, measure.unit);
  return measure.limit === null ? value : `${value} / ${measured(measure.limit, measure.unit)}`;
}

/** What was measured for an incident, as rows of word and value; a fact without a word only chooses its sentences. */
export function factsOf(incident: Pick<Incident, "facts">): [string, string][] {
  return Object.entries(incident.facts).flatMap(([name, value]) => {
    const word = a().facts[name];
    return word === undefined || value === "" ? [] : [[word, factText(name, value)]];
  });
}

function factText(name: string, value: string | number): string {
  if (name === "role") return t().nodeList.role[String(value)] ?? String(value);
  if (typeof value === "string") return value;
  if (name.endsWith("_ms")) return exact(value);
  return name.endsWith("_bytes") ? sized(value) : measure(name, value);
}

const SEVERITIES: readonly string[] = ["info", "warning", "critical"];

export function valueText(value: LimitValue, limit: Pick<RuleLimit, "kind" | "unit">): string {
  if (typeof value === "boolean") return value ? a().rules.on : a().rules.off;
  if (limit.kind === "severity" && SEVERITIES.includes(String(value))) return a().level[value as Severity];
  return limitText(value, limit.unit, a().units);
}

/** What a limit is called: some mean another thing in one rule than in the others. */
export const limitLabel = (rule: string, limit: Pick<RuleLimit, "name" | "unit">): string => a().rules.words[`${rule}.${limit.name}`] ?? a().rules.words[limit.name] ?? limitName(limit.name, limit.unit);

/** The conditions of a matcher, one text each. */
export function conditions(match: Matcher): { field: keyof Matcher; text: string }[] {
  const words = a().matcher;
  const lists: [keyof Matcher, readonly string[] | undefined, (value: string) => string][] = [
    ["rules", match.rules, (one) => alerts.rule(one)],
    ["subjects", match.subjects, (one) => alerts.subject(one)],
    ["labels", match.labels, (one) => one],
    ["groups", match.groups, (one) => one],
    ["validators", match.validators, (one) => alerts.validatorChoices.find((choice) => choice.value === one)?.text ?? short(one)],
    ["kinds", match.kinds, (one) => (a().about as Record<string, string>)[one] ?? one],
  ];
  const found = lists.flatMap(([field, values, name]) => (values?.length ? [{ field, text: `${words[field]} ${values.map(name).join(` ${words.or} `)}` }] : []));
  return match.severity_min ? [{ field: "severity_min", text: `${words.severity_min} ${a().level[match.severity_min]}` }, ...found] : found;
}

export const matcherText = (match: Matcher): string => conditions(match).map((one) => one.text).join(t().comma) || a().matcher.all;

export const minutesText = (minutes: number): string => span2Text(minutes * 60_000);

/** When a window comes, in words. */
export function whenText(window: Maintenance, nowMs: number): string {
  const words = a().silences;
  if (window.cron === null) return `${clockTime(window.starts_at_ms, nowMs)} – ${window.ends_at_ms === null ? words.noEnd : clockTime(window.ends_at_ms, nowMs)}`;
  const parts = [beatText(window.cron), window.duration_minutes === null ? "" : words.lasting(minutesText(window.duration_minutes)), window.zone ? words.inZone(window.zone) : ""];
  return parts.filter(Boolean).join(t().time.gap);
}

export function beatText(cron: string): string {
  const words = a().silences;
  const beat = beatOf(cron);
  if (!beat) return words.cronText(cron);
  if (beat.every === "day") return words.daily(clockOf(beat));
  if (beat.every === "month") return words.monthly(beat.day, clockOf(beat));
  return words.weekly(beat.weekdays.map((day) => a().weekdays[day]).join(t().comma), clockOf(beat));
}

/** A moment as a datetime-local field has it, and back. */
export const fieldTime = (ms: number): string => localTime(new Date(ms)).slice(0, 16).replace(" ", "T");
export const timeOfField = (text: string): number | null => (text && !Number.isNaN(Date.parse(text)) ? new Date(text).getTime() : null);

/** Text with `commands` in it, cut where they begin and end. */
export const pieces = (text: string): { code: boolean; text: string }[] => text.split("`").map((part, i) => ({ code: i % 2 === 1, text: part })).filter((part) => part.text);
