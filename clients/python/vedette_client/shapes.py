"""The shapes of bodies and replies.

Made by scripts/clients.py from the server's OpenAPI document: change the server, not this file.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Acked(TypedDict):
    """Who has it."""

    at_ms: int
    by: str
    until_ms: int | None


class AcknowledgeWish(TypedDict):
    minutes: NotRequired[int | None]
    comment: NotRequired[str]


class AcknowledgementOffer(TypedDict):
    """What a signed link would do, and for which incident."""

    incident_id: int
    titles: InLanguages
    severity: Literal["info", "warning", "critical"]
    state: Literal["pending", "open", "resolved"]
    opened_at_ms: int
    acked: Acked | None
    expires_at_ms: int


class ApiKey(TypedDict):
    """A key, without its token: that was told once."""

    id: str
    name: str
    hint: str
    scopes: list[Scope]
    made_by: str | None
    created_at_ms: int
    expires_at_ms: int | None
    used_at_ms: int | None
    revoked_at_ms: int | None


class ApiKeys(TypedDict):
    keys: list[ApiKey]


class ArrivalShape(TypedDict):
    votes: int
    height: int
    left_blocks: int
    left_ms: int | None


class AttemptShape(TypedDict):
    """One attempt to deliver a message."""

    at_ms: int
    took_ms: int
    outcome: Literal["sent", "failed", "refused"]
    detail: str | None


class Audit(TypedDict):
    """Lines, newest first."""

    entries: list[AuditEntry]
    next_before: int | None


class AuditEntry(TypedDict):
    """One line. Persons stand in it by pseudonym, also when they were forgotten."""

    seq: int
    at_ms: int
    actor: str
    actor_name: str | None
    act: str
    subject: str
    detail: dict[str, str | int | bool | None]


class AuditHead(TypedDict):
    """The newest line: kept elsewhere, it binds the whole log."""

    seq: int
    hash: str


class Availability(TypedDict):
    """How long a node ran and answered, in all and in cells of a day or an hour (UTC)."""

    node_id: str
    window: Literal["24h", "7d", "30d", "365d", "all"]
    from_ms: int
    to_ms: int
    cell_ms: int
    cells_at_ms: list[int]
    process: Uptime
    rpc: Uptime


class Balance(TypedDict):
    from_ms: int
    to_ms: int
    pow_address: str | None
    stake: list[StakePoint]
    pow: list[BalancePoint]


class BalancePoint(TypedDict):
    """What its PoW address held from then on."""

    at_ms: int
    balance_drip: str
    staking_drip: str


class Block(TypedDict):
    height: int
    hash: str
    epoch: int
    round: int
    at_ms: int
    proposer: str | None
    signers: int | None
    members: int | None
    signed_votes: int | None
    total_votes: int | None
    absent: list[str]
    witnesses: int


class BlockShape(TypedDict):
    """One block with everybody who signed it."""

    height: int
    hash: str
    epoch: int
    round: int
    at_ms: int
    proposer: str | None
    signers: int | None
    members: int | None
    signed_votes: int | None
    total_votes: int | None
    absent: list[str]
    witnesses: int
    quorum_votes: int | None
    since_previous_ms: int | None
    skipped_rounds: int | None
    signed: list[ElectedVotes]


class Blocks(TypedDict):
    blocks: list[Block]
    next_before: int | None


class Calendar(TypedDict):
    windows: list[WindowShape]


class ClaimChallenge(TypedDict):
    """What is to be signed, once, by one of the signers."""

    id: str
    message: str
    typed_data: dict[str, Any]
    signers: list[SignerShape]
    expires_at_ms: int


class ClaimChange(TypedDict):
    """What the public is to be told of a claimed validator; what is left out stays as it is."""

    is_public: NotRequired[bool]
    name: NotRequired[str | None]
    about: NotRequired[str]
    links: NotRequired[list[LinkShape]]


class ClaimProof(TypedDict):
    signature: str


class ClaimShape(TypedDict):
    """A validator that the team proved to be its own."""

    address: str
    signer: str
    space: Literal["core", "espace"]
    claimed_at_ms: int
    lapsed_at_ms: int | None
    is_public: bool
    name: str | None
    about: str
    links: list[LinkShape]


class ClaimWish(TypedDict):
    """The validator that is to be the team's."""

    address: str


class Claimed(TypedDict):
    """The team that proved that a validator is its own, as far as it wishes to say so."""

    name: str | None
    team: str
    slug: str | None


class ClaimedInFull(TypedDict):
    name: str | None
    team: str
    slug: str | None
    about: str
    links: list[LinkShape]


class Claims(TypedDict):
    claims: list[ClaimShape]


class CloseWish(TypedDict):
    comment: NotRequired[str]


class ComingElection(TypedDict):
    term: int
    first_epoch: int
    last_epoch: int
    state: ElectionState
    opens_at_height: int
    closes_at_height: int
    closes_in_ms: int | None
    elected_votes: int
    own_seats: int
    free_votes: int | None
    chance_ppm: int | None


class CommentWish(TypedDict):
    text: str


class CommitteeMember(TypedDict):
    address: str
    votes: int
    signed_blocks: int | None
    known_blocks: int | None
    led_blocks: int | None
    silent: bool | None


class CommitteeShape(TypedDict):
    """Who may vote in an epoch, and how they did in the blocks from `first_height` to `last_height`."""

    epoch: int
    acting: bool
    quorum_votes: int
    total_votes: int
    first_height: int | None
    last_height: int | None
    members: list[CommitteeMember]
    elections: list[ElectionShape]


class Confirmation(TypedDict):
    """A password (and a code where the account has an authenticator), or a passkey's answer."""

    password: NotRequired[str | None]
    code: NotRequired[str | None]
    ticket: NotRequired[str | None]
    credential: NotRequired[dict[str, Any] | None]


class ContactChange(TypedDict):
    """What is left out stays; `config` is given as a whole, and gives the contact point a fresh start."""

    name: NotRequired[str | None]
    config: NotRequired[dict[str, str | bool] | None]
    language: NotRequired[Literal["en", "zh"] | None]
    wakes: NotRequired[bool | None]
    fallback_id: NotRequired[str | None]


class ContactField(TypedDict):
    """One thing to be filled in."""

    name: str
    label: InLanguages
    help: InLanguages
    kind: Literal["text", "url", "email", "choice", "flag"]
    is_secret: bool
    is_required: bool
    choices: list[str]


