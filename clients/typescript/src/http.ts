// One question to a Vedette server, and its answer.

export type Query = Record<string, string | number | boolean | null | undefined>;
export type Options = { token?: string; timeoutMs?: number };

/** The server refused, or could not be asked (`status` 0). `detail` says what to do, in one line. */
export class VedetteError extends Error {
  readonly status: number;
  readonly detail: string;
  readonly retryAfterS: number | null;

  constructor(status: number, detail: string, retryAfterS: number | null = null) {
    super(status ? `${status}: ${detail}` : detail);
    this.name = "VedetteError";
    this.status = status;
    this.detail = detail;
    this.retryAfterS = retryAfterS;
  }
}

/** Asks one server, as whoever the token stands for. */
export class Http {
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;

  constructor(baseUrl: string, options: Options = {}) {
    this.#base = baseUrl.replace(/\/+$/, "");
    this.#token = options.token;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  async json<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    const reply = await this.#asked(method, path, query, body, "application/json");
    const text = await reply.text();
    return (text ? JSON.parse(text) : null) as T;
  }

  async text(method: string, path: string, query: Query = {}): Promise<string> {
    return (await this.#asked(method, path, query)).text();
  }

  async bytes(method: string, path: string, query: Query = {}): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#asked(method, path, query)).arrayBuffer());
  }

  async #asked(method: string, path: string, query: Query, body?: unknown, accept = "*/*"): Promise<Response> {
    const headers: Record<string, string> = { accept };
    if (this.#token !== undefined) headers["authorization"] = `Bearer ${this.#token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const what: RequestInit = { method, headers, signal, redirect: "error" }; // the token is for this server alone
    if (body !== undefined) what.body = JSON.stringify(body);
    let reply: Response;
    try {
      reply = await fetch(`${this.#base}${path}${spelled(query)}`, what);
    } catch (error) {
      throw new VedetteError(0, `${this.#base} did not answer: ${String(error)}`);
    }
    if (!reply.ok) throw await refused(reply);
    return reply;
  }
}

/** A part of a path. */
export const segment = (value: string | number): string => encodeURIComponent(value);

function spelled(query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) given.set(name, String(value));
  }
  return given.size ? `?${given}` : "";
}

async function refused(reply: Response): Promise<VedetteError> {
  const text = await reply.text();
  const after = Number.parseInt(reply.headers.get("retry-after") ?? "", 10);
  let detail = text.slice(0, 200) || reply.statusText;
  try {
    const told: unknown = JSON.parse(text);
    if (typeof told === "object" && told !== null && "detail" in told) detail = String(told.detail);
  } catch {
    // It was no problem in JSON: what it says is told as it is.
  }
  return new VedetteError(reply.status, detail, Number.isNaN(after) ? null : after);
}
