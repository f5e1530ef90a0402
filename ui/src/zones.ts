// Wall clocks of other places: what a zone's clock shows, and when it shows it. Intl knows the zones.

type Wall = { year: number; month: number; day: number; hour: number; minute: number };

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockIn(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (!clock) clocks.set(zone, (clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" })));
  return clock;
}

export function isZone(zone: string): boolean {
  try {
    clockIn(zone);
    return true;
  } catch {
    return false;
  }
}

export function wallOf(ms: number, zone: string): Wall {
  const parts = Object.fromEntries(clockIn(zone).formatToParts(ms).map((part) => [part.type, Number(part.value)]));
  return { year: parts["year"] ?? 0, month: parts["month"] ?? 0, day: parts["day"] ?? 0, hour: parts["hour"] ?? 0, minute: parts["minute"] ?? 0 };
}

const asUtc = (wall: Wall): number => Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute);

/** When the zone's clock shows this. In the hour that is skipped, what it would have shown; of two, the first. */
export function msOf(wall: Wall, zone: string): number {
  const wanted = asUtc(wall);
  const offsets = [wanted - 86_400_000, wanted + 86_400_000].map((ms) => asUtc(wallOf(ms, zone)) - ms);
  const found = offsets.map((offset) => wanted - offset).filter((ms) => asUtc(wallOf(ms, zone)) === wanted);
  return found.length ? Math.min(...found) : wanted - (offsets[0] ?? 0);
}

export const zones = (): string[] => ["UTC", ...Intl.supportedValuesOf("timeZone").filter((one) => one !== "UTC")];
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;
