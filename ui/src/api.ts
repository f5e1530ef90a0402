// The one place that knows addresses. A question has one function; failure is a value that the page can draw.
import type {
  AccountEvents,
  Availability,
  Balance,
  Blocks,
  Committee,
  Elections,
  Enrolment,
  EnrolmentState,
  Epoch,
  Epochs,
  Fees,
  Incident,
  Incidents,
  Network,
  NetworkHistory,
  NodeChange,
  Nodes,
  Outlook,
  Performance,
  PoolDetail,
  Pools,
  Problem,
  Progress,
  Series,
  StateRuns,
  Strip,
  Validator,
  ValidatorInFull,
  ValidatorEpochs,
  Validators,
  VedetteNode,
  Versions,
  Wallet,
  WholeBlock,
  WorldMap,
} from "./shapes";
import type { SessionNow } from "./people";
import type { UptimeWindow } from "./uptime";
import type { WindowName } from "./windows";

/** Why a question had no answer. `status` 0: the server did not speak at all. */
export type Trouble = { status: number; why: string; need?: Need };
/** What the server wants before it does this: a one-time code, or a fresh proof of who asks. */
export type Need = "code" | "confirm";
export type Answer<T> = { ok: true; data: T } | ({ ok: false } & Trouble);

export const API = "/api/v1";
const DEADLINE_MS = 15_000;

export const ask = <T>(path: string, signal?: AbortSignal): Promise<Answer<T>> => said<T>(path, {}, signal);

/** Change something; of what is gone, nothing comes back. `token`: where not the cookie, but this says who may. */
export const tell = <T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, token?: string): Promise<Answer<T>> =>
  said<T>(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }), ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }) });

