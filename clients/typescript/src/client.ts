// A method for each operation. Made by scripts/clients.py from the server's OpenAPI document: change the server, not this file.
import { Http, segment } from "./http.ts";
import type { Options, Query } from "./http.ts";
import type { operations } from "./schema.ts";

export { VedetteError } from "./http.ts";
export type { components, operations } from "./schema.ts";

type Asked<O extends keyof operations> = operations[O] extends { parameters: { query?: infer Q } }
  ? Omit<NonNullable<Q>, "format">
  : never;
type Sent<O extends keyof operations> = operations[O] extends {
  requestBody: { content: { "application/json": infer B } };
}
  ? B
  : never;
type Json<R> = R extends { content: { "application/json": infer B } } ? B : null;
type Told<O extends keyof operations> = operations[O] extends { responses: infer R }
  ? { [S in keyof R]: S extends 200 | 201 | 202 | 204 ? Json<R[S]> : never }[keyof R]
  : null;

/** Asks one server, as whoever the token stands for; without one, as the public. */
export class Client {
  readonly #http: Http;

  constructor(baseUrl: string, options: Options = {}) {
    this.#http = new Http(baseUrl, options);
  }

  /** Any list as a table: `format: "csv"` or `"parquet"`. */
  download(path: string, query: Query = {}): Promise<Uint8Array> {
    return this.#http.bytes("GET", path, query);
  }

  /** Where the chain is, how our endpoints do, and how many of your nodes are in which state. */
  network(): Promise<Told<"network">> {
    return this.#http.json("GET", "/api/v1/network");
  }

  /** Columns for charts: participation, rewards, stake, yields and finality. */
  networkHistory(query: Asked<"networkHistory"> = {}): Promise<Told<"networkHistory">> {
    return this.#http.json("GET", "/api/v1/network/history", query as Query);
  }

  /** How far the past is read: blocks, epochs, rewards, transactions. */
  historyProgress(): Promise<Told<"historyProgress">> {
    return this.#http.json("GET", "/api/v1/history");
  }

  /** Every validator that was ever seen or is watched: stake, last blocks, and how it did. */
  listValidators(query: Asked<"listValidators"> = {}): Promise<Told<"listValidators">> {
    return this.#http.json("GET", "/api/v1/validators", query as Query);
  }

