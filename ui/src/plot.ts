// uPlot behind one door. It gets columns and gives back two verbs; nobody else knows that it is uPlot.
import uPlot from "uplot";
import type { Columns } from "./series";

export type Event = { at: number; text: string };

export type Picture = {
  columns: Columns;
  from: number; // unix seconds
  to: number;
  /** How each line is drawn, by its key. */
  strokes: Record<string, { colour: string; dash?: number[] }>;
  events: Event[];
};

export type Hands = {
  format: (value: number) => string;
  /** Bytes: labels at powers of two. */
  binary: boolean;
  /** Where the value axis ends at least. */
  scale: readonly [number, number] | undefined;
  /** The sample under the shared cursor, and an event that it touches. */
  pointed: (index: number | null, event: Event | null) => void;
  zoomed: (from: number, to: number) => void;
  reset: () => void;
};

export type Plot = { update: (picture: Picture) => void; close: () => void };

export const PLOT_HEIGHT = 168;
const DRAG_MIN_PX = 6;
const EVENT_NEAR_PX = 6;
const DAY_S = 86_400;
const FONT = "12px system-ui, sans-serif";
const AXIS_PAD = 14;
const CHAR_PX = 7;
const NARROW_PX = 420; // elsewhere the charts of a column begin at the same place
/** Steps between the labels of bytes: round in KiB, MiB and GiB. */
const BINARY = Array.from({ length: 51 }, (_, power) => 2 ** power);

/** Only the pointer is shared: a brush on one chart is told to the page, which moves them all. */
const SHARED = { key: "page", filters: { pub: (type: string) => type === "mousemove" || type === "mouseleave" } };

export function plot(place: HTMLElement, width: number, first: Picture, hands: Hands): Plot {
  let picture = first;
  let chart = made();

  function made(): uPlot {
    return new uPlot(options(place, width, () => picture, hands), columns(picture), place);
  }

  return {
    update(next) {
      const same = shape(next) === shape(picture);
      picture = next;
      if (same) {
        chart.setData(columns(next), false);
        chart.setScale("x", { min: next.from, max: next.to });
      } else {
        chart.destroy();
        chart = made();
      }
    },
    close: () => chart.destroy(),
  };
}

/** Another set of lines or colours needs another chart; other numbers do not. */
function shape(picture: Picture): string {
  const lines = picture.columns.lines.map((line) => `${line.key}${line.low ? "~" : ""}`);
  return JSON.stringify([lines, picture.strokes]);
}

/** Means first, so that a line's place is its index; then the bands' edges. */
function columns({ columns: { times, lines } }: Picture): uPlot.AlignedData {
  const edges = lines.flatMap((line) => (line.low && line.high ? [line.high, line.low] : []));
  return [times, ...lines.map((line) => line.mean), ...edges];
}

function options(place: HTMLElement, width: number, now: () => Picture, hands: Hands): uPlot.Options {
  const style = getComputedStyle(place);
  const read = (name: string): string => style.getPropertyValue(name).trim() || "gray";
  const [ink, grid, tick] = [read("--ink-3"), read("--line"), read("--warn")];
  return {
    width,
    height: PLOT_HEIGHT,
    legend: { show: false },
    padding: [10, 8, 0, 0],
    scales: { x: { time: true, range: () => [now().from, now().to] }, y: { range: (_, min, max) => roomy(min, max, hands.scale) } },
    series: [{}, ...lineSeries(now(), read)],
    bands: bands(now(), read),
    axes: [
      { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: FONT, size: 32, space: 72, values: timeWords },
      {
        stroke: ink,
        grid: { stroke: grid, width: 1 },
        ticks: { show: false },
        font: FONT,
        size: (_, values) => AXIS_PAD + CHAR_PX * Math.max(width < NARROW_PX ? 4 : 10, ...(values ?? []).map((text) => text.length)),
        space: 36,
        ...(hands.binary ? { incrs: BINARY } : {}),
        values: (_, splits) => splits.map((value) => hands.format(value)),
      },
    ],
    cursor: {
      y: false,
      sync: SHARED,
      drag: { x: true, y: false, setScale: false, dist: DRAG_MIN_PX },
      bind: { dblclick: () => () => (hands.reset(), null) },
    },
    hooks: {
      draw: [(u) => drawEvents(u, now().events, tick)],
      setSelect: [(u) => select(u, hands)],
      setCursor: [(u) => point(u, now().events, hands)],
    },
  };
}

function lineSeries({ columns: { lines }, strokes }: Picture, read: (name: string) => string): uPlot.Series[] {
  const means = lines.map((line): uPlot.Series => {
    const { colour, dash } = strokes[line.key] ?? { colour: "--accent" };
    return { label: line.key, stroke: read(colour), width: 1.5, points: { show: lonely }, ...(dash ? { dash } : {}) };
  });
  const edges = lines.flatMap((line): uPlot.Series[] =>
    line.low ? [{ points: { show: false } }, { points: { show: false } }] : [],
  );
  return [...means, ...edges];
}

/** Samples with gaps on both sides make no line: when all are such, they are drawn as points. */
function lonely(u: uPlot, seriesIdx: number): boolean {
  const data = u.data[seriesIdx] ?? [];
  return data.every((value, i) => value == null || (data[i - 1] == null && data[i + 1] == null));
}

function bands({ columns: { lines }, strokes }: Picture, read: (name: string) => string): uPlot.Band[] {
  let edge = lines.length + 1;
  return lines.flatMap((line): uPlot.Band[] => {
    if (!line.low) return [];
    const fill = `${read(strokes[line.key]?.colour ?? "--accent")}30`; // the same colour, a fifth of it
    const band: uPlot.Band = { series: [edge, edge + 1], fill };
    edge += 2;
    return [band];
  });
}

/** Flat lines get room, and a chart of things that cannot be negative does not show negatives. */
function roomy(min: number | null, max: number | null, scale: Hands["scale"]): [number, number] {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  if (scale) return [Math.min(scale[0], min), max <= scale[1] ? scale[1] : max + (max - scale[0]) * 0.05];
  const pad = max > min ? (max - min) * 0.1 : Math.max(Math.abs(max) * 0.05, 1);
  return [min >= 0 ? Math.max(0, min - pad) : min - pad, max + pad];
}

function timeWords(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
  const two = (n: number): string => n.toString().padStart(2, "0");
  return splits.map((second) => {
    const at = new Date(second * 1000);
    const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    if (step >= DAY_S) return day;
    const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
    if (step < 60) return `${time}:${two(at.getSeconds())}`;
    return at.getHours() === 0 && at.getMinutes() === 0 ? day : time;
  });
}

function drawEvents(u: uPlot, events: Event[], colour: string): void {
  const { ctx, bbox } = u;
  const size = 4 * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  for (const { at } of events) {
    const x = u.valToPos(at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const floor = bbox.top + bbox.height;
    ctx.beginPath();
    ctx.moveTo(x, floor - 2 * size);
    ctx.lineTo(x + size, floor);
    ctx.lineTo(x - size, floor);
    ctx.fill();
  }
  ctx.restore();
}

function select(u: uPlot, hands: Hands): void {
  const { left, width } = u.select;
  if (width < DRAG_MIN_PX) return;
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  hands.zoomed(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
}

function point(u: uPlot, events: Event[], hands: Hands): void {
  const { idx, left } = u.cursor;
  if (left === undefined || left < 0 || idx === null || idx === undefined) return hands.pointed(null, null);
  const near = events.find(({ at }) => Math.abs(u.valToPos(at, "x") - left) <= EVENT_NEAR_PX);
  hands.pointed(idx, near ?? null);
}
