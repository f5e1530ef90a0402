"""The public JSON of /api/v1: what every reply looks like. The OpenAPI document is made from this file.

Times end in `_ms` (unix milliseconds) and are integers; votes are whole (1 vote = 1,000 CFX); shares in
`_ppm` are millionths; amounts in `_drip` and `_gdrip` are decimal text, because they outgrow the 53 bits of a
JSON number. A value that is not known is null, never zero. Adding a field is compatible; anything else is a
new version.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from vedette.model.incident import Decision, Reason, SubjectKind
from vedette.model.performance import Why

Gdrip = Annotated[str, Field(pattern=r"^-?\d+$", description="10^9 a CFX, decimal text")]
WindowName = Literal["24h", "7d", "30d", "365d", "all"]
PosAddress = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$", description="PoS address, 32 bytes in hex")]


def plain(text: str) -> str:
    """A text for people to read: no control characters, no blanks around it."""
    if not text.isprintable() or not text.strip():
        raise ValueError("must be printable and not blank")
    return text.strip()


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Shape):
    """An error, as RFC 9457 spells it; `detail` says what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    need: Literal["code", "confirm"] | None = Field(
        default_factory=lambda: None,
        description="what to ask the person for: a code beside the password, or to prove himself again",
    )


class Endpoint(Shape):
    """One RPC endpoint that the follower reads."""

    name: str
    height: int | None = Field(description="last settled PoS height read from it")
    lag_blocks: int | None = Field(description="settled blocks that it offers and we have not read")
    error: str | None = Field(description="why it is not being read now, in one line")


class PosNow(Shape):
    epoch: int
    height: int = Field(description="newest settled height")
    committed_height: int | None
    block_at_ms: int
    members: int | None
    total_votes: int | None
    quorum_votes: int | None
    participation: float | None = Field(description="share of votes cast, last 100 known blocks")


class PowNow(Shape):
    latest_epoch: int
    state_epoch: int
    confirmed_epoch: int
    finalized_epoch: int
    chain_id: int
    at_ms: int


class Network(Shape):
    """The whole, in one reply."""

    at_ms: int
    version: str
    pos: PosNow | None
    pow: PowNow | None
    validators: int
    nodes: dict[Literal["down", "silent", "stopped", "syncing", "unknown", "up"], int]
    incidents_open: int
    endpoints: list[Endpoint]
    data_of: date = Field(description="the day of which the data about public networks is")
    data_doubts: list[str] = Field(description="why that data may be out of date")


class QueuedVotes(Shape):
    end_height: int
    votes: int


class Stake(Shape):
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
    states: list[str] = Field(description="most urgent first; see docs/reference/states.md")


class Strip(Shape):
    """Votes of consecutive blocks: s signed, l led and signed, a absent, - not elected, ? unseen."""

    first: int = Field(description="height of the strip's first letter")
    strip: str


class Votes(Strip):
    signed: int
    known: int = Field(description="blocks where a signature was expected and a certificate was seen")
    rate: float | None = Field(description="signed / known, null when nothing is known")


class WindowHeader(Shape):
    """Which epochs a window holds, and how much of them is known."""

    name: WindowName
    first_epoch: int | None = Field(description="null: no epoch was counted yet")
    last_epoch: int | None = Field(description="the newest that was counted")
    asked_epochs: int = Field(description="epochs of the window; estimated where its beginning was not read")
    known_epochs: int = Field(description="those of them that were counted")
    rewarded_epochs: int = Field(description="those of the known ones whose rewards are known")
    through_ms: int | None = Field(description="when the last of them ended")


class PerformanceSummary(Shape):
    """How a validator did over the window; null figures have their reason in `unknown`."""

    score: int | None = Field(description="0 to 100")
    reason: Why | None = Field(description="why there is no score")
    vote_rate_ppm: int | None = Field(description="blocks that it signed, of those that it could")
    served_epochs: int | None
    silent_epochs: int | None
    seats: int | None = Field(description="seats that it held, each counted once for its six epochs")
    led_blocks: int | None
    reward_gdrip: Gdrip | None
    loss_silent_gdrip: Gdrip | None = Field(description="what silent epochs cost it")
    apy_ppm: int | None = Field(description="realised: paid for its stake, a year, before any pool's fee")
    staked_epochs: int = Field(description="epochs whose stake and reward are known: the yield is theirs")
    paid_over_expected_ppm: int | None = Field(description="paid, of its share by stake of all that was paid")
    earned_ppm: int | None = Field(description="paid, of what it had been paid with the same luck, awake")
    unknown: dict[str, Why]