class ContactKind(TypedDict):
    """One kind of contact point."""

    name: str
    label: InLanguages
    help: InLanguages
    fields: list[ContactField]
    wakes: bool
    receipts: bool
    digests: bool
    lacks: str | None


class ContactKinds(TypedDict):
    kinds: list[ContactKind]


class ContactList(TypedDict):
    contacts: list[ContactShape]
    warnings: list[Literal["nothing", "no_waking_channel", "switched_off", "silent_route"]]
    silent_routes: list[str]


class ContactShape(TypedDict):
    """One contact point; or a channel of the settings file, which is changed there alone."""

    id: str
    ref: str
    name: str
    kind: str
    hint: str
    language: Literal["en", "zh"]
    wakes: bool
    is_enabled: bool
    disabled_why: str | None
    fallback_id: str | None
    tested_at_ms: int | None
    sent_at_ms: int | None
    failing_since_ms: int | None
    error: str | None
    of_settings: bool


class ContactTest(TypedDict):
    """How a test went."""

    ok: bool
    receipt: str | None
    error: str | None
    took_ms: int


class ContactWish(TypedDict):
    """A contact point to be made. Its configuration is sealed, and never shown again."""

    name: str
    kind: str
    config: dict[str, str | bool]
    language: NotRequired[Literal["en", "zh"] | None]
    wakes: NotRequired[bool | None]
    fallback_id: NotRequired[str | None]


class CoverageShape(TypedDict):
    """How much is known of what was asked for."""

    asked_epochs: int
    known_epochs: int
    rewarded_epochs: int
    staked_epochs: int
    served_epochs: int
    known_blocks: int


class Covered(TypedDict):
    known: int
    of: int | None


class Days(TypedDict):
    """How much of the known time it was up, by the day (UTC); null where nothing is known."""

    up_ppm: int | None
    days_ppm: list[int | None]


Decision = Literal[
    "told",
    "held",
    "explained",
    "settling",
    "flapping",
    "clearing",
    "storm",
    "silenced",
    "maintenance",
    "quiet_hours",
    "acknowledged",
    "closed",
    "no_contact",
    "noted",
]


class Deliveries(TypedDict):
    deliveries: list[DeliveryShape]
    next_before: int | None


class DeliveryShape(TypedDict):
    """One message to one channel, and every attempt to deliver it."""

    id: int
    kind: str
    incident_id: int | None
    titles: InLanguages
    channel: str
    channel_name: str
    reason: Reason
    state: Literal["waiting", "sent", "failed", "superseded"]
    created_at_ms: int
    sent_at_ms: int | None
    receipt: str | None
    error: str | None
    instead_of: int | None
    told_with: int | None
    attempts: list[AttemptShape]


class DigestShape(TypedDict):
    """When a digest is told, by the clocks of its zone, and whereto."""

    every: Literal["never", "daily", "weekly"]
    hour: int
    weekday: NotRequired[int | None]
    zone: str
    contacts: list[str]


class ElectedVotes(TypedDict):
    address: str
    votes: int


class ElectionShape(TypedDict):
    term: int
    first_epoch: int
    last_epoch: int
    start_height: int
    finalized: bool
    elected_votes: int
    elected: list[ElectedVotes]


ElectionState = Literal["not_open", "open", "closed", "finalized"]


class Elections(TypedDict):
    terms: list[TermLine]
    next_before: int | None
    radar: RadarShape | None


class Endpoint(TypedDict):
    """One RPC endpoint that the follower reads."""

    name: str
    height: int | None
    lag_blocks: int | None
    error: str | None


class EndpointWatch(TypedDict):
    """What is seen of a node that has no agent, from outside. Null: not known."""

    space: Literal["core", "espace"]
    state: Literal["unreachable", "forked", "lagging", "limited", "unknown", "healthy"]
    reason: str | None
    references: int | None
    lag_epochs: int | None
    lag_blocks: int | None
    pivot_agrees: bool | None
    pivot_epoch: int | None
    latencies: list[MethodLatency]
    tls_days: float | None
    websocket_ms: float | None
    archive: Literal["agrees", "differs", "answers", "unknown"] | None
    archive_epoch: int | None
    interval_ms: int | None


class EnrolmentState(TypedDict):
    """Whether an agent came with the token yet."""

    state: Literal["waiting", "used", "expired"]
    node_id: str | None


class EnrolmentTicket(TypedDict):
    """A token that lets one agent in, once. It is told here and never again."""

    id: str
    token: str
    expires_at_ms: int
    line: str


class EnrolmentWish(TypedDict):
    """What the line to copy is to say. What is left out is for the machine's shell to fill in."""

    name: NotRequired[str | None]
    folder: NotRequired[str | None]


class Enrolments(TypedDict):
    enrolments: list[WaitingEnrolment]


class EpochLine(TypedDict):
    """One finished epoch, counted."""

    epoch: int
    first_height: int
    last_height: int
    first_at_ms: int
    last_at_ms: int
    blocks: int
    known_blocks: int
    nil_blocks: int
    timeout_rounds: int
    members: int
    quorum_votes: int
    total_votes: int
    cast_votes: int
    expected_votes: int
    participation_ppm: int | None
    reward_drip: str | None
    paid_accounts: int | None
    pow_epoch: int | None
    paid_at_ms: int | None


class EpochMember(TypedDict):
    address: str
    votes: int
    signed_blocks: int
    counted_blocks: int
    led_blocks: int
    bonus_votes: int
    silent: bool | None
    reward_drip: str | None


class EpochShape(TypedDict):
    """One finished epoch with everybody's part in it."""

    epoch: int
    first_height: int
    last_height: int
    first_at_ms: int
    last_at_ms: int
    blocks: int
    known_blocks: int
    nil_blocks: int
    timeout_rounds: int
    members: int
    quorum_votes: int
    total_votes: int
    cast_votes: int
    expected_votes: int
    participation_ppm: int | None
    reward_drip: str | None
    paid_accounts: int | None
    pow_epoch: int | None
    paid_at_ms: int | None
    accounts: list[EpochMember]


class Epochs(TypedDict):
    epochs: list[EpochLine]
    next_before: int | None


