import { describe, expect, test } from "vitest";
import { reckoningOf } from "../src/figures";
import { cellOf, decisionOf, poolFigures, unknownCell, waitMs } from "../src/poolfigures";
import { best, COLUMNS, coming, faultOf, isColumn, mustRestake, poolOf, ranked, restakeCall, secondsOf, silentOnDates, sortOfFile, USUAL, VALUES, walletOf } from "../src/pools";
import type { Fact, Pool, Wallet, WalletPool } from "../src/shapes";
import { sorted } from "../src/sorting";
import { unbroken } from "../src/words";

const DRIP = "000000000000000000";
const told: Pool = {
  contract: "cfx:pool", name: "Harbour", own_name: null, pos_address: "0xab", registered: true, first_seen_ms: 0, told_at_ms: 1000, trouble: null, states: ["active"],
  terms: { fee_ppm: 100_000, owner: null, upgradable: true, implementation: null, lock_blocks: 2_250_000, unlock_blocks: 176_400, unstake_wait_ms: 89_652_705 },
  holdings: { available_votes: 70, staked_votes: 60, staker_count: 5, told_apy_ppm: 126_300, own_interest_drip: null, total_interest_drip: null, balance_drip: `3${DRIP}`, withdrawable_drip: `10000${DRIP}` },
  performance: { apy_ppm: 110_000, apy_after_fee_ppm: 99_000, staked_epochs: 9, fee_income_gdrip: "5000000000", fee_seen_ppm: 1_000_000, reward_gdrip: "50000000000", score: 93, vote_rate_ppm: null, served_epochs: 9, silent_epochs: 0, unknown: {} },
  restake: { state: "none", missing_votes: 0, ready_votes: 0, until_height: null },
};
const NOTHING_KNOWN = { apy_ppm: null, apy_after_fee_ppm: null, staked_epochs: null, fee_income_gdrip: null, fee_seen_ppm: null, reward_gdrip: null, score: null, vote_rate_ppm: null, served_epochs: null, silent_epochs: null };
const liquid: Pool = {
  ...told, contract: "cfx:liquid", name: "Liquid", pos_address: null, trouble: "its contract is of another kind",
  terms: { fee_ppm: null, owner: null, upgradable: null, implementation: null, lock_blocks: null, unlock_blocks: null, unstake_wait_ms: null },
  holdings: { available_votes: null, staked_votes: null, staker_count: null, told_apy_ppm: null, own_interest_drip: null, total_interest_drip: null, balance_drip: null, withdrawable_drip: null },
  performance: { ...NOTHING_KNOWN, unknown: Object.fromEntries(Object.keys(NOTHING_KNOWN).map((name) => [name, "no_validator"])) },
  restake: { state: "unknown", missing_votes: null, ready_votes: null, until_height: null },
};
const left = (name: string, ppm: number | null): Pool => ({ ...told, name, performance: { ...told.performance, apy_after_fee_ppm: ppm } });

