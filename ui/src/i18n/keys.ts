// The words of keys, claims and the public side. They come with the pages that speak them, not with the first load.
import { language } from "./index.svelte";
import { keysEn, type KeysCatalogue } from "./keys.en";
import { keysZh } from "./keys.zh";

export const k = (): KeysCatalogue => (language() === "zh" ? keysZh : keysEn);
