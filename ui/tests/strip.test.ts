import { describe, expect, test } from "vitest";
import { heightAt, layoutOf, middleOf } from "../src/drawing";
import { absentRun } from "../src/judge";
import { advanced, counted, knownCount, letter, newest, runs, signedCount } from "../src/strip";

const strip = { first: 100, strip: "ssla-?as" };

describe("counting", () => {
  test("what was not seen is neither signed nor absent", () => {
    expect(signedCount(strip.strip)).toBe(4);
    expect(knownCount(strip.strip)).toBe(6);
    expect(counted({ first: 1, strip: "??--" }).rate).toBeNull();
    expect(counted({ first: 1, strip: "" })).toMatchObject({ signed: 0, known: 0, rate: null });
  });
  test("an unknown letter is unseen", () => {
    expect(letter("x")).toBe("?");
    expect(letter(undefined)).toBe("?");
    expect(letter("l")).toBe("l");
  });
  test("the run of absence steps over the unseen", () => {
    expect(absentRun("ssa?aa")).toBe(3);
    expect(absentRun("aas")).toBe(0);
    expect(absentRun("??")).toBe(0);
  });
  test("runs are told newest first", () => {
    expect(runs({ first: 10, strip: "aasa" }, "a")).toEqual([[13, 13], [10, 11]]);
  });
});

describe("a new block", () => {
  test("pushes the oldest out", () => {
    expect(advanced(strip, 108, "a", 8)).toEqual({ first: 101, strip: "sla-?asa" });
  });
  test("grows a strip that is not full", () => {
    expect(advanced({ first: 5, strip: "s" }, 6, "s", 100)).toEqual({ first: 5, strip: "ss" });
    expect(advanced({ first: 0, strip: "" }, 6, "s", 100)).toEqual({ first: 6, strip: "s" });
  });
  test("told again replaces its cell", () => {
    expect(advanced(strip, 105, "s", 8)).toEqual({ first: 100, strip: "ssla-sas" });
  });
  test("after a gap is a reason to ask", () => {
    expect(advanced(strip, 110, "s", 8)).toBeNull();
    expect(advanced(strip, 99, "s", 8)).toBeNull();
  });
});

describe("the drawing", () => {
  const hundred = { first: 1, strip: "s".repeat(100) };
  test("shows the newest that fit, to the right edge", () => {
    const narrow = layoutOf(hundred, 200, 24, 100);
    expect(narrow.strip).toEqual({ first: 51, strip: "s".repeat(50) });
    expect(narrow.left + narrow.pitch * 50).toBeCloseTo(200);
  });
  test("finds the block under the pointer, and none beside the cells", () => {
    const layout = layoutOf(newest(hundred, 10), 200, 24, 10);
    expect(heightAt(layout, middleOf(layout, 95))).toBe(95);
    expect(heightAt(layout, 99)).toBeNull();
    expect(heightAt(layout, 201)).toBeNull();
  });
  test("has no cells where there is no room", () => {
    expect(layoutOf(hundred, 0, 24, 100).strip.strip).toBe("");
  });
});
