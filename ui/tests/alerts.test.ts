import { describe, expect, test } from "vitest";
import { query } from "../src/alertapi";
import type { Matcher, Rules, Schedule } from "../src/alertshapes";
import { measured, pieces } from "../src/alertwords";
import { beatOf, clockOf, cronOf, hourMinute, type Beat } from "../src/cron";
import { dutyOf, turns } from "../src/duty";
import { alertsEn } from "../src/i18n/alerts.en";
import { alertsZh } from "../src/i18n/alerts.zh";
import { missing } from "../src/i18n/missing";
import { changeOf, limitName, limitOf, limitText, withValues } from "../src/limits";
import { freshId, moved, partsOf, withoutPart, withPart } from "../src/matcher";
import { chapterOf, placeOf, routeOf, to } from "../src/route";
import { barsIn, lanes, placeIn, weeksFrom } from "../src/weeks";
import { isZone, msOf, wallOf } from "../src/zones";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe("what was measured", () => {
  test.each([
    [2600, "ms", "2.6 s"],
    [2000, "ms", "2 s"],
    [740, "ms", "740 ms"],
    [90_000, "ms", "1 min 30 s"],
  ])("%s %s is written so that it differs from its limit", (value, unit, text) => expect(measured(value, unit)).toBe(text));
});

describe("limits", () => {
  test.each([
    [300_000, "ms", "5 min"],
    [90_000, "ms", "90 s"],
    [172_800_000, "ms", "2 d"],
    [1500, "ms", "1,500 ms"],
    [90, "seconds", "90 s"],
    [14, "days", "14 d"],
    [20_000_000_000, "bytes", "20 GB"],
    [21_474_836_480, "bytes", "20 GiB"],
    [0.9, "ratio", "90 %"],
    [0.005, "ratio", "0.5 %"],
    [10, "blocks", "10 blocks"],
    [1, "blocks", "1 block"],
    [7, "furlongs", "7 furlongs"],
    [3, null, "3"],
  ] as const)("%s %s is written %s, and read back", (value, unit, text) => {
    expect(limitText(value, unit, alertsEn.units)).toBe(text);
    expect(limitOf(text, unit, "number")).toBe(value);
    expect(limitOf(limitText(value, unit, alertsZh.units), unit, "number")).toBe(value);
  });
  test.each([
    ["1 h 30 min", "ms", 5_400_000],
    ["1h", "ms", HOUR],
    ["2 hours", "ms", 2 * HOUR],
    ["250", "ms", 250],
    ["1.5 d", "days", 1.5],
    ["36 h", "days", 1.5],
    ["500 MB", "bytes", 500_000_000],
    ["20G", "bytes", 20_000_000_000],
    ["1024", "bytes", 1024],
    ["0.9", "ratio", 0.9],
    ["95", "ratio", 0.95],
    ["1,000", "count", 1000],
  ] as const)("%s of %s is %s", (text, unit, value) => expect(limitOf(text, unit, "number")).toBe(value));
  test.each([["", "ms"], ["soon", "ms"], ["5 parsecs", "ms"], ["-3", "blocks"], ["20 XB", "bytes"], ["a few", null], ["5 min 3", "ms"]] as const)("%s of %s is nothing", (text, unit) =>
    expect(limitOf(text, unit, "number")).toBeNull(),
  );
  test("what is counted is whole", () => expect([limitOf("2.5", "blocks", "whole"), limitOf("2.5", "blocks", "number")]).toEqual([null, 2.5]));
  test("a name leaves its unit to the number", () => expect([limitName("critical_after_ms", "ms"), limitName("votes", "votes"), limitName("is_on", null)]).toEqual(["critical after", "votes", "is on"]));

  const rules: Rules = {
    preset: "normal", presets: ["quiet", "normal", "paranoid"], version: 4,
    rules: [{
      name: "few_peers", about: "node", title: { en: "", zh: "" }, why: { en: "", zh: "" }, docs: "", is_on: true, recent: { fired_30d: 0 },
      limits: [{ name: "least", kind: "whole", unit: null, default: 8, preset: 8, team: 5, value: 5 }, { name: "is_on", kind: "flag", unit: null, default: true, preset: true, team: null, value: true }],
    }],
    subjects: [{ id: "n1", name: "one", kind: "node", rules: { few_peers: { least: 3 } } }],
  };
  test("only what the team has set is sent back, and the rest stays as it is", () => {
    expect(changeOf(rules)).toEqual({ preset: "normal", rules: { few_peers: { least: 5 } }, subjects: { n1: { few_peers: { least: 3 } } }, version: 4 });
    expect(withValues(changeOf(rules), "few_peers", {}).rules).toEqual({});
    expect(withValues(changeOf(rules), "few_peers", { least: 2 }, "n2").subjects).toEqual({ n1: { few_peers: { least: 3 } }, n2: { few_peers: { least: 2 } } });
    expect(withValues(changeOf(rules), "few_peers", {}, "n1").subjects).toEqual({});
  });
});

