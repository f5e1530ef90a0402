import { describe, expect, test } from "vitest";
import { endpointCharts, seriesNames } from "../src/charts";
import { shortVersion } from "../src/format";
import { conditionOf, disksOf, findingsOf, layersOf, markOfDisk, rankOf, worstLayer } from "../src/nodehealth";
import { changeOf, formOf } from "../src/nodeedit";
import type { Condition, LayerHealth, StateRuns, Uptime, VedetteNode } from "../src/shapes";
import { cellsOf, placeOf, runsOf } from "../src/uptime";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MONDAY = Date.UTC(2026, 10, 23);

const layer = (state: Condition, figures: Record<string, number> = {}): LayerHealth => ({ state, reason: "pow_near", figures, since_ms: null });

function node(more: Partial<VedetteNode> = {}, pow: LayerHealth = layer("healthy")): VedetteNode {
  const well = layer("healthy");
  return {
    id: "a",
    name: "a",
    kind: "agent",
    role: "full",
    state: "up",
    numbers: {},
    states: {},
    endpoint: null,
    pos_address: null,
    health: { state: "healthy", execution: well, pow, pos: well, validator: well },
    ...more,
  } as VedetteNode;
}

describe("what calls for the eye", () => {
  test("is the node's own state, then its worst layer", () => {
    expect(conditionOf(node())).toBe("healthy");
    expect(conditionOf(node({}, layer("zombie")))).toBe("zombie");
    expect(conditionOf(node({ state: "silent" }, layer("unknown")))).toBe("silent");
    expect(conditionOf(node({ state: "syncing" }, layer("forked")))).toBe("forked");
    expect(conditionOf(node({ health: null }))).toBe("up");
  });

  test("is ordered: a death before silence, silence before lag, a planned stop near the end", () => {
    const order = [node({ state: "down" }), node({}, layer("zombie")), node({ state: "silent" }), node({}, layer("lagging")), node({ state: "stopped" }), node()];
    expect(order.map(rankOf)).toEqual([...order.map(rankOf)].sort((a, b) => a - b));
    expect(new Set(order.map(rankOf)).size).toBe(order.length);
  });

  test("is not that nobody knows whether somebody else's node votes", () => {
    const one = node();
    if (one.health) one.health.validator = layer("unknown");
    expect(conditionOf(one)).toBe("healthy");
    expect(worstLayer(layersOf(one))?.name).toBe("validator");
  });
});

test("a layer tells its height, its lag and how far it has climbed", () => {
  const pow = layer("syncing", { lag_epochs: 900, progress_ratio: 0.9, eta_seconds: 60 });
  const [execution, second] = layersOf(node({ numbers: { "pow.latest_epoch": 8100, "pow.execution_lag_epochs": 4 } }, pow));
  expect(second).toMatchObject({ name: "pow", height: 8100, lag: 900, progress: 0.9, etaS: 60 });
  expect(execution).toMatchObject({ height: null, lag: 4, progress: null });
});

test("what a dead node said last is no lag of now", () => {
  const gone = layer("down");
  const dead = node({ numbers: { "pow.execution_lag_epochs": 4 }, health: { state: "down", execution: gone, pow: gone, pos: gone, validator: gone } });
  expect(layersOf(dead).map((one) => one.lag)).toEqual([null, null, null, null]);
});

test("findings: the worst first, those of the last hour before older ones", () => {
  const found = findingsOf(
    node({
      numbers: { "log.no_peers.hour_count": 3, "log.panic.hour_count": 0, "log.new_epoch.hour_count": 1, "log.read_bytes": 9 },
      states: { "log.no_peers.severity": "warning", "log.panic.severity": "critical", "log.panic.line": "thread panicked", "log.unreadable": "pos.log" },
    }),
  );
  expect(found.map((one) => one.name)).toEqual(["no_peers", "new_epoch", "panic"]);
});

