// What a validator's past and future say. Pure: rows of the API in, columns, cells and moments out.
import { dripNumber, gdripNumber } from "./format";
import type { Balance, Outlook, Radar, Series, ValidatorEpoch } from "./shapes";

// --- charts

export type Span = { fromMs: number; toMs: number };
type Column = (number | null)[];

/** Columns in the shape that charts read: every value as it was, nothing averaged. */
function seriesOf(span: Span, times: number[], columns: Record<string, Column>): Series {
  const names = Object.keys(columns);
  const mean = Object.values(columns);
  const none = mean.map(() => []);
  return { node_id: "", from_ms: span.fromMs, to_ms: span.toMs, step_ms: 0, names, times, mean, min: none, max: none, available: names };
}

const OF_EPOCH: Record<string, (one: ValidatorEpoch) => number | null> = {
  paid: (one) => gdripNumber(one.reward_gdrip),
  expected: (one) => gdripNumber(one.expected_gdrip),
  due: (one) => gdripNumber(one.due_gdrip),
  total: (one) => gdripNumber(one.cumulative_gdrip),
  seats: (one) => one.votes,
};
/** A total is what it is at the end, not on average. */
const TOTAL = "total";
const POINTS_MOST = 400;

/** Epochs (newest first) as columns, each at its end; where there are too many to be told apart, so many to a point. */
export function epochSeries(epochs: readonly ValidatorEpoch[], span: Span): { series: Series; perPoint: number } {
  const rows = epochs.filter((one) => one.last_at_ms >= span.fromMs && one.last_at_ms <= span.toMs).reverse();
  const perPoint = Math.max(1, Math.ceil(rows.length / POINTS_MOST));
  const groups = Array.from({ length: Math.ceil(rows.length / perPoint) }, (_, i) => rows.slice(i * perPoint, (i + 1) * perPoint));
  const times = groups.map((group) => (group.at(-1)?.last_at_ms ?? 0) / 1000);
  const told = (name: string, make: (known: number[]) => number): Column =>
    groups.map((group) => {
      const all = group.flatMap((one) => OF_EPOCH[name]?.(one) ?? []);
      const known = name === TOTAL ? all.slice(-1) : all;
      return known.length ? make(known) : null;
    });
  const names = Object.keys(OF_EPOCH);
  const columns = (make: (known: number[]) => number): Column[] => names.map((name) => told(name, make));
  const mean = (known: number[]): number => known.reduce((sum, one) => sum + one, 0) / known.length;
  const series = seriesOf(span, times, Object.fromEntries(names.map((name) => [name, told(name, mean)])));
  if (perPoint === 1) return { series, perPoint };
  const step = Math.max(1, Math.round((span.toMs - span.fromMs) / groups.length));
  return { series: { ...series, step_ms: step, min: columns((known) => Math.min(...known)), max: columns((known) => Math.max(...known)) }, perPoint };
}

/** From the first moment of the oldest of these epochs to the last of the newest; null without any. */
export function epochSpan(epochs: readonly ValidatorEpoch[]): Span | null {
  const [newest, oldest] = [epochs[0], epochs.at(-1)];
  return newest && oldest ? { fromMs: oldest.first_at_ms, toMs: newest.last_at_ms } : null;
}

/** What holds from a moment on, drawn as a step: the value before, at the moment after; and up to the end. */
export function steps<T extends { at_ms: number }>(
  points: readonly T[],
  endMs: number,
): { times: number[]; of: (value: (point: T) => number | null) => Column } {
  const drawn: [number, T][] = points.flatMap((point, i): [number, T][] => {
    const before = points[i - 1];
    const at = point.at_ms / 1000;
    return before ? [[at, before], [at, point]] : [[at, point]];
  });
  const last = points.at(-1);
  if (last && last.at_ms < endMs) drawn.push([endMs / 1000, last]);
  return { times: drawn.map(([at]) => at), of: (value) => drawn.map(([, point]) => value(point)) };
}

export function stakeSeries(balance: Balance, span: Span): Series {
  const { times, of } = steps(balance.stake, balance.to_ms);
  return seriesOf(span, times, {
    available: of((point) => point.available_votes),
    locking: of((point) => point.in_queue_votes),
    unlocking: of((point) => point.out_queue_votes),
    unlocked: of((point) => point.unlocked_votes),
  });
}

