// What the account menu, and the pages of sign-in, account and team, ask of the server.
import { ask, tell, type Answer } from "./api";
import type { Json } from "./passkeys";
import type { Invitation, Invited, Member, Passkey, People, Person, PersonChange, Role, Session, SessionNow, TeamOf, Ticket, TotpSecret, WholeTeam } from "./people";

type Proof = { password: string | null; code: string | null };
type Done = null;
type Codes = { recovery_codes: string[] };

const id = encodeURIComponent;

/** A passkey is asked for in two steps; null: the person, or the device, would not. */
async function withPasskey(where: "passkey" | "confirm", use: (options: Json) => Promise<Json | null>): Promise<Answer<SessionNow> | null> {
  const ticket = await tell<Ticket>("POST", "session/passkey/options", {});
  if (!ticket.ok) return ticket;
  const credential = await use(ticket.data.options);
  return credential && tell<SessionNow>("POST", `session/${where}`, { ticket: ticket.data.ticket, credential });
}

/** The token of a letter's link: behind the #, which no browser sends anywhere. */
export const lettered = (): string => location.hash.slice(1);
const OIDC_WHYS = ["confirm", "unreachable", "over", "refused", "taken", "unknown"] as const;
export type OidcWhy = (typeof OIDC_WHYS)[number];

/** Why coming back from another place's sign-in came to nothing, if it did. */
export function oidcTrouble(hash = location.hash): OidcWhy | null {
  const why = /^#oidc=(.*)$/.exec(hash)?.[1];
  return why === undefined ? null : (OIDC_WHYS.find((one) => one === why) ?? "refused");
}

/** It is used up: the address need not keep it. */
export const spent = (): void => history.replaceState(null, "", location.pathname);

const POCKET = "vedette.invitation";

/** An invitation's token goes from the address into this tab's keeping until it is used: signing in may come between. */
export function invitation(): string | null {
  const came = lettered();
  try {
    if (came) sessionStorage.setItem(POCKET, came);
    const kept = sessionStorage.getItem(POCKET);
    if (came && kept) spent();
    return kept;
  } catch {
    return came || null; // storage is forbidden: then the address keeps it
  }
}

export function dropInvitation(): void {
  try {
    sessionStorage.removeItem(POCKET);
  } catch {
    // Storage is forbidden: nothing was kept.
  }
}

export const account = {
  setUp: (given: { name: string; password: string; team_name: string; code: string | null }) => tell<SessionNow>("POST", "setup", given),
  signIn: (given: { name: string; password: string; code: string | null }) => tell<SessionNow>("POST", "session", given),
  withPasskey,
  signOut: () => tell<Done>("DELETE", "session"),
  confirm: (proof: Proof) => tell<SessionNow>("POST", "session/confirm", proof),
  switchTeam: (team_id: number) => tell<SessionNow>("POST", "session/team", { team_id }),

  sessions: (s?: AbortSignal) => ask<{ sessions: Session[] }>("sessions", s),
  endSession: (which: string) => tell<Done>("DELETE", `sessions/${id(which)}`),
  endOthers: () => tell<Done>("DELETE", "sessions"),

  rename: (name: string) => tell<SessionNow>("PATCH", "account", { name }),
  setPassword: (old: string | null, fresh: string) => tell<SessionNow>("PUT", "account/password", { old, new: fresh }),
  setEmail: (email: string | null) => tell<SessionNow>("PUT", "account/email", { email }),
  sendVerification: () => tell<SessionNow>("POST", "account/email/verification", {}),
  remove: () => tell<Done>("DELETE", "account"),

  passkeys: (s?: AbortSignal) => ask<{ passkeys: Passkey[] }>("account/passkeys", s),
  passkeyOptions: () => tell<Ticket>("POST", "account/passkeys/options", {}),
  addPasskey: (given: { ticket: string; name: string; credential: Json }) => tell<unknown>("POST", "account/passkeys", given),
  removePasskey: (which: string) => tell<Done>("DELETE", `account/passkeys/${id(which)}`),

  beginTotp: () => tell<TotpSecret>("POST", "account/totp", {}),
  switchTotpOn: (code: string) => tell<Codes>("PUT", "account/totp", { code }),
  switchTotpOff: () => tell<Done>("DELETE", "account/totp"),
  newRecoveryCodes: () => tell<Codes>("POST", "account/recovery-codes", {}),

  verify: (token: string) => tell<unknown>("POST", "verifications", { token }),
  askReset: (name_or_email: string) => tell<unknown>("POST", "password-resets", { name_or_email }),
  reset: (token: string, password: string) => tell<unknown>("PUT", "password-resets", { token, password }),
};

export const everybody = {
  read: (s?: AbortSignal) => ask<People>("users", s),
  change: (user: number, what: PersonChange) => tell<Person>("PATCH", `users/${user}`, what),
};

export const team = {
  read: (s?: AbortSignal) => ask<WholeTeam>("team", s),
  rename: (name: string) => tell<unknown>("PATCH", "team", { name }),
  make: (name: string) => tell<TeamOf>("POST", "teams", { name }),
  setRole: (user: number, role: Role) => tell<Member>("PATCH", `team/members/${user}`, { role }),
  removeMember: (user: number) => tell<Done>("DELETE", `team/members/${user}`),
  invite: (role: Role, email: string | null) => tell<Invitation>("POST", "team/invitations", { role, email }),
  takeBack: (invitation: string) => tell<Done>("DELETE", `team/invitations/${id(invitation)}`),
  look: (token: string) => tell<Invited>("POST", "invitations/look", { token }),
  join: (invitation: string) => tell<TeamOf>("POST", "team/join", { invitation }),
  signUp: (given: { name: string; password: string; email: string | null; invitation: string | null; team_name: string | null }) =>
    tell<SessionNow>("POST", "users", given),
};
