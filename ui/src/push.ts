// Watching without an account: this browser subscribes at its own push service, and the server keeps only what it needs
// to send there. Nothing is asked, and no worker is registered, before somebody presses.
import { tell, ask, type Answer } from "./api";
import { keep, kept } from "./kept";

export type Unable = "insecure" | "unsupported" | "denied";
type Held = { id: string; token: string; addresses: string[] };
type Made = { id: string; token: string };

const WORKER = "/push/worker.js";
const SCOPE = "/push/";
const NAME = "push";

export function unable(): Unable | null {
  if (!isSecureContext) return "insecure";
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return "unsupported";
  return Notification.permission === "denied" ? "denied" : null;
}

export const watched = (): readonly string[] => held()?.addresses ?? [];

function held(): Held | null {
  try {
    const found: unknown = JSON.parse(kept(NAME) ?? "null");
    const one = found as Held | null;
    return one && typeof one.id === "string" && typeof one.token === "string" && Array.isArray(one.addresses) ? one : null;
  } catch {
    return null;
  }
}

/** Be told of one more; the first one asks the person, then his browser. */
export async function watch(address: string, language: string): Promise<Answer<unknown>> {
  const permission = await Notification.requestPermission();
  if (permission !== "granted") return { ok: false, status: 0, why: permission };
  const subscription = await subscribed();
  if (!subscription.ok) return subscription;
  const before = held();
  const addresses = [...new Set([...(before?.addresses ?? []), address])];
  const answer = before ? await change(before, subscription.data, addresses, language) : null;
  if (before && answer?.ok) return took({ ...before, addresses });
  // None yet, or the server has forgotten it: begin anew.
  if (answer && !answer.ok && ![401, 403, 404].includes(answer.status)) return answer;
  const made = await tell<Made>("POST", "push/subscriptions", { subscription: subscription.data, addresses, language });
  return made.ok ? took({ ...made.data, addresses }) : made;
}

/** Be told of one less; with the last one, nothing of this browser is left at the server. */
export async function unwatch(address: string, language: string): Promise<Answer<unknown>> {
  const before = held();
  if (!before) return { ok: true, data: null };
  const addresses = before.addresses.filter((one) => one !== address);
  if (addresses.length) {
    const subscription = await subscribed();
    const answer = subscription.ok ? await change(before, subscription.data, addresses, language) : subscription;
    return answer.ok ? took({ ...before, addresses }) : answer;
  }
  const answer = await tell<null>("DELETE", `push/subscriptions/${before.id}`, undefined, before.token);
  if (!answer.ok && ![401, 403, 404].includes(answer.status)) return answer;
  keep(NAME, null);
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
  return { ok: true, data: null };
}

function took(next: Held): Answer<unknown> {
  keep(NAME, JSON.stringify(next));
  return { ok: true, data: next };
}

const change = (before: Held, subscription: PushSubscriptionJSON, addresses: string[], language: string): Promise<Answer<unknown>> =>
  tell("PUT", `push/subscriptions/${before.id}`, { subscription, addresses, language }, before.token);

async function subscribed(): Promise<Answer<PushSubscriptionJSON>> {
  const key = await ask<{ public_key: string }>("push/key");
  if (!key.ok) return key;
  try {
    const registration = await running(await navigator.serviceWorker.register(WORKER, { scope: SCOPE }));
    const subscription =
      (await registration.pushManager.getSubscription()) ?? (await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key.data.public_key }));
    return { ok: true, data: subscription.toJSON() };
  } catch (error) {
    return { ok: false, status: 0, why: error instanceof Error ? error.message : String(error) };
  }
}

/** A worker can be subscribed once it is active. */
async function running(registration: ServiceWorkerRegistration): Promise<ServiceWorkerRegistration> {
  const worker = registration.installing ?? registration.waiting;
  if (!registration.active && worker) {
    await new Promise<void>((done) => worker.addEventListener("statechange", () => worker.state === "activated" && done()));
  }
  return registration;
}
