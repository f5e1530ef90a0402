// The words of sign-in, account and team. They come with the pages that need them, not with the first load.
import { language } from "./index.svelte";
import { peopleEn, type PeopleWords } from "./people.en";
import { peopleZh } from "./people.zh";

export const p = (): PeopleWords => (language() === "zh" ? peopleZh : peopleEn);
