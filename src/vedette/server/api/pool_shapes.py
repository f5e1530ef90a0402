"""The JSON of pools and of wallets.

Amounts are decimal text, shares and yields are in millionths, periods of contracts in PoW blocks. Whatever is
null is not known, and never zero; where a figure has a reason for that, it stands in `unknown`.
"""

from typing import Annotated

from pydantic import Field

from vedette.model.pool_performance import OutageKind, RestakeState
from vedette.server.api.history_shapes import NEXT_BEFORE, Drip
from vedette.server.api.shapes import Gdrip, PosAddress, Shape, WindowHeader

CoreAddress = Annotated[str, Field(description="Core Space address (CIP-37), simple form in lower case")]


class PoolTermsShape(Shape):
    """What its operator decides."""

    fee_ppm: int | None = Field(description="what the pool keeps of the interest")
    owner: CoreAddress | None = Field(description="who may change all of this")
    upgradable: bool | None = Field(
        description="whether its code can be exchanged; false: it is no proxy of a known kind"
    )
    implementation: CoreAddress | None = Field(description="the contract whose code it runs")
    lock_blocks: int | None = Field(description="PoW blocks from staking until one may unstake")
    unlock_blocks: int | None = Field(description="PoW blocks from unstaking until one may withdraw")
    unstake_wait_ms: int | None = Field(description="about how long that takes")


class PoolHoldingsShape(Shape):
    """What it holds, as its contract, its account and the chain's register say."""

    available_votes: int | None = Field(description="as its contract keeps the books")
    staked_votes: int | None = Field(description="as the register counts them")
    staker_count: int | None
    told_apy_ppm: int | None = Field(description="as its contract reckons it over seven days, before its fee")
    own_interest_drip: Drip | None = Field(description="what its operator kept and has not taken yet")
    total_interest_drip: Drip | None = Field(description="all that it was ever paid")
    balance_drip: Drip | None = Field(description="interest is paid out of this")
    withdrawable_drip: Drip | None = Field(
        description="stake that has left PoS: to be withdrawn, or restaked"
    )


class PoolPerformanceShape(Shape):
    """How its validator did over the window, and what of that the fee left."""

    apy_ppm: int | None = Field(description="realised, before the fee")
    apy_after_fee_ppm: int | None = Field(description="realised, after the fee that each epoch had")
    staked_epochs: int | None = Field(
        description="epochs whose stake and reward are known: the yield is theirs"
    )
    fee_income_gdrip: Gdrip | None = Field(
        description="what the operator kept of the epochs whose fee was seen"
    )
    fee_seen_ppm: int | None = Field(description="the part of the reward whose fee was seen")
    reward_gdrip: Gdrip | None = Field(description="all that its validator was paid")
    score: int | None = Field(description="0 to 100")
    vote_rate_ppm: int | None
    served_epochs: int | None
    silent_epochs: int | None
    unknown: dict[str, str]


class RestakeShape(Shape):
    """Votes on which its stakers count, and which earn nothing until the operator restakes them."""

    state: RestakeState
    missing_votes: int | None
    ready_votes: int | None = Field(description="of them: as many as it has free stake for")
    until_height: int | None = Field(description="PoS height at which the last vote on its way out is free")


class PoolShape(Shape):
    contract: CoreAddress
    name: str = Field(description="under which it is listed")
    own_name: str | None = Field(description="as its contract calls itself")
    pos_address: PosAddress | None = Field(description="its validator")
    registered: bool | None = Field(description="whether the chain's register binds that validator to it")
    first_seen_ms: int
    told_at_ms: int | None = Field(description="when it last told anything; null: never")
    trouble: str | None = Field(description="why less is known of it than might be")
    states: list[str] = Field(description="of its validator's stake, most urgent first")
    terms: PoolTermsShape
    holdings: PoolHoldingsShape
    performance: PoolPerformanceShape
    restake: RestakeShape


class Pools(Shape):
    window: WindowHeader = Field(description="what every `performance` stands for")
    pools: list[PoolShape]


class OutageShape(Shape):
    """A time in which it failed: epochs without any signature, or a punishment by the chain."""

    kind: OutageKind
    from_ms: int = Field(description="of a punishment: when a snapshot showed it first")
    to_ms: int | None
    height: int
    first_epoch: int | None
    last_epoch: int | None
    votes: int | None
    until_height: int | None = Field(description="PoS height at which these votes are free")


class PoolDetail(PoolShape):
    window: WindowHeader
    outages: list[OutageShape] = Field(description="in that window, newest first; silent epochs: at most 50")


class FeeLine(Shape):
    """What its operator had decided from then on, as far as it was seen."""

    from_ms: int = Field(description="when it was seen first")
    until_ms: int | None = Field(description="when something else was seen; null: it still holds")
    fee_ppm: int | None
    owner: CoreAddress | None
    upgradable: bool | None
    implementation: CoreAddress | None
    lock_blocks: int | None
    unlock_blocks: int | None
    changed: list[str] = Field(description="what differs from before; empty: nobody had looked before")


class Fees(Shape):
    fees: list[FeeLine] = Field(description="newest first")
    next_before: int | None = Field(description=NEXT_BEFORE)


class HoldingsPoint(PoolHoldingsShape):
    """What it held from then on."""

    at_ms: int


class HoldingsHistory(Shape):
    from_ms: int
    to_ms: int
    points: list[HoldingsPoint] = Field(description="what it held at first, then each change that was seen")


class WalletQueued(Shape):
    votes: int
    end_block: int = Field(description="PoW block number")
    at_ms: int = Field(description="about when that is")


class WalletPool(Shape):
    """What a wallet has in one pool; a vote is 1,000 CFX."""

    contract: CoreAddress
    name: str
    pos_address: PosAddress | None
    votes: int = Field(description="all of them")
    available_votes: int = Field(description="locking or locked: they earn")
    locked_votes: int = Field(description="of these: may be unstaked")
    unlocked_votes: int = Field(description="may be withdrawn")
    interest_drip: Drip | None = Field(description="may be claimed now")
    claimed_drip: Drip
    locking: list[WalletQueued] | None
    unlocking: list[WalletQueued] | None


class UntoldPool(Shape):
    contract: CoreAddress
    name: str
    why: str


class WalletShape(Shape):
    """What an address has in the pools that are listed."""

    address: CoreAddress
    at_ms: int = Field(description="when they were asked: at most a minute ago")
    block_number: int = Field(description="the PoW chain's newest block then")
    votes: int = Field(description="of all pools together")
    interest_drip: Drip = Field(description="of all pools that told it")
    asked_pools: int
    pools: list[WalletPool]
    untold: list[UntoldPool] = Field(description="pools that do not tell what their stakers have")
