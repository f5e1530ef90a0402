// What deserves the eye first. Pure: rows in, order and marks out.
import type { Kind } from "./parts/Mark.svelte";
import type { Incident, Network, NodeState, Severity, Validator, VedetteNode } from "./shapes";

/** From worst to best, as the server orders them. */
export const NODE_STATES: readonly NodeState[] = ["down", "silent", "stopped", "syncing", "unknown", "up"];

const NODE_MARKS: Record<NodeState, Kind> = {
  down: "bad",
  silent: "warn",
  stopped: "idle",
  syncing: "warn",
  unknown: "unknown",
  up: "good",
};
export const markOfNode = (state: NodeState): Kind => NODE_MARKS[state];

const SEVERITY_MARKS: Record<Severity, Kind> = { info: "info", warning: "warn", critical: "bad" };

/** A resolved trouble no longer calls; its mark only tells that it was. */
export function markOfIncident(incident: Incident): Kind {
  return incident.state === "resolved" ? "good" : SEVERITY_MARKS[incident.severity];
}

const SEVERITIES: readonly Severity[] = ["critical", "warning", "info"];

/** Unresolved ones, the loudest first, explained ones last, then the newest. */
export function openFirst(incidents: readonly Incident[]): Incident[] {
  const rank = (i: Incident): number => SEVERITIES.indexOf(i.severity) + (i.muted_by === null ? 0 : 10);
  return incidents
    .filter((i) => i.state !== "resolved")
    .sort((a, b) => rank(a) - rank(b) || b.opened_at_ms - a.opened_at_ms);
}

export const resolved = (incidents: readonly Incident[]): Incident[] =>
  incidents.filter((i) => i.state === "resolved");

export function markOfValidator(validator: Validator): Kind {
  if (validator.incidents.length > 0) return "bad";
  const newestKnown = validator.votes.strip.replaceAll("?", "").at(-1);
  if (newestKnown === undefined) return "unknown";
  if (newestKnown === "-") return "idle";
  return newestKnown === "a" ? "warn" : "good";
}

export const absentCount = (validator: Validator): number => validator.votes.known - validator.votes.signed;

/** Trouble first, then one's own, then the lowest rate and the most votes; a steady order for the rest. */
export function worstFirst(validators: readonly Validator[]): Validator[] {
  const rate = (v: Validator): number => v.votes.rate ?? 2;
  return [...validators].sort(
    (a, b) =>
      b.incidents.length - a.incidents.length ||
      Number(b.node_id !== null) - Number(a.node_id !== null) ||
      rate(a) - rate(b) ||
      (b.committee_votes ?? -1) - (a.committee_votes ?? -1) ||
      (a.name ?? a.address).localeCompare(b.name ?? b.address),
  );
}

/** The chain makes a block in about a minute; an epoch's end takes up to a hundred seconds. */
export const QUIET_CHAIN_MS = 180_000;

export function chainIsQuiet(network: Network, nowMs: number): boolean {
  return network.pos !== null && nowMs - network.pos.block_at_ms > QUIET_CHAIN_MS;
}

/** The states that some node is in, worst first, with how many. */
export function nodeCounts(counts: Network["nodes"]): [NodeState, number][] {
  return NODE_STATES.flatMap((state) => {
    const n = counts[state] ?? 0;
    return n > 0 ? [[state, n] as [NodeState, number]] : [];
  });
}

/** How many of the newest letters in a row are absent, unseen ones stepped over. */
export function absentRun(strip: string): number {
  const known = strip.replaceAll("?", "");
  return known.length - known.replace(/a+$/, "").length;
}

/** A node that is gone fails all its probes for one reason: that is told once, with the probes' names. */
export function byReason(failures: VedetteNode["failures"]): [string, string[]][] {
  const found = new Map<string, string[]>();
  for (const { probe, reason } of failures) found.set(reason, [...(found.get(reason) ?? []), probe]);
  return [...found];
}
