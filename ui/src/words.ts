// Words that need both a number and the language: durations, ages, what an incident says.
import { localTime, short, span, span2, whole } from "./format";
import { language, t } from "./i18n/index.svelte";
import type { Incident, Validator, WindowHeader } from "./shapes";

const joined = (parts: ReturnType<typeof span>[]): string =>
  parts.map(({ n, unit }) => `${n}${t().time.gap}${t().time.unit[unit]}`).join(t().time.gap);

export const spanText = (ms: number): string => joined([span(ms)]);
export const span2Text = (ms: number): string => joined(span2(ms));

export function agoText(ms: number, nowMs: number): string {
  const age = nowMs - ms;
  if (age < -1000) return t().time.ahead(spanText(-age));
  return age < 1000 ? t().time.now : t().time.ago(spanText(age));
}

/** What a rule is called where nobody asked the server for its words. */
export const nameOfRule = (rule: string): string => (Object.hasOwn(t().rules, rule) ? t().rules[rule] : undefined) ?? rule.replaceAll("_", " ");
export const ruleName = (incident: Incident): string => nameOfRule(incident.rule);

/** What explains a muted incident, by the beginning of its key. */
export function causeName(key: string): string {
  const [rule = ""] = key.split("/");
  return rule === "planned_stop" ? t().plannedStop : nameOfRule(rule);
}

/** The incident in one line, in the reader's language. */
export const titleOf = (incident: Incident): string => incident.titles[language()];

/** How it ended, if the rule said so. */
export function endingOf(incident: Incident): string {
  const word = incident.facts["ended"];
  return typeof word === "string" ? (t().endings[word] ?? word.replaceAll("_", " ")) : "";
}

/** What is called by a name if it has one, else by its shortened address. */
export const nameOr = (name: string | null, address: string): string => name ?? short(address);

/** The name of a validator's own node first, then what its team calls it before everybody. */
export const calledOf = (v: Pick<Validator, "name" | "claimed">): string | null => v.name ?? v.claimed?.name ?? null;

export const clock = (ms: number): string => localTime(new Date(ms)).slice(11, 16);

/** A moment to come: hours and minutes, with the day if it is not today. */
export function soonText(ms: number, nowMs: number): string {
  const [text, today] = [localTime(new Date(ms)), localTime(new Date(nowMs))];
  return text.slice(0, 10) === today.slice(0, 10) ? text.slice(11, 16) : text.slice(5, 16);
}

/** A sentence in which no number stands at a line's end without its unit. */
export const unbroken = (sentence: string): string => sentence.replace(/(\d) (%|CFX)/g, "$1\u00a0$2");

/** What figures of a window are of: which epochs, and how much of them is known. */
export function knownText(w: WindowHeader): string {
  const words = t().validators;
  if (w.first_epoch === null || w.last_epoch === null) return words.nothingKnown;
  return [words.epochs(whole(w.first_epoch), whole(w.last_epoch)), words.known(whole(w.known_epochs), whole(w.asked_epochs)), words.rewarded(whole(w.rewarded_epochs))].join(t().comma);
}