class EscalationShape(TypedDict):
    id: str
    name: str
    steps: list[StepShape]
    repeat_minutes: NotRequired[int | None]


class EventLine(TypedDict):
    """One thing that happened to an account: a transaction, a change between two snapshots, or both."""

    at_ms: int
    height: int
    kind: str
    source: Literal["chain", "snapshot"]
    votes: int | None
    until_height: int | None
    transaction: int | None
    transaction_hash: str | None
    status: str | None
    conflict: str | None
    sender: str | None


class Events(TypedDict):
    events: list[EventLine]
    next_before: int | None


class Evidence(TypedDict):
    """What was seen at that moment."""

    at_ms: int
    what: Literal["opened", "escalated", "resolved"]
    bundle: dict[str, Any]


class EvidenceMark(TypedDict):
    at_ms: int
    what: Literal["opened", "escalated", "resolved"]


class FactShape(TypedDict):
    """A figure with its formula and what went into it; numbers are decimal text."""

    key: Figure
    value: str | None
    why: Why | None
    formula: str
    inputs: dict[str, str | None]


class FeeLine(TypedDict):
    """What its operator had decided from then on, as far as it was seen."""

    from_ms: int
    until_ms: int | None
    fee_ppm: int | None
    owner: str | None
    upgradable: bool | None
    implementation: str | None
    lock_blocks: int | None
    unlock_blocks: int | None
    changed: list[str]


class FeedUrl(TypedDict):
    """The calendar's address. Whoever knows it sees the team's deadlines: it is told here and never again."""

    url: str


class Fees(TypedDict):
    fees: list[FeeLine]
    next_before: int | None


Figure = Literal[
    "vote_rate_ppm",
    "cast_rate_ppm",
    "network_participation_ppm",
    "served_epochs",
    "silent_epochs",
    "seat_terms",
    "served_blocks",
    "led_blocks",
    "expected_led_ppm",
    "led_luck_ppm",
    "reward_gdrip",
    "reward_due_gdrip",
    "reward_fair_gdrip",
    "loss_not_elected_gdrip",
    "loss_silent_gdrip",
    "loss_no_lead_gdrip",
    "apy_ppm",
    "network_apy_ppm",
    "presence_ppm",
    "earned_ppm",
    "score",
]


class Figures(TypedDict):
    """Every figure; blocks in `_ppm` are millionths of a block."""

    vote_rate_ppm: int | None
    cast_rate_ppm: int | None
    network_participation_ppm: int | None
    served_epochs: int | None
    silent_epochs: int | None
    seat_terms: int | None
    served_blocks: int | None
    led_blocks: int | None
    expected_led_ppm: int | None
    led_luck_ppm: int | None
    reward_gdrip: str | None
    reward_due_gdrip: str | None
    reward_fair_gdrip: str | None
    loss_not_elected_gdrip: str | None
    loss_silent_gdrip: str | None
    loss_no_lead_gdrip: str | None
    apy_ppm: int | None
    network_apy_ppm: int | None
    presence_ppm: int | None
    earned_ppm: int | None
    score: int | None


class ForkReadiness(TypedDict):
    """One hard fork, and whether your nodes follow it."""

    name: str
    version: str
    pow_epoch: int | None
    pos_height: int | None
    when: str | None
    activates_at_ms: int | None
    state: Literal["past", "next", "later"]
    ready_nodes: int
    not_ready_nodes: int
    unknown_nodes: int
    ready_seats: int | None
    not_ready_seats: int | None
    not_ready: list[UnreadyNode]


class HandoverShape(TypedDict):
    weekday: NotRequired[int | None]
    hour: int
    minute: int


Happening = Literal[
    "found",
    "came_back",
    "severity",
    "decision",
    "told",
    "over",
    "acknowledged",
    "taken_back",
    "ran_out",
    "closed",
    "comment",
]


class HistoryProgressShape(TypedDict):
    """How far the past of the PoS chain is read."""

    at_ms: int
    unread_blocks: int | None
    settled_blocks: int | None
    blocks_per_s: float | None
    eta_s: int | None
    first_epoch: int | None
    last_epoch: int | None
    epochs: Covered
    rewards: Covered
    transactions: Covered
    first_staked_epoch: int | None


class HoldingsHistory(TypedDict):
    from_ms: int
    to_ms: int
    points: list[HoldingsPoint]


class HoldingsPoint(TypedDict):
    """What it held from then on."""

    available_votes: int | None
    staked_votes: int | None
    staker_count: int | None
    told_apy_ppm: int | None
    own_interest_drip: str | None
    total_interest_drip: str | None
    balance_drip: str | None
    withdrawable_drip: str | None
    at_ms: int


class InLanguages(TypedDict):
    """A line in each language."""

    en: str
    zh: str


class IncidentActions(TypedDict):
    """What the reader may do with it."""

    can_close: bool


class IncidentEvent(TypedDict):
    at_ms: int
    kind: Happening
    detail: dict[str, Any]


class IncidentEvidence(TypedDict):
    incident: IncidentShape
    evidence: list[Evidence]


class IncidentShape(TypedDict):
    id: int
    key: str
    rule: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["pending", "open", "resolved"]
    subject: IncidentSubject
    title: str
    facts: dict[str, str | int | float]
    opened_at_ms: int
    told_at_ms: int | None
    resolved_at_ms: int | None
    muted_by: str | None
    notices: list[NoticeShape]
    titles: InLanguages
    decision: Decision | None
    acked: Acked | None
    closed_by: str | None
    flaps: int
    measure: Measure | None
    deadline_ms: int | None


class IncidentSubject(TypedDict):
    kind: SubjectKind
    id: str
    name: str


class IncidentTexts(TypedDict):
    en: IncidentTold
    zh: IncidentTold


class IncidentTold(TypedDict):
    """What is said of it at this moment."""

    title: str
    lines: list[str]
    hint: str | None
    why: str | None


class Incidents(TypedDict):
    incidents: list[IncidentShape]
    next_before: int | None


class Invitation(TypedDict):
    """An invitation that waits to be accepted."""

    id: str
    role: Role
    email: str | None
    expires_at_ms: int


class InvitationToken(TypedDict):
    token: str


class InvitationWish(TypedDict):
    """Whom to let in, and as what. With an address the link is sent there, where the server sends e-mail."""

    role: Role
    email: NotRequired[str | None]


