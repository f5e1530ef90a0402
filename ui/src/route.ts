// Where we are, from the address. Pure; the router on top of it listens to the browser.

export type Route =
  | { page: "network" }
  | { page: "committee"; epoch: number | null }
  | { page: "epochs" }
  | { page: "epoch"; epoch: number }
  | { page: "block"; height: number }
  | { page: "history" }
  | { page: "validators" }
  | { page: "validator"; address: string }
  | { page: "pools" }
  | { page: "pool"; contract: string }
  | { page: "wallet"; address: string }
  | { page: "nodes" }
  | { page: "node"; id: string }
  | { page: "map" }
  | { page: "versions" }
  | { page: "enrol" }
  | { page: "incidents" }
  | { page: "incident"; id: number }
  | { page: "ack"; token: string }
  | { page: Alone }
  | { page: "status"; slug: string }
  | { page: "nowhere"; path: string };

/** Pages of people: sign-in, account, team, its keys and what it tells others. Each is the whole address. */
const ALONE = [
  "sign-in", "sign-up", "setup", "reset", "verify", "account", "team", "keys", "operator-keys", "claims", "profile", "audit", "people", "embed", "api",
  "rules", "contacts", "routing", "on-call", "silences",
] as const;
export type Alone = (typeof ALONE)[number];

export type Place = "network" | "validators" | "nodes" | "incidents" | "team";

export function routeOf(path: string): Route {
  const [place, id, ...rest] = path.split("/").filter(Boolean).map(decoded);
  if (rest.length) return { page: "nowhere", path };
  if (place === undefined) return { page: "network" };
  const alone = ALONE.find((one) => one === place && id === undefined);
  if (alone) return { page: alone };
  const chain = chainRoute(place, id);
  if (chain) return chain;
  if (place === "validators") return id === undefined ? { page: "validators" } : { page: "validator", address: id };
  if (place === "pools") return id === undefined ? { page: "pools" } : { page: "pool", contract: id };
  if (place === "wallet" && id !== undefined) return { page: "wallet", address: id };
  if (place === "nodes") return id === undefined ? { page: "nodes" } : { page: "node", id };
  if ((place === "map" || place === "versions" || place === "enrol") && id === undefined) return { page: place };
  if (place === "incidents" && id === undefined) return { page: "incidents" };
  if (place === "ack" && id !== undefined) return { page: "ack", token: id };
  if ((place === "status" || place === "teams") && id !== undefined) return { page: "status", slug: id };
  const incident = place === "incidents" ? numberOf(id) : null;
  return incident === null ? { page: "nowhere", path } : { page: "incident", id: incident };
}

/** Pages about the chain itself; null for all others, and for a number that is none. */
function chainRoute(place: string, id: string | undefined): Route | null {
  if (place === "history" && id === undefined) return { page: "history" };
  if (place === "epochs" && id === undefined) return { page: "epochs" };
  if (place === "committee" && id === undefined) return { page: "committee", epoch: null };
  const number = numberOf(id);
  if (number === null) return null;
  if (place === "committee") return { page: "committee", epoch: number };
  if (place === "epochs") return { page: "epoch", epoch: number };
  return place === "blocks" ? { page: "block", height: number } : null;
}

/** A number from 1 on that a double holds exactly. */
export function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}

/** A broken escape in a hand-made address is text, not a crash. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Which of the places a route belongs to; a page that is nowhere belongs to none. */
export function placeOf(route: Route): Place | null {
  const places = {
    network: "network",
    committee: "network",
    epochs: "network",
    epoch: "network",
    block: "network",
    history: "network",
    validators: "validators",
    validator: "validators",
    pools: "validators",
    pool: "validators",
    wallet: "validators",
    nodes: "nodes",
    node: "nodes",
    map: "nodes",
    versions: "nodes",
    enrol: "nodes",
    incidents: "incidents",
    incident: "incidents",
    rules: "incidents",
    contacts: "incidents",
    routing: "incidents",
    "on-call": "incidents",
    silences: "incidents",
    account: "team",
    team: "team",
    keys: "team",
    "operator-keys": "team",
    claims: "team",
    profile: "team",
    audit: "team",
    people: "team",
    embed: null,
    api: null,
    ack: null,
    status: null,
    "sign-in": null,
    "sign-up": null,
    setup: null,
    reset: null,
    verify: null,
    nowhere: null,
  } as const;
  return places[route.page];
}

