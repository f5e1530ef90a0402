// Who has duty when: a rotation's turns laid out between two moments, with what overrides them.
import type { Ref, Schedule } from "./alertshapes";
import { msOf, wallOf } from "./zones";

export type Turn = { ref: Ref; from_ms: number; until_ms: number; overrides: boolean };

const DAY_MS = 86_400_000;

/** Days since 1970 of a calendar day, whatever the zone. */
const dayNumber = (year: number, month: number, day: number): number => Math.floor(Date.UTC(year, month - 1, day) / DAY_MS);

/** The day on which the first turn begins, and the day from which turns are counted: one that begins within a week is short. */
function daysOf(schedule: Schedule): { first: number; anchor: number } {
  const [year = 1970, month = 1, day = 1] = schedule.rotation.starts_on.split("-").map(Number);
  const first = dayNumber(year, month, day);
  const weekday = schedule.rotation.handover.weekday ?? null;
  const isOf = (first + 3) % 7; // 1970-01-01 was a Thursday, and Monday is 0
  return { first, anchor: weekday === null ? first : first - ((isOf - weekday + 7) % 7) };
}

function handoverMs(schedule: Schedule, dayNo: number): number {
  const at = new Date(dayNo * DAY_MS);
  const { hour, minute } = schedule.rotation.handover;
  return msOf({ year: at.getUTCFullYear(), month: at.getUTCMonth() + 1, day: at.getUTCDate(), hour, minute }, schedule.zone);
}

/** The turns between two moments, without overrides. Before the first day nobody has duty. */
export function turns(schedule: Schedule, fromMs: number, untilMs: number): Turn[] {
  const { people, every_days: every } = schedule.rotation;
  if (!people.length || every < 1) return [];
  const { first, anchor } = daysOf(schedule);
  const beginsMs = (turn: number): number => handoverMs(schedule, turn ? anchor + turn * every : first);
  const wall = wallOf(fromMs, schedule.zone);
  const passed = Math.floor((dayNumber(wall.year, wall.month, wall.day) - anchor) / every) - 1;
  const found: Turn[] = [];
  for (let n = Math.max(0, passed); ; n += 1) {
    const from = beginsMs(n);
    if (from >= untilMs) return found;
    const until = beginsMs(n + 1);
    const ref = people[n % people.length];
    if (until > fromMs && ref !== undefined) found.push({ ref, from_ms: Math.max(from, fromMs), until_ms: Math.min(until, untilMs), overrides: false });
  }
}

/** Who has duty between two moments: overrides cut turns, and of two the one that begins last counts. */
export function dutyOf(schedule: Schedule, fromMs: number, untilMs: number): Turn[] {
  let found = turns(schedule, fromMs, untilMs);
  for (const one of [...schedule.overrides].sort((a, b) => a.from_ms - b.from_ms)) {
    const [from, until] = [Math.max(one.from_ms, fromMs), Math.min(one.until_ms, untilMs)];
    if (from >= until) continue;
    const rest = found.flatMap((turn) => [
      { ...turn, until_ms: Math.min(turn.until_ms, from) },
      { ...turn, from_ms: Math.max(turn.from_ms, until) },
    ]);
    found = [...rest.filter((turn) => turn.from_ms < turn.until_ms), { ref: one.contact, from_ms: from, until_ms: until, overrides: true }];
  }
  return found.sort((a, b) => a.from_ms - b.from_ms);
}
