"""The JSON of the past: what validators did, what they were paid, and what is ahead of them.

Amounts end in `_drip` or `_gdrip` (10^18 or 10^9 a CFX) and are decimal text, because they outgrow the
53 bits of a JSON number; shares end in `_ppm` (millionths). Whatever is null is not known, and never zero.
"""

from typing import Annotated, Literal

from pydantic import Field

from vedette.model.forecast import RetirementState
from vedette.model.performance import Figure, Why
from vedette.model.radar import ElectionState
from vedette.server.api.shapes import Block, Gdrip, PosAddress, Shape, WindowHeader

Drip = Annotated[str, Field(pattern=r"^-?\d+$", description="10^18 a CFX, decimal text")]
Whole = Annotated[str, Field(pattern=r"^-?\d+$", description="a whole number as decimal text")]

NEXT_BEFORE = "pass as `before` for the next page; null: this is the last"


# --- one validator ----------------------------------------------------------------------------------------


class CoverageShape(Shape):
    """How much is known of what was asked for."""

    asked_epochs: int
    known_epochs: int
    rewarded_epochs: int = Field(description="of the known ones, those whose rewards are known")
    staked_epochs: int = Field(description="of those, the ones in which its stake was seen")
    served_epochs: int
    known_blocks: int = Field(description="blocks of served epochs whose certificate was seen")


class Figures(Shape):
    """Every figure; blocks in `_ppm` are millionths of a block."""

    vote_rate_ppm: int | None
    cast_rate_ppm: int | None = Field(description="the same, weighted by seats")
    network_participation_ppm: int | None = Field(description="everybody's, in the same epochs")
    served_epochs: int | None
    silent_epochs: int | None
    seat_terms: int | None = Field(description="seats, each counted once for its six epochs")
    served_blocks: int | None
    led_blocks: int | None
    expected_led_ppm: int | None = Field(description="blocks that its seats should lead on average")
    led_luck_ppm: int | None = Field(description="the standard deviation of led blocks by luck alone")
    reward_gdrip: Gdrip | None
    reward_due_gdrip: Gdrip | None = Field(description="had it been awake, with average luck in leading")
    reward_fair_gdrip: Gdrip | None = Field(description="its share by stake of all that was paid")
    loss_not_elected_gdrip: Gdrip | None = Field(description="luck of elections; below zero a gain")
    loss_silent_gdrip: Gdrip | None
    loss_no_lead_gdrip: Gdrip | None = Field(description="mostly luck; below zero a gain")
    apy_ppm: int | None
    network_apy_ppm: int | None
    presence_ppm: int | None = Field(description="served epochs that were not silent")
    earned_ppm: int | None
    score: int | None


class FactShape(Shape):
    """A figure with its formula and what went into it; numbers are decimal text."""

    key: Figure
    value: Whole | None
    why: Why | None
    formula: str = Field(description="arithmetic over the names in `inputs`; // rounds down")
    inputs: dict[str, Whole | None]


class PerformanceShape(Shape):
    address: PosAddress
    window: WindowHeader
    coverage: CoverageShape
    figures: Figures
    paid_over_expected_ppm: int | None
    unknown: dict[Figure, Why]
    explain: list[FactShape]


class ValidatorEpoch(Shape):
    """One validator in one counted epoch."""

    epoch: int
    first_height: int
    last_height: int
    first_at_ms: int
    last_at_ms: int
    votes: int = Field(description="its seats; 0: it was no member")
    signed_blocks: int
    known_blocks: int = Field(description="blocks of the epoch whose certificate was seen")
    blocks: int
    led_blocks: int
    silent: bool | None = Field(description="null: no member, or too little is known to say so")
    reward_gdrip: Gdrip | None
    expected_gdrip: Gdrip | None = Field(description="its share by stake; null where stake was not seen")
    due_gdrip: Gdrip | None = Field(description="what its seats earn if it signs; null: rewards do not tell")
    lost_gdrip: Gdrip | None = Field(description="the part of that which silence cost")
    cumulative_gdrip: Gdrip = Field(description="known rewards from the first known epoch through this one")


class ValidatorEpochs(Shape):
    epochs: list[ValidatorEpoch] = Field(description="newest first")
    next_before: int | None = Field(description=NEXT_BEFORE)


class RewardLine(Shape):
    """What one account was paid for one epoch."""

    epoch: int
    reward_drip: Drip = Field(description="0: others were paid, and it was not")
    pow_epoch: int | None = Field(description="the PoW epoch that paid it")
    paid_at_ms: int | None


