"""What a node says of itself and of the PoW chain, translated once, at the door. Anything odd is Garbled."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from vedette.conflux.fields import Field
from vedette.conflux.wire import Garbled
from vedette.model.pos import PosAddress, PowStatus

BLOCK: Final = "cfx_getBlockByHash"
BALANCE: Final = "cfx_getBalance"
STAKING_BALANCE: Final = "cfx_getStakingBalance"
VOTING: Final = "test_posVotingStatus"
HEAD: Final = "cfx_getBlockByEpochNumber"

DEAF_S: Final = 60.0
"""A healthy peer sends a heartbeat each 30 s; who was not heard of for two of them is deaf."""

_DURATION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ns|µs|ms|s)")
_UNIT_S: Final = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True, slots=True)
class PowBlock:
    """As much of a PoW block as tells when something happened."""

    hash: str
    epoch: int | None  # None: no epoch has taken it in yet
    at_s: int  # its miner's clock, unix seconds (the PoS chain counts in microseconds)
    pos_hash: str | None  # the PoS block that it refers to; None before the PoS chain began


@dataclass(frozen=True, slots=True)
class PeerCounts:
    """Peers that the node talks with. Their addresses stay with the node: nobody needs them."""

    all: int
    outgoing: int  # the node called them; the rest called the node
    unready: int = 0  # sessions that are still shaking hands, or ending
    deaf: int | None = None  # talking, yet not heard of for a minute; None: the node does not tell


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """Transactions that wait (`txpool_status`)."""

    received: int
    unexecuted: int
    ready: int
    deferred: int


def pow_status(raw: Any) -> PowStatus:
    """One node's place on the PoW chain (`cfx_getStatus`)."""
    status = Field(raw, "cfx_getStatus")
    return PowStatus(
        chain_id=status["chainId"].number(),
        latest_epoch=status["epochNumber"].number(),
        state_epoch=status["latestState"].number(),
        confirmed_epoch=status["latestConfirmed"].number(),
        finalized_epoch=status["latestFinalized"].number(),
        checkpoint_epoch=status["latestCheckpoint"].number(),
        block_number=status["blockNumber"].number(),
        pending_tx_count=status["pendingTxNumber"].number(),
    )


def version(raw: Any) -> str:
    """The node's own words, as `conflux-rust/v3.0.2-fd68efe-20260110/…` (`cfx_clientVersion`)."""
    return Field(raw, "cfx_clientVersion").text(200)


def sync_phase(raw: Any) -> str:
    """As `NormalSyncPhase`, which a node never leaves again (`debug_currentSyncPhase`)."""
    return Field(raw, "debug_currentSyncPhase").text(80)


def voting(raw: Any) -> bool:
    """What the node intends, not proof that it signs (`test_posVotingStatus`)."""
    return Field(raw, VOTING).flag()


def peer_counts(raw: Any) -> PeerCounts:
    """Sessions that are really talking, not those still shaking hands (`debug_getNetSessions`)."""
    sessions = Field(raw, "debug_getNetSessions").items()
    talking = [each for each in sessions if each["status"].text(200).startswith("communicating")]
    return PeerCounts(
        len(talking),
        sum(each["originated"].flag() for each in talking),
        len(sessions) - len(talking),
        _deaf(talking),
    )


def _deaf(talking: Sequence[Field]) -> int | None:
    heard = [each.get("lastRead").maybe(seconds) for each in talking]
    return None if None in heard else sum(ago is not None and ago > DEAF_S for ago in heard)


def seconds(field: Field) -> float:
    """A duration as Rust prints it for people: `98.149984ms`, `224.7s`."""
    found = _DURATION.fullmatch(field.text(40))
    if found is None:
        raise field.garbled("a duration like 98.1ms")
    return float(found[1]) * _UNIT_S[found[2]]


def pool_counts(raw: Any) -> PoolCounts:
    """What waits in the pool of transactions (`txpool_status`)."""
    status = Field(raw, "txpool_status")
    names = ("received", "unexecuted", "ready", "deferred")
    return PoolCounts(*(status[name].number() for name in names))


def epoch_number(raw: Any) -> int:
    """The newest epoch (`cfx_epochNumber`)."""
    return Field(raw, "cfx_epochNumber").number()


def own_address(raw: Any) -> PosAddress:
    """The node's own PoS address, the second of the two parts of `test_posRegister`'s answer."""
    parts = Field(raw, "test_posRegister").items()
    if len(parts) != 2:  # noqa: PLR2004  calldata and address
        raise Garbled(f"test_posRegister should be two texts, not {len(parts)}")
    # Seen on 3.0.2: here, and only here, the address comes without its 0x.
    bare = parts[1].text(66).removeprefix("0x")
    return Field(f"0x{bare}", parts[1].name).address()


def espace_block_number(raw: Any) -> int:
    """The newest eSpace block, which has its epoch's number (`eth_blockNumber`)."""
    return Field(raw, "eth_blockNumber").number()


def pow_block(raw: Any) -> PowBlock | None:
    """A PoW block without its transactions (`cfx_getBlockByHash`); None: the node has no such block."""
    return _block(raw, BLOCK)


def pow_block_of_epoch(raw: Any) -> PowBlock | None:
    """The pivot block of an epoch (`cfx_getBlockByEpochNumber`); None: the node has no such epoch."""
    return _block(raw, HEAD)


def _block(raw: Any, method: str) -> PowBlock | None:
    if raw is None:
        return None
    block = Field(raw, method)
    return PowBlock(
        hash=block["hash"].hash(),
        epoch=block.get("epochNumber").maybe(Field.number),
        at_s=block["timestamp"].number(),
        pos_hash=block.get("posReference").maybe(Field.hash),
    )


def balance(raw: Any, method: str = BALANCE) -> int:
    """Drip that an address holds (`cfx_getBalance`) or has staked (`cfx_getStakingBalance`)."""
    return Field(raw, method).amount()
