// What the API says of alerts, by hand: as the contract has it, until the server's document has it too.
import type { components } from "./api-types";
import type { Severity } from "./shapes";

type Shapes = components["schemas"];

export type Said = { en: string; zh: string };
/** Of which kind that is which an incident, or a rule, is about. */
export type About = "validator" | "node" | "network" | "monitor" | "contact" | "endpoint";
export type LimitValue = number | boolean | string;

export type Measure = Shapes["Measure"];
export type TimelineEvent = Shapes["IncidentEvent"];

/** One incident in full: its words in both languages, and what became of it. */
export type WholeIncident = Shapes["WholeIncident"];

/** What a signed link of a message would do, before it does it. */
export type AckOffer = Shapes["AcknowledgementOffer"];

export type RuleLimit = { name: string; kind: "whole" | "number" | "flag" | "severity" | "text"; unit: string | null; default: LimitValue; preset: LimitValue; team: LimitValue | null; value: LimitValue };
export type RuleShape = { name: string; about: About; title: Said; why: Said; docs: string; is_on: boolean; limits: RuleLimit[]; recent: { fired_30d: number } };
export type Preset = "quiet" | "normal" | "paranoid";
export type OfRules = Record<string, Record<string, LimitValue>>;
export type SubjectLimits = { id: string; name: string; kind: About; rules: OfRules };
export type Rules = { preset: Preset; presets: Preset[]; rules: RuleShape[]; subjects: SubjectLimits[]; version: number };
export type LimitsChange = { preset: Preset; rules: OfRules; subjects: Record<string, OfRules>; version: number };
export type Rehearsal = { fired: number | null; days: { day: string; fired: number }[]; why: string | null };

/** Which incidents: all that is given must hold; nothing given matches all. */
export type Matcher = { severity_min?: Severity; rules?: string[]; subjects?: string[]; labels?: string[]; groups?: string[]; validators?: string[]; kinds?: string[] };
/** `contact:ID`, `schedule:ID`, `settings:NAME` or `members`. */
export type Ref = string;
export type AlertRoute = { id: string; name: string; match: Matcher; contacts: Ref[]; escalation: string | null; quiet: string | null; goes_on: boolean };
export type Escalation = { id: string; name: string; steps: { after_minutes: number; contacts: Ref[] }[]; repeat_minutes: number | null };
export type Handover = { weekday: number | null; hour: number; minute: number };
export type DutyOverride = { from_ms: number; until_ms: number; contact: Ref };
export type Schedule = { id: string; name: string; zone: string; rotation: { people: Ref[]; handover: Handover; every_days: number; starts_on: string }; overrides: DutyOverride[] };
export type Quiet = { id: string; name: string; zone: string; from: string; until: string; weekdays: number[] | null };
export type Routing = { routes: AlertRoute[]; escalations: Escalation[]; schedules: Schedule[]; quiet: Quiet[]; version: number };
export type Try = { rule: string; severity: Severity; subject_id: string | null; at_ms: number | null };
export type Tried = { decision: string; told: { ref: Ref; name: string; after_minutes: number }[]; route: string | null; why: string };
export type OnDuty = { id: string; name: string; now: { ref: Ref; name: string } | null; until_ms: number | null; next: { ref: Ref; name: string; from_ms: number } | null };

export type Silence = { id: string; matcher: Matcher; comment: string; made_by: string; created_at_ms: number; starts_at_ms: number; ends_at_ms: number };
export type NewSilence = { matcher: Matcher; comment: string; starts_at_ms: number | null; ends_at_ms: number };
export type Maintenance = { id: string; name: string; matcher: Matcher; comment: string; made_by: string; starts_at_ms: number; ends_at_ms: number | null; cron: string | null; zone: string | null; duration_minutes: number | null };
export type NewMaintenance = Omit<Maintenance, "id" | "made_by">;
export type Window = { id: string; name: string; from_ms: number; until_ms: number };

export type KindField = { name: string; label: Said; secret: boolean; required: boolean; kind: "text" | "url" | "email" | "choice" | "flag"; choices: string[]; help: Said };
export type ContactKind = { name: string; label: Said; fields: KindField[]; wakes: boolean; receipts: boolean; help: Said };
export type Contact = {
  id: string; ref: Ref; name: string; kind: string; hint: string; language: string; wakes: boolean; is_enabled: boolean; disabled_why: string | null; fallback_id: string | null;
  tested_at_ms: number | null; sent_at_ms: number | null; failing_since_ms: number | null; error: string | null; of_settings: boolean;
};
export type Contacts = { contacts: Contact[]; warnings: string[] };
export type Config = Record<string, string | boolean>;
export type NewContact = { name: string; kind: string; config: Config; language: string; wakes: boolean | null; fallback_id: string | null };
export type Tested = { ok: boolean; receipt: string | null; error: string | null; took_ms: number };
export type Attempt = { at_ms: number; took_ms: number; outcome: string; detail: string | null };
export type Delivery = {
  id: number; kind: string; incident_id: number | null; titles: Said | null; channel: string; channel_name: string; reason: string; state: "waiting" | "sent" | "failed";
  created_at_ms: number; sent_at_ms: number | null; receipt: string | null; instead_of: number | null; attempts: Attempt[];
};
