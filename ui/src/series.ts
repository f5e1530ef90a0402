// From the server's columns to what charts, tables and files show. Pure; the columns are already uPlot's shape.
import type { Series } from "./shapes";

export type Column = (number | null)[];

/** One line of a chart; `low` and `high` when each of its points stands for many samples. */
export type Line = { key: string; mean: Column; low: Column | null; high: Column | null };
export type Columns = { times: number[]; lines: Line[] };

/** A pause longer than so many usual steps is a gap: nothing was reported, so nothing is drawn. */
const GAP_STEPS = 3;

/** The same series with a moment of nulls inside every gap, so that no line is drawn across it. */
export function withGaps(series: Series): Series {
  const { times } = series;
  const usual = series.step_ms > 0 ? series.step_ms / 1000 : median(steps(times));
  if (usual <= 0) return series;
  const cuts = steps(times).flatMap((step, i) => (step > usual * GAP_STEPS ? [i + 1] : []));
  if (cuts.length === 0) return series;
  const opened = <T>(column: readonly T[], filler: (i: number) => T): T[] => {
    const out: T[] = [];
    let from = 0;
    for (const cut of cuts) {
      out.push(...column.slice(from, cut), filler(cut));
      from = cut;
    }
    return [...out, ...column.slice(from)];
  };
  const holed = (columns: readonly Column[]): Column[] => columns.map((column) => opened(column, () => null));
  return {
    ...series,
    times: opened(times, (i) => ((times[i - 1] ?? 0) + (times[i] ?? 0)) / 2),
    mean: holed(series.mean),
    min: holed(series.min),
    max: holed(series.max),
  };
}

function steps(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - (times[i] ?? time));
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export type LineSpec =
  | { key: string; name: string }
  /** How far `name` is behind `front`: neither has a band, since lowest and highest need not fall together. */
  | { key: string; name: string; front: string };

/** The lines of one chart; those that were never reported are left out. */
export function linesOf(series: Series, specs: readonly LineSpec[]): Columns {
  const lines = specs.flatMap((spec): Line[] => {
    const line = "front" in spec ? behind(series, spec) : plain(series, spec);
    return line?.mean.some((value) => value !== null) ? [line] : [];
  });
  return { times: series.times, lines };
}

function plain(series: Series, { key, name }: LineSpec): Line | null {
  const i = series.names.indexOf(name);
  const mean = series.mean[i];
  if (!mean) return null;
  const banded = series.step_ms > 0;
  return { key, mean, low: (banded && series.min[i]) || null, high: (banded && series.max[i]) || null };
}

function behind(series: Series, { key, name, front }: LineSpec & { front: string }): Line | null {
  const mine = series.mean[series.names.indexOf(name)];
  const first = series.mean[series.names.indexOf(front)];
  if (!mine || !first) return null;
  const mean = mine.map((value, i) => {
    const ahead = first[i];
    return value === null || ahead === null || ahead === undefined ? null : ahead - value;
  });
  return { key, mean, low: null, high: null };
}

/** Moments when a process' age fell: it was started anew. Unix seconds. */
export function restarts(series: Series): number[] {
  const ages = series.mean[series.names.indexOf("process.up_seconds")] ?? [];
  let before: number | null = null;
  const found: number[] = [];
  ages.forEach((age, i) => {
    if (age === null) return;
    const at = series.times[i];
    if (before !== null && age < before && at !== undefined) found.push(at - age);
    before = age;
  });
  return found;
}

export type Head = { mean: string; low: string; high: string };

/** RFC 4180: a line a moment, times in UTC, an empty cell where nothing is known. */
export function csv(columns: Columns, names: Record<string, string>, words: Head): string {
  const head = ["time"];
  const cells: Column[] = [];
  for (const line of columns.lines) {
    const name = names[line.key] ?? line.key;
    head.push(line.low ? `${name} (${words.mean})` : name);
    cells.push(line.mean);
    if (line.low && line.high) {
      head.push(`${name} (${words.low})`, `${name} (${words.high})`);
      cells.push(line.low, line.high);
    }
  }
  const rows = columns.times.map((time, i) =>
    [new Date(time * 1000).toISOString(), ...cells.map((column) => column[i] ?? "")].join(","),
  );
  return [head.map(quoted).join(","), ...rows, ""].join("\r\n");
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Ranges that a page may show, by the word in its address. */
export const RANGES = { "15m": 900_000, "1h": 3_600_000, "6h": 21_600_000, "24h": 86_400_000, "7d": 604_800_000, "30d": 2_592_000_000, "365d": 31_536_000_000 } as const;
export type RangeName = keyof typeof RANGES;
export const DEFAULT_RANGE: RangeName = "1h";

export type Range = { name: RangeName } | { fromMs: number; toMs: number };

const SPAN_MIN_MS = 10_000;

/** What an address asks for; a broken one gets the default. */
export function rangeOf(name: string | null, from: string | null, to: string | null): Range {
  const [fromMs, toMs] = [Number(from), Number(to)];
  const sound = from !== null && to !== null && Number.isSafeInteger(fromMs) && Number.isSafeInteger(toMs);
  if (sound && fromMs > 0 && toMs - fromMs >= SPAN_MIN_MS) return { fromMs, toMs };
  return { name: name !== null && Object.hasOwn(RANGES, name) ? (name as RangeName) : DEFAULT_RANGE };
}

const YOUNG_SPAN_MS = 300_000;

/** The same series beginning with its first sample, but never shorter than five minutes. */
export function fromFirst(series: Series): Series {
  const first = series.times[0];
  if (first === undefined) return series;
  return { ...series, from_ms: Math.max(series.from_ms, Math.min(first * 1000, series.to_ms - YOUNG_SPAN_MS)) };
}

export function spanOf(range: Range, nowMs: number): { fromMs: number; toMs: number } {
  return "name" in range ? { fromMs: nowMs - RANGES[range.name], toMs: nowMs } : range;
}