class Invited(TypedDict):
    """What an invitation offers."""

    team: str
    role: Role


class Joining(TypedDict):
    invitation: str


class KeyWish(TypedDict):
    """A key to be made. Without scopes it opens no more than anybody sees."""

    name: str
    scopes: list[Scope]
    expires_in_days: NotRequired[int | None]


class LayerHealth(TypedDict):
    state: Literal["down", "forked", "zombie", "stalled", "lagging", "syncing", "unknown", "healthy"]
    reason: str
    figures: dict[str, float]
    since_ms: int | None


class LimitShape(TypedDict):
    """One limit of a rule: what it would be, and what it is."""

    name: str
    kind: Literal["whole", "number", "flag", "severity", "text"]
    unit: str | None
    default: bool | int | float | str
    preset: bool | int | float | str
    team: bool | int | float | str | None
    value: bool | int | float | str


class LimitsChange(TypedDict):
    """What your team goes by from now on, as a whole: what is left out is as the preset has it."""

    preset: NotRequired[Literal["quiet", "normal", "paranoid"]]
    rules: NotRequired[dict[str, Any]]
    subjects: NotRequired[dict[str, dict[str, Any]]]
    version: int


class LinkShape(TypedDict):
    label: str
    url: str


class LiveBlock(TypedDict):
    """SSE event `block`: one newly settled block. `cells` has a strip letter for each known validator."""

    height: int
    epoch: int
    at_ms: int
    signed_votes: int | None
    total_votes: int | None
    cells: dict[str, str]


class MadeInvitation(TypedDict):
    """A new invitation. Its link is told here and never again: whoever has it may come in, once."""

    id: str
    link: str
    expires_at_ms: int


class MadeKey(TypedDict):
    """A new key. Its token is told here and never again."""

    key: ApiKey
    token: str


class MaintenanceChange(TypedDict):
    """What is left out stays as it is."""

    name: NotRequired[str | None]
    matcher: NotRequired[MatcherShape | None]
    comment: NotRequired[str | None]
    starts_at_ms: NotRequired[int | None]
    ends_at_ms: NotRequired[int | None]
    cron: NotRequired[str | None]
    zone: NotRequired[str | None]
    duration_minutes: NotRequired[int | None]


class MaintenanceShape(TypedDict):
    id: str
    name: str
    matcher: MatcherShape
    comment: str
    made_by: str
    created_at_ms: int
    starts_at_ms: int
    ends_at_ms: int | None
    cron: str | None
    zone: str | None
    duration_minutes: int | None
    state: Literal["ahead", "on", "off", "over"]


class MaintenanceWish(TypedDict):
    """Once: from start to end. With `cron`: each time it says, so long, between start and end."""

    name: str
    matcher: MatcherShape
    comment: NotRequired[str]
    starts_at_ms: int
    ends_at_ms: NotRequired[int | None]
    cron: NotRequired[str | None]
    zone: NotRequired[str | None]
    duration_minutes: NotRequired[int | None]


class Maintenances(TypedDict):
    maintenances: list[MaintenanceShape]


class MapPlace(TypedDict):
    """Nodes at one place. `names` are those of the nodes that the reader sees anyway."""

    country: str
    city: str | None
    latitude: float
    longitude: float
    nodes: int
    voting_nodes: int
    up: int
    releases: dict[str, int]
    names: list[str]


class MatcherShape(TypedDict):
    """Which incidents are meant: those of which everything given holds. Nothing given: all."""

    severity_min: NotRequired[Severity | None]
    rules: NotRequired[list[str]]
    subjects: NotRequired[list[str]]
    labels: NotRequired[list[str]]
    groups: NotRequired[list[str]]
    validators: NotRequired[list[str]]
    kinds: NotRequired[list[SubjectKind]]


class May(TypedDict):
    """What he may do in the team that he looks at, and beyond it."""

    read: bool
    operate: bool
    own: bool
    administer: bool


class Me(TypedDict):
    """The person who is signed in."""

    id: int
    name: str
    email: str | None
    email_verified: bool
    is_admin: bool
    has_password: bool
    has_totp: bool
    passkeys: int


class Measure(TypedDict):
    """A value against its threshold."""

    value: float
    limit: float | None
    unit: str


class Member(TypedDict):
    """A member of your team."""

    user_id: int
    name: str
    email: str | None
    role: Role
    since_ms: int
    seen_at_ms: int | None


class MemberChange(TypedDict):
    role: Role


class MethodLatency(TypedDict):
    """How long the endpoint took to answer, over the newest 60 answers."""

    method: str
    p50_ms: float
    p95_ms: float


class MyTeam(TypedDict):
    id: int
    name: str
    role: Role


class Network(TypedDict):
    """The whole, in one reply."""

    at_ms: int
    version: str
    pos: PosNow | None
    pow: PowNow | None
    validators: int
    nodes: dict[str, int]
    incidents_open: int
    endpoints: list[Endpoint]
    data_of: str
    data_doubts: list[str]


class NetworkHistory(TypedDict):
    """Columns for a chart: each list has a value or null for each time."""

    window: WindowHeader
    epochs_per_point: int
    times: list[int]
    epoch: list[int]
    participation_ppm: list[int | None]
    reward_gdrip: list[int | None]
    staked_votes: list[int | None]
    official_apy_ppm: list[int | None]
    realised_apy_ppm: list[int | None]
    finality_gap_epochs: list[int | None]


class NewEmail(TypedDict):
    email: str | None


class NewName(TypedDict):
    name: str


class NewPasskey(TypedDict):
    ticket: str
    name: str
    credential: dict[str, Any]


class NewPassword(TypedDict):
    old: str | None
    new: str


class Node(TypedDict):
    """A node. A reader outside its team sees public ones only, with what tells nothing of the machine."""

    id: str
    name: str
    kind: Literal["agent", "endpoint"]
    role: str
    state: Literal["down", "silent", "stopped", "syncing", "unknown", "up"]
    since_ms: int | None
    heard_at_ms: int
    due_at_ms: int
    planned_stop_until_ms: int | None
    pos_address: str | None
    version: str | None
    sync_phase: str | None
    voting: bool | None
    numbers: dict[str, float]
    states: dict[str, str]
    failures: list[ProbeFailure]
    endpoint: EndpointWatch | None
    incidents: list[int]
    health: NodeHealth | None
    labels: list[str]
    group: str | None
    is_public: bool
    publish: Literal["nothing", "country", "city"]
    place: Place | None
    revoked_at_ms: int | None


