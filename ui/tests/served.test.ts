import { describe, expect, test } from "vitest";
import { filled, grouped, readable, unitOf } from "../src/formulas";
import { cellOfEpoch, columnOf, epochAt, epochSeries, gridOf, nextChange, rowOf, seatsUntil, steps, withAhead } from "../src/served";
import type { Radar, ValidatorEpoch } from "../src/shapes";
import { DEFAULT_WINDOW, windowOf } from "../src/windows";

const epoch = (number: number, more: Partial<ValidatorEpoch> = {}): ValidatorEpoch => ({
  epoch: number, first_height: number * 120 + 1, last_height: number * 120 + 120, first_at_ms: number * 3_600_000, last_at_ms: number * 3_600_000 + 3_570_000,
  votes: 2, signed_blocks: 118, known_blocks: 120, blocks: 120, led_blocks: 1, silent: false,
  reward_gdrip: "1500000000", expected_gdrip: null, due_gdrip: "1000000000", lost_gdrip: "0", cumulative_gdrip: "3000000000", ...more,
});
const change = (at: number, leaving: number | null, coming: number | null): Radar["changes"][number] => ({ epoch: at, after_height: at * 120, left_ms: at * 1000, leaving, coming });

describe("formulas", () => {
  test("units follow from names", () => {
    expect(["vote_rate_ppm", "lead_share_ppm", "reward_gdrip", "vote_seconds", "score", "led_blocks"].map(unitOf)).toEqual(
      ["share", "blocks", "money", "voteSeconds", "score", "whole"]);
  });
  test("are told with the signs that people write", () => {
    expect(readable("1000000 * signed_blocks // known_blocks")).toBe("1,000,000 × signed_blocks ÷ known_blocks");
  });
  test("show the numbers that went in, and what is not known", () => {
    const inputs = { expected_led_ppm: "12345678", served_blocks: null };
    expect(filled("isqrt(3 * expected_led_ppm // served_blocks)", inputs)).toBe("isqrt(3 × 12,345,678 ÷ ?)");
  });
  test("a name within another is not taken for it", () => {
    expect(filled("network_blocks - blocks", { network_blocks: "7", blocks: "3" })).toBe("7 - 3");
  });
  test("digits after the point are not grouped", () => expect([grouped("12345.6789"), grouped("-1234567")]).toEqual(["12,345.6789", "-1,234,567"]));
});

describe("windows", () => {
  test("an unknown word is the usual one", () => expect([windowOf("30d"), windowOf("31d"), windowOf(null)]).toEqual(["30d", DEFAULT_WINDOW, DEFAULT_WINDOW]));
});

describe("seats", () => {
  test("until the first change that is known", () => {
    expect(seatsUntil([change(1, 2, 2), change(2, 1, 0)])).toEqual({ certain: true, leftMs: 2000 });
    expect(nextChange([change(1, 2, 2), change(2, 1, 0)])).toMatchObject({ epoch: 2 });
  });
  test("at least until one that is not told", () => {
    expect(seatsUntil([change(1, 2, 2), change(2, 1, null), change(3, 1, 0)])).toEqual({ certain: false, leftMs: 2000 });
    expect(nextChange([change(1, 2, 2), change(2, 1, null), change(3, 1, 0)])).toBe("unknown");
  });
  test("nothing is said while the next epoch is open", () => {
    expect(seatsUntil([change(1, null, 2)])).toBeNull();
    expect([seatsUntil([]), nextChange([])]).toEqual([null, "unknown"]);
  });
  test("no change is told as far as is known", () => {
    expect(seatsUntil([change(1, 2, 2), change(2, 0, 0)])).toEqual({ certain: false, leftMs: 2000 });
    expect(nextChange([change(1, 2, 2), change(2, 0, 0)])).toBe("same");
  });
});

