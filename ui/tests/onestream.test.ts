import { describe, expect, test } from "vitest";
import { backoffMs, isNewer } from "../src/onestream";

describe("event ids", () => {
  test.each([
    ["19a-10", "19a-9", true],
    ["19a-9", "19a-9", false],
    ["19a-9", "19a-10", false],
    ["19b-1", "19a-10", true], // another start of the server
    ["19a-1", "", true],
    ["", "", false],
  ])("%s after %s: %s", (id, last, newer) => expect(isNewer(id, last)).toBe(newer));
});

test("the pause grows to half a minute, and no two clients return as one", () => {
  expect([0, 1, 5, 50].map((failures) => backoffMs(failures, 1))).toEqual([1000, 2000, 30_000, 30_000]);
  expect(backoffMs(0, 0)).toBe(500);
});
