// What is said of staking pools and of a wallet in them. Pure: rows of the API in, orders, sentences' parts and dates out.
import { dripNumber, gdripNumber } from "./format";
import type { Pool, RestakeState, Wallet } from "./shapes";
import { sorted, type Order, type Value } from "./sorting";
import { provenFirst, type Yield } from "./yields";

/** What the table has, and what it sorts by. */
export const VALUES = {
  name: (p) => p.name,
  left: (p) => p.performance.apy_after_fee_ppm,
  told: (p) => p.holdings.told_apy_ppm,
  fee: (p) => p.terms.fee_ppm,
  score: (p) => p.performance.score,
  reward: (p) => gdripNumber(p.performance.reward_gdrip),
  stakers: (p) => p.holdings.staker_count,
  votes: (p) => p.holdings.available_votes,
  wait: (p) => p.terms.unstake_wait_ms,
  withdrawable: (p) => dripNumber(p.holdings.withdrawable_drip),
  restake: (p) => URGENCY[p.restake.state],
  silent: (p) => p.performance.silent_epochs,
  code: (p) => (p.terms.upgradable === null ? null : Number(p.terms.upgradable)),
} satisfies Record<string, (pool: Pool) => Value>;

export type Column = keyof typeof VALUES;
export const COLUMNS = Object.keys(VALUES) as Column[];
export const isColumn = (name: string): name is Column => Object.hasOwn(VALUES, name);

const URGENCY: Record<RestakeState, number | null> = { none: 0, waiting: 1, ready: 2, unknown: null };

/** The best first, as nobody comes for the worst. */
export const USUAL: Order & { column: Column } = { column: "left", down: true };

/** The same orders as the API calls them, for the file; what it cannot sort by keeps the usual order. */
const SORTS: Partial<Record<string, string>> = { name: "name", left: "apy_after_fee", fee: "fee", score: "score", reward: "reward", stakers: "stakers", votes: "votes", silent: "silent" };

export function sortOfFile(order: Order): string | null {
  const key = SORTS[order.column];
  return key ? `${order.down ? "-" : ""}${key}` : null;
}

/** What it left its stakers, and of how many epochs that is told. */
export const yieldOf = ({ performance: p }: Pool): Yield => ({ apy_ppm: p.apy_after_fee_ppm, staked_epochs: p.staked_epochs });

/** The pools by one of their values; by what they left their stakers, those of less than a day come after the others. */
export function ranked(pools: readonly Pool[], column: Column, down: boolean): Pool[] {
  const rows = sorted(pools, VALUES[column], down);
  return column === "left" ? provenFirst(rows, yieldOf) : rows;
}

/** Whoever left its stakers most, of those of whom it is known. */
export const best = (pools: readonly Pool[]): Pool | null =>
  ranked(pools.filter((pool) => pool.performance.apy_after_fee_ppm !== null), "left", true)[0] ?? null;

export const mustRestake = (pool: Pool): boolean => pool.restake.state === "ready" || pool.restake.state === "waiting";

/** The pool that a validator is of; null: of none that is listed. */
export const poolOf = (pools: readonly Pool[], validator: string): Pool | null => pools.find((pool) => pool.pos_address === validator) ?? null;

/** The call that brings votes back; before their stake is free, as many as will be. */
export const restakeCall = ({ state, missing_votes, ready_votes }: Pool["restake"]): string =>
  `_restakePosVote(${(state === "ready" ? ready_votes : missing_votes) ?? "votes"})`;

// --- a wallet

export type Fault = "empty" | "espace" | "pos" | "form";

/** What somebody typed as an address, or what is wrong with it at first sight; the server knows the rest. */
export function walletOf(text: string): { address: string } | { fault: Fault } {
  const typed = text.trim();
  if (!typed) return { fault: "empty" };
  if (/^0x[0-9a-f]{40}$/i.test(typed)) return { fault: "espace" };
  if (/^0x[0-9a-f]{64}$/i.test(typed)) return { fault: "pos" };
  return /^(cfx|cfxtest|net\d+)(:[a-z.]+)*:[a-z0-9]{42}$/i.test(typed) ? { address: typed } : { fault: "form" };
}

export type Coming = { pool: string; contract: string; kind: "locking" | "unlocking"; votes: number; block: number; atMs: number };

/** Every vote that is on its way, in any pool, the soonest first. */
export function coming(wallet: Wallet): Coming[] {
  const found = wallet.pools.flatMap((pool) =>
    (["locking", "unlocking"] as const).flatMap((kind) =>
      (pool[kind] ?? []).map(({ votes, end_block, at_ms }): Coming => ({ pool: pool.name, contract: pool.contract, kind, votes, block: end_block, atMs: at_ms })),
    ),
  );
  return found.sort((a, b) => a.block - b.block);
}

/** Pools that told what a wallet has, but not when its votes come free. */
export const silentOnDates = (wallet: Wallet): string[] =>
  wallet.pools.filter((pool) => pool.locking === null || pool.unlocking === null).map((pool) => pool.name);

/** How long the server asks to wait; null where it does not say. */
export function secondsOf(why: string): number | null {
  const found = why.match(/(\d+) s\b/);
  return found ? Number(found[1]) : null;
}

/** What the server finds wrong with an address, without the address: that stands on the page anyway. */
export const faultOf = (why: string): string => why.replace(/^address: /, "").replace(/^'[^']*' is no address: /, "").replace(/\.$/, "");
