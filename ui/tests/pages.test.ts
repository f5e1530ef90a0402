import { describe, expect, test } from "vitest";
import type { Answer } from "../src/api";
import { Pages } from "../src/pages.svelte";

type Row = { id: number; word: string };
type Read = { rows: readonly Row[]; next: number | null };

/** A list of `top` rows, newest first, that tells as the server does. */
class List {
  asked: (number | undefined)[] = [];
  word = "first";
  fails = false;
  constructor(public top: number) {}

  ask = async (before: number | undefined, limit: number): Promise<Answer<Read>> => {
    this.asked.push(before);
    await Promise.resolve();
    if (this.fails) return { ok: false, status: 503, why: "later" };
    const start = before === undefined ? this.top : before - 1;
    const rows = Array.from({ length: Math.max(0, Math.min(limit, start)) }, (_, i) => ({ id: start - i, word: this.word }));
    return { ok: true, data: { rows, next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null } };
  };
}

const pagesOf = (list: List): Pages<Row> => new Pages(list.ask, (row) => row.id);
const ids = (pages: Pages<Row>): number[] => pages.rows.map((row) => row.id);

describe("pages of a list", () => {
  test("older ones are added until the end", async () => {
    const pages = pagesOf(new List(5));
    await pages.newest(2);
    await pages.more(2);
    expect([ids(pages), pages.older]).toEqual([[5, 4, 3, 2], 2]);
    await pages.more(2);
    expect([ids(pages), pages.older]).toEqual([[5, 4, 3, 2, 1], null]);
    await pages.more(2);
    expect(ids(pages)).toHaveLength(5);
  });

  test("newer rows outdo those that are held, and older ones stay", async () => {
    const list = new List(6);
    const pages = pagesOf(list);
    await pages.newest(6);
    list.top = 7;
    list.word = "second";
    await pages.newest(3);
    expect(pages.rows.map(({ id, word }) => `${id} ${word}`)).toEqual(
      ["7 second", "6 second", "5 second", "4 first", "3 first", "2 first", "1 first"]);
  });

  test("a hole is never hidden: after a long sleep the list begins anew", async () => {
    const list = new List(6);
    const pages = pagesOf(list);
    await pages.newest(6);
    list.top = 20;
    await pages.newest(3);
    expect([ids(pages), pages.older]).toEqual([[20, 19, 18], 18]);
  });

  test("reads as far back as is wanted, and no farther", async () => {
    const list = new List(100);
    const pages = pagesOf(list);
    await pages.newest(10);
    await pages.until((rows) => (rows.at(-1)?.id ?? 0) <= 55, 20);
    expect([pages.rows.length, list.asked]).toEqual([50, [undefined, 91, 71]]);
  });

  test("two that ask at once do not join pages of different lists", async () => {
    const list = new List(9);
    const pages = pagesOf(list);
    await pages.newest(3);
    await Promise.all([pages.more(3), pages.newest(3), pages.more(3)]);
    expect(ids(pages)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  test("a failure stops it, keeps what is held, and is over with the next answer", async () => {
    const list = new List(9);
    const pages = pagesOf(list);
    await pages.newest(3);
    list.fails = true;
    await pages.until(() => false, 3);
    expect([ids(pages), pages.trouble?.status]).toEqual([[9, 8, 7], 503]);
    list.fails = false;
    await pages.newest(3);
    expect(pages.trouble).toBeNull();
  });

  test("nothing is asked once its page is left", async () => {
    const list = new List(9);
    const pages = pagesOf(list);
    await pages.newest(3);
    pages.close();
    await pages.until(() => false, 3);
    await pages.newest(3);
    expect(list.asked).toEqual([undefined]);
  });
});
