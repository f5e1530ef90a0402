// Who is who, as the server tells it: short names for the shapes of sign-in, account and team.

import type { components } from "./api-types";

type Shapes = components["schemas"];

export type SessionNow = Shapes["Session"];
export type Account = Shapes["Me"];
export type TeamOf = Shapes["MyTeam"];
export type May = Shapes["May"];
export type Role = TeamOf["role"];
export const ROLES: readonly Role[] = ["viewer", "operator", "owner"];

export type Session = { id: string; browser: string; created_at_ms: number; seen_at_ms: number; is_this: boolean };
export type Passkey = { id: string; name: string; created_at_ms: number; used_at_ms: number | null };
export type Ticket = { ticket: string; options: { [name: string]: unknown } };
export type TotpSecret = { secret: string; uri: string; qr_svg: string };

export type Member = { user_id: number; name: string; email: string | null; role: Role; since_ms: number; seen_at_ms: number | null };
export type OpenInvitation = { id: string; role: Role; email: string | null; expires_at_ms: number };
export type WholeTeam = { id: number; name: string; members: Member[]; invitations: OpenInvitation[] };
export type MadeTeam = { id: number; name: string };
export type Invitation = { id: string; link: string; expires_at_ms: number };
export type Invited = { team: string; role: Role };
