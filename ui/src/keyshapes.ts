// Keys, claims, profile, status page and audit as the server tells them.
import type { Validator } from "./shapes";

export type ApiKey = { id: string; name: string; hint: string; scopes: string[]; made_by: string | null; created_at_ms: number; expires_at_ms: number | null; used_at_ms: number | null; revoked_at_ms: number | null };
export type MadeKey = { key: ApiKey; token: string };
export type OperatorKey = { id: string; name: string; fingerprint: string; public_key: string; made_by: "browser" | "cli"; may_start_voter: boolean; created_at_ms: number; revoked_at_ms: number | null };
export type WaitingToken = { id: string; expires_at_ms: number };
export type AuditEntry = { seq: number; at_ms: number; actor: string; actor_name: string | null; act: string; subject: string; detail: Record<string, string | number | boolean | null> };
export type Audit = { entries: AuditEntry[]; next_before: number | null };
export type Challenge = { id: string; message: string; signers: { address: string; space: "core" | "espace"; why: string }[]; expires_at_ms: number };
export type Link = { label: string; url: string };
export type Claim = { address: string; signer: string; space: "core" | "espace"; claimed_at_ms: number; lapsed_at_ms: number | null; is_public: boolean; name: string | null; about: string; links: Link[] };
export type ClaimChange = Partial<Pick<Claim, "is_public" | "name" | "about" | "links">>;
export type Profile = { name: string; slug: string | null; is_public: boolean; about: string; links: Link[]; shows_incidents: boolean };
export type ProfileChange = Partial<Omit<Profile, "name">>;
export type Claimed = { name: string | null; team: string; slug: string | null; about: string; links: Link[] };
export type ClaimedValidator = Validator & { claimed: Claimed | null };
export type Days = { up_ppm: number | null; days_ppm: (number | null)[] };
export type StatusNode = { id: string; name: string; kind: "agent" | "endpoint"; role: string; state: "down" | "silent" | "stopped" | "syncing" | "unknown" | "up"; version: string | null; process: Days; rpc: Days };
export type StatusIncident = { id: number; rule: string; severity: "info" | "warning" | "critical"; state: "open" | "resolved"; subject: { kind: "validator" | "node"; id: string; name: string }; title: string; opened_at_ms: number; resolved_at_ms: number | null };
export type TeamStatus = { name: string; slug: string; about: string; links: Link[]; validators: ClaimedValidator[]; nodes: StatusNode[]; days_from_ms: number; incidents: StatusIncident[] | null; as_of_ms: number };
