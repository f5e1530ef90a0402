// The availability calendar: which cell is what, where it stands, and what to say of it. Pure.
import type { Availability, StateRuns, Uptime } from "./shapes";

export type CellKind = "up" | "part" | "down" | "unknown";
export type UptimeCell = { atMs: number; upMs: number; downMs: number; unknownMs: number; kind: CellKind; share: number | null };

/** Unknown only where nobody told anything: a cell that is partly known is judged by what is known. */
function kindOf(upMs: number, downMs: number): CellKind {
  if (upMs + downMs === 0) return "unknown";
  if (downMs === 0) return "up";
  return upMs === 0 ? "down" : "part";
}

export function cellsOf(times: readonly number[], uptime: Uptime): UptimeCell[] {
  return times.map((atMs, i) => {
    const [upMs, downMs, unknownMs] = [uptime.cells_up_ms[i] ?? 0, uptime.cells_down_ms[i] ?? 0, uptime.cells_unknown_ms[i] ?? 0];
    const known = upMs + downMs;
    return { atMs, upMs, downMs, unknownMs, kind: kindOf(upMs, downMs), share: known ? upMs / known : null };
  });
}

const DAY_MS = 86_400_000;
export const rowsOf = (cellMs: number): number => (cellMs < DAY_MS ? 24 : 7);

/** Hours stand below one another and days side by side; days stand in weeks that begin on Monday (UTC). */
export function placeOf(cell: UptimeCell, first: number, cellMs: number): { column: number; row: number } {
  const day = Math.floor(cell.atMs / DAY_MS);
  const firstDay = Math.floor(first / DAY_MS);
  if (cellMs < DAY_MS) return { column: day - firstDay, row: Math.floor((cell.atMs % DAY_MS) / cellMs) };
  const weekday = (d: number): number => (d + 3) % 7; // 1970-01-01 was a Thursday
  return { column: Math.floor((day - firstDay + weekday(firstDay)) / 7), row: weekday(day) };
}

export const UPTIME_WINDOWS = ["24h", "7d", "30d", "365d", "all"] as const;
export type UptimeWindow = (typeof UPTIME_WINDOWS)[number];
export const uptimeWindowOf = (param: string | null): UptimeWindow => UPTIME_WINDOWS.find((name) => name === param) ?? "30d";

export const whichOf = (param: string | null): "process" | "rpc" => (param === "rpc" ? "rpc" : "process");
export const uptimeOf = (all: Availability, which: "process" | "rpc"): Uptime => all[which];

// --- a state over time

export type Run = { value: string | null; fromMs: number; toMs: number };

/** Stretches in which a state was one value, newest first; one that nobody told between two equal ones is no change. */
export function runsOf(runs: StateRuns, name: string): Run[] {
  const told = runs.states[name] ?? [];
  const found: Run[] = [];
  told.forEach(([atMs, value], i) => {
    const toMs = told[i + 1]?.[0] ?? runs.to_ms;
    const before = found.at(-1);
    const gap = before?.value === null ? found.at(-2) : undefined;
    if (gap && gap.value === value) {
      found.pop();
      gap.toMs = toMs;
    } else if (before && before.value === value) before.toMs = toMs;
    else found.push({ value, fromMs: atMs, toMs });
  });
  return found.reverse();
}
