// Keys, claims, profile, status page and audit as the server tells them.
import type { components } from "./api-types";

type Shapes = components["schemas"];

export type ApiKey = { id: string; name: string; hint: string; scopes: string[]; made_by: string | null; created_at_ms: number; expires_at_ms: number | null; used_at_ms: number | null; revoked_at_ms: number | null };
export type MadeKey = { key: ApiKey; token: string };
export type OperatorKey = { id: string; name: string; fingerprint: string; public_key: string; made_by: "browser" | "cli"; may_start_voter: boolean; created_at_ms: number; revoked_at_ms: number | null };
export type WaitingToken = { id: string; expires_at_ms: number };
export type Audit = Shapes["Audit"];
export type AuditEntry = Shapes["AuditEntry"];
export type Challenge = Shapes["ClaimChallenge"];
export type Claim = Shapes["ClaimShape"];
export type ClaimChange = Shapes["ClaimChange"];
export type Claimed = Shapes["ClaimedInFull"];
export type ClaimedValidator = Shapes["ValidatorInFull"];
export type Profile = Shapes["Profile"];
export type ProfileChange = Shapes["ProfileChange"];
export type Days = Shapes["Days"];
export type StatusNode = Shapes["StatusNode"];
export type StatusIncident = Shapes["StatusIncident"];
export type TeamStatus = Shapes["TeamStatus"];
