// What is said of the chain's past: pure functions over what the server counted.
import type { Block, Committee, CommitteeMember, EpochLine, NetworkHistory, Progress, Series, WholeBlock } from "./shapes";
import { WINDOWS, type WindowName } from "./windows";

// --- who signs

export type Part = "signed" | "absent" | "unknown";
/** One account's votes in a bar of all votes. */
export type Seat = { address: string; votes: number; part: Part };

/** One signature an epoch is enough for the chain; what was never seen is not held against anybody. */
export function partOf(member: Pick<CommitteeMember, "signed_blocks" | "known_blocks" | "silent">): Part {
  if (member.silent === true) return "absent";
  if (!member.known_blocks || member.signed_blocks === null) return "unknown";
  return member.signed_blocks > 0 ? "signed" : "absent";
}

export const seatsOf = (committee: Committee): Seat[] =>
  committee.members.map((member) => ({ address: member.address, votes: member.votes, part: partOf(member) }));

/** Who signed a block; how many votes the absent ones have is told by their committee, if it is known. */
export function seatsOfBlock(block: WholeBlock, committee: Committee | null): Seat[] {
  const votes = new Map(committee?.members.map((member) => [member.address, member.votes]));
  const signed = block.signed.map((one): Seat => ({ ...one, part: "signed" }));
  const absent = block.absent.map((address): Seat => ({ address, votes: votes.get(address) ?? 0, part: "absent" }));
  const rest = (block.total_votes ?? 0) - [...signed, ...absent].reduce((sum, seat) => sum + seat.votes, 0);
  // Without a committee the absent ones' votes are known only together.
  return rest > 0 ? [...signed, ...absent, { address: "", votes: rest, part: block.signed.length ? "absent" : "unknown" }] : [...signed, ...absent];
}

const PARTS: readonly Part[] = ["signed", "absent", "unknown"];

/** Those who sign first, each by votes, so that the quorum's line shows how many votes may fail. */
export const inOrder = (seats: readonly Seat[]): Seat[] =>
  [...seats].sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part) || b.votes - a.votes);

export function votesBy(seats: readonly Seat[]): Record<Part, number> {
  const sum: Record<Part, number> = { signed: 0, absent: 0, unknown: 0 };
  for (const { part, votes } of seats) sum[part] += votes;
  return sum;
}

// --- blocks and epochs as bars

/** `rise` is 0 at the quorum and 1 at all votes; `lost` are rounds without a block just before. */
export type Bar = { at: number; look: "seen" | "nobody" | "unseen" | "missing"; rise: number; lost: number };

const risen = (votes: number, quorum: number, total: number): number =>
  total > quorum ? Math.min(1, Math.max(0, (votes - quorum) / (total - quorum))) : 1;

/** A bar for each height from `first` to `last`. */
export function blockBars(blocks: readonly Block[], first: number, last: number, quorum: number): Bar[] {
  const known = new Map(blocks.map((block) => [block.height, block]));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i): Bar => {
    const at = first + i;
    const block = known.get(at);
    if (!block) return { at, look: "missing", rise: 0, lost: 0 };
    const lost = lostBefore(block, known.get(at - 1));
    if (block.signed_votes === null || block.total_votes === null) return { at, look: "unseen", rise: 1, lost };
    const look = block.proposer === null ? "nobody" : "seen";
    return { at, look, rise: risen(block.signed_votes, quorum, block.total_votes), lost };
  });
}

/** Rounds count from 1 in each epoch; an epoch's first block says by itself what was lost before it. */
function lostBefore(block: Block, before: Block | undefined): number {
  if (before?.epoch === block.epoch) return Math.max(0, block.round - before.round - 1);
  return before ? Math.max(0, block.round - 1) : 0;
}

