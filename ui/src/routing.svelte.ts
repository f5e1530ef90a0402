// The team's routing while it is edited: a draft, saved whole; the second of two editors is told.
import { announce } from "./announce.svelte";
import { alertApi } from "./alertapi";
import { alerts } from "./alertnames.svelte";
import type { Routing } from "./alertshapes";
import type { Answer, Trouble } from "./api";
import { a } from "./i18n/alerts";
import { sure } from "./session.svelte";

const CONFLICT = 409;

/** Save a changed copy of the routing; what comes back is shown. */
export async function saveRouting(change: (before: Routing) => Routing): Promise<Answer<Routing>> {
  const before = alerts.routing.data;
  if (!before) return { ok: false, status: 0, why: "" };
  const answer = await sure(() => alertApi.setRouting(change(before)));
  if (answer.ok) {
    alerts.routing.data = answer.data;
    announce(a().saved);
    return answer;
  }
  return answer.status === CONFLICT ? conflict(answer) : answer;
}

async function conflict(answer: { ok: false } & Trouble): Promise<{ ok: false } & Trouble> {
  await alerts.routing.ask();
  return { ...answer, why: a().conflict };
}

/** A list in which one row is put in the place of the row with its id, or at the end. */
export function put<T extends { id: string }>(list: readonly T[], row: T): T[] {
  return list.some((one) => one.id === row.id) ? list.map((one) => (one.id === row.id ? row : one)) : [...list, row];
}
