// Spans of time as bars on rows of days. Local days: a day of 23 or 25 hours is as wide as any other.

export type Bar<T> = { of: T; left: number; right: number; opens: boolean; closes: boolean };
export type Row = { from_ms: number; until_ms: number; days: number[] };

/** Midnights, local, from the Monday (or the day) of `ms` on. */
export function midnight(ms: number, addDays = 0): number {
  const at = new Date(ms);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + addDays).getTime();
}

export const monday = (ms: number): number => midnight(ms, -((new Date(ms).getDay() + 6) % 7));

export function weeksFrom(ms: number, count: number): Row[] {
  const start = monday(ms);
  return Array.from({ length: count }, (_, week) => {
    const days = Array.from({ length: 7 }, (_, day) => midnight(start, week * 7 + day));
    return { from_ms: days[0] ?? start, until_ms: midnight(start, week * 7 + 7), days };
  });
}

/** Where in the row a moment is: 0 at its start, 1 at its end, each day a seventh. */
export function placeIn(row: Row, ms: number): number {
  if (ms <= row.from_ms) return 0;
  if (ms >= row.until_ms) return 1;
  const day = row.days.findLastIndex((start) => start <= ms);
  const start = row.days[day] ?? row.from_ms;
  const end = row.days[day + 1] ?? row.until_ms;
  return (day + (ms - start) / (end - start)) / row.days.length;
}

/** The parts of spans that lie in this row; those that go on are open on that side. */
export function barsIn<T extends { from_ms: number; until_ms: number }>(row: Row, spans: readonly T[]): Bar<T>[] {
  return spans
    .filter((one) => one.from_ms < row.until_ms && one.until_ms > row.from_ms)
    .map((of) => ({ of, left: placeIn(row, of.from_ms), right: placeIn(row, of.until_ms), opens: of.from_ms >= row.from_ms, closes: of.until_ms <= row.until_ms }))
    .sort((a, b) => a.left - b.left);
}

/** Bars that overlap go below each other: the lane of each. */
export function lanes(bars: readonly { left: number; right: number }[]): number[] {
  const ends: number[] = [];
  return bars.map((bar) => {
    const free = ends.findIndex((end) => end <= bar.left);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = bar.right;
    return lane;
  });
}
