// Questions about alerts: read with their pages.
import { ask, tell } from "./api";
import type { AckOffer, Contact, ContactChange, Contacts, ContactKind, Delivery, LimitsChange, Maintenance, NewContact, NewMaintenance, NewSilence, OnDuty, Preset, OfRules, Rehearsal, Routing, Rules, Silence, Tested, Tried, Try, WholeIncident, Window } from "./alertshapes";
import type { Incidents } from "./shapes";

export type IncidentFilter = { state?: string; severity?: string; rule?: string; subject?: string };

const one = (noun: string, id: string | number): string => `${noun}/${encodeURIComponent(id)}`;

export function query(parts: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(parts).flatMap(([name, value]) => (value === undefined || value === null || value === "" ? [] : [[name, String(value)]]));
  return given.length ? `?${new URLSearchParams(given).toString()}` : "";
}

export const alertApi = {
  incidents: (filter: IncidentFilter, page: { before?: number | undefined; limit: number }, s?: AbortSignal) => ask<Incidents>(`incidents${query({ ...filter, ...page })}`, s),
  incident: (id: number, s?: AbortSignal) => ask<WholeIncident>(one("incidents", id), s),
  acknowledge: (id: number, minutes: number | null, comment: string) => tell<WholeIncident>("POST", `${one("incidents", id)}/acknowledge`, { minutes, comment }),
  takeBack: (id: number) => tell<WholeIncident>("DELETE", `${one("incidents", id)}/acknowledge`),
  close: (id: number, comment: string) => tell<WholeIncident>("POST", `${one("incidents", id)}/close`, { comment }),
  comment: (id: number, text: string) => tell<WholeIncident>("POST", `${one("incidents", id)}/comments`, { text }),
  offer: (token: string, s?: AbortSignal) => ask<AckOffer>(one("acknowledgements", token), s),
  take: (token: string) => tell<AckOffer>("POST", one("acknowledgements", token), {}),

  rules: (s?: AbortSignal) => ask<Rules>("alerts/rules", s),
  setLimits: (change: LimitsChange) => tell<Rules>("PUT", "alerts/limits", change),
  rehearse: (rule: string, values: OfRules[string] | null, preset: Preset | null, days: number) => tell<Rehearsal>("POST", "alerts/rehearsals", { rule, values, preset, days }),

  kinds: (s?: AbortSignal) => ask<{ kinds: ContactKind[] }>("alerts/contact-kinds", s),
  contacts: (s?: AbortSignal) => ask<Contacts>("alerts/contacts", s),
  addContact: (given: NewContact) => tell<Contact>("POST", "alerts/contacts", given),
  changeContact: (id: string, change: ContactChange) => tell<Contact>("PATCH", one("alerts/contacts", id), change),
  dropContact: (id: string) => tell<null>("DELETE", one("alerts/contacts", id)),
  enableContact: (id: string) => tell<Contact>("POST", `${one("alerts/contacts", id)}/enable`),
  testContact: (id: string) => tell<Tested>("POST", `${one("alerts/contacts", id)}/test`),
  deliveries: (filter: { contact?: string | null; incident?: number | null; before?: number | undefined }, s?: AbortSignal) =>
    ask<{ deliveries: Delivery[]; next_before: number | null }>(`alerts/deliveries${query(filter)}`, s),

  routing: (s?: AbortSignal) => ask<Routing>("alerts/routing", s),
  setRouting: (routing: Routing) => tell<Routing>("PUT", "alerts/routing", routing),
  tryRouting: (given: Try) => tell<Tried>("POST", "alerts/routing/tries", given),
  onCall: (s?: AbortSignal) => ask<{ schedules: OnDuty[] }>("alerts/on-call", s),

  silences: (s?: AbortSignal) => ask<{ silences: Silence[] }>("alerts/silences", s),
  silence: (given: NewSilence) => tell<Silence>("POST", "alerts/silences", given),
  endSilence: (id: string) => tell<null>("DELETE", one("alerts/silences", id)),
  maintenances: (s?: AbortSignal) => ask<{ maintenances: Maintenance[] }>("alerts/maintenances", s),
  addMaintenance: (given: NewMaintenance) => tell<Maintenance>("POST", "alerts/maintenances", given),
  changeMaintenance: (id: string, change: Partial<NewMaintenance>) => tell<Maintenance>("PATCH", one("alerts/maintenances", id), change),
  dropMaintenance: (id: string) => tell<null>("DELETE", one("alerts/maintenances", id)),
  calendar: (fromMs: number, untilMs: number, s?: AbortSignal) => ask<{ windows: Window[] }>(`alerts/maintenances/calendar${query({ from_ms: fromMs, until_ms: untilMs })}`, s),
};
