// Repeating windows of work: the five fields of cron for those that people make here, and words for them.

export type Every = "day" | "week" | "month";
/** `weekdays`: 0 is Monday, as the API has it. */
export type Beat = { every: Every; weekdays: readonly number[]; day: number; hour: number; minute: number };

/** Monday is 0 here and 1 in cron, Sunday 6 and 0. */
const toCron = (weekday: number): number => (weekday + 1) % 7;
const ofCron = (weekday: number): number => (weekday + 6) % 7;

export function cronOf(beat: Beat): string {
  const at = `${beat.minute} ${beat.hour}`;
  if (beat.every === "day") return `${at} * * *`;
  if (beat.every === "month") return `${at} ${beat.day} * *`;
  return `${at} * * ${beat.weekdays.map(toCron).sort((a, b) => a - b).join(",")}`;
}

const NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** The beat of a cron line; null for one that is not of these kinds, and is shown as it stands. */
export function beatOf(cron: string): Beat | null {
  const [minute = "", hour = "", day = "", month = "", weekday = "", ...rest] = cron.trim().split(/\s+/);
  if (rest.length || month !== "*" || !number(minute, 59) || !number(hour, 23)) return null;
  const at = { hour: Number(hour), minute: Number(minute), weekdays: [] as number[], day: 1 };
  if (day === "*" && weekday === "*") return { ...at, every: "day" };
  if (weekday === "*") return number(day, 31) && day !== "0" ? { ...at, every: "month", day: Number(day) } : null;
  const days = day === "*" ? weekdaysOf(weekday) : null;
  return days && { ...at, every: "week", weekdays: days };
}

const number = (text: string, most: number): boolean => /^\d{1,2}$/.test(text) && Number(text) <= most;

/** `1-5`, `mon,wed`, `0,6` */
function weekdaysOf(text: string): number[] | null {
  const found = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const [first, last] = part.split("-").map((one) => (NAMES.includes(one) ? NAMES.indexOf(one) : number(one, 7) ? Number(one) : NaN));
    if (first === undefined || Number.isNaN(first) || Number.isNaN(last)) return null;
    const end = last === undefined ? first : last < first ? last + 7 : last;
    for (let day = first; day <= end; day += 1) found.add(ofCron(day % 7));
  }
  return [...found].sort((a, b) => a - b);
}

const two = (n: number): string => String(n).padStart(2, "0");
export const clockOf = (at: { hour: number; minute: number }): string => `${two(at.hour)}:${two(at.minute)}`;

/** Hours and minutes of "22:05"; null: it is none. */
export function hourMinute(text: string): { hour: number; minute: number } | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text);
  const at = found && { hour: Number(found[1]), minute: Number(found[2]) };
  return at && at.hour < 24 && at.minute < 60 ? at : null;
}
