// Who looks at this page, and what he may. Asked when the page opens, and again when we may have missed something.
import { api, type Answer } from "./api";
import { live } from "./live.svelte";
import type { Account, May, SessionNow, TeamOf } from "./people";
import { Question } from "./question.svelte";

const NOTHING: May = { read: false, operate: false, own: false, administer: false };

let leaving = false;

class Session {
  question = new Question(async (signal) => {
    const answer = await api.session(signal);
    if (answer.ok && this.now && differs(this.now, answer.data)) reload();
    return answer;
  });

  /** What the server said last; null before its first word. */
  get now(): SessionNow | null {
    return this.question.data;
  }
  get user(): Account | null {
    return this.now?.user ?? null;
  }
  get team(): TeamOf | null {
    return this.now?.team ?? null;
  }
  /** What may be done here. Nothing until the server said so: a button that comes is better than one that goes. */
  get may(): May {
    return this.now?.may ?? NOTHING;
  }

  start(): () => void {
    const off = live.on((what) => {
      if (what.kind === "anew") this.question.touch();
    });
    const gone = this.question.want();
    return () => {
      off();
      gone();
    };
  }

  /** What a change of ours answered, or the same read anew. */
  took(now?: SessionNow): void {
    if (now) this.question.data = now;
    else void this.question.ask();
  }
}

/** Whether another person is here, or he looks at another team: in another tab he signed out, or switched. */
export function differs(before: SessionNow, now: SessionNow): boolean {
  return before.user?.id !== now.user?.id || before.team?.id !== now.team?.id;
}

/** Nothing of what was seen by who was here before may stay in the page's memory. */
function reload(): void {
  if (!leaving) location.reload();
}

export const session = new Session();

/** Go on as somebody else: the page is loaded anew, and other tabs are told to look who is here now. */
export function enter(href: string): void {
  leaving = true;
  live.again();
  location.replace(href);
}

/** Where somebody wanted to go before he signed in: a place of ours, or the front page. */
export function placeAfter(next: string | null, origin = location.origin): string {
  if (!next?.startsWith("/")) return "/";
  try {
    const url = new URL(next, origin);
    // `/.//x` is a path of ours here, and another's host once it is written out.
    return url.origin === origin && !url.pathname.startsWith("//") ? url.pathname + url.search : "/";
  } catch {
    return "/";
  }
}

let waiting = $state.raw<((sure: boolean) => void) | null>(null);

/** Who waits for a proof that it is really him; the dialog answers with true or false. */
export const unproven = (): ((sure: boolean) => void) | null => waiting;

/** Do what needs a fresh proof of who asks: when the server wants one, the dialog asks for it, and it is done then. */
export async function sure<T>(deed: () => Promise<Answer<T>>): Promise<Answer<T>> {
  const answer = await deed();
  if (answer.ok || answer.need !== "confirm") return answer;
  const proven = await new Promise<boolean>((tell) => {
    waiting?.(false);
    waiting = tell;
  });
  waiting = null;
  return proven ? deed() : answer;
}