describe("cells of epochs", () => {
  test.each([
    [undefined, { kind: "unread" }],
    [epoch(1, { votes: 0, silent: null }), { kind: "idle" }],
    [epoch(1, { silent: true, signed_blocks: 0 }), { kind: "silent" }],
    [epoch(1, { known_blocks: 0, signed_blocks: 0, silent: null }), { kind: "unseen" }],
    [epoch(1, { signed_blocks: 60 }), { kind: "signed", part: 0.5 }],
  ] as const)("%#", (one, cell) => expect(cellOfEpoch(one)).toEqual(cell));

  test.each([[1, 24, 1264], [1, 700, 597], [1, 8480, 1264], [27_000, 41_000, 358], [5, 5, 358]])("every epoch of %d to %d in %d px has a place of its own", (first, last, width) => {
    const grid = gridOf(first, last, width);
    const seen = new Set<string>();
    for (let one = first; one <= last; one++) {
      const [column, row] = [columnOf(grid, one), rowOf(grid, one)];
      expect(epochAt(grid, (column + 0.5) * grid.pitch, (row + 0.5) * grid.pitch)).toBe(one);
      seen.add(`${column}/${row}`);
    }
    expect(seen.size).toBe(last - first + 1);
    expect(grid.pitch).toBeGreaterThanOrEqual(4);
  });
  test("a day is one line, a month is not", () => {
    expect([gridOf(1, 23, 1264).rows, gridOf(1, 700, 597).rows, gridOf(1, 700, 358).rows]).toEqual([1, 12, 24]);
  });
  test("columns keep their epochs when one more comes", () => {
    expect(columnOf(gridOf(7, 165, 597), 100)).toBe(columnOf(gridOf(7, 166, 597), 100));
  });
  test("beside the cells there is nothing", () => {
    const grid = gridOf(10, 20, 600);
    expect([epochAt(grid, -1, 0), epochAt(grid, 0, 1e6), epochAt(grid, 1e6, 0)]).toEqual([null, null, null]);
  });
});

describe("charts", () => {
  test("epochs are columns, oldest first, unknown ones empty", () => {
    const { series, perPoint } = epochSeries([epoch(3, { reward_gdrip: null }), epoch(2), epoch(1)], { fromMs: 2 * 3_600_000, toMs: 1e12 });
    expect(perPoint).toBe(1);
    expect(series.times).toEqual([2 * 3600 + 3570, 3 * 3600 + 3570]);
    expect(series.mean[series.names.indexOf("paid")]).toEqual([1.5, null]);
    expect(series.mean[series.names.indexOf("expected")]).toEqual([null, null]);
  });
  test("too many are told by their mean, the lowest and the highest; a total by its end", () => {
    const many = Array.from({ length: 801 }, (_, i) => epoch(801 - i, { votes: i % 3, reward_gdrip: null, cumulative_gdrip: `${801 - i}000000000` }));
    const { series, perPoint } = epochSeries(many, { fromMs: 0, toMs: 1e12 });
    const column = (kind: "mean" | "min" | "max", name: string) => series[kind][series.names.indexOf(name)]?.slice(0, 2);
    expect([perPoint, series.times.length, series.step_ms > 0]).toEqual([3, 267, true]);
    expect([column("mean", "seats"), column("min", "seats"), column("max", "seats")]).toEqual([[1, 1], [0, 0], [2, 2]]);
    expect([column("mean", "total"), column("min", "total")]).toEqual([[3, 6], [3, 6]]);
    expect(column("mean", "paid")).toEqual([null, null]);
  });
  test("what holds until it changes is drawn as a step, and to the end", () => {
    const { times, of } = steps([{ at_ms: 1000, v: 1 }, { at_ms: 2000, v: 5 }], 3000);
    expect(times).toEqual([1, 2, 2, 3]);
    expect(of((point) => point.v)).toEqual([1, 1, 5, 5]);
  });
  test("what is coming gets at most a third of the width", () => {
    const span = { fromMs: 0, toMs: 1000 };
    const at = (atMs: number | null) => ({ votes: 1, height: 1, atMs });
    expect(withAhead(span, [at(1400), at(9000), at(null)]).toMs).toBe(1428);
    expect(withAhead(span, [at(9000)])).toEqual(span);
  });
});
