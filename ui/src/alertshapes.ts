// Short names for what the API says of alerts, and for what is sent to it.
import type { components } from "./api-types";

type Shapes = components["schemas"];
/** What the server fills in when it is left out. */
type Sparse<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/** Of which kind that is which an incident, or a rule, is about. */
export type About = Shapes["RuleShape"]["about"];
export type LimitValue = number | boolean | string;

export type TimelineEvent = Shapes["IncidentEvent"];
export type WholeIncident = Shapes["WholeIncident"];
export type AckOffer = Shapes["AcknowledgementOffer"];

export type RuleLimit = Shapes["LimitShape"];
export type RuleShape = Shapes["RuleShape"];
export type Rules = Shapes["Rules"];
export type Preset = Rules["preset"];
export type OfRules = Record<string, Record<string, LimitValue>>;
export type LimitsChange = { preset: Preset; rules: OfRules; subjects: Record<string, OfRules>; version: number };
export type Rehearsal = { fired: number | null; days: { day: string; fired: number }[]; why: string | null };

/** Which incidents: all that is given must hold; nothing given matches all. */
export type Matcher = Partial<Shapes["MatcherShape"]>;
/** `contact:ID`, `schedule:ID`, `settings:NAME` or `members`. */
export type Ref = string;
export type AlertRoute = Omit<Shapes["RouteShape"], "match"> & { match: Matcher };
export type Escalation = Shapes["EscalationShape"];
export type Schedule = Shapes["ScheduleShape"];
export type Quiet = Shapes["QuietShape"];
export type Routing = Omit<Shapes["RoutingShape"], "routes"> & { routes: AlertRoute[] };
export type Try = Shapes["TryWish"];
export type Tried = Shapes["TryAnswer"];
export type OnDuty = Shapes["OnCallShape"];

export type Silence = Shapes["SilenceShape"];
export type NewSilence = Omit<Shapes["SilenceWish"], "matcher"> & { matcher: Matcher };
export type Maintenance = Shapes["MaintenanceShape"];
export type NewMaintenance = Omit<Shapes["MaintenanceWish"], "matcher"> & { matcher: Matcher };
export type Window = Shapes["WindowShape"];

export type ContactKind = Shapes["ContactKind"];
export type Contact = Shapes["ContactShape"];
export type Contacts = Shapes["ContactList"];
export type Config = Record<string, string | boolean>;
export type NewContact = Shapes["ContactWish"];
export type ContactChange = Sparse<Shapes["ContactChange"], keyof Shapes["ContactChange"]>;
export type Tested = Shapes["ContactTest"];
export type Delivery = Shapes["DeliveryShape"];
