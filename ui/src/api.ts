// The one place that knows addresses. A question has one function; failure is a value that the page can draw.
import type {
  Blocks,
  Incident,
  Incidents,
  Network,
  Nodes,
  Problem,
  Series,
  Strip,
  Validator,
  Validators,
  VedetteNode,
} from "./shapes";

/** Why a question had no answer. `status` 0: the server did not speak at all. */
export type Trouble = { status: number; why: string };
export type Answer<T> = { ok: true; data: T } | ({ ok: false } & Trouble);

export const API = "/api/v1";
const DEADLINE_MS = 15_000;

export async function ask<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
  const late = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(`${API}/${path}`, {
      headers: { accept: "application/json" },
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    if (response.ok) return { ok: true, data: (await response.json()) as T };
    return { ok: false, status: response.status, why: await reason(response) };
  } catch (error) {
    return { ok: false, status: 0, why: error instanceof Error ? error.message : String(error) };
  }
}

/** What the server said is wrong; a proxy's HTML page in between is named by its status only. */
async function reason(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as Partial<Problem>;
    return problem.detail ?? problem.title ?? `HTTP ${response.status}`;
  } catch {
    return `HTTP ${response.status}`;
  }
}

function query(parts: Record<string, string | number | undefined>): string {
  const given = Object.entries(parts).flatMap(([k, v]) => (v === undefined ? [] : [[k, String(v)]]));
  return given.length ? `?${new URLSearchParams(given).toString()}` : "";
}

export type SeriesWindow = { names: readonly string[]; fromMs: number; toMs: number; points: number };

export const questions = {
  network: "network",
  validators: "validators",
  validator: (address: string) => `validators/${encodeURIComponent(address)}`,
  votes: (address: string, last: number) =>
    `validators/${encodeURIComponent(address)}/votes${query({ last })}`,
  nodes: "nodes",
  node: (id: string) => `nodes/${encodeURIComponent(id)}`,
  series: (id: string, w: SeriesWindow) =>
    `nodes/${encodeURIComponent(id)}/series${query({
      names: w.names.join(","),
      from_ms: w.fromMs,
      to_ms: w.toMs,
      points: w.points,
    })}`,
  blocks: (limit: number, before?: number) => `blocks${query({ before, limit })}`,
  incidents: (limit: number, before?: number) => `incidents${query({ before, limit })}`,
  incident: (id: number) => `incidents/${id}`,
} as const;

export const api = {
  network: (s?: AbortSignal) => ask<Network>(questions.network, s),
  validators: (s?: AbortSignal) => ask<Validators>(questions.validators, s),
  validator: (address: string, s?: AbortSignal) => ask<Validator>(questions.validator(address), s),
  votes: (address: string, last: number, s?: AbortSignal) => ask<Strip>(questions.votes(address, last), s),
  nodes: (s?: AbortSignal) => ask<Nodes>(questions.nodes, s),
  node: (id: string, s?: AbortSignal) => ask<VedetteNode>(questions.node(id), s),
  series: (id: string, w: SeriesWindow, s?: AbortSignal) => ask<Series>(questions.series(id, w), s),
  blocks: (limit: number, before?: number, s?: AbortSignal) => ask<Blocks>(questions.blocks(limit, before), s),
  incidents: (limit: number, before?: number, s?: AbortSignal) =>
    ask<Incidents>(questions.incidents(limit, before), s),
  incident: (id: number, s?: AbortSignal) => ask<Incident>(questions.incident(id), s),
};