class Rewards(Shape):
    pow_address: str | None = Field(description="where its rewards go")
    rewards: list[RewardLine] = Field(description="epochs whose payments are known, newest first")
    next_before: int | None = Field(description=NEXT_BEFORE)


class StakePoint(Shape):
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


class BalancePoint(Shape):
    """What its PoW address held from then on."""

    at_ms: int
    balance_drip: Drip
    staking_drip: Drip


class Balance(Shape):
    from_ms: int
    to_ms: int
    pow_address: str | None
    stake: list[StakePoint] = Field(description="what it held at first, then each change that was seen")
    pow: list[BalancePoint] = Field(description="the same of its PoW address; only of watched validators")


class TermLine(Shape):
    """One validator in one term's election."""

    term: int
    first_epoch: int = Field(description="its seats serve from this epoch")
    last_epoch: int = Field(description="through this one")
    candidate: bool | None = Field(description="whether it sent an Election transaction that was executed")
    elected_votes: int | None = Field(description="as the election was seen; null: nobody looked")
    finalized: bool | None
    seats: int | None = Field(description="also where committees tell it afterwards")


class SeatChangeShape(Shape):
    """What becomes of its seats when an epoch begins; null where it cannot be told yet."""

    epoch: int
    after_height: int
    left_ms: int | None = Field(description="about how long until then")
    leaving: int | None
    coming: int | None


class ComingElection(Shape):
    term: int
    first_epoch: int
    last_epoch: int
    state: ElectionState
    opens_at_height: int
    closes_at_height: int
    closes_in_ms: int | None
    elected_votes: int = Field(description="votes that were elected so far, of everybody")
    own_seats: int
    free_votes: int | None = Field(description="at least so many of its votes may be candidates")
    chance_ppm: int | None = Field(description="of one seat or more, if it is a candidate")


class RadarShape(Shape):
    """Its seats now by term, and what is known of those to come."""

    epoch: int
    seats: int
    seats_by_term: dict[int, int | None]
    changes: list[SeatChangeShape] = Field(description="of the next six epochs")
    elections: list[ComingElection]


class Elections(Shape):
    terms: list[TermLine] = Field(description="newest first")
    next_before: int | None = Field(description=NEXT_BEFORE)
    radar: RadarShape | None = Field(description="on the first page; null: the committee is not known")


class EventLine(Shape):
    """One thing that happened to an account: a transaction, a change between two snapshots, or both."""

    at_ms: int = Field(description="of the block, or of the snapshot that showed it first")
    height: int
    kind: str = Field(
        description="a transaction's type (Register ...), or a snapshot's finding (unlocking ...)"
    )
    source: Literal["chain", "snapshot"]
    votes: int | None
    until_height: int | None = Field(description="when these votes leave the queue that they joined")
    transaction: int | None = Field(description="its number")
    transaction_hash: str | None
    status: str | None
    conflict: str | None = Field(description="of a Dispute: vote or proposal")
    sender: PosAddress | None


class Events(Shape):
    events: list[EventLine] = Field(description="newest first")
    next_before: int | None = Field(description="pass as `before` (unix milliseconds) for the next page")


class RetirementShape(Shape):
    """When the chain retires it by force if it signs no more."""

    state: RetirementState
    epoch: int = Field(description="at whose end")
    height: int = Field(description="that epoch's last")
    sign_by_height: int = Field(description="the last block whose signatures still count")
    left_blocks: int = Field(description="until then")
    left_ms: int | None
    safe_until_ms: int | None = Field(description="about when: it may stand still until then")
    certain: bool = Field(description="else this is the earliest that it can be")
    last_signed_epoch: int | None


class ArrivalShape(Shape):
    votes: int
    height: int
    left_blocks: int
    left_ms: int | None


class Outlook(Shape):
    """What is ahead of a validator; times are estimates from the usual pace."""

    at_ms: int = Field(description="of the newest settled block; `left_ms` counts from here")
    epoch: int
    height: int = Field(description="the newest settled one")
    epoch_last_height: int | None
    block_interval_ms: int | None
    last_signed_height: int | None
    force_retired_height: int | None
    retirement: RetirementShape | None = Field(description="null: the acting committee is not known")
    locking: list[ArrivalShape] = Field(description="votes in the in queue: then they may be retired")
    unlocking: list[ArrivalShape] = Field(description="votes in the out queue: then they may be withdrawn")
    radar: RadarShape | None


