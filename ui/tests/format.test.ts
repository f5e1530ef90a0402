import { describe, expect, test } from "vitest";
import {
  amount, briefOfGdrip, bytes, cfx, cfxOfDrip, cfxOfGdrip, cfxOfVotes, clockTime, columnOfGdrip, columnOfPpm, exact, exactOfDrip, exactOfGdrip, measure, NOTHING, ratio, round3, setShare, short, span, span2, whole,
} from "../src/format";

describe("durations", () => {
  test.each([
    [-5, 0, "s"],
    [0, 0, "s"],
    [999, 0, "s"],
    [59_999, 59, "s"],
    [60_000, 1, "min"],
    [3_599_999, 59, "min"],
    [3_600_000, 1, "h"],
    [86_399_999, 23, "h"],
    [86_400_000, 1, "d"],
    [Number.NaN, 0, "s"],
    [Number.POSITIVE_INFINITY, 0, "s"],
  ] as const)("%d ms is %d %s", (ms, n, unit) => expect(span(ms)).toEqual({ n, unit }));

  test("small ones get a second unit, large ones do not", () => {
    expect(span2(2 * 3_600_000 + 5 * 60_000)).toEqual([{ n: 2, unit: "h" }, { n: 5, unit: "min" }]);
    expect(span2(3_600_000)).toEqual([{ n: 1, unit: "h" }]);
    expect(span2(12 * 86_400_000 + 7_000)).toEqual([{ n: 12, unit: "d" }]);
    expect(span2(9_999)).toEqual([{ n: 9, unit: "s" }]);
  });
});

describe("shares", () => {
  test("round down, so that 100 % means all", () => {
    expect(ratio(1)).toBe("100 %");
    expect(ratio(0.99999)).toBe("99.9 %");
    expect(ratio(0.29)).toBe("29 %");
    expect(ratio(0.5)).toBe("50 %");
  });
  test("something is never told as nothing", () => {
    expect(ratio(0)).toBe("0 %");
    expect(ratio(0.0004)).toBe("<0.1 %");
    expect(ratio(0.004, 0)).toBe("<1 %");
  });
  test("what is not known is a dash", () => {
    for (const nothing of [null, undefined, Number.NaN]) expect(ratio(nothing)).toBe(NOTHING);
  });
});

describe("CFX", () => {
  test.each([
    [0, "0 CFX"],
    [1_234_567, "1,234,567 CFX"],
    [1.5, "1.5 CFX"],
    [0.000012345678, "0.00001234 CFX"],
    [12.345678, "12.3456 CFX"],
    [-3.25, "-3.25 CFX"],
    [1e21, "1,000,000,000,000,000,000,000 CFX"],
    [1e-20, "0 CFX"],
  ])("%d", (n, text) => expect(cfx(n)).toBe(text));
  test.each([
    ["0", "0 CFX", "0 CFX"],
    ["-0", "0 CFX", "0 CFX"],
    ["1", "0.000000001 CFX", "0.000000001 CFX"],
    ["1234567890123", "1,234.5678 CFX", "1,234.567890123 CFX"],
    ["-20000000000", "-20 CFX", "-20 CFX"],
    ["9007199254740993000000001", "9,007,199,254,740,993 CFX", "9,007,199,254,740,993.000000001 CFX"],
  ])("%s Gdrip, beyond what a number holds", (text, short, whole) => {
    expect([cfxOfGdrip(text), exactOfGdrip(text)]).toEqual([short, whole]);
  });
  test.each([
    ["1234567890123", "1,234.5 CFX"],
    ["1000050000000", "1,000 CFX"],
    ["999123456789", "999.1234 CFX"],
  ])("%s Gdrip in few digits", (text, brief) => expect(briefOfGdrip(text)).toBe(brief));
  test("Drip", () => {
    expect(cfxOfDrip("1500000000000000001")).toBe("1.5 CFX");
    expect(exactOfDrip("1500000000000000001")).toBe("1.500000000000000001 CFX");
  });
  test.each([null, undefined, "", "1.5", "abc"])("%s is no amount", (text) => {
    expect([cfxOfGdrip(text), exactOfDrip(text)]).toEqual([NOTHING, NOTHING]);
  });
  test("a vote is a thousand", () => expect(cfxOfVotes(13)).toBe("13,000 CFX"));
  test("unknown", () => expect(cfxOfVotes(null)).toBe(NOTHING));
});

describe("bytes", () => {
  test.each([
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1023.99 * 1024, "1 MiB"],
    [1.5 * 2 ** 30, "1.5 GiB"],
    [2 ** 60, "1024 PiB"],
    [0.5, "0.5 B"],
    [-2048, "-2 KiB"],
  ])("%d", (n, text) => expect(bytes(n)).toBe(text));
});

test("whole numbers are grouped and never show an exponent below a trillion trillions", () => {
  expect(whole(1_684_321)).toBe("1,684,321");
  expect(whole(-1000)).toBe("-1,000");
  expect(whole(Number.MAX_SAFE_INTEGER)).toBe("9,007,199,254,740,991");
  expect(whole(null)).toBe(NOTHING);
});

test("numbers keep three digits, but never lose whole ones", () => {
  expect(round3(0.12345)).toBe("0.123");
  expect(round3(99.96)).toBe("100");
  expect(round3(1234.5)).toBe("1235");
  expect(amount(12)).toBe("12");
  expect(amount(1234.5)).toBe("1,235");
});

test("addresses are shortened in the middle, short ones are not", () => {
  expect(short("0x0123456789abcdef0123456789abcdef")).toBe("0x012345…cdef");
  expect(short("0x1234")).toBe("0x1234");
  expect(short("")).toBe("");
});

test("a moment that is none is a dash, not a crash", () => {
  for (const nothing of [null, undefined, Number.NaN, 9e15]) {
    expect(exact(nothing)).toBe(NOTHING);
    expect(clockTime(nothing, 0)).toBe(NOTHING);
  }
  expect(exact(0)).toContain("1970-01-01 00:00:00 UTC");
});

test("a number's unit is read from its series' name", () => {
  expect(measure("host.disk.used_bytes", 1024)).toBe("1 KiB");
  expect(measure("host.cpu.used_ratio", 0.25)).toBe("25 %");
  expect(measure("probe.pow.ms", 1.7)).toBe("1.7 ms");
  expect(measure("process.up_seconds", 90)).toBe("90 s");
  expect(measure("peers.all_count", 31)).toBe("31");
});

describe("columns of pools", () => {
  test("yields have two decimals, rounded down", () => expect([columnOfPpm(80_000), columnOfPpm(111_899), columnOfPpm(0), columnOfPpm(null)]).toEqual(["8.00 %", "11.18 %", "0.00 %", NOTHING]));
  test("a share that was set has the decimals that it has", () => expect([setShare(100_000), setShare(75_000), setShare(166_600), setShare(null)]).toEqual(["10 %", "7.5 %", "16.66 %", NOTHING]));
  test("rewards stand below one another", () => expect([columnOfGdrip("7952175000000"), columnOfGdrip("5000000000")]).toEqual(["7,952.17", "5.00"]));
});
