// What several pages show, read once and kept current by the live stream.
import { untrack } from "svelte";
import { api, type Answer } from "./api";
import { setBy } from "./clock.svelte";
import { live, type Happening } from "./live.svelte";
import { Question } from "./question.svelte";
import type { Block, LiveBlock, Network, Validator, Validators } from "./shapes";
import { advanced, cellOf, counted } from "./strip";
import { DEFAULT_WINDOW, type WindowName } from "./windows";

export const STRIP_BLOCKS = 100;
export const LAST_BLOCKS = 12;
export const INCIDENTS = 50;
/** While the live stream is broken the page still asks, slowly. */
const FALLBACK_MS = 20_000;
const PROGRESS_PACE_MS = 4_000;

class Fleet {
  network = new Question((signal) => timed(api.network(signal)));
  validators = new Question((signal) => everybody(this.window, signal));
  nodes = new Question((signal) => api.nodes(signal));
  incidents = new Question((signal) => api.incidents(INCIDENTS, undefined, signal));
  blocks = new Question((signal) => api.blocks(LAST_BLOCKS, undefined, signal));
  progress = new Question((signal) => api.progress(signal), PROGRESS_PACE_MS);

  /** What the validators' figures are of; whoever changes it asks for them anew. */
  window: WindowName = DEFAULT_WINDOW;

  #names: Map<string, string> = $derived(namesOf(this.validators.data?.validators ?? []));

  /** What a PoS address is called by its node or its team; null when nobody told. */
  nameOf(address: string): string | null {
    return this.#names.get(address) ?? null;
  }

  start(): () => void {
    const off = live.on((what) => this.#happened(what));
    const timer = setInterval(() => {
      if (live.state === "live" || live.state === "paused" || document.hidden) return;
      this.#all();
    }, FALLBACK_MS);
    return () => {
      off();
      clearInterval(timer);
    };
  }

  #all(): void {
    for (const q of [this.network, this.validators, this.nodes, this.incidents, this.blocks, this.progress]) q.touch();
  }

  #happened(what: Happening): void {
    if (what.kind === "anew") this.#all();
    if (what.kind === "block") this.#block(what.block);
    if (what.kind === "node") for (const q of [this.nodes, this.network]) q.touch();
    if (what.kind === "incident") for (const q of [this.incidents, this.network, this.validators, this.nodes]) q.touch();
  }

  #block(block: LiveBlock): void {
    this.validators.amend((data) => withBlock(data, block));
    this.network.amend((data) => newestOf(data, block));
    this.network.touch();
    this.blocks.touch();
  }
}

/** All pages of the list as one: the page sorts and searches by itself. */
async function everybody(window: WindowName, signal: AbortSignal): Promise<Answer<Validators>> {
  const answer = await api.validators(signal, { window });
  if (!answer.ok) return answer;
  const { data } = answer;
  const validators = [...data.validators];
  let cursor = data.next_cursor;
  while (cursor !== null) {
    const next = await api.validators(signal, { window, cursor });
    if (!next.ok) return next;
    validators.push(...next.data.validators);
    cursor = next.data.next_cursor;
  }
  return { ok: true, data: { ...data, validators, next_cursor: null } };
}

/** The same rows with one more cell each; null when we slept through blocks and must read again. */
export function withBlock(data: Validators, block: LiveBlock): Validators | null {
  const validators: Validator[] = [];
  for (const validator of data.validators) {
    const next = advanced(validator.votes, block.height, cellOf(block, validator.address), STRIP_BLOCKS);
    if (next === null) return null;
    validators.push({ ...validator, votes: counted(next), last_signed_height: lastSigned(validator, block) });
  }
  return { ...data, height: Math.max(data.height ?? 0, block.height), validators };
}

export function lastSigned(validator: Validator, block: LiveBlock): number | null {
  const cell = cellOf(block, validator.address);
  if (cell !== "s" && cell !== "l") return validator.last_signed_height;
  return Math.max(validator.last_signed_height ?? 0, block.height);
}

export function newestOf(network: Network, block: LiveBlock): Network {
  const { pos } = network;
  if (!pos || block.height <= pos.height) return network;
  return { ...network, pos: { ...pos, height: block.height, epoch: block.epoch, block_at_ms: block.at_ms } };
}

function namesOf(validators: Validator[]): Map<string, string> {
  return new Map(
    validators.flatMap((v) => {
      const name = v.name ?? v.claimed?.name;
      return name ? [[v.address, name] as const] : [];
    }),
  );
}

async function timed(answer: ReturnType<typeof api.network>): ReturnType<typeof api.network> {
  const network = await answer;
  if (network.ok) setBy(network.data.at_ms);
  return network;
}

export const fleet = new Fleet();

/** Blocks that we have heard of, for what a strip says of a cell. Bounded: a page may stay open for months. */
const HEARD_MAX = 2000;
const HEARD_PAGE = 100;

class Chain {
  #blocks = new Map<number, Block>();
  #epochs = new Map<number, number>();
  #asked = new Map<number, Promise<void>>();
  /** Rises when something was learned, for those who draw. */
  learned = $state(0);

  block(height: number): Block | undefined {
    return this.#blocks.get(height);
  }

  epoch(height: number): number | undefined {
    return this.#epochs.get(height);
  }

  hear(blocks: readonly Block[]): void {
    for (const block of blocks) {
      this.#blocks.set(block.height, block);
      this.#epochs.set(block.height, block.epoch);
    }
    forgetOldest(this.#blocks);
    forgetOldest(this.#epochs);
    this.learned = untrack(() => this.learned) + 1; // whoever teaches does not wait to be taught
  }

  hearLive(block: LiveBlock): void {
    this.#epochs.set(block.height, block.epoch);
    this.#blocks.delete(block.height); // more was seen of it than we knew
  }

  /** Read the page of blocks around a height, once. */
  look(height: number): Promise<void> {
    if (this.#blocks.has(height)) return Promise.resolve();
    const before = (Math.floor(height / HEARD_PAGE) + 1) * HEARD_PAGE;
    const asked = this.#asked.get(before) ?? this.#read(before);
    this.#asked.set(before, asked);
    return asked;
  }

  async #read(before: number): Promise<void> {
    const answer = await api.blocks(HEARD_PAGE, before);
    if (answer.ok) this.hear(answer.data.blocks);
    this.#asked.delete(before);
  }
}

function forgetOldest(known: Map<number, unknown>): void {
  const heights = [...known.keys()];
  if (heights.length <= HEARD_MAX) return;
  for (const height of heights.sort((a, b) => a - b).slice(0, heights.length - HEARD_MAX)) known.delete(height);
}

export const chain = new Chain();
live.on((what) => {
  if (what.kind === "block") chain.hearLive(what.block);
});