describe("the list of pools", () => {
  test("every column is worded where it is not known, and never zero", () => {
    for (const column of COLUMNS.filter((one) => one !== "name")) {
      expect(VALUES[column](liquid), column).toBeNull();
      const { text, title } = unknownCell(liquid, column);
      expect(text, column).toMatch(/^(no validator|not told|unknown)$/);
      expect(title, column).toMatch(/another kind|Which validator/);
    }
  });
  test("a pool that never answered says so", () => {
    expect(unknownCell({ ...liquid, trouble: null, told_at_ms: null }, "fee").title).toBe("Nothing has answered for it yet.");
    expect(unknownCell({ ...liquid, trouble: null }, "fee").title).toBe("Its contract does not tell it.");
  });
  test("a zero that was told is shown as one", () => {
    expect(VALUES.silent(told)).toBe(0);
    expect([cellOf(told, "silent").text, cellOf({ ...told, terms: { ...told.terms, fee_ppm: 0 } }, "fee").text]).toEqual(["0", "0 %"]);
  });
  test("figures stand in their units", () => {
    expect(COLUMNS.map((column) => cellOf(told, column).text)).toEqual(
      ["Harbour", "9.90 %", "12.63 %", "10 %", "93", "50.00", "5", "70", "1 d", "10,000", "no", "0", "can change"]);
  });
  test("the best is the one that left most, of those of whom it is known", () => {
    expect(best([left("a", null), left("b", 5), left("c", 7), left("d", 7)])?.name).toBe("c");
    expect([best([left("a", null)]), best([])]).toEqual([null, null]);
  });
  test("a yield of less than a day is not the best, and stands behind those of a day", () => {
    const seen = (name: string, ppm: number, staked_epochs: number): Pool => ({ ...told, name, performance: { ...told.performance, apy_after_fee_ppm: ppm, staked_epochs } });
    const rows = [seen("lucky", 900, 1), seen("steady", 50, 24), left("unknown", null), seen("better", 60, 700)];
    expect(best(rows)?.name).toBe("better");
    expect(ranked(rows, "left", true).map((pool) => pool.name)).toEqual(["better", "steady", "lucky", "unknown"]);
    expect(ranked(rows, "left", false).map((pool) => pool.name)).toEqual(["steady", "better", "lucky", "unknown"]);
  });
  test("what must be restaked comes first, what is unknown last", () => {
    const state = (name: string, state: Pool["restake"]["state"]): Pool => ({ ...told, name, restake: { ...told.restake, state } });
    const rows = [state("none", "none"), state("unknown", "unknown"), state("ready", "ready"), state("waiting", "waiting")];
    expect(sorted(rows, VALUES.restake, true).map((pool) => pool.name)).toEqual(["ready", "waiting", "none", "unknown"]);
    expect(rows.filter(mustRestake).map((pool) => pool.name)).toEqual(["ready", "waiting"]);
  });
  test("the file has the table's order where the API knows it", () => {
    expect(sortOfFile(USUAL)).toBe("-apy_after_fee");
    expect([sortOfFile({ column: "silent", down: false }), sortOfFile({ column: "code", down: true })]).toEqual(["silent", null]);
    expect([isColumn("left"), isColumn("toString")]).toEqual([true, false]);
  });
  test("a validator leads to its pool", () => {
    expect([poolOf([liquid, told], "0xab"), poolOf([liquid], "0xab")]).toEqual([told, null]);
  });
});

describe("one pool", () => {
  test("the call names as many votes as are free, or as will be", () => {
    expect(restakeCall({ state: "ready", missing_votes: 70, ready_votes: 60, until_height: null })).toBe("_restakePosVote(60)");
    expect(restakeCall({ state: "waiting", missing_votes: 70, ready_votes: 0, until_height: 9 })).toBe("_restakePosVote(70)");
  });
  test("every figure says where it comes from, or why it is not known", () => {
    for (const figure of Object.values(poolFigures(told))) {
      expect(figure.formula || figure.source, figure.name).not.toBe("");
      if (figure.value === null) expect(figure.why, figure.name).not.toBe("");
    }
    for (const figure of Object.values(poolFigures(liquid))) expect([figure.value, figure.why.length > 10], figure.name).toEqual([null, true]);
  });
  test("a figure shows what went into it", () => {
    const { left: yields, wait, income } = poolFigures(told);
    expect([yields.value, yields.inputs.map((input) => [input.code, input.text])]).toEqual(["9.90 %", [["apy_ppm", "11 %"], ["fee_ppm", "10 %"], ["fee_seen_ppm", "100 %"]]]);
    expect([wait.value, wait.inputs[0]?.text, wait.source]).toEqual(["1 d", "176,400", "its contract, _poolUnlockPeriod()"]);
    expect([income.value, income.exact]).toEqual(["5 CFX", "5 CFX"]);
  });
  test("a lock is reckoned as the server reckons the wait", () => expect([waitMs(told.terms.unlock_blocks), waitMs(null)]).toEqual([told.terms.unstake_wait_ms, null]));
  test("what an operator decided says what changed, and what is not told", () => {
    const line = { from_ms: 1, until_ms: null, fee_ppm: 125_000, owner: null, upgradable: null, implementation: null, lock_blocks: null, unlock_blocks: 176_400, changed: ["fee_ppm", "unlock_blocks"] };
    expect(decisionOf(line)).toEqual({ fee: "12.5 %", lock: "not told", wait: "1 d", changed: "fee, unstake wait" });
    expect(decisionOf({ ...line, changed: [] }).changed).toBe("seen first");
  });
});