async function said<T>(path: string, what: RequestInit, signal?: AbortSignal): Promise<Answer<T>> {
  const late = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(`${API}/${path}`, {
      ...what,
      headers: { ...what.headers, accept: "application/json", ...(what.body ? { "content-type": "application/json" } : {}) },
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    if (response.ok) return { ok: true, data: (response.status === 204 ? null : await response.json()) as T };
    return { ok: false, status: response.status, ...(await reason(response)) };
  } catch (error) {
    return { ok: false, status: 0, why: error instanceof Error ? error.message : String(error) };
  }
}

/** What the server said is wrong; a proxy's HTML page in between is named by its status only. */
async function reason(response: Response): Promise<Omit<Trouble, "status">> {
  try {
    const problem = (await response.json()) as Partial<Problem> & { need?: unknown };
    const why = problem.detail ?? problem.title ?? `HTTP ${response.status}`;
    return problem.need === "code" || problem.need === "confirm" ? { why, need: problem.need } : { why };
  } catch {
    return { why: `HTTP ${response.status}` };
  }
}

function query(parts: Record<string, string | number | undefined>): string {
  const given = Object.entries(parts).flatMap(([k, v]) => (v === undefined ? [] : [[k, String(v)]]));
  return given.length ? `?${new URLSearchParams(given).toString()}` : "";
}

export type SeriesWindow = { names: readonly string[]; fromMs: number; toMs: number; points: number };

const ofPool = (contract: string): string => `pools/${encodeURIComponent(contract)}`;
const ofOne = (address: string): string => `validators/${encodeURIComponent(address)}`;

export type Listing = { window?: WindowName; q?: string; sort?: string; cursor?: string; format?: "csv" };
/** A page of a list that goes back in time. */
export type Page = { before?: number | undefined; limit?: number; format?: "csv" };

export const questions = {
  network: "network",
  validators: (what: Listing = {}) => `validators${query(what)}`,
  validator: ofOne,
  lookUp: (address: string) => `${ofOne(address)}?look=true`,
  votes: (address: string, last: number) => `${ofOne(address)}/votes${query({ last })}`,
  performance: (address: string, window: WindowName) => `${ofOne(address)}/performance${query({ window })}`,
  epochsOf: (address: string, page: Page) => `${ofOne(address)}/epochs${query(page)}`,
  balance: (address: string, fromMs: number, toMs: number) =>
    `${ofOne(address)}/balance${query({ from_ms: fromMs, to_ms: toMs })}`,
  elections: (address: string, page: Page) => `${ofOne(address)}/elections${query(page)}`,
  events: (address: string, page: Page) => `${ofOne(address)}/events${query(page)}`,
  outlook: (address: string) => `${ofOne(address)}/outlook`,
  pools: (window: WindowName, more: { sort?: string; format?: "csv" } = {}) => `pools${query({ window, ...more })}`,
  pool: (contract: string, window: WindowName) => `${ofPool(contract)}${query({ window })}`,
  fees: (contract: string, page: Page) => `${ofPool(contract)}/fees${query(page)}`,
  wallet: (address: string) => `wallets/${encodeURIComponent(address)}`,
  nodes: "nodes",
  node: (id: string) => `nodes/${encodeURIComponent(id)}`,
  series: (id: string, w: SeriesWindow) =>
    `nodes/${encodeURIComponent(id)}/series${query({
      names: w.names.join(","),
      from_ms: w.fromMs,
      to_ms: w.toMs,
      points: w.points,
    })}`,
  states: (id: string, names: readonly string[], fromMs: number, toMs: number) =>
    `nodes/${encodeURIComponent(id)}/states${query({ names: names.join(","), from_ms: fromMs, to_ms: toMs })}`,
  availability: (id: string, window: UptimeWindow) => `nodes/${encodeURIComponent(id)}/availability${query({ window, cell: window === "30d" ? "hour" : undefined })}`,
  blocks: (limit: number, before?: number) => `blocks${query({ before, limit })}`,
  block: (height: number) => `blocks/${height}`,
  committee: (epoch: number | null, format?: "csv") => `committee${epoch === null ? "" : `/${epoch}`}${query({ format })}`,
  epochs: (page: Page) => `epochs${query(page)}`,
  epoch: (epoch: number, format?: "csv") => `epochs/${epoch}${query({ format })}`,
  history: (window: WindowName, points: number, format?: "csv") => `network/history${query({ window, points, format })}`,
  progress: "history",
  incidents: (limit: number, before?: number) => `incidents${query({ before, limit })}`,
  incident: (id: number) => `incidents/${id}`,
} as const;

export const api = {
  session: (s?: AbortSignal) => ask<SessionNow>("session", s),
  network: (s?: AbortSignal) => ask<Network>(questions.network, s),
  validators: (s?: AbortSignal, what?: Listing) => ask<Validators>(questions.validators(what), s),
  validator: (address: string, s?: AbortSignal) => ask<ValidatorInFull>(questions.validator(address), s),
  lookUp: (address: string, s?: AbortSignal) => ask<Validator>(questions.lookUp(address), s),
  votes: (address: string, last: number, s?: AbortSignal) => ask<Strip>(questions.votes(address, last), s),
  performance: (address: string, window: WindowName, s?: AbortSignal) =>
    ask<Performance>(questions.performance(address, window), s),
  epochsOf: (address: string, page: Page, s?: AbortSignal) =>
    ask<ValidatorEpochs>(questions.epochsOf(address, page), s),
  balance: (address: string, fromMs: number, toMs: number, s?: AbortSignal) =>
    ask<Balance>(questions.balance(address, fromMs, toMs), s),
  elections: (address: string, page: Page, s?: AbortSignal) =>
    ask<Elections>(questions.elections(address, page), s),
  events: (address: string, page: Page, s?: AbortSignal) => ask<AccountEvents>(questions.events(address, page), s),
  outlook: (address: string, s?: AbortSignal) => ask<Outlook>(questions.outlook(address), s),
  pools: (window: WindowName, s?: AbortSignal) => ask<Pools>(questions.pools(window), s),
  pool: (contract: string, window: WindowName, s?: AbortSignal) => ask<PoolDetail>(questions.pool(contract, window), s),
  fees: (contract: string, page: Page, s?: AbortSignal) => ask<Fees>(questions.fees(contract, page), s),
  wallet: (address: string, s?: AbortSignal) => ask<Wallet>(questions.wallet(address), s),
  nodes: (s?: AbortSignal) => ask<Nodes>(questions.nodes, s),
  node: (id: string, s?: AbortSignal) => ask<VedetteNode>(questions.node(id), s),
  changeNode: (id: string, change: NodeChange) => tell<VedetteNode>("PATCH", questions.node(id), change),
  forgetNode: (id: string) => tell<null>("DELETE", questions.node(id)),
  enrol: () => tell<Enrolment>("POST", "enrolments", {}),
  enrolment: (id: string, s?: AbortSignal) => ask<EnrolmentState>(`enrolments/${encodeURIComponent(id)}`, s),
  map: (s?: AbortSignal) => ask<WorldMap>("map", s),
  versions: (s?: AbortSignal) => ask<Versions>("versions", s),
  series: (id: string, w: SeriesWindow, s?: AbortSignal) => ask<Series>(questions.series(id, w), s),
  states: (id: string, names: readonly string[], fromMs: number, toMs: number, s?: AbortSignal) =>
    ask<StateRuns>(questions.states(id, names, fromMs, toMs), s),
  availability: (id: string, window: UptimeWindow, s?: AbortSignal) =>
    ask<Availability>(questions.availability(id, window), s),
  blocks: (limit: number, before?: number, s?: AbortSignal) => ask<Blocks>(questions.blocks(limit, before), s),
  block: (height: number, s?: AbortSignal) => ask<WholeBlock>(questions.block(height), s),
  committee: (epoch: number | null, s?: AbortSignal) => ask<Committee>(questions.committee(epoch), s),
  epochs: (page: Page, s?: AbortSignal) => ask<Epochs>(questions.epochs(page), s),
  epoch: (epoch: number, s?: AbortSignal) => ask<Epoch>(questions.epoch(epoch), s),
  history: (window: WindowName, points: number, s?: AbortSignal) =>
    ask<NetworkHistory>(questions.history(window, points), s),
  progress: (s?: AbortSignal) => ask<Progress>(questions.progress, s),
  incidents: (limit: number, before?: number, s?: AbortSignal) =>
    ask<Incidents>(questions.incidents(limit, before), s),
  incident: (id: number, s?: AbortSignal) => ask<Incident>(questions.incident(id), s),
};
