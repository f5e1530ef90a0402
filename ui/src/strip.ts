// What a vote strip says: pure functions over its letters, oldest first. See Ballot in the server's model.
import type { Letter, LiveBlock, Strip, Votes } from "./shapes";

const LETTERS = new Set<string>(["s", "l", "a", "-", "?"]);

/** A letter that we do not know is unseen: we do not guess. */
export function letter(text: string | undefined): Letter {
  return text !== undefined && LETTERS.has(text) ? (text as Letter) : "?";
}

/** Blocks of the strip that the validator is known to have signed. */
export function signedCount(strip: string): number {
  return [...strip].filter((c) => c === "s" || c === "l").length;
}

/** Blocks of the strip where a signature was expected and a certificate was seen. */
export function knownCount(strip: string): number {
  return [...strip].filter((c) => c === "s" || c === "l" || c === "a").length;
}

export function counted(strip: Strip): Votes {
  const signed = signedCount(strip.strip);
  const known = knownCount(strip.strip);
  return { ...strip, signed, known, rate: known ? signed / known : null };
}

export const lastHeight = (strip: Strip): number => strip.first + strip.strip.length - 1;

/** The newest `cells` of a strip. */
export function newest(strip: Strip, cells: number): Strip {
  const drop = Math.max(0, strip.strip.length - cells);
  return { first: strip.first + drop, strip: strip.strip.slice(drop) };
}

/**
 * The strip with one more block, no longer than before: the next height pushes the oldest out, a height that it
 * has already is told anew, and anything else (we slept through blocks) is null: ask the server again.
 */
export function advanced(strip: Strip, height: number, cell: Letter, length: number): Strip | null {
  const at = height - strip.first;
  if (at >= 0 && at < strip.strip.length) {
    return { ...strip, strip: strip.strip.slice(0, at) + cell + strip.strip.slice(at + 1) };
  }
  if (strip.strip.length > 0 && at !== strip.strip.length) return null;
  const longer = strip.strip + cell;
  return newest({ first: height - longer.length + 1, strip: longer }, length);
}

export function cellOf(block: LiveBlock, address: string): Letter {
  return letter(block.cells[address]);
}

/** Runs of one letter, newest first, as [first, last] heights. */
export function runs(strip: Strip, wanted: Letter): [number, number][] {
  const found: [number, number][] = [];
  for (let i = strip.strip.length - 1; i >= 0; i--) {
    if (strip.strip[i] !== wanted) continue;
    const height = strip.first + i;
    const run = found.at(-1);
    if (run && run[0] === height + 1) run[0] = height;
    else found.push([height, height]);
  }
  return found;
}
