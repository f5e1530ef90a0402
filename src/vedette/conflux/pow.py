"""What a node says of itself and of the PoW chain, translated once, at the door. Anything odd is Garbled."""

from dataclasses import dataclass
from typing import Any, Final

from vedette.conflux.fields import Field
from vedette.conflux.wire import Garbled
from vedette.model.pos import PosAddress, PowStatus

BLOCK: Final = "cfx_getBlockByHash"
BALANCE: Final = "cfx_getBalance"
STAKING_BALANCE: Final = "cfx_getStakingBalance"
VOTING: Final = "test_posVotingStatus"


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
    return PeerCounts(len(talking), sum(each["originated"].flag() for each in talking))


def own_address(raw: Any) -> PosAddress:
    """The node's own PoS address, the second of the two parts of `test_posRegister`'s answer."""
    parts = Field(raw, "test_posRegister").items()
    if len(parts) != 2:  # noqa: PLR2004  calldata and address
        raise Garbled(f"test_posRegister should be two texts, not {len(parts)}")
    # Seen on 3.0.2: here, and only here, the address comes without its 0x.
    bare = parts[1].text(66).removeprefix("0x")
    return Field(f"0x{bare}", parts[1].name).address()


def pow_block(raw: Any) -> PowBlock | None:
    """A PoW block without its transactions (`cfx_getBlockByHash`); None: the node has no such block."""
    if raw is None:
        return None
    block = Field(raw, BLOCK)
    return PowBlock(
        hash=block["hash"].hash(),
        epoch=block.get("epochNumber").maybe(Field.number),
        at_s=block["timestamp"].number(),
        pos_hash=block.get("posReference").maybe(Field.hash),
    )


def balance(raw: Any, method: str = BALANCE) -> int:
    """Drip that an address holds (`cfx_getBalance`) or has staked (`cfx_getStakingBalance`)."""
    return Field(raw, method).amount()
