// One event stream for all tabs of a browser: whoever holds the lock reads it and tells the others. Where a browser
// has no locks or no channel between tabs (plain HTTP from another machine), each tab reads a stream of its own.

/** An event as it came: its name, its data, and its id. */
export interface Word {
  type: string;
  data: string;
  id: string;
}

export interface Ears {
  /** `sure`: nothing was missed before this word. `ageMs`: how old it is, if another tab handed it on. */
  heard(word: Word, sure: boolean, ageMs: number): void;
  lost(): void;
}

/** The reader's state, said to whoever comes and as a sign of life. */
interface Now {
  kind: "now";
  hello: Word | null;
  ageMs: number;
  last: string;
  lost: boolean;
}

/** What tabs say to each other. */
type Said = { kind: "word"; word: Word } | Now | { kind: "ask" } | { kind: "again" };

const NAME = "vedette.live";
export const EVENTS = ["hello", "block", "node", "incident", "reset"] as const;
const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000, 30_000] as const;
const BEAT_MS = 4000;
/** A reader that says nothing for so long is asleep: its place is taken. */
const SILENT_MS = 15_000;

export function backoffMs(failures: number, chance: number): number {
  const most = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 30_000;
  return Math.round(most * (0.5 + chance / 2)); // half of it is chance, so that clients do not return as one
}

/** Whether an event is newer than the last that was heard; of another start of the server it always is. */
export function isNewer(id: string, last: string): boolean {
  const [boot, number] = parts(id);
  const [lastBoot, lastNumber] = parts(last);
  return boot !== lastBoot || number > lastNumber;
}

function parts(id: string): [string, number] {
  const at = id.lastIndexOf("-");
  return at < 0 ? [id, 0] : [id.slice(0, at), Number(id.slice(at + 1))];
}

function resumed(hello: Word): boolean {
  return /"resumed":\s*true/.test(hello.data);
}

export class OneStream {
  #url: string;
  #ears: Ears;
  #last = "";
  #hello: Word | null = null;
  #helloMs = 0;
  #lost = false;
  #left: AbortController | null = null;
  #channel: BroadcastChannel | null = null;
  #source: EventSource | null = null;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pulse: ReturnType<typeof setInterval> | undefined;
  #heardMs = 0;

  constructor(url: string, ears: Ears) {
    this.#url = url;
    this.#ears = ears;
  }

  get isOpen(): boolean {
    return this.#left !== null;
  }

  open(): void {
    this.close();
    const left = new AbortController();
    this.#left = left;
    if (!("locks" in navigator) || typeof BroadcastChannel === "undefined") {
      this.#read();
      return;
    }
    this.#channel = new BroadcastChannel(NAME);
    this.#channel.onmessage = (event: MessageEvent<Said>) => this.#said(event.data);
    this.#pulse = setInterval(() => this.#beat(left), BEAT_MS);
    this.#heardMs = performance.now();
    this.#wait(left);
    this.#say({ kind: "ask" });
  }

  close(): void {
    this.#left?.abort();
    this.#left = null;
    this.#shut();
    clearInterval(this.#pulse);
    this.#channel?.close();
    this.#channel = null;
  }

  /** Who we are has changed: read from the beginning, in all tabs. */
  again(): void {
    this.#last = "";
    if (this.#source) this.#read();
    else this.#say({ kind: "again" });
  }

  // --- who reads

  #wait(left: AbortController): void {
    this.#hold(left, { signal: left.signal });
  }

  #hold(left: AbortController, how: LockOptions): void {
    navigator.locks
      .request(NAME, how, () => this.#lead(left))
      .catch((error: unknown) => {
        if (left.signal.aborted) return;
        this.#shut();
        // Another took our place, thinking we slept: we stand in line again. Locks may be forbidden, too.
        if (error instanceof DOMException && error.name === "AbortError") this.#wait(left);
        else this.#read();
      });
  }

  #lead(left: AbortController): Promise<void> {
    if (left.signal.aborted) return Promise.resolve();
    this.#read();
    return new Promise((resolve) => left.signal.addEventListener("abort", () => resolve()));
  }

  #beat(left: AbortController): void {
    if (this.#source || this.#retry !== undefined) this.#sayNow();
    else if (!document.hidden && performance.now() - this.#heardMs > SILENT_MS) {
      this.#heardMs = performance.now();
      this.#hold(left, { steal: true });
    }
  }

  // --- the one that reads

  #read(): void {
    this.#shut();
    const from = this.#last ? `?last_event_id=${encodeURIComponent(this.#last)}` : "";
    const source = new EventSource(this.#url + from);
    this.#source = source;
    source.onerror = () => this.#broke(source);
    for (const type of EVENTS)
      source.addEventListener(type, (event) => {
        const word = { type, data: String(event.data), id: event.lastEventId };
        this.#say({ kind: "word", word });
        this.#hear(word);
      });
  }

  #broke(source: EventSource): void {
    if (source !== this.#source) return;
    this.#setLost();
    this.#sayNow();
    // The browser comes back by itself from a cut connection, but never from an error status.
    if (source.readyState !== EventSource.CLOSED) return;
    this.#shut();
    this.#retry = setTimeout(() => this.#read(), backoffMs(this.#failures++, Math.random()));
  }

  #shut(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#source?.close();
    this.#source = null;
  }

  // --- what is heard, here or from the tab that reads

  #hear(word: Word): void {
    const greeting = word.type === "hello";
    const sure = greeting ? resumed(word) && this.#last !== "" && !isNewer(word.id, this.#last) : word.type !== "reset";
    if (!greeting && word.type !== "reset" && this.#last !== "" && !isNewer(word.id, this.#last)) return; // told already
    if (greeting) {
      this.#greeted(word, 0);
      this.#failures = 0;
      this.#lost = false;
    }
    if (!greeting || !sure) this.#last = word.id;
    this.#ears.heard(word, sure, 0);
  }

  #greeted(hello: Word, ageMs: number): void {
    this.#hello = hello;
    this.#helloMs = performance.now() - ageMs;
  }

  #setLost(): void {
    this.#lost = true;
    this.#ears.lost();
  }

  #said(said: Said): void {
    this.#heardMs = performance.now();
    const reads = this.#source !== null || this.#retry !== undefined;
    if (said.kind === "ask" && reads) this.#sayNow();
    if (said.kind === "again") {
      this.#last = "";
      if (this.#source) this.#read();
    }
    if (reads) return;
    if (said.kind === "word") this.#hear(said.word);
    if (said.kind === "now") this.#join(said);
  }

  /** The reader's state: what it has heard and we have not is a hole. */
  #join({ hello, ageMs, last, lost }: Now): void {
    if (lost && !this.#lost) this.#setLost();
    if (lost || hello === null) return;
    const missed = this.#last === "" || isNewer(last, this.#last);
    if (!missed && !this.#lost && this.#hello !== null) return;
    if (missed) this.#last = last;
    this.#lost = false;
    this.#greeted(hello, ageMs);
    this.#ears.heard(hello, !missed, ageMs);
  }

  #sayNow(): void {
    const ageMs = performance.now() - this.#helloMs;
    this.#say({ kind: "now", hello: this.#hello, ageMs, last: this.#last, lost: this.#lost });
  }

  #say(said: Said): void {
    this.#channel?.postMessage(said);
  }
}