describe("windows that repeat", () => {
  const beat: Beat = { every: "week", weekdays: [1, 4], day: 1, hour: 2, minute: 5 };
  test("are lines of cron, and lines of cron are them", () => {
    expect(cronOf(beat)).toBe("5 2 * * 2,5");
    expect(beatOf(cronOf(beat))).toEqual(beat);
    expect(cronOf({ ...beat, every: "day" })).toBe("5 2 * * *");
    expect(beatOf("0 23 15 * *")).toMatchObject({ every: "month", day: 15, hour: 23 });
    expect(cronOf({ ...beat, weekdays: [6, 0] })).toBe("5 2 * * 0,1");
  });
  test("weekdays may be a span, names, and a Sunday of either number", () => {
    expect(beatOf("0 2 * * 1-5")?.weekdays).toEqual([0, 1, 2, 3, 4]);
    expect(beatOf("0 2 * * sat,sun")?.weekdays).toEqual([5, 6]);
    expect([beatOf("0 2 * * 0")?.weekdays, beatOf("0 2 * * 7")?.weekdays]).toEqual([[6], [6]]);
  });
  test.each(["*/5 * * * *", "0 2 1 1 *", "0 2 * * 1#2", "0 2 1 * 1", "0 25 * * *", "0 2 0 * *", "x", ""])("%s has no words, and is shown as it is", (line) => expect(beatOf(line)).toBeNull());
  test("a clock", () => expect([hourMinute("22:05"), hourMinute("24:00"), hourMinute("noon"), clockOf({ hour: 7, minute: 0 })]).toEqual([{ hour: 22, minute: 5 }, null, null, "07:00"]));
});

describe("other places' clocks", () => {
  test("a wall clock there is a moment here, on either side of a change", () => {
    const at = (month: number, day: number, hour: number, minute = 0) => msOf({ year: 2026, month, day, hour, minute }, "Europe/Berlin");
    expect(at(1, 5, 9)).toBe(Date.UTC(2026, 0, 5, 8));
    expect(at(7, 5, 9)).toBe(Date.UTC(2026, 6, 5, 7));
    expect(at(3, 29, 2, 30)).toBe(Date.UTC(2026, 2, 29, 1, 30)); // skipped: as if it had not been
    expect(at(10, 25, 2, 30)).toBe(Date.UTC(2026, 9, 25, 0, 30)); // twice: the first
    expect(wallOf(Date.UTC(2026, 6, 5, 23), "Asia/Shanghai")).toEqual({ year: 2026, month: 7, day: 6, hour: 7, minute: 0 });
  });
  test("a zone is one that the browser knows", () => expect([isZone("Asia/Shanghai"), isZone("Moon/Base")]).toEqual([true, false]));
});

describe("duty", () => {
  const schedule: Schedule = {
    id: "s", name: "Nights", zone: "Europe/Berlin", overrides: [],
    rotation: { people: ["a", "b", "c"], handover: { weekday: 0, hour: 9, minute: 0 }, every_days: 7, starts_on: "2026-03-04" },
  };
  const [from, until] = [Date.UTC(2026, 2, 1), Date.UTC(2026, 3, 12)];
  test("begins when it says, with a short turn until the first handover day, and goes round", () => {
    expect(turns(schedule, from, until).map((turn) => turn.ref)).toEqual(["a", "b", "c", "a", "b", "c"]);
    expect(turns(schedule, from, until).slice(0, 2).map((turn) => turn.from_ms)).toEqual([Date.UTC(2026, 2, 4, 8), Date.UTC(2026, 2, 9, 8)]);
  });
  test("is handed over at nine there, whether or not the clocks changed", () => {
    expect(turns(schedule, from, until).map((turn) => new Date(turn.from_ms).getUTCHours())).toEqual([8, 8, 8, 8, 7, 7]);
  });
  test("seen from the middle is the same", () => {
    expect(turns(schedule, Date.UTC(2026, 3, 1), until).map((turn) => turn.ref)).toEqual(["b", "c"]);
  });
  test("somebody who stands in cuts it", () => {
    const cut = dutyOf({ ...schedule, overrides: [{ from_ms: Date.UTC(2026, 2, 10), until_ms: Date.UTC(2026, 2, 11), contact: "x" }] }, Date.UTC(2026, 2, 9, 8), Date.UTC(2026, 2, 16, 8));
    expect(cut.map((turn) => [turn.ref, turn.overrides])).toEqual([["b", false], ["x", true], ["b", false]]);
    expect(cut.map((turn) => turn.until_ms).slice(0, 2)).toEqual(cut.map((turn) => turn.from_ms).slice(1));
  });
  test("of nobody is nothing", () => expect(turns({ ...schedule, rotation: { ...schedule.rotation, people: [] } }, from, until)).toEqual([]));
});