class NodeChange(TypedDict):
    """What an operator says of a node; what is left out stays as it is."""

    name: NotRequired[str | None]
    role: NotRequired[Literal["voter", "backup", "full", "archive", "rpc"] | None]
    labels: NotRequired[list[str]]
    group: NotRequired[str | None]
    is_public: NotRequired[bool]
    publish: NotRequired[Literal["nothing", "country", "city"]]
    place: NotRequired[PlaceGiven | None]


class NodeHealth(TypedDict):
    state: Literal["down", "forked", "zombie", "stalled", "lagging", "syncing", "unknown", "healthy"]
    execution: LayerHealth
    pow: LayerHealth
    pos: LayerHealth
    validator: LayerHealth


class Nodes(TypedDict):
    nodes: list[Node]
    next_cursor: str | None


class Nothing(TypedDict):
    """An empty object: what is wanted is said by the route alone."""


class NoticeShape(TypedDict):
    channel: str
    reason: Reason
    state: Literal["waiting", "sent", "failed", "superseded"]
    created_at_ms: int
    sent_at_ms: int | None
    attempts: int
    error: str | None
    receipt: str | None


class OEmbed(TypedDict):
    """A card to be put on a page, as oEmbed 1.0 has it."""

    version: NotRequired[Literal["1.0"]]
    type: NotRequired[Literal["rich"]]
    provider_name: NotRequired[str]
    provider_url: str
    title: str
    html: str
    width: int
    height: int
    cache_age: NotRequired[int]


class OidcOffer(TypedDict):
    """Another place's sign-in that is taken here: GET /api/v1/oidc/start leads there."""

    name: str


class OnCall(TypedDict):
    schedules: list[OnCallShape]


class OnCallNext(TypedDict):
    ref: str
    name: str
    from_ms: int


class OnCallPerson(TypedDict):
    ref: str
    name: str


class OnCallShape(TypedDict):
    id: str
    name: str
    now: OnCallPerson | None
    until_ms: int | None
    next: OnCallNext | None


class OperatorKey(TypedDict):
    """A public half, to be shown: no agent trusts it because it stands here."""

    id: str
    name: str
    fingerprint: str
    public_key: str
    made_by: Literal["browser", "cli"]
    may_start_voter: bool
    created_at_ms: int
    revoked_at_ms: int | None


class OperatorKeyWish(TypedDict):
    """The public half of a key that may sign commands."""

    name: str
    public_key: str
    made_by: Literal["browser", "cli"]


class OperatorKeys(TypedDict):
    keys: list[OperatorKey]


OutageKind = Literal["silent", "force_retired", "dispute_locked", "forfeited"]


class OutageShape(TypedDict):
    """A time in which it failed: epochs without any signature, or a punishment by the chain."""

    kind: OutageKind
    from_ms: int
    to_ms: int | None
    height: int
    first_epoch: int | None
    last_epoch: int | None
    votes: int | None
    until_height: int | None


class Outlook(TypedDict):
    """What is ahead of a validator; times are estimates from the usual pace."""

    at_ms: int
    epoch: int
    height: int
    epoch_last_height: int | None
    block_interval_ms: int | None
    last_signed_height: int | None
    force_retired_height: int | None
    retirement: RetirementShape | None
    locking: list[ArrivalShape]
    unlocking: list[ArrivalShape]
    radar: RadarShape | None


class OverrideShape(TypedDict):
    """Somebody stands in. Of two at one time the one that begins last counts."""

    from_ms: int
    until_ms: int
    contact: str


class PasskeyAnswer(TypedDict):
    ticket: str
    credential: dict[str, Any]


class PasskeyAsked(TypedDict):
    """What to hand to navigator.credentials, and the ticket to come back with, within five minutes."""

    ticket: str
    options: dict[str, Any]


class PasskeyEntry(TypedDict):
    id: str
    name: str
    created_at_ms: int
    used_at_ms: int | None


class Passkeys(TypedDict):
    passkeys: list[PasskeyEntry]


class PerformanceShape(TypedDict):
    address: str
    window: WindowHeader
    coverage: CoverageShape
    figures: Figures
    paid_over_expected_ppm: int | None
    unknown: dict[str, Why]
    explain: list[FactShape]


class PerformanceSummary(TypedDict):
    """How a validator did over the window; null figures have their reason in `unknown`."""

    score: int | None
    reason: Why | None
    vote_rate_ppm: int | None
    served_epochs: int | None
    silent_epochs: int | None
    seats: int | None
    led_blocks: int | None
    reward_gdrip: str | None
    loss_silent_gdrip: str | None
    apy_ppm: int | None
    staked_epochs: int
    paid_over_expected_ppm: int | None
    earned_ppm: int | None
    unknown: dict[str, Why]


class Place(TypedDict):
    """Where a node stands: what its operator entered, else what the address it reports from suggests."""

    country: str
    city: str | None
    latitude: float | None
    longitude: float | None
    source: Literal["operator", "address"]
    hosting: str | None


class PlaceData(TypedDict):
    """Where places that were looked up come from; show it beside them, as its licence asks."""

    source: str
    as_of: str | None


class PlaceGiven(TypedDict):
    """A place as its operator enters it."""

    country: str
    city: NotRequired[str | None]
    latitude: NotRequired[float | None]
    longitude: NotRequired[float | None]
    hosting: NotRequired[str | None]


class PoolDetail(TypedDict):
    contract: str
    name: str
    own_name: str | None
    pos_address: str | None
    registered: bool | None
    first_seen_ms: int
    told_at_ms: int | None
    trouble: str | None
    states: list[str]
    terms: PoolTermsShape
    holdings: PoolHoldingsShape
    performance: PoolPerformanceShape
    restake: RestakeShape
    window: WindowHeader
    outages: list[OutageShape]


class PoolHoldingsShape(TypedDict):
    """What it holds, as its contract, its account and the chain's register say."""

    available_votes: int | None
    staked_votes: int | None
    staker_count: int | None
    told_apy_ppm: int | None
    own_interest_drip: str | None
    total_interest_drip: str | None
    balance_drip: str | None
    withdrawable_drip: str | None


