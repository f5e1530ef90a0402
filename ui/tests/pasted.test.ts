import { expect, test } from "vitest";

import { posAddress } from "../src/pasted";

const ADDRESS = `0x${"a1".repeat(32)}`;

test("a whole PoS address is one, however it was pasted", () => {
  for (const text of [ADDRESS, ` ${ADDRESS}\n`, ADDRESS.toUpperCase()]) expect(posAddress(text)).toBe(ADDRESS);
});

test("a part of one, a name or a wallet is none", () => {
  for (const text of ["", "node1", ADDRESS.slice(0, -1), `${ADDRESS}0`, ADDRESS.slice(2), `0x${"a1".repeat(20)}`, `${ADDRESS} node1`])
    expect(posAddress(text)).toBeNull();
});
