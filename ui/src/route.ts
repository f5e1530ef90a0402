// Where we are, from the address. Pure; the router on top of it listens to the browser.

export type Route =
  | { page: "network" }
  | { page: "validators" }
  | { page: "validator"; address: string }
  | { page: "nodes" }
  | { page: "node"; id: string }
  | { page: "incidents" }
  | { page: "incident"; id: number }
  | { page: "nowhere"; path: string };

export type Place = "network" | "validators" | "nodes" | "incidents";

export function routeOf(path: string): Route {
  const [place, id, ...rest] = path.split("/").filter(Boolean).map(decoded);
  if (rest.length) return { page: "nowhere", path };
  if (place === undefined) return { page: "network" };
  if (place === "validators") return id === undefined ? { page: "validators" } : { page: "validator", address: id };
  if (place === "nodes") return id === undefined ? { page: "nodes" } : { page: "node", id };
  if (place === "incidents" && id === undefined) return { page: "incidents" };
  if (place === "incidents" && id !== undefined && /^[1-9]\d{0,15}$/.test(id)) {
    return { page: "incident", id: Number(id) };
  }
  return { page: "nowhere", path };
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
    validators: "validators",
    validator: "validators",
    nodes: "nodes",
    node: "nodes",
    incidents: "incidents",
    incident: "incidents",
    nowhere: null,
  } as const;
  return places[route.page];
}

export const to = {
  network: "/",
  validators: "/validators",
  validator: (address: string) => `/validators/${encodeURIComponent(address)}`,
  nodes: "/nodes",
  node: (id: string) => `/nodes/${encodeURIComponent(id)}`,
  incidents: "/incidents",
  incident: (id: number) => `/incidents/${id}`,
} as const;