/** The chapters of a place: what is said of the chain, of those who vote, of the machines, of what is told, and of those who watch. */
export const CHAPTERS = {
  network: ["network", "committee", "epochs", "history"],
  validators: ["validators", "pools"],
  nodes: ["nodes", "map", "versions"],
  incidents: ["incidents", "rules", "contacts", "routing", "on-call", "silences"],
  team: ["account", "team", "keys", "operator-keys", "claims", "profile", "audit", "people"],
} as const;
export type Chapter = (typeof CHAPTERS)[keyof typeof CHAPTERS][number];

const CHAPTER_OF: Partial<Record<Route["page"], Chapter>> = {
  network: "network",
  committee: "committee",
  epochs: "epochs",
  epoch: "epochs",
  block: "epochs",
  history: "history",
  validators: "validators",
  validator: "validators",
  pools: "pools",
  pool: "pools",
  wallet: "pools",
  nodes: "nodes",
  node: "nodes",
  enrol: "nodes",
  map: "map",
  versions: "versions",
  incidents: "incidents",
  incident: "incidents",
  rules: "rules",
  contacts: "contacts",
  routing: "routing",
  "on-call": "on-call",
  silences: "silences",
  account: "account",
  team: "team",
  keys: "keys",
  "operator-keys": "operator-keys",
  claims: "claims",
  profile: "profile",
  audit: "audit",
  people: "people",
};

export const chapterOf = (route: Route): Chapter | null => CHAPTER_OF[route.page] ?? null;

export const to = {
  network: "/",
  committee: "/committee",
  committeeOf: (epoch: number) => `/committee/${epoch}`,
  epochs: "/epochs",
  epochsBefore: (epoch: number) => `/epochs?before=${epoch}`,
  epoch: (epoch: number) => `/epochs/${epoch}`,
  block: (height: number) => `/blocks/${height}`,
  history: "/history",
  validators: "/validators",
  validator: (address: string) => `/validators/${encodeURIComponent(address)}`,
  pools: "/pools",
  pool: (contract: string) => `/pools/${encodeURIComponent(contract)}`,
  wallet: (address: string) => `/wallet/${encodeURIComponent(address)}`,
  nodes: "/nodes",
  map: "/map",
  versions: "/versions",
  enrol: "/enrol",
  node: (id: string) => `/nodes/${encodeURIComponent(id)}`,
  incidents: "/incidents",
  incident: (id: number) => `/incidents/${id}`,
  rules: "/rules",
  ruleOf: (name: string) => `/rules?rule=${encodeURIComponent(name)}`,
  contacts: "/contacts",
  deliveriesOf: (ref: string) => `/contacts?of=${encodeURIComponent(ref)}`,
  routing: "/routing",
  "on-call": "/on-call",
  silences: "/silences",
  signIn: "/sign-in",
  /** Sign in, and come back to where it was needed. */
  signInFor: (path: string) => (path === "/" || routeOf(path).page === "sign-in" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(path)}`),
  signUp: "/sign-up",
  setup: "/setup",
  reset: "/reset",
  account: "/account",
  team: "/team",
  keys: "/keys",
  "operator-keys": "/operator-keys",
  claims: "/claims",
  claimOf: (address: string) => `/claims?address=${encodeURIComponent(address)}`,
  profile: "/profile",
  audit: "/audit",
  people: "/people",
  embed: "/embed",
  embedOf: (kind: string, id: string) => `/embed?kind=${kind}&id=${encodeURIComponent(id)}`,
  api: "/api",
  status: (slug: string) => `/status/${encodeURIComponent(slug)}`,
} as const;
