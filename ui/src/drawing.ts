// How a vote strip is drawn: where each cell is (pure), and its shapes. Every state has a shape of its own, so
// that nobody needs the colours.
import type { Letter, Strip } from "./shapes";
import { letter, newest } from "./strip";

const PITCH_MIN = 4; // css px from cell to cell: below this shapes are lost
const PITCH_MAX = 10;
const TICK = 4; // room below the cells for epoch ticks

export type Layout = { strip: Strip; pitch: number; left: number; width: number; height: number };

/** As many of the newest cells as fit, right-aligned. */
export function layoutOf(strip: Strip, width: number, height: number, most: number): Layout {
  const fits = Math.max(0, Math.floor(width / PITCH_MIN));
  const shown = newest(strip, Math.min(most, fits));
  const pitch = Math.min(PITCH_MAX, width / Math.max(Math.min(most, fits), 1));
  return { strip: shown, pitch, left: width - pitch * shown.strip.length, width, height };
}

/** The height under a horizontal place, or null outside the cells. */
export function heightAt(layout: Layout, x: number): number | null {
  const i = Math.floor((x - layout.left) / layout.pitch);
  return i >= 0 && i < layout.strip.strip.length ? layout.strip.first + i : null;
}

export function middleOf(layout: Layout, height: number): number {
  return layout.left + (height - layout.strip.first + 0.5) * layout.pitch;
}

export type Colours = Record<"good" | "bad" | "idle" | "unknown" | "tick" | "paper" | "cursor", string>;

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(name).trim() || "gray";
  return {
    good: read("--good"),
    bad: read("--bad"),
    idle: read("--line-2"),
    unknown: read("--unknown"),
    tick: read("--line-2"),
    paper: read("--surface"),
    cursor: read("--ink"),
  };
}

type Pen = { ctx: CanvasRenderingContext2D; colours: Colours; x: number; w: number; h: number };

const SHAPES: Record<Letter, (pen: Pen) => void> = {
  s: (pen) => fill(pen, pen.colours.good, 0, 0, pen.w, pen.h),
  l: led,
  a: absent,
  "-": ({ h, ...pen }) => fill({ h, ...pen }, pen.colours.idle, 0, h - 1.5, pen.w, 1.5),
  "?": unseen,
};

function fill({ ctx, x }: Pen, colour: string, dx: number, y: number, w: number, h: number): void {
  ctx.fillStyle = colour;
  ctx.fillRect(x + dx, y, w, h);
}

/** Solid with a notch: the cell's top is cut in the middle. */
function led(pen: Pen): void {
  const { ctx, colours, x, w, h } = pen;
  ctx.fillStyle = colours.good;
  ctx.beginPath();
  ctx.moveTo(x, 0);
  ctx.lineTo(x + w / 2, h * 0.34);
  ctx.lineTo(x + w, 0);
  ctx.lineTo(x + w, h);
  ctx.lineTo(x, h);
  ctx.fill();
}

/** Half the height, with a slash of paper across it. */
function absent(pen: Pen): void {
  const { ctx, colours, x, w, h } = pen;
  fill(pen, colours.bad, 0, h / 2, w, h / 2);
  ctx.strokeStyle = colours.paper;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(x, h - 1);
  ctx.lineTo(x + w, h / 2 + 1);
  ctx.stroke();
}

/** Hatched: thin bars with paper between. */
function unseen(pen: Pen): void {
  for (let y = 1; y < pen.h; y += 4) fill(pen, pen.colours.unknown, 0, y, pen.w, 1.5);
}

export type Drawn = {
  layout: Layout;
  dpr: number;
  colours: Colours;
  epochOf: (height: number) => number | undefined;
  cursor: number | null;
};

export function draw(canvas: HTMLCanvasElement, { layout, dpr, colours, epochOf, cursor }: Drawn): void {
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  canvas.width = Math.round(layout.width * dpr);
  canvas.height = Math.round(layout.height * dpr);
  ctx.scale(dpr, dpr);
  const h = layout.height - TICK;
  const gap = Math.max(1, Math.round(layout.pitch * 0.16));
  const sharp = (x: number): number => Math.round(x * dpr) / dpr; // edges on whole device pixels
  [...layout.strip.strip].forEach((text, i) => {
    const x = sharp(layout.left + i * layout.pitch);
    const w = sharp(layout.left + (i + 1) * layout.pitch) - x - gap;
    SHAPES[letter(text)]({ ctx, colours, x, w, h });
  });
  tick(ctx, layout, colours, epochOf);
  if (cursor !== null) mark(ctx, layout, colours, cursor);
}

function tick(
  ctx: CanvasRenderingContext2D,
  layout: Layout,
  colours: Colours,
  epochOf: Drawn["epochOf"],
): void {
  ctx.fillStyle = colours.tick;
  for (let i = 0; i < layout.strip.strip.length; i++) {
    const height = layout.strip.first + i;
    const [before, epoch] = [epochOf(height - 1), epochOf(height)];
    if (before === undefined || epoch === undefined || before === epoch) continue;
    ctx.fillRect(layout.left + i * layout.pitch - 1, layout.height - TICK + 1, 1, TICK - 1);
  }
}

function mark(ctx: CanvasRenderingContext2D, layout: Layout, colours: Colours, cursor: number): void {
  const x = middleOf(layout, cursor) - layout.pitch / 2;
  ctx.fillStyle = colours.cursor;
  ctx.fillRect(x - 0.5, layout.height - 2, layout.pitch, 2);
}
