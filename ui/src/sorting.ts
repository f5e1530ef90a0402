// Sorting and searching rows. Pure; which column, which way and what text live in the address.

export type Value = string | number | null;
export type Order = { column: string; down: boolean };

/** `?sort=rate` ascending, `?sort=-rate` descending. A column that is not there is no order. */
export function orderOf(param: string | null, columns: Iterable<string>): Order | null {
  if (!param) return null;
  const down = param.startsWith("-");
  const column = down ? param.slice(1) : param;
  return new Set(columns).has(column) ? { column, down } : null;
}

export const paramOf = (order: Order | null): string | null =>
  order ? `${order.down ? "-" : ""}${order.column}` : null;

/** A press on a head: this column lowest first, then highest first, then as it was: the usual order, if there is one. */
export function pressed(now: Order | null, column: string, usual: Order | null = null): Order | null {
  if (usual?.column === column) return now?.column === column && now.down === usual.down ? { column, down: !usual.down } : null;
  if (now?.column !== column) return { column, down: false };
  return now.down ? null : { column, down: true };
}

/** Rows by one of their values; what is not known goes last either way. Equal ones keep their order. */
export function sorted<T>(rows: readonly T[], value: (row: T) => Value, down: boolean): T[] {
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    const order =
      typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
    return down ? -order : order;
  });
}

/** Rows where every word of the text is found in one of the row's words. */
export function found<T>(rows: readonly T[], text: string, words: (row: T) => (string | null)[]): T[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [...rows];
  return rows.filter((row) => {
    const has = words(row).join("\n").toLowerCase();
    return wanted.every((word) => has.includes(word));
  });
}