  /** One validator, with what its team tells of it, if one proved that it is its own. */
  oneValidator(address: string | number, query: Asked<"oneValidator"> = {}): Promise<Told<"oneValidator">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}`, query as Query);
  }

  /** One validator's votes in the last settled blocks, or in finished epochs (at most 100 at a time). */
  validatorVotes(address: string | number, query: Asked<"validatorVotes"> = {}): Promise<Told<"validatorVotes">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}/votes`, query as Query);
  }

  /** Every figure of one validator over a window, each with its formula. */
  validatorPerformance(address: string | number, query: Asked<"validatorPerformance"> = {}): Promise<Told<"validatorPerformance">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}/performance`, query as Query);
  }

  /** Epoch by epoch: votes, what it signed and led, and what it was paid; newest first. */
  validatorEpochs(address: string | number, query: Asked<"validatorEpochs"> = {}): Promise<Told<"validatorEpochs">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}/epochs`, query as Query);
  }

  /** What it was paid for each epoch, to the last Drip; newest first. */
  validatorRewards(address: string | number, query: Asked<"validatorRewards"> = {}): Promise<Told<"validatorRewards">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}/rewards`, query as Query);
  }

  /** What it held over time, in PoS and at its PoW address; without times, the last 30 days. */
  validatorBalance(address: string | number, query: Asked<"validatorBalance"> = {}): Promise<Told<"validatorBalance">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}/balance`, query as Query);
  }

  /** How long it may stand still, when its queues end, and the elections that are coming. */
  validatorOutlook(address: string | number): Promise<Told<"validatorOutlook">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}/outlook`);
  }

  /** Term by term: whether it stood for election, and which seats it won; newest first. */
  validatorElections(address: string | number, query: Asked<"validatorElections"> = {}): Promise<Told<"validatorElections">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}/elections`, query as Query);
  }

  /** What happened to it: its transactions, and what snapshots of its stake show; newest first. */
  validatorEvents(address: string | number, query: Asked<"validatorEvents"> = {}): Promise<Told<"validatorEvents">> {
    return this.#http.json("GET", `/api/v1/validators/${segment(address)}/events`, query as Query);
  }

  /** Who may vote now, what they signed of the last hundred blocks, and the two coming elections. */
  actingCommittee(): Promise<Told<"actingCommittee">> {
    return this.#http.json("GET", "/api/v1/committee");
  }

  /** Who could vote in an epoch, and what they signed in it. */
  committeeOfEpoch(epoch: string | number): Promise<Told<"committeeOfEpoch">> {
    return this.#http.json("GET", `/api/v1/committee/${segment(epoch)}`);
  }

  /** Finished epochs, newest first. */
  listEpochs(query: Asked<"listEpochs"> = {}): Promise<Told<"listEpochs">> {
    return this.#http.json("GET", "/api/v1/epochs", query as Query);
  }

  /** One finished epoch, with everybody's part in it. */
  oneEpoch(epoch: string | number): Promise<Told<"oneEpoch">> {
    return this.#http.json("GET", `/api/v1/epochs/${segment(epoch)}`);
  }

  /** Your nodes, by name; for anybody else those that their operators made public, and little of them. */
  listNodes(query: Asked<"listNodes"> = {}): Promise<Told<"listNodes">> {
    return this.#http.json("GET", "/api/v1/nodes", query as Query);
  }

  /** One node, as its agent last described it. */
  oneNode(nodeId: string | number): Promise<Told<"oneNode">> {
    return this.#http.json("GET", `/api/v1/nodes/${segment(nodeId)}`);
  }

  /** Say what your node is called, is for, and where it is; whatever is left out stays. */
  changeNode(nodeId: string | number, body: Sent<"changeNode">): Promise<Told<"changeNode">> {
    return this.#http.json("PATCH", `/api/v1/nodes/${segment(nodeId)}`, {}, body);
  }

  /** Forget your node and its past. Its agent is refused from then on, until it is enrolled again. */
  forgetNode(nodeId: string | number): Promise<Told<"forgetNode">> {
    return this.#http.json("DELETE", `/api/v1/nodes/${segment(nodeId)}`);
  }

  /** Refuse your node's agent from now on, until a new enrolment lets it in again. Its past stays. */
  revokeNode(nodeId: string | number, body: Sent<"revokeNode">): Promise<Told<"revokeNode">> {
    return this.#http.json("POST", `/api/v1/nodes/${segment(nodeId)}/revoke`, {}, body);
  }

  /** Columns for a chart; without times, the last 24 hours. */
  nodeSeries(nodeId: string | number, query: Asked<"nodeSeries"> = {}): Promise<Told<"nodeSeries">> {
    return this.#http.json("GET", `/api/v1/nodes/${segment(nodeId)}/series`, query as Query);
  }

  /** Since when a state was what, over time: versions, phases, errors; without times, the last 24 hours. */
  nodeStates(nodeId: string | number, query: Asked<"nodeStates"> = {}): Promise<Told<"nodeStates">> {
    return this.#http.json("GET", `/api/v1/nodes/${segment(nodeId)}/states`, query as Query);
  }

  /** How long it ran and answered, and how long nobody knows; with an availability calendar. */
  nodeAvailability(nodeId: string | number, query: Asked<"nodeAvailability"> = {}): Promise<Told<"nodeAvailability">> {
    return this.#http.json("GET", `/api/v1/nodes/${segment(nodeId)}/availability`, query as Query);
  }

  /** The tokens of your team with which no agent came yet, and which still let one in. */
  waitingEnrolments(): Promise<Told<"waitingEnrolments">> {
    return this.#http.json("GET", "/api/v1/enrolments");
  }

  /** A token that lets one agent in, once, within an hour, and the line to run on the node's machine. */
  makeEnrolment(body: Sent<"makeEnrolment">): Promise<Told<"makeEnrolment">> {
    return this.#http.json("POST", "/api/v1/enrolments", {}, body);
  }

  /** Whether an agent came with the token. */
  enrolment(enrolmentId: string | number): Promise<Told<"enrolment">> {
    return this.#http.json("GET", `/api/v1/enrolments/${segment(enrolmentId)}`);
  }

  /** Take a token back: it lets nobody in from now on. */
  withdrawEnrolment(enrolmentId: string | number): Promise<Told<"withdrawEnrolment">> {
    return this.#http.json("DELETE", `/api/v1/enrolments/${segment(enrolmentId)}`);
  }

  /** Nodes by place. Without membership public ones only, and each no finer than its operator allowed. */
  worldMap(): Promise<Told<"worldMap">> {
    return this.#http.json("GET", "/api/v1/map");
  }

  /** Releases by nodes and voting power, and who is ready for which fork. */
  versions(): Promise<Told<"versions">> {
    return this.#http.json("GET", "/api/v1/versions");
  }

  /** Settled blocks and who was absent, newest first. */
  listBlocks(query: Asked<"listBlocks"> = {}): Promise<Told<"listBlocks">> {
    return this.#http.json("GET", "/api/v1/blocks", query as Query);
  }

  /** One settled block: who signed it, and who did not. */
  oneBlock(height: string | number): Promise<Told<"oneBlock">> {
    return this.#http.json("GET", `/api/v1/blocks/${segment(height)}`);
  }

  /** Every pool that is listed: its fee, what it holds, and what it left its stakers. */
  listPools(query: Asked<"listPools"> = {}): Promise<Told<"listPools">> {
    return this.#http.json("GET", "/api/v1/pools", query as Query);
  }

  /** One pool, and when it failed. */
  onePool(pool: string | number, query: Asked<"onePool"> = {}): Promise<Told<"onePool">> {
    return this.#http.json("GET", `/api/v1/pools/${segment(pool)}`, query as Query);
  }

  /** What its operator decided when: fee, periods, owner and code; newest first. */
  poolFees(pool: string | number, query: Asked<"poolFees"> = {}): Promise<Told<"poolFees">> {
    return this.#http.json("GET", `/api/v1/pools/${segment(pool)}/fees`, query as Query);
  }

  /** What it held and had earned over time; without times, the last 30 days. */
  poolHoldings(pool: string | number, query: Asked<"poolHoldings"> = {}): Promise<Told<"poolHoldings">> {
    return this.#http.json("GET", `/api/v1/pools/${segment(pool)}/holdings`, query as Query);
  }

  /** Its votes, its interest, and when its votes come free, in every pool that is listed. */
  oneWallet(address: string | number): Promise<Told<"oneWallet">> {
    return this.#http.json("GET", `/api/v1/wallets/${segment(address)}`);
  }

  /** What is wrong, and what was: open ones first, then newest first. */
  listIncidents(query: Asked<"listIncidents"> = {}): Promise<Told<"listIncidents">> {
    return this.#http.json("GET", "/api/v1/incidents", query as Query);
  }

  /** One incident: its words, its messages, and what became of it. */
  oneIncident(incidentId: string | number): Promise<Told<"oneIncident">> {
    return this.#http.json("GET", `/api/v1/incidents/${segment(incidentId)}`);
  }

  /** Say that you have it: no more reminders, and nobody else is told. */
  acknowledgeIncident(incidentId: string | number, body: Sent<"acknowledgeIncident">): Promise<Told<"acknowledgeIncident">> {
    return this.#http.json("POST", `/api/v1/incidents/${segment(incidentId)}/acknowledge`, {}, body);
  }

  /** Give it back: reminders go on, and the next ones are told. */
  takeBackAcknowledgement(incidentId: string | number): Promise<Told<"takeBackAcknowledgement">> {
    return this.#http.json("DELETE", `/api/v1/incidents/${segment(incidentId)}/acknowledge`);
  }

  /** End it by hand: it tells nobody any more, and is over as soon as it is no longer found. */
  closeIncident(incidentId: string | number, body: Sent<"closeIncident">): Promise<Told<"closeIncident">> {
    return this.#http.json("POST", `/api/v1/incidents/${segment(incidentId)}/close`, {}, body);
  }

  /** Say something of it: what was found, what was done. */
  commentIncident(incidentId: string | number, body: Sent<"commentIncident">): Promise<Told<"commentIncident">> {
    return this.#http.json("POST", `/api/v1/incidents/${segment(incidentId)}/comments`, {}, body);
  }

  /** What the link of a message would do. It does nothing by itself: mail programs open links, too. */
  lookAtAcknowledgement(token: string | number): Promise<Told<"lookAtAcknowledgement">> {
    return this.#http.json("GET", `/api/v1/acknowledgements/${segment(token)}`);
  }

  /** Take the incident of a message on, signed in or not. */
  acknowledgeByLink(token: string | number, body: Sent<"acknowledgeByLink">): Promise<Told<"acknowledgeByLink">> {
    return this.#http.json("POST", `/api/v1/acknowledgements/${segment(token)}`, {}, body);
  }

  /** What was seen when the incident opened, grew worse, and ended, kept longer than the series. */
  incidentEvidence(incidentId: string | number): Promise<Told<"incidentEvidence">> {
    return this.#http.json("GET", `/api/v1/incidents/${segment(incidentId)}/evidence`);
  }

  /** The same to be read, sent on or printed: with its messages, their receipts, and what people did. */
  incidentEvidenceText(incidentId: string | number): Promise<string> {
    return this.#http.text("GET", `/api/v1/incidents/${segment(incidentId)}/evidence.txt`);
  }

  /** Every rule: why it is there, what it goes by for your team, and how often it fired lately. */
  listRules(): Promise<Told<"listRules">> {
    return this.#http.json("GET", "/api/v1/alerts/rules");
  }

  /** Set the preset and limits of your team as a whole, for all or for single nodes and validators. */
  changeLimits(body: Sent<"changeLimits">): Promise<Told<"changeLimits">> {
    return this.#http.json("PUT", "/api/v1/alerts/limits", {}, body);
  }

  /** The validators that your team proved to be its own. */
  listClaims(): Promise<Told<"listClaims">> {
    return this.#http.json("GET", "/api/v1/claims");
  }

  /** Ask for a text whose signature proves that a validator is yours. It waits for half an hour. */
  beginClaim(body: Sent<"beginClaim">): Promise<Told<"beginClaim">> {
    return this.#http.json("POST", "/api/v1/claims", {}, body);
  }

  /** Hand in the signature. A claim of another team, if there was one, ends with that. */
  proveClaim(challengeId: string | number, body: Sent<"proveClaim">): Promise<Told<"proveClaim">> {
    return this.#http.json("PUT", `/api/v1/claims/${segment(challengeId)}`, {}, body);
  }

  /** Say what the public is to know of your validator; whatever is left out stays. */
  changeClaim(address: string | number, body: Sent<"changeClaim">): Promise<Told<"changeClaim">> {
    return this.#http.json("PATCH", `/api/v1/claims/${segment(address)}`, {}, body);
  }

  /** Give a claim up; what was told of the validator is forgotten. */
  dropClaim(address: string | number): Promise<Told<"dropClaim">> {
    return this.#http.json("DELETE", `/api/v1/claims/${segment(address)}`);
  }

  /** What kinds of contact points there are, and what each asks for. */
  contactKinds(): Promise<Told<"contactKinds">> {
    return this.#http.json("GET", "/api/v1/alerts/contact-kinds");
  }

  /** Your team's contact points and how they fare; also the channels that the settings give it. */
  listContacts(): Promise<Told<"listContacts">> {
    return this.#http.json("GET", "/api/v1/alerts/contacts");
  }

  /** Make a contact point. Nothing is sent there yet: test it. */
  makeContact(body: Sent<"makeContact">): Promise<Told<"makeContact">> {
    return this.#http.json("POST", "/api/v1/alerts/contacts", {}, body);
  }

  /** Change a contact point; whatever is left out stays. */
  changeContact(contactId: string | number, body: Sent<"changeContact">): Promise<Told<"changeContact">> {
    return this.#http.json("PATCH", `/api/v1/alerts/contacts/${segment(contactId)}`, {}, body);
  }

  /** Forget a contact point. What was still to be told there goes another way if it is critical. */
  removeContact(contactId: string | number): Promise<Told<"removeContact">> {
    return this.#http.json("DELETE", `/api/v1/alerts/contacts/${segment(contactId)}`);
  }

  /** Use a contact point again that was switched off because it refused for good. */
  enableContact(contactId: string | number, body: Sent<"enableContact">): Promise<Told<"enableContact">> {
    return this.#http.json("POST", `/api/v1/alerts/contacts/${segment(contactId)}/enable`, {}, body);
  }

  /** Send a test there, now. The delivery log keeps how it went. */
  tryContact(contactId: string | number, body: Sent<"tryContact">): Promise<Told<"tryContact">> {
    return this.#http.json("POST", `/api/v1/alerts/contacts/${segment(contactId)}/test`, {}, body);
  }

  /** Every message to your team, the newest first, with every attempt to deliver it. */
  listDeliveries(query: Asked<"listDeliveries"> = {}): Promise<Told<"listDeliveries">> {
    return this.#http.json("GET", "/api/v1/alerts/deliveries", query as Query);
  }

  /** What your team tells the public. */
  teamProfile(): Promise<Told<"teamProfile">> {
    return this.#http.json("GET", "/api/v1/team/profile");
  }

  /** Say what the public is to know of your team; whatever is left out stays. */
  changeProfile(body: Sent<"changeProfile">): Promise<Told<"changeProfile">> {
    return this.#http.json("PATCH", "/api/v1/team/profile", {}, body);
  }

  /** A team's status page: its public nodes, and the validators that it publicly claimed. */
  teamStatus(slug: string | number): Promise<Told<"teamStatus">> {
    return this.#http.json("GET", `/api/v1/teams/${segment(slug)}`);
  }

  /** Live through the last days once more by other limits, and tell what the rule would have told. */
  rehearse(body: Sent<"rehearse">): Promise<Told<"rehearse">> {
    return this.#http.json("POST", "/api/v1/alerts/rehearsals", {}, body);
  }

  /** Your nodes, validators and incidents for Prometheus; for anybody else the network and public nodes. */
  fleetMetrics(): Promise<string> {
    return this.#http.text("GET", "/api/v1/metrics");
  }

  /** Make an account and sign it in: by invitation, or freely where `accounts.sign_up` is open. */
  signUp(body: Sent<"signUp">): Promise<Told<"signUp">> {
    return this.#http.json("POST", "/api/v1/users", {}, body);
  }

  /** Who did what in your team. Owners only. */
  readAudit(query: Asked<"readAudit"> = {}): Promise<Told<"readAudit">> {
    return this.#http.json("GET", "/api/v1/audit", query as Query);
  }

  /** The head of the whole log, to be kept where nobody can change it. Administrators only. */
  auditHead(): Promise<Told<"auditHead">> {
    return this.#http.json("GET", "/api/v1/audit/head");
  }

  /** The team's API keys, the newest first; also those that were revoked or have expired. */
  listKeys(): Promise<Told<"listKeys">> {
    return this.#http.json("GET", "/api/v1/keys");
  }

  /** Make an API key. Its token is in this reply alone: nobody can read it again. */
  makeKey(body: Sent<"makeKey">): Promise<Told<"makeKey">> {
    return this.#http.json("POST", "/api/v1/keys", {}, body);
  }

  /** Revoke a key: it opens nothing from now on, and stays in the list. */
  revokeKey(keyId: string | number): Promise<Told<"revokeKey">> {
    return this.#http.json("DELETE", `/api/v1/keys/${segment(keyId)}`);
  }

  /** The team's keys that may sign commands; also those that were revoked. No agent trusts this list. */
  listOperatorKeys(): Promise<Told<"listOperatorKeys">> {
    return this.#http.json("GET", "/api/v1/operator-keys");
  }

  /** List the public half of a key. `vedette agent trust` on each host is what makes an agent obey it. */
  addOperatorKey(body: Sent<"addOperatorKey">): Promise<Told<"addOperatorKey">> {
    return this.#http.json("POST", "/api/v1/operator-keys", {}, body);
  }

  /** Say that a key is not to be trusted. Agents hear it by `vedette agent trust revoke`, on their hosts. */
  revokeOperatorKey(keyId: string | number): Promise<Told<"revokeOperatorKey">> {
    return this.#http.json("DELETE", `/api/v1/operator-keys/${segment(keyId)}`);
  }

  /** The team that you look at: its members; for owners also their addresses, and who is invited. */
  myTeam(): Promise<Told<"myTeam">> {
    return this.#http.json("GET", "/api/v1/team");
  }

  /** Call your team by another name. */
  renameTeam(body: Sent<"renameTeam">): Promise<Told<"renameTeam">> {
    return this.#http.json("PATCH", "/api/v1/team", {}, body);
  }

  /** A new team, which you own. POST /api/v1/session/team looks at it. */
  makeTeam(body: Sent<"makeTeam">): Promise<Told<"makeTeam">> {
    return this.#http.json("POST", "/api/v1/teams", {}, body);
  }

  /** Give a member another role. The API keys of one who is no owner any more end with that. */
  changeMember(userId: string | number, body: Sent<"changeMember">): Promise<Told<"changeMember">> {
    return this.#http.json("PATCH", `/api/v1/team/members/${segment(userId)}`, {}, body);
  }

  /** Send a member away, as an owner, or leave. The API keys that he made end with it. */
  removeMember(userId: string | number): Promise<Told<"removeMember">> {
    return this.#http.json("DELETE", `/api/v1/team/members/${segment(userId)}`);
  }

  /** Invite somebody into your team, for a week. The link is told once; it is mailed, too, if it can be. */
  invite(body: Sent<"invite">): Promise<Told<"invite">> {
    return this.#http.json("POST", "/api/v1/team/invitations", {}, body);
  }

  /** Take an invitation back: its link opens nothing from now on. */
  withdrawInvitation(invitationId: string | number): Promise<Told<"withdrawInvitation">> {
    return this.#http.json("DELETE", `/api/v1/team/invitations/${segment(invitationId)}`);
  }

  /** What an invitation offers. Whoever has its link may ask. */
  lookAtInvitation(body: Sent<"lookAtInvitation">): Promise<Told<"lookAtInvitation">> {
    return this.#http.json("POST", "/api/v1/invitations/look", {}, body);
  }

  /** Accept an invitation with the account that you are signed in with. */
  joinTeam(body: Sent<"joinTeam">): Promise<Told<"joinTeam">> {
    return this.#http.json("POST", "/api/v1/team/join", {}, body);
  }

  /** The validators that your team watches, beside those whose node is its own. */
  watches(): Promise<Told<"watches">> {
    return this.#http.json("GET", "/api/v1/team/watches");
  }

  /** From now on your team watches exactly these: it is told when one of them is absent. */
  watch(body: Sent<"watch">): Promise<Told<"watch">> {
    return this.#http.json("PUT", "/api/v1/team/watches", {}, body);
  }

  /** Your team's routes, escalations, on-call schedules and quiet hours. */
  showRouting(): Promise<Told<"showRouting">> {
    return this.#http.json("GET", "/api/v1/alerts/routing");
  }

  /** Set all of it at once. */
  changeRouting(body: Sent<"changeRouting">): Promise<Told<"changeRouting">> {
    return this.#http.json("PUT", "/api/v1/alerts/routing", {}, body);
  }

  /** Ask what would become of a trouble: whom it would be told, or why nobody. */
  tryRouting(body: Sent<"tryRouting">): Promise<Told<"tryRouting">> {
    return this.#http.json("POST", "/api/v1/alerts/routing/tries", {}, body);
  }

  /** Who is told now by each schedule, until when, and who comes next. */
  whoIsOnCall(): Promise<Told<"whoIsOnCall">> {
    return this.#http.json("GET", "/api/v1/alerts/on-call");
  }

  /** Your team's silences, those that end last first; those of the last 90 days among them. */
  listSilences(): Promise<Told<"listSilences">> {
    return this.#http.json("GET", "/api/v1/alerts/silences");
  }

  /** Let nothing be told of what this matches, until it ends. What still stands then is told. */
  makeSilence(body: Sent<"makeSilence">): Promise<Told<"makeSilence">> {
    return this.#http.json("POST", "/api/v1/alerts/silences", {}, body);
  }

  /** End it now; it stays in the list. */
  endSilence(silenceId: string | number): Promise<Told<"endSilence">> {
    return this.#http.json("DELETE", `/api/v1/alerts/silences/${segment(silenceId)}`);
  }

  /** Your team's maintenances, the newest first; those of the last 90 days among them. */
  listMaintenances(): Promise<Told<"listMaintenances">> {
    return this.#http.json("GET", "/api/v1/alerts/maintenances");
  }

  /** Let nothing be told of what this matches while work is expected. What still stands then is told. */
  makeMaintenance(body: Sent<"makeMaintenance">): Promise<Told<"makeMaintenance">> {
    return this.#http.json("POST", "/api/v1/alerts/maintenances", {}, body);
  }

  /** The windows of all maintenances that touch this span. */
  showCalendar(query: Asked<"showCalendar">): Promise<Told<"showCalendar">> {
    return this.#http.json("GET", "/api/v1/alerts/maintenances/calendar", query as Query);
  }

  /** Change what is given; whatever is left out stays. */
  changeMaintenance(maintenanceId: string | number, body: Sent<"changeMaintenance">): Promise<Told<"changeMaintenance">> {
    return this.#http.json("PATCH", `/api/v1/alerts/maintenances/${segment(maintenanceId)}`, {}, body);
  }

  /** Take it away: from now on trouble is told. */
  dropMaintenance(maintenanceId: string | number): Promise<Told<"dropMaintenance">> {
    return this.#http.json("DELETE", `/api/v1/alerts/maintenances/${segment(maintenanceId)}`);
  }

  /** How often your team is told how it went, and whereto. */
  readDigest(): Promise<Told<"readDigest">> {
    return this.#http.json("GET", "/api/v1/alerts/digest");
  }

  /** Say when, and whereto. The next one tells of what comes after this moment. */
  changeDigest(body: Sent<"changeDigest">): Promise<Told<"changeDigest">> {
    return this.#http.json("PUT", "/api/v1/alerts/digest", {}, body);
  }

  /** Make the address of your team's calendar of deadlines; an older one opens nothing from now on. */
  makeFeedToken(body: Sent<"makeFeedToken">): Promise<Told<"makeFeedToken">> {
    return this.#http.json("POST", "/api/v1/alerts/feed-token", {}, body);
  }

  /** What to put on a page for one of our addresses (oEmbed 1.0). */
  oembed(query: Asked<"oembed">): Promise<Told<"oembed">> {
    return this.#http.json("GET", "/api/v1/oembed", query as Query);
  }

  /** A validator's badge. One that was never seen is *unknown*, in grey. */
  validatorBadge(address: string | number, what: string | number): Promise<string> {
    return this.#http.text("GET", `/badge/validators/${segment(address)}/${segment(what)}.svg`);
  }

  /** The state of a node that its operator made public; any other is *unknown*. */
  nodeBadge(nodeId: string | number): Promise<string> {
    return this.#http.text("GET", `/badge/nodes/${segment(nodeId)}.svg`);
  }

  /** The network's badge. */
  networkBadge(what: string | number): Promise<string> {
    return this.#http.text("GET", `/badge/network/${segment(what)}.svg`);
  }

  /** A validator as a card, for a frame on any page. */
  validatorEmbed(address: string | number, query: Asked<"validatorEmbed"> = {}): Promise<string> {
    return this.#http.text("GET", `/embed/validators/${segment(address)}`, query as Query);
  }

  /** A staking pool as a card, for a frame on any page. */
  poolEmbed(pool: string | number, query: Asked<"poolEmbed"> = {}): Promise<string> {
    return this.#http.text("GET", `/embed/pools/${segment(pool)}`, query as Query);
  }

  /** When votes unlock, forks come and work is planned. The token is a bearer of its own. */
  deadlines(query: Asked<"deadlines">): Promise<string> {
    return this.#http.text("GET", "/feeds/deadlines.ics", query as Query);
  }

  /** What teams that show their incidents tell the public of the last fourteen days, as Atom. */
  incidentsAtom(query: Asked<"incidentsAtom"> = {}): Promise<string> {
    return this.#http.text("GET", "/feeds/incidents.atom", query as Query);
  }

  /** The same as RSS 2.0: an item more when an incident is over. */
  incidentsRss(query: Asked<"incidentsRss"> = {}): Promise<string> {
    return this.#http.text("GET", "/feeds/incidents.rss", query as Query);
  }

  /** The process lives, judges and tells. Else 503, with what has stood for half a minute. */
  healthz(): Promise<string> {
    return this.#http.text("GET", "/healthz");
  }

  /** Does its work: the database takes writes, the chain is followed, it judges and tells. Else 503. */
  readyz(): Promise<string> {
    return this.#http.text("GET", "/readyz");
  }

  /** The server's own process for Prometheus: for administrators, and whoever holds the read token. */
  metrics(): Promise<string> {
    return this.#http.text("GET", "/metrics");
  }
}