/** A bar for each epoch from the oldest line to the newest; epochs that were not counted are missing. */
export function epochBars(lines: readonly EpochLine[]): Bar[] {
  const known = new Map(lines.map((line) => [line.epoch, line]));
  const epochs = [...known.keys()];
  const first = Math.min(...epochs);
  return Array.from({ length: epochs.length ? Math.max(...epochs) - first + 1 : 0 }, (_, i): Bar => {
    const at = first + i;
    const line = known.get(at);
    if (!line) return { at, look: "missing", rise: 0, lost: 0 };
    if (line.participation_ppm === null) return { at, look: "unseen", rise: 1, lost: 0 };
    const cast = (line.participation_ppm / 1e6) * line.total_votes;
    return { at, look: "seen", rise: risen(cast, line.quorum_votes, line.total_votes), lost: 0 };
  });
}

// --- the network over time

const PPM = 1e6;
const GDRIP = 1e9;
const VOTE_MILLIONS = 1000 / 1e6;

/** What the charts draw, in the units that they name. */
const COLUMNS = {
  participation: ["participation_ppm", 1 / PPM],
  reward: ["reward_gdrip", 1 / GDRIP],
  staked: ["staked_votes", VOTE_MILLIONS],
  official: ["official_apy_ppm", 1 / PPM],
  realised: ["realised_apy_ppm", 1 / PPM],
  gap: ["finality_gap_epochs", 1],
} as const satisfies Record<string, readonly [keyof NetworkHistory, number]>;

export type HistoryLine = keyof typeof COLUMNS;

type Range = { fromMs: number; toMs: number };

/** The server's columns as a chart's series, within a range if one is given. */
export function seriesOf(history: NetworkHistory, range: Range | null): Series {
  const { times, epoch, epochs_per_point: each } = history;
  const inside = [...times.keys()].filter((i) => !range || within(range, times[i]));
  // Epochs that were not counted are a gap: a place of nothing half way between two points.
  const places = inside.flatMap((i, at) => (at > 0 && (epoch[i] ?? 0) - (epoch[i - 1] ?? 0) >= 2 * each ? [i - 0.5, i] : [i]));
  const timeAt = (i: number): number => ((times[Math.floor(i)] ?? 0) + (times[Math.ceil(i)] ?? 0)) / 2;
  const shown = places.map(timeAt);
  return {
    node_id: "",
    from_ms: range?.fromMs ?? (shown[0] ?? 0) * 1000,
    to_ms: range?.toMs ?? (shown.at(-1) ?? 0) * 1000,
    step_ms: 0,
    names: Object.keys(COLUMNS),
    times: shown,
    mean: Object.values(COLUMNS).map(([name, scale]) => places.map((i) => scaled(history[name][i], scale))),
    min: [],
    max: [],
    available: [],
  };
}

const within = ({ fromMs, toMs }: Range, time = 0): boolean => time * 1000 >= fromMs && time * 1000 <= toMs;
const scaled = (n: number | null | undefined, scale: number): number | null => (n == null ? null : n * scale);

const DAY_MS = 86_400_000;
const REACH_MS: Record<WindowName, number> = {
  "24h": DAY_MS,
  "7d": 7 * DAY_MS,
  "30d": 30 * DAY_MS,
  "365d": 365 * DAY_MS,
  all: Number.POSITIVE_INFINITY,
};

/** The finest window that surely reaches back so far, but none longer than the one that was chosen. */
export function windowReaching(fromMs: number, throughMs: number, chosen: WindowName): WindowName {
  const reach = (throughMs - fromMs) * 1.1; // a window is so many epochs, and their length varies
  return WINDOWS.find((name) => name === chosen || REACH_MS[name] >= reach) ?? chosen;
}

// --- reading the past

/** The newest blocks are always a few moments old: so few unread ones are the present. */
const PRESENT_BLOCKS = 20;

export type Reading = { share: number | null; missing: ("epochs" | "rewards" | "transactions")[] };

/** `share`: how much of the blocks is read; null when all are. `missing`: of what else some is not known. */
export function reading(progress: Progress): Reading {
  const { unread_blocks: unread, settled_blocks: settled } = progress;
  const share = unread !== null && settled && unread > PRESENT_BLOCKS ? (settled - unread) / settled : null;
  const missing = (["epochs", "rewards", "transactions"] as const).filter((name) => {
    const { known, of } = progress[name];
    return of !== null && known < of;
  });
  return { share, missing };
}