test("a disk calls when it is nearly full, or soon will be", () => {
  const disk = (used: number, fullS?: number) =>
    disksOf(node({ numbers: { "disk.data.used_bytes": used, "disk.data.total_bytes": 100, ...(fullS === undefined ? {} : { "disk.data.seconds_to_full": fullS }) } }))[0];
  const marks = [disk(50), disk(90), disk(50, 3 * 86_400), disk(96), disk(50, 3600)].map((one) => one && markOfDisk(one));
  expect(marks).toEqual(["good", "warn", "warn", "bad", "bad"]);
  expect(disksOf(node())).toEqual([]);
});

describe("availability", () => {
  const uptime = { cells_up_ms: [HOUR, 0, HOUR / 2, 0], cells_down_ms: [0, HOUR, HOUR / 2, 0], cells_unknown_ms: [0, 0, 0, HOUR] } as Uptime;

  test("what nobody told is unknown, and neither up nor down", () => {
    const cells = cellsOf([0, HOUR, 2 * HOUR, 3 * HOUR], uptime);
    expect(cells.map((one) => one.kind)).toEqual(["up", "down", "part", "unknown"]);
    expect(cells.map((one) => one.share)).toEqual([1, 0, 0.5, null]);
  });

  test("days stand in weeks from Monday, hours below one another", () => {
    const cell = (atMs: number) => ({ ...cellsOf([atMs], uptime)[0]!, atMs });
    expect(placeOf(cell(MONDAY), MONDAY - DAY, DAY)).toEqual({ column: 1, row: 0 });
    expect(placeOf(cell(MONDAY - DAY), MONDAY - DAY, DAY)).toEqual({ column: 0, row: 6 });
    expect(placeOf(cell(MONDAY + DAY + 5 * HOUR), MONDAY, HOUR)).toEqual({ column: 1, row: 5 });
  });
});

test("a night in which nobody told is no new version", () => {
  const states: StateRuns["states"] = { "node.release": [[0, null], [10, "2.4.0"], [20, null], [30, "2.4.0"], [40, "3.0.2"], [50, null]] };
  const runs = runsOf({ node_id: "a", from_ms: 0, to_ms: 60, step_ms: 1, states, available: [] }, "node.release");
  expect(runs.map((one) => [one.value, one.fromMs, one.toMs])).toEqual([[null, 50, 60], ["3.0.2", 40, 50], ["2.4.0", 10, 40], [null, 0, 10]]);
});

test("versions are shortened to what tells them apart", () => {
  expect(shortVersion("conflux-rust/v3.0.2-1e2b7a4-20260301/x86_64-linux-gnu/rustc1.77.2")).toBe("3.0.2");
  expect(shortVersion(null)).toBeNull();
});

test("an endpoint's charts ask for no more series than the server gives at a time", () => {
  const numbers = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`rpc.method_${i}.p95_ms`, i]));
  expect(seriesNames(endpointCharts(numbers)).length).toBeLessThanOrEqual(20);
});

describe("what an operator says", () => {
  const place = { country: "DE", city: "Berlin", latitude: 52.5, longitude: 13.4, source: "address", hosting: null } as const;
  const one = node({ labels: ["pool"], group: null, is_public: false, publish: "nothing", place });

  test("is only what was changed", () => {
    const before = formOf(one);
    expect(changeOf(before, { ...before })).toEqual({});
    expect(changeOf(before, { ...before, labels: "a， b, a", group: " Asia " })).toEqual({ labels: ["a", "b"], group: "Asia" });
  });

  test("an address's suggestion is nobody's entry, and an empty country takes an entry back", () => {
    const before = formOf(one);
    expect(before.country).toBe("");
    const entered = formOf({ ...one, place: { ...place, source: "operator" } });
    expect(changeOf(entered, { ...entered, country: "" })).toEqual({ place: null });
    expect(changeOf(before, { ...before, country: "fr", latitude: "48.9" })).toEqual({ place: { country: "FR", city: null, latitude: 48.9, longitude: null } });
  });
});
