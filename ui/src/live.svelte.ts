// What happens, as it happens: the events of the one stream of this browser, for whoever listens on the page.
import { API } from "./api";
import { serverNowMs, setBy } from "./clock.svelte";
import { OneStream, type Word } from "./onestream";
import type { LiveBlock } from "./shapes";

export type LiveState = "connecting" | "live" | "late" | "paused";

/** What may happen. `anew`: we may have missed something, so everything is to be read again. */
export type Happening =
  | { kind: "block"; block: LiveBlock }
  | { kind: "node"; id: string | null }
  | { kind: "incident"; id: number | null }
  | { kind: "anew" };

type Listener = (what: Happening) => void;

/** A page in the background lets the stream go after this; it comes back with the page. */
const HIDDEN_MS = 60_000;

class Live {
  state = $state<LiveState>("connecting");
  /** When the server was last heard, by its own clock; null before the first word. */
  heardAtMs = $state<number | null>(null);
  /** Whether the server takes us for one of the team; null until it said. */
  team = $state<boolean | null>(null);

  #listeners = new Set<Listener>();
  #hidden: ReturnType<typeof setTimeout> | undefined;
  #stream = new OneStream(`${API}/live`, {
    heard: (word, sure, ageMs) => this.#heard(word, sure, ageMs),
    lost: () => this.#lost(),
  });

  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open(): void {
    this.#lost();
    this.#stream.open();
  }

  pause(): void {
    this.#stream.close();
    this.state = "paused";
  }

  /** Who we are has changed, as by signing in: what may be seen has, too. */
  again(): void {
    this.#stream.again();
  }

  /** Follow the page in and out of the background. */
  watchVisibility(): void {
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#hidden);
      if (this.state === "paused") return;
      if (document.hidden) this.#hidden = setTimeout(() => this.#stream.close(), HIDDEN_MS);
      else if (!this.#stream.isOpen) this.open();
    });
  }

  #heard(word: Word, sure: boolean, ageMs: number): void {
    const data = parsed(word.data);
    if (word.type === "hello") this.#hello(data, sure, ageMs);
    if (word.type === "block") this.#block(data);
    if (word.type === "node") this.#tell({ kind: "node", id: text(data["id"]) });
    if (word.type === "incident") this.#tell({ kind: "incident", id: number(data["id"]) });
    if (word.type === "reset") this.#tell({ kind: "anew" });
  }

  #hello(hello: Record<string, unknown>, sure: boolean, ageMs: number): void {
    this.state = "live";
    const team = typeof hello["team"] === "boolean" ? hello["team"] : this.team;
    const changed = team !== this.team;
    this.team = team;
    const at = number(hello["at_ms"]);
    if (at !== null) setBy(at + ageMs);
    this.heardAtMs = serverNowMs();
    if (!sure || changed) this.#tell({ kind: "anew" });
  }

  #block(data: Record<string, unknown>): void {
    const block = data as Partial<LiveBlock>;
    if (typeof block.height !== "number" || typeof block.cells !== "object") return;
    this.#tell({ kind: "block", block: block as LiveBlock });
  }

  #lost(): void {
    this.state = this.heardAtMs === null ? "connecting" : "late";
  }

  #tell(what: Happening): void {
    this.heardAtMs = serverNowMs();
    for (const listener of this.#listeners) listener(what);
  }
}

/** An event that is not JSON says nothing, and breaks nothing. */
function parsed(data: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(data);
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);

export const live = new Live();
