// Questions about keys, claims, the public side and the audit log; read with their pages.
import { ask, tell } from "./api";
import type { ApiKeys, Audit, Challenge, Claim, ClaimChange, Claims, Enrolments, MadeKey, OperatorKey, OperatorKeys, Profile, ProfileChange, Scope, TeamStatus } from "./keyshapes";

const one = (noun: string, id: string): string => `${noun}/${encodeURIComponent(id)}`;

export const keyApi = {
  keys: (s?: AbortSignal) => ask<ApiKeys>("keys", s),
  makeKey: (name: string, scopes: Scope[], days: number | null) => tell<MadeKey>("POST", "keys", { name, scopes, expires_in_days: days }),
  revokeKey: (id: string) => tell<null>("DELETE", one("keys", id)),
  operatorKeys: (s?: AbortSignal) => ask<OperatorKeys>("operator-keys", s),
  addOperatorKey: (name: string, publicKey: string, madeBy: OperatorKey["made_by"]) =>
    tell<OperatorKey>("POST", "operator-keys", { name, public_key: publicKey, made_by: madeBy }),
  revokeOperatorKey: (id: string) => tell<null>("DELETE", one("operator-keys", id)),
  enrolments: (s?: AbortSignal) => ask<Enrolments>("enrolments", s),
  withdraw: (id: string) => tell<null>("DELETE", one("enrolments", id)),
  refuseAgent: (nodeId: string) => tell<null>("POST", `${one("nodes", nodeId)}/revoke`, {}),
  audit: (page: { before?: number | undefined; limit: number; all: boolean }, s?: AbortSignal) =>
    ask<Audit>(`audit?limit=${page.limit}${page.before === undefined ? "" : `&before=${page.before}`}${page.all ? "&all=true" : ""}`, s),
  claims: (s?: AbortSignal) => ask<Claims>("claims", s),
  challenge: (address: string) => tell<Challenge>("POST", "claims", { address }),
  prove: (id: string, signature: string) => tell<Claim>("PUT", one("claims", id), { signature }),
  changeClaim: (address: string, change: ClaimChange) => tell<Claim>("PATCH", one("claims", address), change),
  giveUp: (address: string) => tell<null>("DELETE", one("claims", address)),
  profile: (s?: AbortSignal) => ask<Profile>("team/profile", s),
  changeProfile: (change: ProfileChange) => tell<Profile>("PATCH", "team/profile", change),
  status: (slug: string, s?: AbortSignal) => ask<TeamStatus>(one("teams", slug), s),
};
