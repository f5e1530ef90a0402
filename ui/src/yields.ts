// Yields of too few epochs: luck in an election or two ranks nobody. Pure.

/** About a day; the server ranks by the same number. */
export const ENOUGH_EPOCHS = 24;

export type Yield = { apy_ppm: number | null; staked_epochs: number | null };

/** A yield that is known, of less than a day. */
export const isThin = (of: Yield): boolean => of.apy_ppm !== null && (of.staked_epochs ?? 0) < ENOUGH_EPOCHS;

const tier = (of: Yield): number => (of.apy_ppm === null ? 2 : isThin(of) ? 1 : 0);

/** Sorted rows with those of less than a day behind the others, and the unknown last; else as they were. */
export function provenFirst<T>(rows: readonly T[], of: (row: T) => Yield): T[] {
  return [...rows].sort((a, b) => tier(of(a)) - tier(of(b)));
}
