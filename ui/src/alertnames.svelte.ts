// What several pages of alerts ask, read once: rules, contacts, routing; and what is called by a name in them.
import { alertApi } from "./alertapi";
import type { Ref } from "./alertshapes";
import { fleet } from "./fleet.svelte";
import { short } from "./format";
import { a } from "./i18n/alerts";
import { language, t } from "./i18n/index.svelte";
import { Question } from "./question.svelte";
import { calledOf, nameOfRule } from "./words";

export type Choice = { value: string; text: string };

class Alerts {
  rules = new Question((signal) => alertApi.rules(signal));
  contacts = new Question((signal) => alertApi.contacts(signal));
  routing = new Question((signal) => alertApi.routing(signal));

  ruleChoices: Choice[] = $derived((this.rules.data?.rules ?? []).map((rule) => ({ value: rule.name, text: rule.title[language()] })));
  subjectChoices: Choice[] = $derived([
    ...(fleet.nodes.data?.nodes ?? []).map((node) => ({ value: node.id, text: node.name })),
    ...own().map((v) => ({ value: v.address, text: calledOf(v) ?? short(v.address) })),
  ]);
  labelChoices: Choice[] = $derived(unique((fleet.nodes.data?.nodes ?? []).flatMap((node) => node.labels)));
  groupChoices: Choice[] = $derived(unique((fleet.nodes.data?.nodes ?? []).flatMap((node) => (node.group ? [node.group] : []))));
  validatorChoices: Choice[] = $derived(own().map((v) => ({ value: v.address, text: calledOf(v) ?? short(v.address) })));
  /** Whom a route or a schedule can name. */
  contactChoices: Choice[] = $derived([
    ...(this.contacts.data?.contacts ?? []).map((one) => ({ value: one.ref, text: one.name })),
    { value: "members", text: a().routing.refs["members"] ?? "members" },
  ]);
  scheduleChoices: Choice[] = $derived((this.routing.data?.schedules ?? []).map((one) => ({ value: `schedule:${one.id}`, text: a().routing.schedule(one.name) })));

  rule(name: string): string {
    return this.ruleChoices.find((one) => one.value === name)?.text ?? nameOfRule(name);
  }

  subject(id: string): string {
    return this.subjectChoices.find((one) => one.value === id)?.text ?? short(id);
  }

  /** What explains an incident, by the beginning of its key. */
  cause(key: string): string {
    const [rule = ""] = key.split("/");
    return rule === "planned_stop" ? t().plannedStop : this.rule(rule);
  }

  /** A channel of the outbox: a contact by its name, one of the settings file by its own. */
  channel(name: string): string {
    return this.contactChoices.find((one) => one.value === name || one.value === `settings:${name}`)?.text ?? (name.startsWith("contact:") ? a().contactGone : name);
  }

  /** Whoever did something: a person, a contact whose link was used, or one of the server's own words. */
  who(code: string): string {
    return a().actors[code] ?? this.channel(code);
  }

  ref(ref: Ref): string {
    const known = [...this.contactChoices, ...this.scheduleChoices].find((one) => one.value === ref)?.text;
    return known ?? (this.contacts.data && this.routing.data ? a().routing.gone(ref.replace(/^\w+:/, "")) : ref);
  }

  /** Ask for the names that a matcher's conditions have. */
  wantNames(): () => void {
    const stops = [this.rules, fleet.nodes, fleet.validators].map((q) => q.want());
    return () => stops.forEach((stop) => stop());
  }

  /** All that rows of incidents are told with. */
  wantAll(): () => void {
    const stops = [this.wantNames(), this.contacts.want()];
    return () => stops.forEach((stop) => stop());
  }

  wantRefs(): () => void {
    const stops = [this.contacts, this.routing].map((q) => q.want());
    return () => stops.forEach((stop) => stop());
  }
}

/** Those beside which an agent of the team stands, or that it claimed: a pool's hundreds would drown them. */
const own = () => (fleet.validators.data?.validators ?? []).filter((v) => v.node_id !== null || v.name !== null);

const unique = (words: string[]): Choice[] => [...new Set(words)].sort().map((word) => ({ value: word, text: word }));

export const alerts = new Alerts();
