// What a team's status page says first, and its days. Pure.
import { absentRun } from "./judge";
import type { StatusNode, TeamStatus, Days } from "./keyshapes";

export type Kind = "up" | "part" | "down" | "unknown";
export type Day = { atMs: number; ppm: number | null; kind: Kind };

const DAY_MS = 86_400_000;
const WHOLE = 1_000_000;

export const kindOf = (ppm: number | null): Kind => (ppm === null ? "unknown" : ppm >= WHOLE ? "up" : ppm <= 0 ? "down" : "part");

export const daysOf = (days: Days, fromMs: number): Day[] => days.days_ppm.map((ppm, i) => ({ atMs: fromMs + i * DAY_MS, ppm, kind: kindOf(ppm) }));

/** An agent sees the process itself; of an endpoint only its answers are known. */
export const uptimeOf = (node: StatusNode): Days => (node.kind === "agent" && node.process.up_ppm !== null ? node.process : node.rpc);

export type Tally = { up: number; down: number; silent: number; syncing: number; absent: number; open: number; signed: number; known: number };

export function tallyOf(status: TeamStatus): Tally {
  const nodes = (states: readonly StatusNode["state"][]): number => status.nodes.filter((node) => states.includes(node.state)).length;
  return {
    up: nodes(["up"]),
    down: nodes(["down"]),
    silent: nodes(["silent", "unknown"]),
    syncing: nodes(["syncing"]),
    absent: status.validators.filter((one) => absentRun(one.votes.strip) > 0).length,
    open: (status.incidents ?? []).filter((one) => one.state === "open").length,
    signed: status.validators.reduce((sum, one) => sum + one.votes.signed, 0),
    known: status.validators.reduce((sum, one) => sum + one.votes.known, 0),
  };
}

/** A planned stop and a start are no trouble; silence is not yet an outage, but worth a word. */
export const isWell = (tally: Tally): boolean => tally.down + tally.silent + tally.absent + tally.open === 0;
