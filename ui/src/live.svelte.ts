// One live connection for the whole page: server-sent events, with its own way back after any failure.
import { API } from "./api";
import { serverNowMs, setBy } from "./clock.svelte";
import type { LiveBlock } from "./shapes";

export type LiveState = "connecting" | "live" | "late" | "paused";

/** What may happen. `anew`: we may have missed something, so everything is to be read again. */
export type Happening =
  | { kind: "block"; block: LiveBlock }
  | { kind: "node"; id: string | null }
  | { kind: "incident"; id: number | null }
  | { kind: "anew" };

type Listener = (what: Happening) => void;

const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000, 30_000] as const;
/** A page in the background lets its connection go after this; it comes back with the page. */
const HIDDEN_MS = 60_000;

export function backoffMs(failures: number, chance: number): number {
  const most = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 30_000;
  return Math.round(most * (0.5 + chance / 2)); // half of it is chance, so that clients do not return as one
}

class Live {
  state = $state<LiveState>("connecting");
  /** When the server was last heard, by its own clock; null before the first word. */
  heardAtMs = $state<number | null>(null);
  /** Whether the server takes us for one of the team; null until it said. */
  team = $state<boolean | null>(null);

  #listeners = new Set<Listener>();
  #source: EventSource | null = null;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;

  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open(): void {
    this.#close();
    this.state = this.heardAtMs === null ? "connecting" : "late";
    const source = new EventSource(`${API}/live`);
    this.#source = source;
    source.onerror = () => this.#lost(source);
    source.addEventListener("hello", (event) => this.#hello(event));
    source.addEventListener("block", (event) => this.#block(event));
    source.addEventListener("node", (event) => this.#tell({ kind: "node", id: text(parsed(event)["id"]) }));
    source.addEventListener("incident", (event) =>
      this.#tell({ kind: "incident", id: number(parsed(event)["id"]) }),
    );
    source.addEventListener("reset", () => this.#reset());
  }

  pause(): void {
    this.#close();
    this.state = "paused";
  }

  /** Follow the page in and out of the background. */
  watchVisibility(): void {
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#hidden);
      if (this.state === "paused") return;
      if (document.hidden) this.#hidden = setTimeout(() => this.#close(), HIDDEN_MS);
      else if (!this.#source) this.open();
    });
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  #hello(event: MessageEvent): void {
    const hello = parsed(event);
    this.#failures = 0;
    this.state = "live";
    if (typeof hello["team"] === "boolean") this.team = hello["team"];
    const at = number(hello["at_ms"]);
    if (at !== null) setBy(at);
    this.#tell({ kind: "anew" });
  }

  #block(event: MessageEvent): void {
    const block = parsed(event) as Partial<LiveBlock>;
    if (typeof block.height !== "number" || typeof block.cells !== "object") return;
    this.#tell({ kind: "block", block: block as LiveBlock });
  }

  /** We did not keep up: the server let us go, and what we show may have holes. */
  #reset(): void {
    this.open();
  }

  #lost(source: EventSource): void {
    if (source !== this.#source) return;
    this.state = this.heardAtMs === null ? "connecting" : "late";
    // The browser comes back by itself from a cut connection, but never from an error status.
    if (source.readyState !== EventSource.CLOSED) return;
    this.#close();
    this.#retry = setTimeout(() => this.open(), backoffMs(this.#failures++, Math.random()));
  }

  #tell(what: Happening): void {
    this.heardAtMs = serverNowMs();
    for (const listener of this.#listeners) listener(what);
  }
}

/** An event that is not JSON says nothing, and breaks nothing. */
function parsed(event: MessageEvent): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(String(event.data));
    return typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);

export const live = new Live();