class Claimed(Shape):
    """The team that proved that a validator is its own, as far as it wishes to say so."""

    name: str | None = Field(description="what the team calls the validator")
    team: str
    slug: str | None = Field(description="of the team's status page, /teams/{slug}; null: it has none")


class Validator(Shape):
    address: PosAddress
    claimed: Claimed | None = Field(description="null: nobody proved that it is his, or wishes to say so")
    name: str | None = Field(description="the name of its node, if one of your nodes carries its key")
    node_id: str | None
    committee_votes: int | None = Field(description="votes in the current committee, 0 if not a member")
    stake: Stake | None
    votes: Votes = Field(description="the last 100 settled blocks")
    last_signed_height: int | None
    incidents: list[int] = Field(description="open incidents about it or its node")
    performance: PerformanceSummary


class Validators(Shape):
    height: int | None = Field(description="newest settled height, the last letter of every strip")
    window: WindowHeader = Field(description="what every `performance` stands for")
    total: int = Field(description="validators that were found, on all pages")
    validators: list[Validator]
    next_cursor: str | None = Field(description="pass as `cursor` for the next page; null: this is the last")


class ProbeFailure(Shape):
    probe: str
    reason: str


class MethodLatency(Shape):
    """How long the endpoint took to answer, over the newest 60 answers."""

    method: str
    p50_ms: float
    p95_ms: float


class EndpointWatch(Shape):
    """What is seen of a node that has no agent, from outside. Null: not known."""

    space: Literal["core", "espace"]
    state: Literal["unreachable", "forked", "lagging", "limited", "unknown", "healthy"]
    reason: str | None = Field(description="why it is in this state; null when it is healthy")
    references: int | None = Field(description="endpoints that its answers were held against")
    lag_epochs: int | None = Field(description="behind the references' median; negative: ahead")
    lag_blocks: int | None = Field(description="the same of the PoS chain")
    pivot_agrees: bool | None = Field(description="whether its pivot block at pivot_epoch is the references'")
    pivot_epoch: int | None
    latencies: list[MethodLatency]
    tls_days: float | None = Field(description="until its certificate ends; negative: it is over")
    websocket_ms: float | None = Field(description="from connecting to the first new head")
    archive: Literal["agrees", "differs", "answers", "unknown"] | None = Field(
        description="its state and logs at archive_epoch, compared with another archive's"
    )
    archive_epoch: int | None
    interval_ms: int | None = Field(description="pause between two rounds")


HealthWord = Literal["down", "forked", "zombie", "stalled", "lagging", "syncing", "unknown", "healthy"]


class LayerHealth(Shape):
    state: HealthWord
    reason: str = Field(description="for machines; see docs/reference/states.md")
    figures: dict[str, float] = Field(description="what led to it, and the threshold")
    since_ms: int | None = Field(description="since when it has stood still, where that is known")


class NodeHealth(Shape):
    state: HealthWord = Field(description="the worst of the layers")
    execution: LayerHealth
    pow: LayerHealth
    pos: LayerHealth
    validator: LayerHealth


Role = Literal["voter", "backup", "full", "archive", "rpc"]
Publish = Literal["nothing", "country", "city"]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
Latitude = Annotated[float, Field(ge=-90, le=90, strict=True)]  # or true would be 1
Longitude = Annotated[float, Field(ge=-180, le=180, strict=True)]
Label = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(plain)]
NodeName = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(plain)]


class Place(Shape):
    """Where a node stands: what its operator entered, else what the address it reports from suggests."""

    country: Country
    city: str | None
    latitude: float | None
    longitude: float | None
    source: Literal["operator", "address"]
    hosting: str | None = Field(description="who runs the machine's network, where that is known")


class PlaceGiven(Shape):
    """A place as its operator enters it."""

    country: Country
    city: NodeName | None = Field(default_factory=lambda: None)
    latitude: Latitude | None = Field(default_factory=lambda: None)
    longitude: Longitude | None = Field(default_factory=lambda: None)
    hosting: NodeName | None = Field(default_factory=lambda: None)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude belong together: give both or neither")
        return self


class NodeChange(Shape):
    """What an operator says of a node; what is left out stays as it is."""

    name: NodeName | None = Field(default_factory=lambda: None, description="null: the name its agent tells")
    role: Role | None = Field(default_factory=lambda: None, description="null: the role its agent tells")
    labels: list[Label] = Field(default_factory=list, max_length=20)
    group: Label | None = Field(default_factory=lambda: None)
    is_public: StrictBool = Field(
        default_factory=bool, description="anybody may see that it is, and its state"
    )
    publish: Publish = Field(
        default_factory=lambda: "nothing", description="what anybody may see of its place, if it is public"
    )
    place: PlaceGiven | None = Field(
        default_factory=lambda: None, description="null: what its address suggests, as before any entry"
    )


