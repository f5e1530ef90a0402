// One clock for every "3 s ago" on the page, set by the server's: a visitor's may be wrong by minutes.

let skew = 0;
let now = $state(Date.now());

export const nowMs = (): number => now;
/** The server's time now, to the millisecond; does not make its reader run each second. */
export const serverNowMs = (): number => Date.now() + skew;

/** Differences below this are the network's delay, not a wrong clock. */
const SKEW_MIN_MS = 2000;

export function setBy(serverMs: number): void {
  const difference = serverMs - Date.now();
  skew = Math.abs(difference) < SKEW_MIN_MS ? 0 : difference;
  now = serverNowMs();
}

// Where there is no page, as in tests, nobody looks on.
if (typeof document !== "undefined") {
  setInterval(() => {
    if (!document.hidden) now = serverNowMs();
  }, 1000);
}
