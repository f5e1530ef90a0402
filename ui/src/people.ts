// Who is who, as the server tells it: short names for the shapes of sign-in, account and team.

export type Role = "viewer" | "operator" | "owner";
export const ROLES: readonly Role[] = ["viewer", "operator", "owner"];

export type TeamOf = { id: number; name: string; role: Role };
export type May = { read: boolean; operate: boolean; own: boolean; administer: boolean };
export type Account = {
  id: number;
  name: string;
  email: string | null;
  email_verified: boolean;
  is_admin: boolean;
  has_password: boolean;
  has_totp: boolean;
  passkeys: number;
};
export type SessionNow = {
  signed_in: boolean;
  is_local: boolean;
  user: Account | null;
  team: TeamOf | null;
  teams: TeamOf[];
  may: May;
  first_run: boolean;
  sign_up: "closed" | "invited" | "open";
  mail: boolean;
  oidc: { name: string } | null;
  fresh_until_ms: number | null;
  expires_at_ms: number | null;
};
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
