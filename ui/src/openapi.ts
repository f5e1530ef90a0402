// The server's own description of its routes, read for people: what each is for, and what it can be asked. Pure.

export type Param = { name: string; where: "path" | "query"; required: boolean; choices: string[]; isNumber: boolean; about: string; example: string };
export type ApiRoute = { method: string; path: string; about: string; params: Param[] };

type Json = Record<string, unknown>;
const record = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

const METHODS = ["get", "post", "put", "patch", "delete"];

export function routesOf(document: unknown): ApiRoute[] {
  const whole = record(document);
  return Object.entries(record(whole["paths"])).flatMap(([path, operations]) =>
    METHODS.filter((method) => method in record(operations)).map((method) => {
      const operation = record(record(operations)[method]);
      const shared = list(record(operations)["parameters"]);
      const params = [...shared, ...list(operation["parameters"])].flatMap((one) => paramOf(whole, record(one)));
      return { method: method.toUpperCase(), path, about: firstSentence(operation), params };
    }),
  );
}

function firstSentence(operation: Json): string {
  const told = text(operation["description"]) || text(operation["summary"]);
  return told.split(/\n\s*\n/)[0]?.replace(/\s+/g, " ").trim() ?? "";
}

function paramOf(whole: Json, param: Json): Param[] {
  const where = text(param["in"]);
  if (where !== "path" && where !== "query") return [];
  const schemas = plain(whole, record(param["schema"]));
  const enums = schemas.flatMap((one) => list(one["enum"]).map(String));
  const flag = schemas.some((one) => one["type"] === "boolean");
  return [
    {
      name: text(param["name"]),
      where,
      required: param["required"] === true,
      choices: flag ? ["true", "false"] : enums,
      isNumber: schemas.some((one) => one["type"] === "integer" || one["type"] === "number"),
      about: text(param["description"]) || text(record(param["schema"])["description"]),
      example: exampleOf(param, schemas),
    },
  ];
}

/** A parameter's kinds without the nothing that it may be as well, and with what references mean. */
function plain(whole: Json, schema: Json): Json[] {
  const ref = /^#\/components\/schemas\/(\w+)$/.exec(text(schema["$ref"]))?.[1];
  if (ref) return plain(whole, record(record(record(whole["components"])["schemas"])[ref]));
  const any = list(schema["anyOf"]);
  return any.length ? any.flatMap((one) => plain(whole, record(one))).filter((one) => one["type"] !== "null") : [schema];
}

function exampleOf(param: Json, schemas: Json[]): string {
  const given = param["example"] ?? list(record(param["schema"])["examples"])[0] ?? schemas.flatMap((one) => list(one["examples"]))[0] ?? record(Object.values(record(param["examples"]))[0])["value"];
  return typeof given === "string" || typeof given === "number" ? String(given) : "";
}

/** Where a route is asked; null while a part of its path is missing. */
export function addressOf(route: ApiRoute, given: Readonly<Record<string, string>>): string | null {
  let path = route.path;
  for (const { name } of route.params.filter((one) => one.where === "path")) {
    const value = given[name]?.trim();
    if (!value) return null;
    path = path.replace(`{${name}}`, encodeURIComponent(value));
  }
  const asked = route.params.filter((one) => one.where === "query" && given[one.name]?.trim());
  const query = new URLSearchParams(asked.map(({ name }) => [name, given[name]?.trim() ?? ""])).toString();
  return query ? `${path}?${query}` : path;
}

/** For a shell: in single quotes, and a quote within is closed, escaped and opened again. */
export const quoted = (words: string): string => `'${words.replaceAll("'", `'\\''`)}'`;

/** The noun that a route is about: the first part of its path after the version. */
export const nounOf = (path: string): string => path.replace(/^\/api\/v\d+\//, "").split("/").filter(Boolean)[0] ?? path;
