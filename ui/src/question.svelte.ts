// A question that stays asked: its newest answer, its trouble if any, and asking again at a bearable pace.
import type { Answer, Trouble } from "./api";
import { live } from "./live.svelte";

type Asker<T> = (signal: AbortSignal) => Promise<Answer<T>>;

/** Events come in bursts; one answer serves them all. */
const GATHER_MS = 150;
const PACE_MS = 2000;

export class Question<T> {
  data = $state.raw<T | null>(null);
  trouble = $state.raw<Trouble | null>(null);

  #asker: Asker<T>;
  #pace: number;
  #users = 0;
  #run: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #stale = true;

  constructor(asker: Asker<T>, paceMs = PACE_MS) {
    this.#asker = asker;
    this.#pace = paceMs;
  }

  /** Say that a part of the page shows this; call the result when it is gone. */
  want(): () => void {
    this.#users += 1;
    if (this.#stale && !this.#run) void this.ask();
    return () => {
      this.#users -= 1;
      if (this.#users > 0) return;
      // Nobody looks: what we have may grow old, and is read anew when somebody looks again.
      this.#stale = true;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Something happened: read again soon, but only if somebody looks. */
  touch(): void {
    this.#stale = true;
    if (this.#users === 0 || this.#timer !== undefined) return;
    const wait = Math.max(GATHER_MS, this.#askedAt + this.#pace - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (live.state !== "paused") void this.ask(); // going on reads everything anew
    }, wait);
  }

  /** Read now. A newer question cancels an older one, so answers never overtake each other. */
  async ask(): Promise<void> {
    this.#run?.abort();
    const run = new AbortController();
    this.#run = run;
    this.#askedAt = performance.now();
    this.#stale = false;
    const answer = await this.#asker(run.signal);
    if (run.signal.aborted) return;
    this.#run = null;
    if (answer.ok) {
      this.data = answer.data;
      this.trouble = null;
    } else {
      this.trouble = answer;
      this.#stale = true;
    }
  }

  /** Change what is shown by what an event told, without asking. */
  amend(change: (data: T) => T | null): void {
    if (this.data === null) return;
    const next = change(this.data);
    if (next === null) this.touch();
    else this.data = next;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#run?.abort();
    this.#users = 0;
  }
}