test("no number loses its unit at a line's end", () => expect(unbroken("left 7.5 % a year, 12 CFX more, 3 pools")).toBe("left 7.5\u00a0% a year, 12\u00a0CFX more, 3 pools"));

describe("a figure of performance", () => {
  const fact: Fact = { key: "apy_ppm", value: "112300", why: null, formula: "31536 * reward_staked_gdrip // (1000 * vote_seconds)", inputs: { reward_staked_gdrip: "7", vote_seconds: "9" } };
  test("shows its formula with names and with numbers", () => {
    expect(reckoningOf(fact)).toMatchObject({ value: "11.23 %", formula: "31,536 × reward_staked_gdrip ÷ (1,000 × vote_seconds)", filled: "31,536 × 7 ÷ (1,000 × 9)", exact: "112,300", why: "" });
  });
  test("that is a sum by itself has no formula worth telling", () => {
    expect(reckoningOf({ ...fact, key: "led_blocks", formula: "led_blocks", inputs: { led_blocks: "3" }, value: "3" })).toMatchObject({ formula: "", filled: "", exact: "" });
  });
  test("that is not known says why", () => expect(reckoningOf({ ...fact, value: null, why: "no_stake" })).toMatchObject({ value: null, short: "no stake", why: "It had no stake.", filled: "" }));
});

describe("a wallet", () => {
  const pool = (name: string, more: Partial<WalletPool>): WalletPool => ({
    contract: `cfx:${name}`, name, pos_address: null, votes: 9, available_votes: 7, locked_votes: 5, unlocked_votes: 2, interest_drip: null, claimed_drip: "0", locking: [], unlocking: [], ...more,
  });
  const queued = (votes: number, block: number) => ({ votes, end_block: block, at_ms: block * 500 });
  const wallet: Wallet = {
    address: "cfx:me", at_ms: 1, block_number: 2, votes: 18, interest_drip: "0", asked_pools: 2, untold: [],
    pools: [pool("a", { locking: [queued(1, 30)], unlocking: [queued(2, 50)] }), pool("b", { locking: null, unlocking: [queued(3, 40)] })],
  };
  test("all dates of all pools stand in one row, the soonest first", () => {
    expect(coming(wallet).map(({ pool: name, kind, votes, atMs }) => [name, kind, votes, atMs])).toEqual(
      [["a", "locking", 1, 15_000], ["b", "unlocking", 3, 20_000], ["a", "unlocking", 2, 25_000]]);
    expect(silentOnDates(wallet)).toEqual(["b"]);
  });
  test.each([
    ["", { fault: "empty" }],
    ["  ", { fault: "empty" }],
    [`0x${"1a".repeat(20)}`, { fault: "espace" }],
    [`0x${"1A".repeat(32)}`, { fault: "pos" }],
    ["cfx:short", { fault: "form" }],
    ["alice.web3", { fault: "form" }],
    [" cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg\n", { address: "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg" }],
    ["CFX:TYPE.USER:AARC9ABYCUE0HHZGYRR53M6CXEDGCCRMMYYBJGH4XG", { address: "CFX:TYPE.USER:AARC9ABYCUE0HHZGYRR53M6CXEDGCCRMMYYBJGH4XG" }],
    ["net1234:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg", { address: "net1234:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg" }],
  ])("%j is seen for what it is", (text, what) => expect(walletOf(text)).toEqual(what));
  test("what the server says is cut to what helps", () => {
    expect(faultOf("address: 'cfx:aa' is no address: 42 letters follow the last colon of an address")).toBe("42 letters follow the last colon of an address");
    expect(faultOf("address: this address is of network 1, and the chain that is watched is 1029")).toBe("this address is of network 1, and the chain that is watched is 1029");
    expect([secondsOf("Too many wallets are being asked about; try again in 17 s."), secondsOf("later")]).toEqual([17, null]);
  });
});
