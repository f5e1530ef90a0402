// A node's state in the reader's words: one sentence for the page, one reason for each layer.
import { NOTHING, ratio, whole } from "./format";
import { t } from "./i18n/index.svelte";
import { layersOf, worstLayer, type Layer, type Shown } from "./nodehealth";
import type { LayerHealth, VedetteNode } from "./shapes";
import { agoText, clock, span2Text } from "./words";

const seconds = (s: number | undefined): string => (s === undefined ? NOTHING : span2Text(s * 1000));

/** Why a layer is in its state; the server's own code for a reason that we do not know. */
export function reasonText({ reason, figures: f }: LayerHealth): string {
  const words = Object.hasOwn(t().health.reason, reason) ? t().health.reason[reason] : undefined;
  if (!words) return reason;
  return words({
    lag: whole(f["lag"]),
    limit: whole(f["limit"]),
    still: seconds(f["still_seconds"]),
    allowed: seconds(f["limit_seconds"]),
    hourly: whole(f["hour_count"]),
    unsigned: whole(f["unsigned_blocks"]),
    guard: seconds(f["guard_age_seconds"]),
  });
}

/** One word for a node in the list. */
export function conditionText(shown: Shown): string {
  return shown === "silent" || shown === "stopped" || shown === "up" ? t().node.state[shown] : t().health.state[shown];
}

/** How far a layer is behind, in its own unit; of the validator, what it did not sign. */
export function lagText(layer: Layer): string {
  const { behind } = t().health;
  if (layer.name === "validator") {
    const unsigned = layer.health.figures["unsigned_blocks"];
    return unsigned ? t().health.unsigned(whole(unsigned)) : "";
  }
  if (layer.lag === null) return "";
  return (layer.name === "pos" ? behind.blocks : behind.epochs)(whole(layer.lag));
}

/** A share that is not whole must not look whole: 99.98 % of the way is not there. */
export const progressText = (share: number): string => ratio(share, share > 0.99 ? 2 : 1);
export const etaText = (etaS: number | null): string => (etaS === null ? "" : span2Text(etaS * 1000));

export function nodeSentence(n: VedetteNode, nowMs: number): string {
  const words = t().node.sentence;
  switch (n.state) {
    case "down":
      return words.down(n.name, n.since_ms === null ? "" : agoText(n.since_ms, nowMs));
    case "silent":
      return words.silent(n.name, agoText(n.heard_at_ms, nowMs));
    case "stopped":
      return words.stopped(n.name, n.planned_stop_until_ms === null ? "" : clock(n.planned_stop_until_ms));
    default:
      return n.endpoint ? endpointSentence(n) : runningSentence(n);
  }
}

/** A country's name in the reader's language; its two letters where the browser does not know it. */
export function countryName(code: string): string {
  try {
    return new Intl.DisplayNames([t().lang], { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

export const placeText = (place: { country: string; city: string | null }): string =>
  place.city === null ? countryName(place.country) : `${place.city}${t().comma}${countryName(place.country)}`;

function endpointSentence(n: VedetteNode): string {
  const words = t().endpointWatch;
  if (!n.endpoint) return n.name;
  const slowest = Math.max(0, ...n.endpoint.latencies.map((one) => one.p95_ms));
  if (n.endpoint.state === "healthy") return words.well(n.name, slowest ? `${Math.ceil(slowest)} ms` : "");
  return words.sentence(n.name, words.state[n.endpoint.state], n.endpoint.reason ?? "");
}

/** A node that does not answer yet tells its phase in its log. */
export const phaseOf = (n: VedetteNode): string | null =>
  n.states["sync.source"] === "log" ? (n.states["sync.log_phase"] ?? null) : (n.states["node.sync_phase"] ?? n.sync_phase);

function runningSentence(n: VedetteNode): string {
  const words = t().node;
  const layers = layersOf(n);
  const climbing = layers.find((one) => one.progress !== null && one.health.state === "syncing");
  if (climbing?.progress) return t().health.catching(n.name, progressText(climbing.progress), etaText(climbing.etaS));
  if (n.state === "syncing") return words.sentence.syncing(n.name, phaseOf(n) ?? "");
  if (n.state === "unknown") return n.failures.some((one) => one.probe === "pow") ? t().health.mute(n.name) : words.sentence.unknown(n.name);
  const worst = worstLayer(layers);
  if (!worst) return words.sentence.up(n.name, "");
  const { name, health } = worst;
  if (health.state === "healthy") return words.sentence.up(n.name, words.inSync);
  if (health.state === "unknown") return t().health.sentenceUnknown(n.name, t().health.inSentence[name], reasonText(health));
  return t().health.sentence(n.name, t().health.inSentence[name], t().health.state[health.state].replace("…", ""), reasonText(health));
}