class Node(Shape):
    """A node. A reader outside its team sees public ones only, with what tells nothing of the machine."""

    id: str
    name: str
    kind: Literal["agent", "endpoint"] = Field(description="who tells of it: its agent, or our own asking")
    role: str
    state: Literal["down", "silent", "stopped", "syncing", "unknown", "up"]
    since_ms: int | None = Field(description="when it entered this state, if known")
    heard_at_ms: int
    due_at_ms: int
    planned_stop_until_ms: int | None
    pos_address: PosAddress | None
    version: str | None
    sync_phase: str | None
    voting: bool | None = Field(description="what the node intends, not proof that it signs")
    numbers: dict[str, float] = Field(description="newest value of every series, by its name")
    states: dict[str, str]
    failures: list[ProbeFailure] = Field(description="probes that failed in the newest round")
    endpoint: EndpointWatch | None = Field(description="null for a node with an agent")
    incidents: list[int]
    health: NodeHealth | None = Field(description="null in the live event `node`: ask the route")
    labels: list[str]
    group: str | None
    is_public: bool
    publish: Publish = Field(description="what a reader outside the team may see of its place")
    place: Place | None = Field(description="null: not known, or not published")
    revoked_at_ms: int | None = Field(description="since then its agent is refused; null for the public")


class Nodes(Shape):
    nodes: list[Node]
    next_cursor: str | None = Field(description="pass as `cursor` for the next page; null: this is the last")


class EnrolmentWish(Shape):
    """What the line to copy is to say. What is left out is for the machine's shell to fill in."""

    name: NodeName | None = Field(default_factory=lambda: None, description="without it the machine's own")
    folder: Label | None = Field(default_factory=lambda: None, description="where the agent keeps its files")


class EnrolmentTicket(Shape):
    """A token that lets one agent in, once. It is told here and never again."""

    id: str
    token: str
    expires_at_ms: int
    line: str = Field(description="to be run on the node's machine")


class WaitingEnrolment(Shape):
    """A token with which no agent came yet."""

    id: str
    expires_at_ms: int


class Enrolments(Shape):
    enrolments: list[WaitingEnrolment]


class EnrolmentState(Shape):
    """Whether an agent came with the token yet."""

    state: Literal["waiting", "used", "expired"]
    node_id: str | None = Field(description="the node that it enrolled")


class MapPlace(Shape):
    """Nodes at one place. `names` are those of the nodes that the reader sees anyway."""

    country: Country
    city: str | None
    latitude: float
    longitude: float
    nodes: int
    voting_nodes: int = Field(
        description="nodes whose role is to vote, or that hold seats now; for the public by role alone"
    )
    up: int
    releases: dict[str, int] = Field(
        description="nodes by release; those whose release is unknown are in none"
    )
    names: list[str]


class PlaceData(Shape):
    """Where places that were looked up come from; show it beside them, as its licence asks."""

    source: str
    as_of: date | None


class WorldMap(Shape):
    places: list[MapPlace]
    unplaced: int = Field(description="nodes whose place is not known, or not published")
    data: PlaceData | None = Field(description="null: no place was looked up")


class ReleaseCount(Shape):
    release: str
    nodes: int
    voting_nodes: int
    seats: int | None = Field(description="seats in the acting committee; null outside the team, or unknown")
    seats_ppm: int | None = Field(description="of all seats")


class UnreadyNode(Shape):
    id: str
    name: str
    release: str


class ForkReadiness(Shape):
    """One hard fork, and whether your nodes follow it."""

    name: str
    version: str = Field(description="the first release that follows it")
    pow_epoch: int | None
    pos_height: int | None
    when: str | None = Field(description="a date or a part of one, as it was announced")
    activates_at_ms: int | None = Field(description="about when its PoS height comes, at the present pace")
    state: Literal["past", "next", "later"]
    ready_nodes: int
    not_ready_nodes: int
    unknown_nodes: int
    ready_seats: int | None
    not_ready_seats: int | None
    not_ready: list[UnreadyNode]


class Versions(Shape):
    """Releases by nodes and by voting power. The public is told of public nodes only, and of no seats."""

    releases: list[ReleaseCount] = Field(description="newest first")
    unknown_nodes: int
    seats_known: int | None = Field(description="seats of the nodes that are counted here")
    seats_total: int | None = Field(description="of the acting committee")
    forks: list[ForkReadiness] = Field(
        description="in the order in which they come; none on private networks"
    )
    data_as_of: date = Field(description="the day of which the data about forks is")


