// Numbers, times and names as text. Pure and total: any input gives text, and what is not known is a dash.

export const NOTHING = "–";

type Maybe = number | null | undefined;
const known = (n: Maybe): n is number => typeof n === "number" && Number.isFinite(n);

export type TimeUnit = "ms" | "s" | "min" | "h" | "d";
const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** A duration in its largest whole unit. Never negative: clocks that disagree say 0 s. */
export function span(ms: number): { n: number; unit: TimeUnit } {
  const some = Number.isFinite(ms) ? Math.max(ms, 0) : 0;
  const [unit, size] = UNITS.find(([, size]) => some >= size) ?? (["s", 1000] as const);
  return { n: Math.floor(some / size), unit };
}

/** The two largest units of a duration: "2 h 05 min" where "2 h" would be too coarse. */
export function span2(ms: number): { n: number; unit: TimeUnit }[] {
  const first = span(ms);
  const at = UNITS.findIndex(([unit]) => unit === first.unit);
  const next = UNITS[at + 1];
  const size = UNITS[at]?.[1];
  if (!next || !size || first.n >= 10) return [first];
  const rest = span2Rest(ms, first.n * size, next[1]);
  return rest === 0 ? [first] : [first, { n: rest, unit: next[0] }];
}

function span2Rest(ms: number, taken: number, size: number): number {
  return Math.floor((Math.max(ms, 0) - taken) / size);
}

/** Whole numbers with thousands separators: heights, epochs, counts. */
export function whole(n: Maybe): string {
  return known(n) ? group(Math.trunc(n).toString()) : NOTHING;
}

