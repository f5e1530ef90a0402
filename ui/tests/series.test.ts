import { describe, expect, test } from "vitest";
import { csv, fromFirst, linesOf, rangeOf, restarts, spanOf, withGaps } from "../src/series";
import type { Series } from "../src/shapes";

const series = (times: number[], columns: Record<string, (number | null)[]>, step = 0): Series => ({
  node_id: "n",
  from_ms: 0,
  to_ms: 100_000,
  step_ms: step,
  names: Object.keys(columns),
  times,
  mean: Object.values(columns),
  min: Object.values(columns).map((c) => c.map((v) => (v === null ? null : v - 1))),
  max: Object.values(columns).map((c) => c.map((v) => (v === null ? null : v + 1))),
  available: [],
});

describe("gaps", () => {
  test("a pause gets a moment without a value, in every column", () => {
    const open = withGaps(series([0, 5, 10, 60, 65], { a: [1, 2, 3, 4, 5] }));
    expect(open.times).toEqual([0, 5, 10, 35, 60, 65]);
    expect(open.mean[0]).toEqual([1, 2, 3, null, 4, 5]);
    expect(open.max[0]).toEqual([2, 3, 4, null, 5, 6]);
  });
  test("a report that is a little late is no gap", () => {
    const even = series([0, 5, 14, 19], { a: [1, 2, 3, 4] });
    expect(withGaps(even)).toBe(even);
  });
  test("nothing, and one sample, have no gap", () => {
    expect(withGaps(series([], { a: [] })).times).toEqual([]);
    expect(withGaps(series([7], { a: [1] })).times).toEqual([7]);
  });
});

describe("lines", () => {
  test("a series that was never reported is no line", () => {
    const columns = linesOf(series([0, 5], { a: [null, null], b: [1, null] }), [
      { key: "a", name: "a" },
      { key: "b", name: "b" },
      { key: "c", name: "c" },
    ]);
    expect(columns.lines.map((line) => line.key)).toEqual(["b"]);
  });
  test("how far one is behind another, unknown where either is", () => {
    const columns = linesOf(series([0, 5, 10], { front: [10, null, 30], back: [7, 8, 25] }), [
      { key: "lag", name: "back", front: "front" },
    ]);
    expect(columns.lines[0]?.mean).toEqual([3, null, 5]);
  });
  test("a band stands only where a point stands for many", () => {
    const spec = [{ key: "a", name: "a" }];
    expect(linesOf(series([0], { a: [1] }), spec).lines[0]?.low).toBeNull();
    expect(linesOf(series([0], { a: [1] }, 10_000), spec).lines[0]?.low).toEqual([0]);
  });
});

test("a young node fills its charts, but not with a minute", () => {
  const young = (first: number): Series => ({ ...series([first], { a: [1] }), from_ms: 0, to_ms: 3_600_000 });
  expect(fromFirst(young(1800)).from_ms).toBe(1_800_000);
  expect(fromFirst(young(3590)).from_ms).toBe(3_300_000);
  expect(fromFirst(series([], { a: [] })).from_ms).toBe(0);
});

test("a process whose age fell was started anew, at the moment that its age tells", () => {
  expect(restarts(series([100, 105, 110, 115], { "process.up_seconds": [50, 55, null, 3] }))).toEqual([112]);
  expect(restarts(series([100, 105], { other: [50, 5] }))).toEqual([]);
});

test("a file has UTC times, empty cells for the unknown, and quotes where they are needed", () => {
  const columns = linesOf(series([0, 60], { a: [1.5, null] }, 60_000), [{ key: "a", name: "a" }]);
  expect(csv(columns, { a: 'used, "all"' }, { mean: "mean", low: "min", high: "max" })).toBe(
    'time,"used, ""all"" (mean)","used, ""all"" (min)","used, ""all"" (max)"\r\n' +
      "1970-01-01T00:00:00.000Z,1.5,0.5,2.5\r\n1970-01-01T00:01:00.000Z,,,\r\n",
  );
});

describe("the range in the address", () => {
  test.each([
    ["6h", null, null, { name: "6h" }],
    [null, null, null, { name: "1h" }],
    ["toString", null, null, { name: "1h" }],
    ["1h", "1000", "90000", { fromMs: 1000, toMs: 90_000 }],
    ["1h", "90000", "1000", { name: "1h" }],
    ["1h", "x", "1000", { name: "1h" }],
    ["1h", "1000", "1005", { name: "1h" }],
    ["1h", "", "90000", { name: "1h" }],
  ] as const)("%s %s %s", (name, from, to, range) => expect(rangeOf(name, from, to)).toEqual(range));
  test("a named range ends now", () => expect(spanOf({ name: "1h" }, 4_000_000)).toEqual({ fromMs: 400_000, toMs: 4_000_000 }));
});
