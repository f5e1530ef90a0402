import { expect, test } from "vitest";

import { isThin, provenFirst } from "../src/yields";

const of = (apy_ppm: number | null, staked_epochs: number | null) => ({ apy_ppm, staked_epochs });

test("a yield of less than a day stands behind those of a day, and the unknown last", () => {
  const rows = [of(900, 1), of(60, 24), of(null, 0), of(50, 700), of(10, 23)];
  expect(provenFirst(rows, (row) => row).map((row) => row.apy_ppm)).toEqual([60, 50, 900, 10, null]);
});

test("what is not known is not thin, and an unknown count is", () => {
  expect([of(null, 1), of(1, null), of(1, 23), of(1, 24)].map(isThin)).toEqual([false, true, true, false]);
});
