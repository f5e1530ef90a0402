// How the epochs' cells are drawn. Every kind has a shape of its own, so that nobody needs the colours.
import type { Colours } from "./drawing";
import { cellOfEpoch, columnOf, rowOf, type Cell, type Grid } from "./served";
import type { ValidatorEpoch } from "./shapes";

export const LABELS = 18; // css px below the cells
const LABEL_APART = 48;
const PALE = 0.24;

export type Picture = {
  grid: Grid;
  epochs: ReadonlyMap<number, ValidatorEpoch>;
  colours: Colours;
  ink: string;
  dpr: number;
  cursor: number | null;
  /** What stands below a column that begins with this epoch. */
  label: (epoch: ValidatorEpoch, before: ValidatorEpoch | undefined) => string;
};

export const heightOf = (grid: Grid): number => grid.rows * grid.pitch + LABELS;

export function drawCalendar(canvas: HTMLCanvasElement, picture: Picture): void {
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  const { grid, dpr } = picture;
  canvas.width = Math.round(grid.columns * grid.pitch * dpr);
  canvas.height = Math.round(heightOf(grid) * dpr);
  ctx.scale(dpr, dpr);
  for (let epoch = grid.first; epoch <= grid.last; epoch++) {
    const [x, y] = [columnOf(grid, epoch) * grid.pitch, rowOf(grid, epoch) * grid.pitch];
    drawCell(ctx, cellOfEpoch(picture.epochs.get(epoch)), picture.colours, x, y, grid.pitch);
  }
  drawLabels(ctx, picture);
  if (picture.cursor !== null) drawCursor(ctx, picture, picture.cursor);
}

export function drawCell(ctx: CanvasRenderingContext2D, cell: Cell, colours: Colours, left: number, top: number, pitch: number): void {
  const size = pitch - Math.max(1, Math.round(pitch * 0.14));
  switch (cell.kind) {
    case "signed":
      ctx.fillStyle = colours.good;
      ctx.globalAlpha = PALE;
      ctx.fillRect(left, top, size, size);
      ctx.globalAlpha = 1;
      return ctx.fillRect(left, top + size * (1 - cell.part), size, size * cell.part);
    case "silent":
      return drawSilent(ctx, colours, left, top, size);
    case "idle":
      ctx.fillStyle = colours.idle;
      return ctx.fillRect(left, top + size - 1.5, size, 1.5);
    case "unseen":
    case "unread":
      ctx.fillStyle = colours.unknown;
      for (let y = 1; y < size; y += 3) ctx.fillRect(left, top + y, size, 1);
  }
}

/** Half the height, with a slash of paper across it, as absent votes are. */
function drawSilent(ctx: CanvasRenderingContext2D, colours: Colours, left: number, top: number, size: number): void {
  ctx.fillStyle = colours.bad;
  ctx.fillRect(left, top + size / 2, size, size / 2);
  ctx.strokeStyle = colours.paper;
  ctx.lineWidth = Math.max(1, size / 10);
  ctx.beginPath();
  ctx.moveTo(left, top + size - 0.5);
  ctx.lineTo(left + size, top + size / 2 + 0.5);
  ctx.stroke();
}

function drawLabels(ctx: CanvasRenderingContext2D, { grid, epochs, ink, label }: Picture): void {
  ctx.font = "12px system-ui, sans-serif";
  ctx.fillStyle = ink;
  ctx.textBaseline = "alphabetic";
  const width = grid.columns * grid.pitch;
  let free = 0;
  for (let column = 0; column < grid.columns; column++) {
    const head = grid.base + column * grid.rows;
    const epoch = epochs.get(Math.max(head, grid.first));
    const text = epoch ? label(epoch, epochs.get(Math.max(head - grid.rows, grid.first))) : "";
    const x = column * grid.pitch;
    if (!text || x < free || x + LABEL_APART - 8 > width) continue;
    ctx.fillText(text, x, heightOf(grid) - 4);
    free = x + LABEL_APART;
  }
}

function drawCursor(ctx: CanvasRenderingContext2D, { grid, colours }: Picture, epoch: number): void {
  ctx.strokeStyle = colours.cursor;
  ctx.lineWidth = 2;
  ctx.strokeRect(columnOf(grid, epoch) * grid.pitch, rowOf(grid, epoch) * grid.pitch, grid.pitch - 1, grid.pitch - 1);
}
