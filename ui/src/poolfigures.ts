// Figures of a pool in words, in the table and with where each comes from.
import { inputOf, type Reckoning } from "./figures";
import { cfxOfDrip, cfxOfGdrip, columnOfGdrip, columnOfPpm, exactOfDrip, exactOfGdrip, percent, setShare, whole } from "./format";
import { t } from "./i18n/index.svelte";
import type { Column } from "./pools";
import type { Fees, Pool, Why } from "./shapes";
import { span2Text } from "./words";

const bare = (text: string): string => text.replace(/ CFX$/, "");

/** A cell: what it says, and what stands behind it. */
type Cell = { text: string; title?: string };

const codeOf = (upgradable: boolean): "changes" | "fixed" => (upgradable ? "changes" : "fixed");

/** What the table shows of a pool. Only asked for what is known. */
const CELLS: Record<Column, (pool: Pool) => Cell> = {
  name: (p) => ({ text: p.name }),
  left: (p) => ({ text: columnOfPpm(p.performance.apy_after_fee_ppm) }),
  told: (p) => ({ text: columnOfPpm(p.holdings.told_apy_ppm) }),
  fee: (p) => ({ text: setShare(p.terms.fee_ppm) }),
  score: (p) => ({ text: whole(p.performance.score) }),
  reward: (p) => ({ text: columnOfGdrip(p.performance.reward_gdrip), title: exactOfGdrip(p.performance.reward_gdrip) }),
  stakers: (p) => ({ text: whole(p.holdings.staker_count) }),
  votes: (p) => ({ text: whole(p.holdings.available_votes) }),
  wait: (p) => ({ text: span2Text(p.terms.unstake_wait_ms ?? 0), title: t().pools.pool.blocks(whole(p.terms.unlock_blocks)) }),
  withdrawable: (p) => ({ text: bare(cfxOfDrip(p.holdings.withdrawable_drip)), title: exactOfDrip(p.holdings.withdrawable_drip) }),
  restake: (p) => ({ text: t().pools.restake[p.restake.state], title: p.restake.missing_votes ? t().pools.votes(whole(p.restake.missing_votes)) : "" }),
  silent: (p) => ({ text: whole(p.performance.silent_epochs) }),
  code: (p) => ({ text: t().pools.code[codeOf(p.terms.upgradable === true)], title: t().pools.codeHint[codeOf(p.terms.upgradable === true)] }),
};

/** Of which figure of its performance a column is: that has a reason where it is not known. */
const FIGURES: Partial<Record<Column, string>> = { left: "apy_after_fee_ppm", score: "score", reward: "reward_gdrip", silent: "silent_epochs" };

export const cellOf = (pool: Pool, column: Column): Cell => CELLS[column](pool);

/** What stands in a cell of which nothing is known, and why. */
export function unknownCell(pool: Pool, column: Column): Cell {
  const why = FIGURES[column] ? pool.performance.unknown[FIGURES[column]] : undefined;
  if (why) return { text: whyShort(why), title: whyText(why) };
  return { text: column === "restake" ? t().pools.restake.unknown : t().pools.untold, title: untoldWhy(pool) };
}

const untoldWhy = (pool: Pool): string => pool.trouble ?? (pool.told_at_ms === null ? t().pools.neverTold : t().pools.untoldWhy);
export const whyText = (why: string): string => t().pools.why[why] ?? t().past.why[why as Why] ?? why;
const whyShort = (why: string): string => t().pools.whyShort[why] ?? t().past.whyShort[why as Why] ?? why;

// --- with where they come from

type Name = keyof ReturnType<typeof t>["pools"]["figure"];
type From = { formula?: string; source?: string; inputs?: readonly (readonly [string, string | number | null])[]; exact?: string };

/** A figure of the pool: known, or with why it is not. */
function told(pool: Pool, name: Name, value: string | null, from: From, why?: string): Reckoning {
  const [title, about] = t().pools.figure[name];
  return {
    name: title,
    about,
    value,
    short: why ? whyShort(why) : t().pools.untold,
    why: value !== null ? "" : why ? whyText(why) : untoldWhy(pool),
    formula: from.formula ?? "",
    filled: "",
    exact: from.exact ?? "",
    source: from.source ?? "",
    inputs: (from.inputs ?? []).map(([code, number]) => inputOf(code, number)),
  };
}

const known = (value: string | number | null, text: string): string | null => (value === null ? null : text);