class PoolPerformanceShape(TypedDict):
    """How its validator did over the window, and what of that the fee left."""

    apy_ppm: int | None
    apy_after_fee_ppm: int | None
    staked_epochs: int | None
    fee_income_gdrip: str | None
    fee_seen_ppm: int | None
    reward_gdrip: str | None
    score: int | None
    vote_rate_ppm: int | None
    served_epochs: int | None
    silent_epochs: int | None
    unknown: dict[str, str]


class PoolShape(TypedDict):
    contract: str
    name: str
    own_name: str | None
    pos_address: str | None
    registered: bool | None
    first_seen_ms: int
    told_at_ms: int | None
    trouble: str | None
    states: list[str]
    terms: PoolTermsShape
    holdings: PoolHoldingsShape
    performance: PoolPerformanceShape
    restake: RestakeShape


class PoolTermsShape(TypedDict):
    """What its operator decides."""

    fee_ppm: int | None
    owner: str | None
    upgradable: bool | None
    implementation: str | None
    lock_blocks: int | None
    unlock_blocks: int | None
    unstake_wait_ms: int | None


class Pools(TypedDict):
    window: WindowHeader
    pools: list[PoolShape]


class PosNow(TypedDict):
    epoch: int
    height: int
    committed_height: int | None
    block_at_ms: int
    members: int | None
    total_votes: int | None
    quorum_votes: int | None
    participation: float | None


class PowNow(TypedDict):
    latest_epoch: int
    state_epoch: int
    confirmed_epoch: int
    finalized_epoch: int
    chain_id: int
    at_ms: int


class ProbeFailure(TypedDict):
    probe: str
    reason: str


class Problem(TypedDict):
    """An error, as RFC 9457 spells it; `detail` says what to do."""

    type: NotRequired[str]
    title: str
    status: int
    detail: str
    need: NotRequired[Literal["code", "confirm"] | None]


class Profile(TypedDict):
    """What the team tells the public of itself."""

    name: str
    slug: str | None
    is_public: bool
    about: str
    links: list[LinkShape]
    shows_incidents: bool


class ProfileChange(TypedDict):
    """What is left out stays as it is."""

    slug: NotRequired[str | None]
    is_public: NotRequired[bool]
    about: NotRequired[str]
    links: NotRequired[list[LinkShape]]
    shows_incidents: NotRequired[bool]


class PushChange(TypedDict):
    subscription: NotRequired[PushSubscription | None]
    addresses: list[str]
    language: Literal["en", "zh"]


class PushKey(TypedDict):
    public_key: str


class PushKeys(TypedDict):
    p256dh: str
    auth: str


class PushMade(TypedDict):
    id: str
    token: str


class PushSubscription(TypedDict):
    """What `PushSubscription.toJSON()` of the browser gives."""

    endpoint: str
    expirationTime: NotRequired[float | None]
    keys: PushKeys


class PushWish(TypedDict):
    subscription: PushSubscription
    addresses: list[str]
    language: Literal["en", "zh"]


class QueuedVotes(TypedDict):
    end_height: int
    votes: int


QuietShape = TypedDict(
    "QuietShape",
    {
        "id": "str",
        "name": "str",
        "zone": "str",
        "from": "str",
        "until": "str",
        "weekdays": "NotRequired[list[int] | None]",
    },
)


class RadarShape(TypedDict):
    """Its seats now by term, and what is known of those to come."""

    epoch: int
    seats: int
    seats_by_term: dict[str, int | None]
    changes: list[SeatChangeShape]
    elections: list[ComingElection]


Reason = Literal["opened", "escalated", "reminded", "resolved", "acknowledged", "taken_back", "passed_on"]


class Recent(TypedDict):
    fired_30d: int


class RecoveryCodes(TypedDict):
    """Each opens the account once in place of an authenticator. Told here and never again."""

    recovery_codes: list[str]


class Rehearsal(TypedDict):
    """How often it would have told of something new. What a cause would have hidden counts as well."""

    fired: int | None
    noted: int | None
    days: list[RehearsalDay]
    last: list[RehearsalTelling]
    seen_days: float | None
    of_days: float
    step_seconds: int | None
    why: str | None
    whys: InLanguages | None


class RehearsalDay(TypedDict):
    day: str
    fired: int


class RehearsalTelling(TypedDict):
    """One trouble that would have been told. Its end is told as late as the rule is sure of it."""

    at_ms: int
    until_ms: int | None
    subject: IncidentSubject


class RehearsalWish(TypedDict):
    """What to live through again. What is null is as your team has it."""

    rule: str
    values: NotRequired[dict[str, Any] | None]
    preset: NotRequired[Literal["quiet", "normal", "paranoid"] | None]
    days: NotRequired[int]


class ReleaseCount(TypedDict):
    release: str
    nodes: int
    voting_nodes: int
    seats: int | None
    seats_ppm: int | None


class Reset(TypedDict):
    token: str
    password: str


class ResetWish(TypedDict):
    name_or_email: str


class RestakeShape(TypedDict):
    """Votes on which its stakers count, and which earn nothing until the operator restakes them."""

    state: RestakeState
    missing_votes: int | None
    ready_votes: int | None
    until_height: int | None


RestakeState = Literal["none", "waiting", "ready", "unknown"]


class RetirementShape(TypedDict):
    """When the chain retires it by force if it signs no more."""

    state: RetirementState
    epoch: int
    height: int
    sign_by_height: int
    left_blocks: int
    left_ms: int | None
    safe_until_ms: int | None
    certain: bool
    last_signed_epoch: int | None


RetirementState = Literal["safe", "silent_epoch_so_far", "due", "idle", "unknown"]


class RewardLine(TypedDict):
    """What one account was paid for one epoch."""

    epoch: int
    reward_drip: str
    pow_epoch: int | None
    paid_at_ms: int | None


class Rewards(TypedDict):
    pow_address: str | None
    rewards: list[RewardLine]
    next_before: int | None


Role = Literal["viewer", "operator", "owner"]


class RotationShape(TypedDict):
    people: list[str]
    handover: HandoverShape
    every_days: int
    starts_on: str


class RouteShape(TypedDict):
    """The first route that matches is taken, and those below it only if it goes on."""

    id: str
    name: str
    match: MatcherShape
    contacts: list[str]
    escalation: NotRequired[str | None]
    quiet: NotRequired[str | None]
    goes_on: NotRequired[bool]


