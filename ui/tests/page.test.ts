import { describe, expect, test, vi } from "vitest";
import { ask } from "../src/api";
import { CHART_SERIES } from "../src/charts";
import { en } from "../src/i18n/en";
import { missing } from "../src/i18n/missing";
import { zh } from "../src/i18n/zh";
import { byReason, nodeCounts, openFirst, worstFirst } from "../src/judge";
import { chapterOf, placeOf, routeOf, to } from "../src/route";
import type { Incident, Validator } from "../src/shapes";
import { found, orderOf, paramOf, pressed, sorted } from "../src/sorting";

describe("addresses", () => {
  test.each([
    ["/", { page: "network" }],
    ["/validators/", { page: "validators" }],
    ["/validators/0xab", { page: "validator", address: "0xab" }],
    ["/nodes/a%2Fb", { page: "node", id: "a/b" }],
    ["/nodes/%E0%A4%A", { page: "node", id: "%E0%A4%A" }],
    ["/incidents/12", { page: "incident", id: 12 }],
    ["/incidents/0", { page: "nowhere", path: "/incidents/0" }],
    ["/incidents/x", { page: "nowhere", path: "/incidents/x" }],
    ["/nodes/a/b", { page: "nowhere", path: "/nodes/a/b" }],
    ["/else", { page: "nowhere", path: "/else" }],
    ["/committee", { page: "committee", epoch: null }],
    ["/committee/300", { page: "committee", epoch: 300 }],
    ["/epochs/", { page: "epochs" }],
    ["/epochs/41000", { page: "epoch", epoch: 41_000 }],
    ["/blocks/3749400", { page: "block", height: 3_749_400 }],
    ["/history", { page: "history" }],
    ["/blocks", { page: "nowhere", path: "/blocks" }],
    ["/blocks/-1", { page: "nowhere", path: "/blocks/-1" }],
    ["/blocks/9007199254740993", { page: "nowhere", path: "/blocks/9007199254740993" }],
    ["/history/7", { page: "nowhere", path: "/history/7" }],
  ])("%s", (path, route) => expect(routeOf(path)).toEqual(route));
  test("a link leads where it says", () => {
    expect(routeOf(to.node("a/b ?"))).toEqual({ page: "node", id: "a/b ?" });
    expect(placeOf(routeOf(to.incident(3)))).toBe("incidents");
    expect(routeOf(to.block(7))).toEqual({ page: "block", height: 7 });
    expect(chapterOf(routeOf(to.block(7)))).toBe("epochs");
    expect(chapterOf(routeOf(to.committeeOf(7)))).toBe("committee");
    expect(chapterOf(routeOf(to.wallet("cfx:a")))).toBe("pools");
    expect([to.pools, to.pool("cfx:ab"), to.wallet("cfx:ab")].map((path) => placeOf(routeOf(path)))).toEqual(["validators", "validators", "validators"]);
    expect([routeOf(to.pool("cfx:ab")), routeOf("/wallet")]).toEqual([{ page: "pool", contract: "cfx:ab" }, { page: "nowhere", path: "/wallet" }]);
    expect([to.nodes, to.node("a"), to.enrol, to.map, to.versions].map((path) => chapterOf(routeOf(path)))).toEqual(["nodes", "nodes", "nodes", "map", "versions"]);
    expect(placeOf(routeOf(to.map))).toBe("nodes");
    expect(routeOf("/map/x")).toEqual({ page: "nowhere", path: "/map/x" });
    expect(chapterOf(routeOf(to.api))).toBeNull();
  });
});

describe("a question", () => {
  const reply = (response: Response | Error) =>
    vi.stubGlobal("fetch", () => (response instanceof Error ? Promise.reject(response) : Promise.resolve(response)));

  test("that is answered has data", async () => {
    reply(Response.json({ a: 1 }));
    expect(await ask("x")).toEqual({ ok: true, data: { a: 1 } });
  });
  test("that the server refuses says why", async () => {
    reply(Response.json({ title: "Gone", status: 404, detail: "No such node." }, { status: 404 }));
    expect(await ask("x")).toEqual({ ok: false, status: 404, why: "No such node." });
  });
  test("that a proxy answers in HTML has only a status", async () => {
    reply(new Response("<html>", { status: 502 }));
    expect(await ask("x")).toEqual({ ok: false, status: 502, why: "HTTP 502" });
  });
  test("that nobody answers is a value too", async () => {
    reply(new TypeError("Failed to fetch"));
    expect(await ask("x")).toEqual({ ok: false, status: 0, why: "Failed to fetch" });
  });
  test("whose answer is no JSON is a value too", async () => {
    reply(new Response("<html>"));
    expect(await ask("x")).toMatchObject({ ok: false, status: 0 });
  });
});