export function powSeries(balance: Balance, span: Span): Series {
  const { times, of } = steps(balance.pow, balance.to_ms);
  return seriesOf(span, times, { balance: of((point) => dripNumber(point.balance_drip)) });
}

export type Arrival = { votes: number; height: number; atMs: number | null };

/** When votes leave a queue; `left_ms` counts from the moment of the answer. */
export const arrivals = (queue: Outlook["unlocking"], atMs: number): Arrival[] =>
  queue.map(({ votes, height, left_ms }) => ({ votes, height, atMs: left_ms === null ? null : atMs + left_ms }));

/** A chart that shows what is coming gives it at most a third of its width. */
export function withAhead(span: Span, coming: readonly Arrival[]): Span {
  const most = span.toMs + (span.toMs - span.fromMs) / 2;
  const last = Math.max(span.toMs, ...coming.flatMap(({ atMs }) => (atMs !== null && atMs <= most ? [atMs] : [])));
  return last === span.toMs ? span : { fromMs: span.fromMs, toMs: last + (last - span.fromMs) * 0.02 };
}

// --- seats

export type SeatsUntil = { certain: boolean; leftMs: number | null };

/**
 * How long the seats stay as they are: until a change that is known, or at least until one that is not told yet. Null
 * while nothing is known of the next epoch.
 */
export function seatsUntil(changes: Radar["changes"]): SeatsUntil | null {
  for (const [i, { leaving, coming, left_ms }] of changes.entries()) {
    if (leaving === null || coming === null) return i === 0 ? null : { certain: false, leftMs: left_ms };
    if (leaving !== coming) return { certain: true, leftMs: left_ms };
  }
  const last = changes.at(-1);
  return last ? { certain: false, leftMs: last.left_ms } : null;
}

export type NextChange = Radar["changes"][number] | "same" | "unknown";

/** The next change of seats, if nothing before it is in doubt. */
export function nextChange(changes: Radar["changes"]): NextChange {
  for (const change of changes) {
    if (change.leaving === null || change.coming === null) return "unknown";
    if (change.leaving !== change.coming) return change;
  }
  return changes.length ? "same" : "unknown";
}

// --- cells of epochs

/** What one epoch says of a validator. `part` is the share that it signed of what was seen. */
export type Cell = { kind: "unread" | "unseen" | "idle" | "silent" } | { kind: "signed"; part: number };

export function cellOfEpoch(epoch: ValidatorEpoch | undefined): Cell {
  if (!epoch) return { kind: "unread" };
  if (epoch.votes === 0) return { kind: "idle" };
  if (epoch.silent) return { kind: "silent" };
  if (epoch.known_blocks === 0) return { kind: "unseen" };
  return { kind: "signed", part: epoch.signed_blocks / epoch.known_blocks };
}

export type Grid = { first: number; last: number; base: number; rows: number; columns: number; pitch: number };

/** A term is six epochs and a day has about 24: columns are as long, so that they mean something. */
const COLUMN_EPOCHS = [1, 6, 12, 24] as const;
const PITCH_MAX = 20;
const PITCH_GOOD = 10;
const PITCH_MIN = 4; // below this nothing can be told apart: rather a box that scrolls

/** Epochs in columns, time downwards and then to the right. Columns keep their epochs when new ones come. */
export function gridOf(first: number, last: number, width: number): Grid {
  const grids = COLUMN_EPOCHS.map((rows): Grid => {
    const base = Math.floor(first / rows) * rows;
    const columns = Math.floor(last / rows) - base / rows + 1;
    const pitch = Math.min(PITCH_MAX, Math.max(PITCH_MIN, Math.floor(width / columns)));
    return { first, last, base, rows, columns, pitch };
  });
  return grids.find((grid) => grid.pitch >= PITCH_GOOD) ?? (grids.at(-1) as Grid);
}

export const columnOf = (grid: Grid, epoch: number): number => Math.floor((epoch - grid.base) / grid.rows);
export const rowOf = (grid: Grid, epoch: number): number => (epoch - grid.base) % grid.rows;

export function epochAt(grid: Grid, x: number, y: number): number | null {
  const [column, row] = [Math.floor(x / grid.pitch), Math.floor(y / grid.pitch)];
  if (column < 0 || column >= grid.columns || row < 0 || row >= grid.rows) return null;
  const epoch = grid.base + column * grid.rows + row;
  return epoch >= grid.first && epoch <= grid.last ? epoch : null;
}
