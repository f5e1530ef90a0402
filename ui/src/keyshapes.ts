// Keys, claims, profile, status page and audit as the server tells them.
import type { components } from "./api-types";

type Shapes = components["schemas"];

export type ApiKey = Shapes["ApiKey"];
export type ApiKeys = Shapes["ApiKeys"];
export type MadeKey = Shapes["MadeKey"];
export type Scope = ApiKey["scopes"][number];
export type OperatorKey = Shapes["OperatorKey"];
export type OperatorKeys = Shapes["OperatorKeys"];
export type Enrolments = Shapes["Enrolments"];
export type Audit = Shapes["Audit"];
export type AuditEntry = Shapes["AuditEntry"];
export type Challenge = Shapes["ClaimChallenge"];
export type Claims = Shapes["Claims"];
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
