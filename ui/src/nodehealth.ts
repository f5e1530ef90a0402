// What is known of a node's four layers, in the order in which they stand on each other. Pure: answers in, rows out.
import type { Kind } from "./parts/Mark.svelte";
import type { Condition, LayerHealth, NodeState, VedetteNode } from "./shapes";

export const LAYERS = ["execution", "pow", "pos", "validator"] as const;
export type LayerName = (typeof LAYERS)[number];

/** From worst to best, as the server orders them. */
export const CONDITIONS: readonly Condition[] = ["down", "forked", "zombie", "stalled", "lagging", "syncing", "unknown", "healthy"];

const MARKS: Record<Condition, Kind> = {
  down: "bad",
  forked: "bad",
  zombie: "bad",
  stalled: "bad",
  lagging: "warn",
  syncing: "warn",
  unknown: "unknown",
  healthy: "good",
};
export const markOfLayer = (state: Condition): Kind => MARKS[state];

export type Layer = {
  name: LayerName;
  health: LayerHealth;
  height: number | null; // epochs of execution and PoW, blocks of PoS
  lag: number | null;
  progress: number | null; // 0 to 1 of the way to the newest epoch
  etaS: number | null;
};

const HEIGHTS: Partial<Record<LayerName, string>> = {
  execution: "pow.state_epoch",
  pow: "pow.latest_epoch",
  pos: "pos.committed_height",
};

function layer(node: VedetteNode, name: LayerName, health: LayerHealth): Layer {
  const { figures } = health;
  // What a dead or silent node said last is no lag of now.
  const speaks = health.state !== "down" && health.state !== "unknown";
  const own = name === "execution" && speaks ? node.numbers["pow.execution_lag_epochs"] : undefined;
  const series = HEIGHTS[name];
  return {
    name,
    health,
    height: series === undefined ? null : (node.numbers[series] ?? null),
    lag: figures["lag"] ?? figures["lag_epochs"] ?? own ?? null,
    progress: figures["progress_ratio"] ?? null,
    etaS: figures["eta_seconds"] ?? null,
  };
}

/** A node whose health the server did not tell (it does not in live events) has none. */
export function layersOf(node: VedetteNode): Layer[] {
  const { health } = node;
  // An endpoint that carries no key votes for nobody.
  const names = node.endpoint && !node.pos_address ? LAYERS.slice(0, -1) : LAYERS;
  return health ? names.map((name) => layer(node, name, health[name])) : [];
}

/** The layer that is in the worst state; the lowest of equal ones, since the rest stand on it. */
export function worstLayer(layers: readonly Layer[]): Layer | null {
  const place = (one: Layer): number => CONDITIONS.indexOf(one.health.state);
  return layers.reduce<Layer | null>((worst, one) => (worst === null || place(one) < place(worst) ? one : worst), null);
}

/** A node's own state and its layers' in one word, worst first: what calls for the eye. */
export const SHOWN = ["down", "forked", "zombie", "silent", "stalled", "lagging", "syncing", "unknown", "stopped", "up", "healthy"] as const;
export type Shown = (typeof SHOWN)[number];

export function conditionOf(node: VedetteNode): Shown {
  const state: NodeState = node.state;
  if (state === "down" || state === "silent" || state === "stopped") return state;
  if (node.health === null) return state; // a public node of another team: that it is up is all that is told
  // Whether somebody else's node votes is not known, and nothing is wrong with that.
  const layers = layersOf(node).filter((one) => one.name !== "validator" || one.health.state !== "unknown");
  const worst = worstLayer(layers)?.health.state ?? "unknown";
  return state === "up" || rank(worst) < rank(state) ? worst : state;
}

const rank = (shown: Shown): number => SHOWN.indexOf(shown);
export const rankOf = (node: VedetteNode): number => rank(conditionOf(node));

export function markOfShown(shown: Shown): Kind {
  if (shown === "silent") return "warn";
  if (shown === "up") return "good";
  return shown === "stopped" ? "idle" : MARKS[shown];
}

// --- findings in logs

export type FindingSeverity = "info" | "warning" | "critical";
export type Finding = { name: string; severity: FindingSeverity; hour: number; line: string };

const SEVERITIES: readonly FindingSeverity[] = ["critical", "warning", "info"];

/** What the node's logs said, the worst first; kinds that did not appear in the last hour come after those that did. */
export function findingsOf(node: VedetteNode): Finding[] {
  const names = new Set(
    [...Object.keys(node.numbers), ...Object.keys(node.states)].flatMap((key) => {
      const [, name] = /^log\.(\w+)\.(?:hour_count|severity|line)$/.exec(key) ?? [];
      return name === undefined ? [] : [name];
    }),
  );
  const found = [...names].map((name): Finding => ({
    name,
    severity: severityOf(node.states[`log.${name}.severity`]),
    hour: node.numbers[`log.${name}.hour_count`] ?? 0,
    line: node.states[`log.${name}.line`] ?? "",
  }));
  const place = (one: Finding): number => SEVERITIES.indexOf(one.severity) + (one.hour > 0 ? 0 : 10);
  return found.filter((one) => one.hour > 0 || one.line).sort((a, b) => place(a) - place(b) || b.hour - a.hour);
}

const severityOf = (text: string | undefined): FindingSeverity => SEVERITIES.find((one) => one === text) ?? "info";
export const markOfFinding = (severity: FindingSeverity): Kind => ({ critical: "bad", warning: "warn", info: "info" } as const)[severity];

// --- disks

export type Disk = { name: string; path: string; used: number; total: number; fullS: number | null; readOnly: boolean };

/** The file systems of the node's folders; without them, the one that the agent was given. */
export function disksOf(node: VedetteNode): Disk[] {
  const volumes = ["data", "pos", "log"].flatMap((name) => disk(node, name, `disk.${name}`));
  return volumes.length ? volumes : disk(node, "host", "host.disk");
}

function disk(node: VedetteNode, name: string, prefix: string): Disk[] {
  const [used, total] = [node.numbers[`${prefix}.used_bytes`], node.numbers[`${prefix}.total_bytes`]];
  if (used === undefined || !total) return [];
  return [
    {
      name,
      path: node.states[`${prefix}.path`] ?? "",
      used,
      total,
      fullS: node.numbers[`${prefix}.seconds_to_full`] ?? null,
      readOnly: node.numbers[`${prefix}.read_only`] === 1,
    },
  ];
}

const [DISK_BAD, DISK_WARN] = [0.95, 0.85];
const [FULL_BAD_S, FULL_WARN_S] = [86_400, 7 * 86_400];

export function markOfDisk(one: Disk): Kind {
  const share = one.used / one.total;
  const fullS = one.fullS ?? Number.POSITIVE_INFINITY;
  if (one.readOnly || share > DISK_BAD || fullS < FULL_BAD_S) return "bad";
  return share > DISK_WARN || fullS < FULL_WARN_S ? "warn" : "good";
}
