// Limits of rules as people write them: "5 min", "20 GB", "90 %". Pure, and back again without loss.
import { whole } from "./format";
import type { LimitValue, OfRules, RuleLimit, Rules, LimitsChange } from "./alertshapes";

const TIMES: readonly (readonly [string, number])[] = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000], ["ms", 1]];
const SIZES: readonly (readonly [string, number])[] = [["TiB", 2 ** 40], ["TB", 1e12], ["GiB", 2 ** 30], ["GB", 1e9], ["MiB", 2 ** 20], ["MB", 1e6], ["KiB", 1024], ["kB", 1000], ["B", 1]];
/** How many of the smallest unit one of the limit's own unit is. */
const TIME_UNITS: Record<string, number> = { ms: 1, seconds: 1000, s: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 };
const SPELLED: Record<string, string> = {
  毫秒: "ms", 秒: "s", 分钟: "min", 分: "min", 小时: "h", 天: "d",
  sec: "s", second: "s", seconds: "s", m: "min", minute: "min", minutes: "min", hour: "h", hours: "h", day: "d", days: "d",
};

export type UnitWords = { of: Record<string, (n: string) => string>; time: Record<string, string>; gap: string };

/** The largest unit that tells it exactly. */
function told(n: number, scale: readonly (readonly [string, number])[]): [number, string] {
  const [name, size] = scale.find(([, one]) => n >= one && n % one === 0) ?? scale.at(-1) ?? ["", 1];
  return [n / size, name];
}

/** A value with its unit, as one would say it. */
export function limitText(value: LimitValue, unit: string | null, words: UnitWords): string {
  if (typeof value !== "number") return String(value);
  const time = unit === null ? undefined : TIME_UNITS[unit];
  if (time !== undefined) {
    const [n, name] = told(Math.round(value * time), TIMES);
    return `${plain(n)}${words.gap}${words.time[name] ?? name}`;
  }
  if (unit === "bytes") {
    const [n, name] = told(value, SIZES);
    return `${plain(n)} ${name}`;
  }
  if (unit === "ratio") return `${plain(Math.round(value * 1e6) / 1e4)} %`;
  if (unit === "percent") return `${plain(value)} %`;
  return unit === null ? plain(value) : (words.of[unit]?.(plain(value)) ?? `${plain(value)}${words.gap}${unit}`);
}

const plain = (n: number): string => (Number.isInteger(n) ? whole(n) : String(Number(n.toPrecision(12))));

/** What somebody wrote, in the limit's own unit; null when it cannot be read as such. */
export function limitOf(text: string, unit: string | null, kind: RuleLimit["kind"]): number | null {
  const time = unit === null ? undefined : TIME_UNITS[unit];
  const found = time !== undefined ? timeOf(text, time) : unit === "bytes" ? sizeOf(text) : unit === "ratio" ? ratioOf(text) : numberIn(text);
  if (found === null || found < 0 || (kind === "whole" && !Number.isInteger(found))) return null;
  return found;
}

/** "1 h 30 min" in units of `one` ms; a bare number is in the limit's own unit. */
function timeOf(text: string, one: number): number | null {
  const clean = text.replaceAll(",", "").trim();
  if (/^\d+(\.\d+)?$/.test(clean)) return Number(clean);
  if (!/^(\s*\d+(\.\d+)?\s*[a-z\u4e00-\u9fff]+)+\s*$/i.test(clean)) return null;
  let sum = 0;
  for (const [, n, word] of clean.matchAll(/(\d+(?:\.\d+)?)\s*([a-z\u4e00-\u9fff]+)/gi)) {
    const size = TIMES.find(([name]) => name === spelled(word ?? ""))?.[1];
    if (size === undefined) return null;
    sum += Number(n) * size;
  }
  return Math.round((sum / one) * 1e6) / 1e6;
}

const spelled = (word: string): string => SPELLED[word.toLowerCase()] ?? word.toLowerCase();

function sizeOf(text: string): number | null {
  const found = /^([\d,]+(?:\.\d+)?)\s*([kmgt]?i?b?)$/i.exec(text.trim());
  if (!found) return null;
  const word = (found[2] ?? "").toLowerCase();
  const full = word.endsWith("b") || word === "" ? word || "b" : `${word}b`;
  const size = SIZES.find(([name]) => name.toLowerCase() === full)?.[1];
  return size === undefined ? null : Math.round(Number((found[1] ?? "").replaceAll(",", "")) * size);
}

/** "90 %" or "0.9": both are a share; a bare number above one is meant as percent. */
function ratioOf(text: string): number | null {
  const bare = text.trim().replace(/\s*%$/, "");
  const n = numberIn(bare);
  if (n === null) return null;
  return text.includes("%") || n > 1 ? Math.round(n * 1e4) / 1e6 : n;
}

function numberIn(text: string): number | null {
  const found = /^([\d,]+(?:\.\d+)?)(\s*(%|[a-z\u4e00-\u9fff ]+))?$/i.exec(text.trim());
  return found ? Number((found[1] ?? "").replaceAll(",", "")) : null;
}

/** `critical_after_ms` of unit ms is called "critical after": the unit stands with the number. */
export function limitName(name: string, unit: string | null): string {
  const bare = unit !== null && name.endsWith(`_${unit}`) ? name.slice(0, -unit.length - 1) : name;
  return bare.replaceAll("_", " ");
}

/** What the team has set so far, as it is sent back. */
export function changeOf(rules: Rules): LimitsChange {
  const own: OfRules = {};
  for (const rule of rules.rules) {
    const values = Object.fromEntries(rule.limits.flatMap((one) => (one.team === null ? [] : [[one.name, one.team] as const])));
    if (Object.keys(values).length) own[rule.name] = values;
  }
  return { preset: rules.preset, rules: own, subjects: Object.fromEntries(rules.subjects.map((one) => [one.id, one.rules])), version: rules.version };
}

/** The same with other values of one rule, for the team or for one subject; no values: as the preset has it. */
export function withValues(change: LimitsChange, rule: string, values: Record<string, LimitValue>, subject: string | null = null): LimitsChange {
  const put = (all: OfRules): OfRules => {
    const { [rule]: _, ...others } = all;
    return Object.keys(values).length ? { ...others, [rule]: values } : others;
  };
  if (subject === null) return { ...change, rules: put(change.rules) };
  const { [subject]: mine = {}, ...others } = change.subjects;
  const next = put(mine);
  return { ...change, subjects: Object.keys(next).length ? { ...others, [subject]: next } : others };
}
