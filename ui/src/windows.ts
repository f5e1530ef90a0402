// Which stretch of the past a page is about: one word in its address.
export const WINDOWS = ["24h", "7d", "30d", "365d", "all"] as const;
export type WindowName = (typeof WINDOWS)[number];

/** A score takes 24 served epochs, of which a day has only 23. */
export const DEFAULT_WINDOW: WindowName = "7d";

export const windowOf = (param: string | null): WindowName => WINDOWS.find((name) => name === param) ?? DEFAULT_WINDOW;