class Series(Shape):
    """Columns for a chart. `times` are unix seconds; each list has a value or null for each time."""

    node_id: str
    from_ms: int
    to_ms: int
    step_ms: int = Field(description="width of one bucket; 0 when every sample is given as it was")
    names: list[str]
    times: list[float]
    mean: list[list[float | None]]
    min: list[list[float | None]]
    max: list[list[float | None]]
    available: list[str] = Field(description="all series this node has in the window")


class States(Shape):
    """What a node's states were: each a list of runs, a run ends where the next begins."""

    node_id: str
    from_ms: int
    to_ms: int
    step_ms: int = Field(description="how precise the times are; 0: those of the samples themselves")
    states: dict[str, list[tuple[int, str | None]]] = Field(
        description="[since when, what]; null while nobody told"
    )
    available: list[str] = Field(description="all states that this node told in the window")


class SeriesLine(Shape):
    """A row of the table of series: one name in one bucket. A gap has no row."""

    at_ms: int
    name: str
    mean: float | None
    min: float | None
    max: float | None


class StateLine(Shape):
    """A row of the table of states: what it was from then on."""

    at_ms: int
    name: str
    value: str | None


class Uptime(Shape):
    """Shares of a window and of its cells. Unknown time is nobody's fault: it is part of no share."""

    up_ms: int
    down_ms: int
    unknown_ms: int = Field(description="nobody told: the agent was silent, or could not see it")
    up_ppm: int | None = Field(description="of up and down together; null when both are 0")
    cells_up_ms: list[int]
    cells_down_ms: list[int]
    cells_unknown_ms: list[int]


class Availability(Shape):
    """How long a node ran and answered, in all and in cells of a day or an hour (UTC)."""

    node_id: str
    window: WindowName
    from_ms: int = Field(description="the window begins with its first cell")
    to_ms: int = Field(description="now; the last cell ends here")
    cell_ms: int
    cells_at_ms: list[int] = Field(description="where each cell begins")
    process: Uptime = Field(description="up: the node's process ran")
    rpc: Uptime = Field(description="up: RPC answered cfx_getStatus; down: it did not, or no process ran")


class UptimeLine(Shape):
    """A cell of the calendar, as a row."""

    at_ms: int
    process_up_ms: int
    process_down_ms: int
    process_unknown_ms: int
    rpc_up_ms: int
    rpc_down_ms: int
    rpc_unknown_ms: int


class VoteLine(Shape):
    """A cell of a strip, as a row."""

    height: int
    vote: str = Field(description="s signed, l led and signed, a absent, - not elected, ? unseen")


class Block(Shape):
    height: int
    hash: str
    epoch: int
    round: int
    at_ms: int
    proposer: PosAddress | None
    signers: int | None = Field(description="accounts that signed; null when no certificate was seen")
    members: int | None
    signed_votes: int | None
    total_votes: int | None
    absent: list[PosAddress]
    witnesses: int = Field(description="endpoints and agents whose certificate we hold")


class Blocks(Shape):
    blocks: list[Block] = Field(description="newest first")
    next_before: int | None = Field(description="pass as `before` for the next page")


class IncidentSubject(Shape):
    kind: SubjectKind
    id: str
    name: str


class NoticeShape(Shape):
    channel: str
    reason: Reason
    state: Literal["waiting", "sent", "failed", "superseded"]
    created_at_ms: int
    sent_at_ms: int | None
    attempts: int
    error: str | None
    receipt: str | None = Field(description="what the other side called it when it took it")


class InLanguages(Shape):
    """A line in each language."""

    en: str
    zh: str


class Acked(Shape):
    """Who has it."""

    at_ms: int
    by: str
    until_ms: int | None = Field(description="null: until it is over, or grows worse")


class Measure(Shape):
    """A value against its threshold."""

    value: float
    limit: float | None
    unit: str


class IncidentShape(Shape):
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
    decision: Decision | None = Field(description="why it is told at this moment, or is not")
    acked: Acked | None
    closed_by: str | None = Field(description="who ended it by hand")
    flaps: int = Field(description="how often it came back after it seemed over")
    measure: Measure | None
    deadline_ms: int | None = Field(description="the moment that must not pass")


class Incidents(Shape):
    incidents: list[IncidentShape] = Field(description="open ones first, then newest first")
    next_before: int | None = Field(description="pass as `before` for the next page")


class LiveBlock(Shape):
    """SSE event `block`: one newly settled block. `cells` has a strip letter for each known validator."""

    height: int
    epoch: int
    at_ms: int
    signed_votes: int | None
    total_votes: int | None
    cells: dict[str, str]