/** What the reward was, and what of it the fee left: by the formulas of the server. */
function performanceFigures(pool: Pool) {
  const { performance: p, terms } = pool;
  const fee = ["fee_ppm", terms.fee_ppm] as const;
  const seen = ["fee_seen_ppm", p.fee_seen_ppm] as const;
  return {
    left: told(pool, "left", known(p.apy_after_fee_ppm, percent(p.apy_after_fee_ppm, 2)), {
      formula: "apy_ppm × sum(reward_staked_gdrip × user_share) ÷ (10,000 × sum(reward_staked_gdrip))",
      inputs: [["apy_ppm", p.apy_ppm], fee, seen],
    }, p.unknown["apy_after_fee_ppm"]),
    income: told(pool, "income", known(p.fee_income_gdrip, cfxOfGdrip(p.fee_income_gdrip)), {
      formula: "sum(reward_gdrip × (10,000 − user_share)) ÷ 10,000",
      inputs: [["reward_gdrip", p.reward_gdrip], fee, seen],
      exact: exactOfGdrip(p.fee_income_gdrip),
    }, p.unknown["fee_income_gdrip"]),
  };
}

function termFigures(pool: Pool) {
  const { terms } = pool;
  const lockMs = waitMs(terms.lock_blocks);
  const state = t().pools.told.state;
  const period = (unit: string): string => `${unit} × 86,400,000 ms ÷ 170,000`;
  return {
    fee: told(pool, "fee", known(terms.fee_ppm, setShare(terms.fee_ppm)), { formula: "fee = (10,000 − user_share) ÷ 10,000", source: state("poolUserShareRatio()") }),
    lock: told(pool, "lock", known(lockMs, span2Text(lockMs ?? 0)), { formula: period("lock_blocks"), source: state("_poolLockPeriod()"), inputs: [["lock_blocks", terms.lock_blocks]] }),
    wait: told(pool, "wait", known(terms.unstake_wait_ms, span2Text(terms.unstake_wait_ms ?? 0)), { formula: period("unlock_blocks"), source: state("_poolUnlockPeriod()"), inputs: [["unlock_blocks", terms.unlock_blocks]] }),
  };
}

function holdingFigures(pool: Pool) {
  const held = pool.holdings;
  const { state, account, register } = t().pools.told;
  const drip = (name: "withdrawable" | "own" | "total" | "balance", value: string | null, from: From): Reckoning => told(pool, name, known(value, cfxOfDrip(value)), { ...from, exact: exactOfDrip(value) });
  return {
    told: told(pool, "told", known(held.told_apy_ppm, percent(held.told_apy_ppm, 2)), { source: state("poolAPY()") }),
    votes: told(pool, "votes", known(held.available_votes, whole(held.available_votes)), { source: state("poolSummary()") }),
    staked: told(pool, "staked", known(held.staked_votes, whole(held.staked_votes)), { formula: "registered − unlocked", source: register }),
    stakers: told(pool, "stakers", known(held.staker_count, whole(held.staker_count)), { source: state("stakerNumber()") }),
    withdrawable: drip("withdrawable", held.withdrawable_drip, { formula: "stakingBalance − 1,000 CFX × staked_votes", source: account, inputs: [["staked_votes", held.staked_votes]] }),
    own: drip("own", held.own_interest_drip, { source: state("poolSummary()") }),
    total: drip("total", held.total_interest_drip, { source: state("poolSummary()") }),
    balance: drip("balance", held.balance_drip, { source: account }),
  };
}

/** How long so many PoW blocks take, at the pace by which the server told the wait for others. */
const POW_BLOCKS_A_DAY = 170_000;
const DAY_MS = 86_400_000;
export const waitMs = (blocks: number | null): number | null => (blocks === null ? null : Math.floor((blocks * DAY_MS) / POW_BLOCKS_A_DAY));

export type PoolFigures = Record<Name, Reckoning>;

export const poolFigures = (pool: Pool): PoolFigures => ({
  ...performanceFigures(pool),
  ...termFigures(pool),
  ...holdingFigures(pool),
});

/** What an operator decided, as a row of a table. */
export type Decision = { fee: string; lock: string; wait: string; changed: string };

export function decisionOf(line: Fees["fees"][number]): Decision {
  const time = (blocks: number | null): string => (blocks === null ? t().pools.untold : span2Text(waitMs(blocks) ?? 0));
  return {
    fee: line.fee_ppm === null ? t().pools.untold : setShare(line.fee_ppm),
    lock: time(line.lock_blocks),
    wait: time(line.unlock_blocks),
    changed: line.changed.length ? line.changed.map((name) => t().pools.fees.change[name] ?? name).join(t().comma) : t().pools.fees.firstSeen,
  };
}