describe("a calendar", () => {
  const rows = weeksFrom(new Date(2026, 10, 29, 15).getTime(), 2);
  const [first] = rows;
  if (!first) throw new Error("no week");
  test("begins on the Monday before, and has weeks", () => {
    expect([new Date(first.from_ms).getDay(), first.days.length, rows.length]).toEqual([1, 7, 2]);
    expect(rows[1]?.from_ms).toBe(first.until_ms);
  });
  test("a moment is where its day is", () => expect([placeIn(first, first.from_ms - DAY), placeIn(first, (first.days[1] ?? 0) + 12 * HOUR), placeIn(first, first.until_ms)]).toEqual([0, 1.5 / 7, 1]));
  test("what goes on over the edge is open there", () => {
    const span = { from_ms: first.until_ms - DAY, until_ms: first.until_ms + DAY };
    expect(rows.map((row) => barsIn(row, [span]).map((bar) => [bar.opens, bar.closes]))).toEqual([[[true, false]], [[false, true]]]);
    expect(barsIn(first, [{ from_ms: 0, until_ms: 1 }])).toEqual([]);
  });
  test("what overlaps stands below", () => expect(lanes([{ left: 0, right: 0.5 }, { left: 0.2, right: 0.3 }, { left: 0.3, right: 1 }, { left: 0.5, right: 1 }])).toEqual([0, 1, 1, 0]));
});

describe("matchers", () => {
  test("are put together and taken apart", () => {
    const both: Matcher = withPart(withPart({ rules: ["a"] }, { field: "rules", value: "b" }), { field: "severity_min", value: "critical" });
    expect(both).toEqual({ rules: ["a", "b"], severity_min: "critical" });
    expect(partsOf(both).map((part) => part.value)).toEqual(["critical", "a", "b"]);
    expect(partsOf(both).reduce(withoutPart, both)).toEqual({});
    expect(withPart(both, { field: "rules", value: "a" })).toEqual(both);
  });
  test("a list is moved within its ends", () => expect([moved(["a", "b", "c"], 2, -1), moved(["a", "b"], 0, -1), moved(["a"], 7, 1)]).toEqual([["a", "c", "b"], ["a", "b"], ["a"]]));
  test("a new id is nobody's", () => expect([freshId("route", []), freshId("route", [{ id: "route-2" }])]).toEqual(["route-1", "route-3"]));
});

describe("the place of alerts", () => {
  test("has chapters; a message's link stands alone", () => {
    expect([to.incidents, to.incident(3), to.rules, to.contacts, to.routing, to["on-call"], to.silences].map((path) => [placeOf(routeOf(path)), chapterOf(routeOf(path))])).toEqual(
      ["incidents", "incidents", "rules", "contacts", "routing", "on-call", "silences"].map((chapter) => ["incidents", chapter]),
    );
    expect(routeOf("/ack/a.b%3Ac")).toEqual({ page: "ack", token: "a.b:c" });
    expect([routeOf("/ack").page, chapterOf(routeOf("/ack/x"))]).toEqual(["nowhere", null]);
  });
  test("what is not asked is not in the address", () => expect(query({ rule: "", state: undefined, before: 3, of: null })).toBe("?before=3"));
  test("commands are told from words", () => expect(pieces("Run `ls`, then wait.")).toEqual([{ code: false, text: "Run " }, { code: true, text: "ls" }, { code: false, text: ", then wait." }]));
  test("every word is there in both languages", () => {
    expect(missing(alertsEn, alertsZh)).toEqual([]);
    expect(missing(alertsZh, alertsEn)).toEqual([]);
  });
});