# --- the network ------------------------------------------------------------------------------------------


class CommitteeMember(Shape):
    address: PosAddress
    votes: int
    signed_blocks: int | None = Field(description="null: its blocks were not read")
    known_blocks: int | None
    led_blocks: int | None
    silent: bool | None = Field(
        description="signed nothing that counts; null: too early, or too little known"
    )


class ElectedVotes(Shape):
    address: PosAddress
    votes: int


class ElectionShape(Shape):
    term: int
    first_epoch: int
    last_epoch: int
    start_height: int
    finalized: bool
    elected_votes: int
    elected: list[ElectedVotes]


class CommitteeShape(Shape):
    """Who may vote in an epoch, and how they did in the blocks from `first_height` to `last_height`."""

    epoch: int
    acting: bool = Field(
        description="it is the newest committee; its blocks are the last hundred settled ones"
    )
    quorum_votes: int
    total_votes: int
    first_height: int | None = Field(description="null: no block of it is known")
    last_height: int | None
    members: list[CommitteeMember] = Field(description="most votes first")
    elections: list[ElectionShape] = Field(description="of the acting one: the two coming terms")


class EpochLine(Shape):
    """One finished epoch, counted."""

    epoch: int
    first_height: int
    last_height: int
    first_at_ms: int
    last_at_ms: int
    blocks: int
    known_blocks: int = Field(description="whose certificate was seen")
    nil_blocks: int = Field(description="proposed by nobody")
    timeout_rounds: int = Field(description="rounds without a block")
    members: int
    quorum_votes: int
    total_votes: int
    cast_votes: int = Field(description="votes * blocks that were signed")
    expected_votes: int = Field(description="votes * known blocks")
    participation_ppm: int | None
    reward_drip: Drip | None = Field(description="all that was paid for it")
    paid_accounts: int | None
    pow_epoch: int | None
    paid_at_ms: int | None


class Epochs(Shape):
    epochs: list[EpochLine] = Field(description="newest first")
    next_before: int | None = Field(description=NEXT_BEFORE)


class EpochMember(Shape):
    address: PosAddress
    votes: int = Field(description="0: no member, but paid as a candidate")
    signed_blocks: int
    counted_blocks: int = Field(description="without the last block, whose certificate comes too late")
    led_blocks: int
    bonus_votes: int = Field(description="votes above the quorum that it collected as a leader")
    silent: bool | None
    reward_drip: Drip | None


class EpochShape(EpochLine):
    """One finished epoch with everybody's part in it."""

    accounts: list[EpochMember] = Field(description="members by votes, then whoever else was paid")


class BlockShape(Block):
    """One block with everybody who signed it."""

    quorum_votes: int | None
    since_previous_ms: int | None
    skipped_rounds: int | None = Field(description="rounds without a block before it")
    signed: list[ElectedVotes]


class NetworkPoint(Shape):
    """A row of the table of the network's history."""

    at_s: int
    epoch: int
    participation_ppm: int | None
    reward_gdrip: int | None
    staked_votes: int | None
    official_apy_ppm: int | None
    realised_apy_ppm: int | None
    finality_gap_epochs: int | None


class NetworkHistory(Shape):
    """Columns for a chart: each list has a value or null for each time."""

    window: WindowHeader
    epochs_per_point: int
    times: list[int] = Field(description="unix seconds: when each point's last epoch ended")
    epoch: list[int] = Field(description="that epoch")
    participation_ppm: list[int | None]
    reward_gdrip: list[int | None] = Field(description="paid an epoch, on average")
    staked_votes: list[int | None] = Field(description="of everybody, 1,000 CFX each")
    official_apy_ppm: list[int | None] = Field(description="as ConfluxScan reckons it")
    realised_apy_ppm: list[int | None] = Field(description="of what was paid")
    finality_gap_epochs: list[int | None] = Field(description="PoW epochs that were not final yet")


class Covered(Shape):
    known: int
    of: int | None


class HistoryProgressShape(Shape):
    """How far the past of the PoS chain is read."""

    at_ms: int
    unread_blocks: int | None
    settled_blocks: int | None
    blocks_per_s: float | None
    eta_s: int | None
    first_epoch: int | None = Field(description="the first that was counted")
    last_epoch: int | None = Field(description="the newest that was counted")
    epochs: Covered
    rewards: Covered
    transactions: Covered
    first_staked_epoch: int | None = Field(description="stakes are seen live or never; the first that were")