class RoutingShape(TypedDict):
    """How the team wants to be told."""

    routes: list[RouteShape]
    escalations: list[EscalationShape]
    schedules: list[ScheduleShape]
    quiet: list[QuietShape]
    version: int


class RoutingWish(TypedDict):
    """All of it at once. Without routes everybody is told of everything from `warning` on."""

    routes: list[RouteShape]
    escalations: list[EscalationShape]
    schedules: list[ScheduleShape]
    quiet: list[QuietShape]
    version: int


class RuleShape(TypedDict):
    """A rule, why it is there, and what it goes by."""

    name: str
    about: Literal["validator", "node", "network", "monitor", "contact", "endpoint"]
    title: InLanguages
    why: InLanguages
    docs: str
    is_on: bool
    limits: list[LimitShape]
    recent: Recent


class Rules(TypedDict):
    """All rules, as your team goes by them."""

    preset: Literal["quiet", "normal", "paranoid"]
    presets: list[Literal["quiet", "normal", "paranoid"]]
    rules: list[RuleShape]
    subjects: list[SubjectLimits]
    version: int


class ScheduleShape(TypedDict):
    id: str
    name: str
    zone: str
    rotation: RotationShape
    overrides: NotRequired[list[OverrideShape]]


Scope = Literal["read", "write", "metrics"]


class SeatChangeShape(TypedDict):
    """What becomes of its seats when an epoch begins; null where it cannot be told yet."""

    epoch: int
    after_height: int
    left_ms: int | None
    leaving: int | None
    coming: int | None


class Series(TypedDict):
    """Columns for a chart. `times` are unix seconds; each list has a value or null for each time."""

    node_id: str
    from_ms: int
    to_ms: int
    step_ms: int
    names: list[str]
    times: list[float]
    mean: list[list[float | None]]
    min: list[list[float | None]]
    max: list[list[float | None]]
    available: list[str]


class Session(TypedDict):
    """Who asks, and what he may. It is told to everyone, the public too."""

    signed_in: bool
    is_local: bool
    user: Me | None
    team: MyTeam | None
    teams: list[MyTeam]
    may: May
    first_run: bool
    sign_up: Literal["closed", "invited", "open"]
    mail: bool
    oidc: OidcOffer | None
    fresh_until_ms: int | None
    expires_at_ms: int | None


class SessionEntry(TypedDict):
    """One browser in which he is signed in."""

    id: str
    browser: str
    created_at_ms: int
    seen_at_ms: int
    is_this: bool


class Sessions(TypedDict):
    sessions: list[SessionEntry]


class Setup(TypedDict):
    """The first person of an installation: its administrator, and the owner of its first team."""

    name: str
    password: str
    team_name: str
    code: NotRequired[str | None]


Severity = Literal["info", "warning", "critical"]


class SignIn(TypedDict):
    name: str
    password: str
    code: NotRequired[str | None]


class SignUp(TypedDict):
    """A new account, let into a team by an invitation; where sign-up is open, with a team of its own."""

    name: str
    password: NotRequired[str | None]
    email: NotRequired[str | None]
    invitation: NotRequired[str | None]
    team_name: NotRequired[str | None]


class SignerShape(TypedDict):
    """Whose signature proves it."""

    address: str
    space: Literal["core", "espace"]
    why: str


class SilenceShape(TypedDict):
    id: str
    matcher: MatcherShape
    comment: str
    made_by: str
    created_at_ms: int
    starts_at_ms: int
    ends_at_ms: int
    state: Literal["ahead", "on", "over"]


class SilenceWish(TypedDict):
    matcher: MatcherShape
    comment: str
    starts_at_ms: NotRequired[int | None]
    ends_at_ms: int


class Silences(TypedDict):
    silences: list[SilenceShape]


class Stake(TypedDict):
    """Votes of a PoS account, as `pos_getAccount` told them at `height`."""

    height: int
    at_ms: int
    available_votes: int
    locked_votes: int
    in_queue: list[QueuedVotes]
    out_queue: list[QueuedVotes]
    unlocked_votes: int
    forfeited_votes: int
    force_retired_height: int | None
    states: list[str]


class StakePoint(TypedDict):
    """What a PoS account held from then on, in votes."""

    at_ms: int
    height: int
    available_votes: int
    locked_votes: int
    in_queue_votes: int
    out_queue_votes: int
    unlocked_votes: int
    forfeited_votes: int
    force_retired_height: int | None


class States(TypedDict):
    """What a node's states were: each a list of runs, a run ends where the next begins."""

    node_id: str
    from_ms: int
    to_ms: int
    step_ms: int
    states: dict[str, list[tuple[int, str | None]]]
    available: list[str]


class StatusIncident(TypedDict):
    """What was wrong with something public, in the words that are for everybody."""

    id: int
    rule: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["open", "resolved"]
    subject: StatusSubject
    title: str
    titles: InLanguages
    opened_at_ms: int
    resolved_at_ms: int | None


class StatusNode(TypedDict):
    """A public node, and how long it ran and answered."""

    id: str
    name: str
    kind: Literal["agent", "endpoint"]
    role: str
    state: Literal["down", "silent", "stopped", "syncing", "unknown", "up"]
    version: str | None
    process: Days
    rpc: Days


class StatusSubject(TypedDict):
    kind: Literal["validator", "node"]
    id: str
    name: str


class StepShape(TypedDict):
    after_minutes: int
    contacts: list[str]


class Strip(TypedDict):
    """Votes of consecutive blocks: s signed, l led and signed, a absent, - not elected, ? unseen."""

    first: int
    strip: str


SubjectKind = Literal["validator", "node", "network", "monitor", "contact", "endpoint"]


class SubjectLimits(TypedDict):
    """What is different for one node or validator."""

    id: str
    name: str
    kind: Literal["validator", "node", "network", "monitor", "contact", "endpoint"]
    rules: dict[str, Any]


class Team(TypedDict):
    """The team that you look at."""

    id: int
    name: str
    members: list[Member]
    invitations: list[Invitation]


class TeamChoice(TypedDict):
    team_id: int


class TeamStatus(TypedDict):
    """A team's status page: nothing but what it published."""

    name: str
    slug: str
    about: str
    links: list[LinkShape]
    validators: list[ValidatorInFull]
    nodes: list[StatusNode]
    days_from_ms: int
    incidents: list[StatusIncident] | None
    as_of_ms: int


