// Who is who, as the server tells it: short names for the shapes of sign-in, account and team.

import type { components } from "./api-types";

type Shapes = components["schemas"];

export type SessionNow = Shapes["Session"];
export type Account = Shapes["Me"];
export type TeamOf = Shapes["MyTeam"];
export type May = Shapes["May"];
export type Role = TeamOf["role"];
export const ROLES: readonly Role[] = ["viewer", "operator", "owner"];

export type Session = Shapes["SessionEntry"];
export type Passkey = Shapes["PasskeyEntry"];
export type Ticket = Shapes["PasskeyAsked"];
export type TotpSecret = Shapes["TotpSecret"];

export type Member = Shapes["Member"];
export type WholeTeam = Shapes["Team"];
export type Invitation = Shapes["MadeInvitation"];
export type Invited = Shapes["Invited"];

export type People = Shapes["Users"];
export type Person = Shapes["UserEntry"];
export type PersonChange = Shapes["UserChange"];