function group(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A share as percent. Rounds down, so that 100 % means all and nothing less, 0 % none and nothing more. */
export function ratio(share: Maybe, decimals = 1): string {
  if (!known(share)) return NOTHING;
  const scale = 10 ** decimals;
  const floored = Math.floor(share * 100 * scale + 1e-9) / scale;
  if (floored === 0 && share > 0) return `<${(1 / scale).toFixed(decimals)} %`;
  return Number.isInteger(floored) ? `${floored} %` : `${floored.toFixed(decimals)} %`;
}

export const CFX_PER_VOTE = 1000;

/** CFX of a number of votes: 1 vote = 1,000 CFX, exactly. */
export function cfxOfVotes(votes: Maybe): string {
  return known(votes) ? cfx(votes * CFX_PER_VOTE) : NOTHING;
}

/** CFX with thousands separators and at most four significant decimals. */
export function cfx(amount: Maybe): string {
  if (!known(amount)) return NOTHING;
  const [units = "0", part = ""] = decimal(Math.abs(amount)).split(".");
  return `${amount < 0 ? "-" : ""}${group(units)}${significant(units, part)} CFX`;
}

/** Four decimals that say something, and none that say nothing. */
function significant(units: string, part: string): string {
  const lead = part.match(/^0*/)?.[0].length ?? 0;
  const kept = part.slice(0, units === "0" ? lead + 4 : 4).replace(/0+$/, "");
  return kept ? `.${kept}` : "";
}

const GDRIP_PLACES = 9;
const DRIP_PLACES = 18;

type Coins = { sign: string; units: string; part: string };

/** The API's decimal text, too long for a number, cut where CFX begin. */
function coins(text: string | null | undefined, places: number): Coins | null {
  const digits = text?.match(/^(-?)(\d+)$/);
  if (!digits) return null;
  const padded = (digits[2] ?? "").replace(/^0+/, "").padStart(places + 1, "0");
  const [units, part] = [padded.slice(0, -places), padded.slice(-places)];
  return { sign: /[1-9]/.test(padded) ? (digits[1] ?? "") : "", units, part };
}

function told(found: Coins | null, decimals: (units: string, part: string) => string): string {
  return found ? `${found.sign}${group(found.units)}${decimals(found.units, found.part)} CFX` : NOTHING;
}

/** One decimal of what is counted in thousands: the rest is noise beside it. */
const brief = (units: string, part: string): string =>
  units.length < 4 ? significant(units, part) : part.startsWith("0") ? "" : `.${part.slice(0, 1)}`;

const every = (_: string, part: string): string => (/[1-9]/.test(part) ? `.${part.replace(/0+$/, "")}` : "");

/** Amounts of the API as CFX; `exact` ones have every decimal. */
export const cfxOfGdrip = (text: string | null | undefined): string => told(coins(text, GDRIP_PLACES), significant);
export const briefOfGdrip = (text: string | null | undefined): string => told(coins(text, GDRIP_PLACES), brief);
export const exactOfGdrip = (text: string | null | undefined): string => told(coins(text, GDRIP_PLACES), every);
export const cfxOfDrip = (text: string | null | undefined): string => told(coins(text, DRIP_PLACES), significant);
export const exactOfDrip = (text: string | null | undefined): string => told(coins(text, DRIP_PLACES), every);

/** For a column whose head names CFX: always two decimals, so that digits stand below digits. */
const even = (found: Coins | null): string => (found ? `${found.sign}${group(found.units)}.${found.part.slice(0, 2)}` : NOTHING);
export const columnOfGdrip = (text: string | null | undefined): string => even(coins(text, GDRIP_PLACES));
export const columnOfDrip = (text: string | null | undefined): string => even(coins(text, DRIP_PLACES));

/** CFX as a number: for lines of a chart and for sorting, never for words. */
export const gdripNumber = (text: string | null): number | null => (text === null ? null : Number(text) / 1e9);
export const dripNumber = (text: string | null): number | null => (text === null ? null : Number(text) / 1e18);

/** Millionths as percent. */
export const percent = (ppm: Maybe, decimals = 1): string => ratio(known(ppm) ? ppm / 1e6 : null, decimals);

/** For a column of yields: always two decimals. */
export const columnOfPpm = (ppm: Maybe): string => (known(ppm) ? `${(Math.floor(ppm / 100 + 1e-9) / 100).toFixed(2)} %` : NOTHING);

/** A share that somebody has set, and nothing has measured: as many decimals as it has, up to two. */
export const setShare = (ppm: Maybe): string => percent(ppm, 2).replace(/(\.\d)0 %$/, "$1 %");

/** Digits without an exponent, to 18 places: what a CFX can have. */
function decimal(n: number): string {
  return n >= 1e21 ? BigInt(Math.round(n)).toString() : n.toFixed(18).replace(/\.?0+$/, "");
}

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export function bytes(n: Maybe): string {
  if (!known(n)) return NOTHING;
  const size = Math.abs(n);
  let step = size < 1 ? 0 : Math.min(Math.floor(Math.log2(size) / 10), BYTES.length - 1);
  if (step < BYTES.length - 1 && round3(size / 1024 ** step) === "1024") step += 1; // 1023.9 MiB is 1 GiB
  return `${n < 0 ? "-" : ""}${round3(size / 1024 ** step)} ${BYTES[step] ?? "B"}`;
}

/** Three significant digits, but never fewer than the whole ones. */
export function round3(n: number): string {
  if (!Number.isFinite(n)) return NOTHING;
  if (Math.abs(n) >= 100) return Math.round(n).toString();
  return Number(n.toPrecision(3)).toString();
}

/** Any measured number: whole ones grouped, others to three significant digits. */
export function amount(n: Maybe): string {
  if (!known(n)) return NOTHING;
  return Number.isInteger(n) || Math.abs(n) >= 1000 ? whole(Math.round(n)) : round3(n);
}

/** An address or hash shortened in its middle; short ones stay whole. */
export function short(address: string, head = 6, tail = 4): string {
  const start = address.startsWith("0x") ? head + 2 : head;
  return address.length <= start + tail + 1 ? address : `${address.slice(0, start)}…${address.slice(-tail)}`;
}

/** `conflux-rust/v3.0.2-1e2b…` is 3.0.2; another form stays as it is, shortened. */
export function shortVersion(version: string | null): string | null {
  if (version === null) return null;
  return /\bv?(\d+\.\d+\.\d+)/.exec(version)?.[1] ?? short(version, 12, 4);
}

const two = (n: number): string => n.toString().padStart(2, "0");

/** The exact time that a relative one hides: local date and time to the second, UTC beside. */
export function exact(ms: Maybe): string {
  const at = new Date(known(ms) ? ms : Number.NaN);
  if (Number.isNaN(at.getTime())) return NOTHING;
  const utc = `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return at.getTimezoneOffset() === 0 ? utc : `${localTime(at)} (${utc})`;
}

export function localTime(at: Date): string {
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Hours and minutes, local; with the date when it is another day than `nowMs`. */
export function clockTime(ms: Maybe, nowMs: number): string {
  const at = new Date(known(ms) ? ms : Number.NaN);
  if (Number.isNaN(at.getTime())) return NOTHING;
  const sameDay = at.toDateString() === new Date(nowMs).toDateString();
  const text = localTime(at);
  return sameDay ? text.slice(11) : text.slice(5, 16);
}

/** Text of a measured number by what its series' name says of its unit. */
export function measure(name: string, n: Maybe): string {
  if (name.endsWith("_bytes")) return bytes(n);
  if (name.endsWith("_ratio")) return ratio(n);
  if (!known(n)) return NOTHING;
  if (name.endsWith("_ms") || name.endsWith(".ms")) return `${amount(n)} ms`;
  if (name.endsWith("_seconds")) return `${amount(n)} s`;
  if (name.endsWith("_cores")) return `${round3(n)} cores`;
  return amount(n);
}