describe("the catalogues", () => {
  test("have the same keys", () => {
    expect(missing(en, zh)).toEqual([]);
    expect(missing(zh, en)).toEqual([]);
  });
  test("a missing one is named", () => {
    expect(missing({ a: { b: "x", c: () => "y" } }, { a: { b: "x" } })).toEqual(["a.c"]);
    expect(missing({ a: { b: "x" } }, {})).toEqual(["a"]);
  });
});

describe("rows", () => {
  const rows = [{ n: "b", v: 2 }, { n: "a10", v: null }, { n: "a9", v: 1 }];
  test("what is not known goes last either way", () => {
    expect(sorted(rows, (r) => r.v, false).map((r) => r.v)).toEqual([1, 2, null]);
    expect(sorted(rows, (r) => r.v, true).map((r) => r.v)).toEqual([2, 1, null]);
  });
  test("names sort as people count", () => {
    expect(sorted(rows, (r) => r.n, false).map((r) => r.n)).toEqual(["a9", "a10", "b"]);
  });
  test("every word must be found", () => {
    expect(found(rows, " A 9 ", (r) => [r.n])).toEqual([rows[2]]);
    expect(found(rows, "", (r) => [r.n])).toHaveLength(3);
  });
  test("a head is pressed up, down, and off; the address says the same", () => {
    const up = pressed(null, "rate");
    const down = pressed(up, "rate");
    expect(orderOf(paramOf(up), ["rate"])).toEqual({ column: "rate", down: false });
    expect(orderOf(paramOf(down), ["rate"])).toEqual({ column: "rate", down: true });
    expect(pressed(down, "rate")).toBeNull();
    expect(orderOf("nonsense", ["rate"])).toBeNull();
  });
  test("the head of the usual order only turns it round", () => {
    const usual = { column: "rate", down: true };
    const turned = pressed(usual, "rate", usual);
    expect(turned).toEqual({ column: "rate", down: false });
    expect(pressed(turned, "rate", usual)).toBeNull();
    expect(pressed(usual, "seats", usual)).toEqual({ column: "seats", down: false });
  });
});

describe("what comes first", () => {
  const incident = (id: number, part: Partial<Incident>): Incident =>
    ({ id, severity: "warning", state: "open", muted_by: null, opened_at_ms: id, ...part }) as Incident;

  test("the loudest, then the newest, then what another explains", () => {
    const all = [
      incident(1, {}),
      incident(2, {}),
      incident(3, { severity: "critical", muted_by: "x" }),
      incident(4, { severity: "critical" }),
      incident(5, { state: "resolved" }),
    ];
    expect(openFirst(all).map((i) => i.id)).toEqual([4, 2, 1, 3]);
  });
  test("validators in trouble, then those that miss votes, then those of whom nothing is known", () => {
    const validator = (name: string, rate: number | null, incidents: number[] = []): Validator =>
      ({ name, address: name, node_id: null, incidents, committee_votes: 1, votes: { rate } }) as Validator;
    const order = worstFirst([validator("unknown", null), validator("good", 1), validator("bad", 0.5), validator("ill", 1, [4])]);
    expect(order.map((v) => v.name)).toEqual(["ill", "bad", "good", "unknown"]);
    const own: Validator = { ...validator("own", 1), node_id: "n" };
    expect(worstFirst([validator("bad", 0.5), own]).map((v) => v.name)).toEqual(["own", "bad"]);
  });
  test("one reason is told once, with all its probes", () => {
    const failures = [{ probe: "pos", reason: "refused" }, { probe: "disk", reason: "no such path" }, { probe: "pow", reason: "refused" }];
    expect(byReason(failures)).toEqual([["refused", ["pos", "pow"]], ["no such path", ["disk"]]]);
  });
  test("node states, worst first, only those that occur", () => {
    expect(nodeCounts({ up: 3, down: 1, silent: 0 })).toEqual([["down", 1], ["up", 3]]);
  });
});

test("one question for all charts stays within what the server answers at once", () => {
  expect(CHART_SERIES.length).toBeLessThanOrEqual(20);
  expect(new Set(CHART_SERIES).size).toBe(CHART_SERIES.length);
});