class TeamWish(TypedDict):
    name: str


class TermLine(TypedDict):
    """One validator in one term's election."""

    term: int
    first_epoch: int
    last_epoch: int
    candidate: bool | None
    elected_votes: int | None
    finalized: bool | None
    seats: int | None


class TotpCode(TypedDict):
    code: str


class TotpSecret(TypedDict):
    """For an authenticator; told here and never again."""

    secret: str
    uri: str
    qr_svg: str


class TryAnswer(TypedDict):
    """What would become of it, if it lasted."""

    decision: Decision
    told: list[TryTold]
    route: str | None
    why: str | None
    until_ms: int | None


class TryTold(TypedDict):
    ref: str
    name: str
    after_minutes: int


class TryWish(TypedDict):
    """A trouble that might be."""

    rule: str
    severity: Severity
    subject_id: NotRequired[str | None]
    at_ms: NotRequired[int | None]


class UnreadyNode(TypedDict):
    id: str
    name: str
    release: str


class UntoldPool(TypedDict):
    contract: str
    name: str
    why: str


class Uptime(TypedDict):
    """Shares of a window and of its cells. Unknown time is nobody's fault: it is part of no share."""

    up_ms: int
    down_ms: int
    unknown_ms: int
    up_ppm: int | None
    cells_up_ms: list[int]
    cells_down_ms: list[int]
    cells_unknown_ms: list[int]


class UserChange(TypedDict):
    """What an administrator changes of a person. What is left out stays."""

    is_admin: NotRequired[bool | None]
    is_disabled: NotRequired[bool | None]


class UserEntry(TypedDict):
    """One person, as an administrator sees him."""

    id: int
    name: str
    email: str | None
    email_verified: bool
    is_admin: bool
    has_password: bool
    has_totp: bool
    created_at_ms: int
    disabled_at_ms: int | None


class Users(TypedDict):
    users: list[UserEntry]
    next_cursor: str | None


class Validator(TypedDict):
    address: str
    claimed: Claimed | None
    name: str | None
    node_id: str | None
    committee_votes: int | None
    stake: Stake | None
    votes: Votes
    last_signed_height: int | None
    incidents: list[int]
    performance: PerformanceSummary


class ValidatorEpoch(TypedDict):
    """One validator in one counted epoch."""

    epoch: int
    first_height: int
    last_height: int
    first_at_ms: int
    last_at_ms: int
    votes: int
    signed_blocks: int
    known_blocks: int
    blocks: int
    led_blocks: int
    silent: bool | None
    reward_gdrip: str | None
    expected_gdrip: str | None
    due_gdrip: str | None
    lost_gdrip: str | None
    cumulative_gdrip: str


class ValidatorEpochs(TypedDict):
    epochs: list[ValidatorEpoch]
    next_before: int | None


class ValidatorInFull(TypedDict):
    """One validator, with all that its team tells of it."""

    address: str
    claimed: ClaimedInFull | None
    name: str | None
    node_id: str | None
    committee_votes: int | None
    stake: Stake | None
    votes: Votes
    last_signed_height: int | None
    incidents: list[int]
    performance: PerformanceSummary


class Validators(TypedDict):
    height: int | None
    window: WindowHeader
    total: int
    validators: list[Validator]
    next_cursor: str | None


class Verification(TypedDict):
    token: str


class Versions(TypedDict):
    """Releases by nodes and by voting power. The public is told of public nodes only, and of no seats."""

    releases: list[ReleaseCount]
    unknown_nodes: int
    seats_known: int | None
    seats_total: int | None
    forks: list[ForkReadiness]
    data_as_of: str


class Votes(TypedDict):
    first: int
    strip: str
    signed: int
    known: int
    rate: float | None


class WaitingEnrolment(TypedDict):
    """A token with which no agent came yet."""

    id: str
    expires_at_ms: int


class WalletPool(TypedDict):
    """What a wallet has in one pool; a vote is 1,000 CFX."""

    contract: str
    name: str
    pos_address: str | None
    votes: int
    available_votes: int
    locked_votes: int
    unlocked_votes: int
    interest_drip: str | None
    claimed_drip: str
    locking: list[WalletQueued] | None
    unlocking: list[WalletQueued] | None


class WalletQueued(TypedDict):
    votes: int
    end_block: int
    at_ms: int


class WalletShape(TypedDict):
    """What an address has in the pools that are listed."""

    address: str
    at_ms: int
    block_number: int
    votes: int
    interest_drip: str
    asked_pools: int
    pools: list[WalletPool]
    untold: list[UntoldPool]


class WatchWish(TypedDict):
    """From now on the team watches exactly these, beside those of the settings."""

    addresses: list[str]


class Watched(TypedDict):
    """The validators that your team watches."""

    addresses: list[str]
    of_settings: list[str]


class WholeIncident(TypedDict):
    id: int
    key: str
    rule: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["pending", "open", "resolved"]
    subject: IncidentSubject
    title: str
    facts: dict[str, str | int | float]
    opened_at_ms: int
    told_at_ms: int | None
    resolved_at_ms: int | None
    muted_by: str | None
    notices: list[NoticeShape]
    titles: InLanguages
    decision: Decision | None
    acked: Acked | None
    closed_by: str | None
    flaps: int
    measure: Measure | None
    deadline_ms: int | None
    texts: IncidentTexts
    timeline: list[IncidentEvent]
    evidence: list[EvidenceMark]
    actions: IncidentActions
    hidden: list[int]


Why = Literal[
    "no_epochs",
    "not_elected",
    "no_certificates",
    "rewards_unknown",
    "interest_unknown",
    "before_first_snapshot",
    "stake_unknown",
    "no_stake",
    "not_enough_data",
    "nothing_due",
]


class WindowHeader(TypedDict):
    """Which epochs a window holds, and how much of them is known."""

    name: Literal["24h", "7d", "30d", "365d", "all"]
    first_epoch: int | None
    last_epoch: int | None
    asked_epochs: int
    known_epochs: int
    rewarded_epochs: int
    through_ms: int | None


class WindowShape(TypedDict):
    id: str
    name: str
    from_ms: int
    until_ms: int


class WorldMap(TypedDict):
    places: list[MapPlace]
    unplaced: int
    data: PlaceData | None
