// A matcher as it is edited: a value is put in or taken out, and what has no value left is left out.
import type { Matcher } from "./alertshapes";
import type { Severity } from "./shapes";

export const LISTS = ["rules", "subjects", "labels", "groups", "validators", "kinds"] as const;
export type ListField = (typeof LISTS)[number];
export type Field = ListField | "severity_min";

export type Part = { field: Field; value: string };

export function partsOf(match: Matcher): Part[] {
  const lists = LISTS.flatMap((field) => (match[field] ?? []).map((value) => ({ field, value })));
  return match.severity_min ? [{ field: "severity_min", value: match.severity_min }, ...lists] : lists;
}

export function withPart(match: Matcher, { field, value }: Part): Matcher {
  if (field === "severity_min") return { ...match, severity_min: value as Severity };
  return { ...match, [field]: [...new Set([...(match[field] ?? []), value])] };
}

export function withoutPart(match: Matcher, { field, value }: Part): Matcher {
  const { [field]: before, ...others } = match;
  const left = Array.isArray(before) ? before.filter((one) => one !== value) : [];
  return left.length ? { ...others, [field]: left } : others;
}

/** A list with one of it a place further up or down. */
export function moved<T>(list: readonly T[], at: number, by: number): T[] {
  const next = [...list];
  const [one] = next.splice(at, 1);
  if (one !== undefined) next.splice(Math.min(Math.max(at + by, 0), next.length), 0, one);
  return next;
}

/** An id that none of these has. */
export function freshId(prefix: string, taken: readonly { id: string }[]): string {
  let n = taken.length + 1;
  while (taken.some((one) => one.id === `${prefix}-${n}`)) n += 1;
  return `${prefix}-${n}`;
}
