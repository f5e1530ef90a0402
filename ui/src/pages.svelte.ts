// A list that goes back in time, read page by page: what was read stays, older pages are added, newer rows merged.
import type { Answer, Trouble } from "./api";

type Read<T> = { rows: readonly T[]; next: number | null };
type Asker<T> = (before: number | undefined, limit: number, signal: AbortSignal) => Promise<Answer<Read<T>>>;

export class Pages<T> {
  rows = $state.raw<readonly T[]>([]);
  trouble = $state.raw<Trouble | null>(null);
  /** Whether anything was answered yet. */
  told = $state(false);
  reading = $state(false);
  /** Where the next older page ends; null: there is none. */
  older = $state<number | null>(null);

  #asker: Asker<T>;
  #key: (row: T) => number | string;
  #gone = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(asker: Asker<T>, key: (row: T) => number | string) {
    this.#asker = asker;
    this.#key = key;
  }

  /** Read the newest rows; if older ones are held and nothing lies between, they stay. */
  newest(limit: number): Promise<void> {
    return this.#next(async () => {
      const answer = await this.#ask(undefined, limit);
      if (!answer) return;
      const known = new Set(this.rows.map(this.#key));
      const fresh = new Set(answer.rows.map(this.#key));
      const joins = answer.rows.some((row) => known.has(this.#key(row)));
      if (!joins || answer.next === null) this.older = answer.next;
      this.rows = joins ? [...answer.rows, ...this.rows.filter((row) => !fresh.has(this.#key(row)))] : answer.rows;
      this.told = true;
    });
  }

  /** Add the page before what is held. */
  more(limit: number): Promise<void> {
    return this.#next(async () => {
      const answer = this.older === null ? null : await this.#ask(this.older, limit);
      if (!answer) return;
      this.rows = [...this.rows, ...answer.rows];
      this.older = answer.next;
    });
  }

  /** Read older pages until `enough` says so, or there are none, or one fails. */
  async until(enough: (rows: readonly T[]) => boolean, limit: number): Promise<void> {
    while (this.told && this.older !== null && !this.trouble && !this.#gone.signal.aborted && !enough(this.rows)) {
      await this.more(limit);
    }
  }

  close(): void {
    this.#gone.abort();
  }

  /** One question at a time, so that a page never joins rows that another has replaced. */
  #next(deed: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(deed);
    this.#turn = mine;
    return mine;
  }

  async #ask(before: number | undefined, limit: number): Promise<Read<T> | null> {
    if (this.#gone.signal.aborted) return null;
    this.reading = true;
    const answer = await this.#asker(before, limit, this.#gone.signal);
    if (this.#gone.signal.aborted) return null;
    this.reading = false;
    this.trouble = answer.ok ? null : answer;
    return answer.ok ? answer.data : null;
  }
}
