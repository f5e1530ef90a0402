"""What a carried history is made of. Addresses are 32 bytes each, one after the other.

Records come in this order: Head, People, then what belongs to epochs (Committee, Epoch, Payments, Stakes;
ascending), Election (ascending), Events, Economics, StakeHistory, StakesNow, Reading, and End. Money is
integer Drip, least byte first; all columns of an Epoch are in the order of its blocks.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from vedette.model.pos import PosAddress
from vedette.model.transaction import TransactionKind, TransactionStatus
from vedette.store.codec import Foretold, foretell, recall

ADDRESS_BYTES = 32
DRIP_BYTES = 16
NOBODY = -1
BY_TRANSACTION = "transactions"
"""The reading whose numbers are transactions; all others count epochs."""

Ints = tuple[Foretold, bytes]
Bits = NDArray[np.bool_]

# What a field can hold: a file comes from elsewhere, and whatever else is in it is refused when it is read.
Whole = Annotated[int, Meta(ge=0, lt=2**62)]
Votes = Annotated[int, Meta(ge=0, lt=2**40)]
Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
DripText = Annotated[str, Meta(pattern=r"^[0-9]{1,40}\Z")]
Base32 = Annotated[str, Meta(pattern=r"^[a-z0-9]{1,20}:[a-z0-9]{1,99}\Z")]


class Head(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """Whose history it is, and of which finished epochs."""

    written_by: Annotated[str, Meta(max_length=100)]
    chain_id: Whole | None  # of the PoW chain; None: its database was not told
    origin: Hash | None  # the hash of the chain's first voted block; None: it was not read
    first_epoch: Whole
    last_epoch: Whole
    newest_paid: Whole | None  # the newest epoch whose rewards are in it


class People(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """Where the rewards of some accounts go, as base32."""

    addresses: bytes
    bound_to: list[Base32]


class Committee(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """Who could vote in an epoch; `members` ascend."""

    epoch: Whole
    quorum_votes: Votes
    total_votes: Votes
    members: bytes
    votes: list[Votes]


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What one witness told of an epoch: of which blocks, with which certificates, and unlike whom."""

    witness: Name
    read: list[tuple[Whole, Whole]]  # heights that were asked of it, told or not
    told: bytes
    certified: bytes
    differs: bytes  # bits as in `signers`, or nothing at all


class Epoch(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """A finished epoch's blocks, and who signed them. Its Committee comes before it.

    `signers` has a row a person and a bit a block; people are the committee's members, then `others`.
    """

    epoch: Whole
    first_height: Whole
    hashes: bytes
    rounds: Ints
    at_us: Ints
    proposers: Ints  # people, or NOBODY
    pivots: Ints  # or NOBODY
    last_tx: Ints
    others: bytes  # who leads or signs without a seat; ascending
    strays: list[tuple[Whole, Whole, Votes]]  # place of the block, place among the others, votes
    signers: bytes
    told: list[Told]


class Payments(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """What an epoch paid; `accounts` ascend."""

    epoch: Whole
    pow_hash: Hash
    pow_epoch: Whole | None
    paid_at_s: Whole | None
    accounts: bytes
    drips: bytes


class Stakes(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """What accounts held when an epoch ended."""

    epoch: Whole
    accounts: bytes
    votes: list[Votes]
    network_votes: Votes | None


class Elected(msgspec.Struct, frozen=True, array_like=True):
    """An election as a node told of it."""

    start_height: Whole
    is_finalized: bool
    accounts: bytes
    votes: list[Votes]
    seen_at_ms: Whole


class Election(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """Who stood for a term, and who was elected."""

    term: Whole
    candidates: bytes | None
    elected: Elected | None


class Event(msgspec.Struct, frozen=True, array_like=True):
    """A transaction that was somebody's event."""

    number: Whole
    hash: Hash
    height: Whole
    at_us: Whole
    kind: TransactionKind
    status: TransactionStatus
    account: Hash | None
    sender: Hash | None
    votes: Votes | None
    conflict: Annotated[str, Meta(max_length=20)] | None


class Events(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """Some transactions, ascending."""

    rows: list[Event]


class Moment(msgspec.Struct, frozen=True, array_like=True):
    """The network's parameters at one time."""

    at_ms: Whole
    pos_staking_drip: DripText
    distributable_drip: DripText
    last_distribute_block: Whole
    interest_rate: Whole
    circulating_drip: DripText
    staking_drip: DripText
    finality_gap_epochs: Whole | None


class Economics(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """The network's parameters over time, ascending."""

    rows: list[Moment]


class Stake(msgspec.Struct, frozen=True, array_like=True):
    """What one account held at one time. Queues are pairs: height at which it ends, votes."""

    account: Hash
    at_ms: Whole
    height: Whole
    available_votes: Votes
    locked_votes: Votes
    in_queue: list[tuple[Whole, Votes]]
    out_queue: list[tuple[Whole, Votes]]
    unlocked_votes: Votes
    forfeited_votes: Votes
    force_retired_height: Whole | None


class StakeHistory(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """Stakes whenever one changed, ascending in time."""

    rows: list[Stake]


class StakesNow(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """The newest stakes."""

    rows: list[Stake]


class Reading(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """Which numbers (epochs, or transactions) were asked for."""

    what: Annotated[str, Meta(min_length=1, max_length=40)]
    read: list[tuple[Whole, Whole]]


class End(msgspec.Struct, frozen=True, array_like=True, tag=str.lower):
    """How many records of each kind came before this one."""

    counts: dict[str, int]


Record: TypeAlias = (
    Head
    | People
    | Committee
    | Epoch
    | Payments
    | Stakes
    | Election
    | Events
    | Economics
    | StakeHistory
    | StakesNow
    | Reading
    | End
)

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Record).decode


def kind(record: Any) -> str:
    """The word under which a record is counted."""
    return type(record).__name__.lower()


# --- columns ----------------------------------------------------------------------------------------------


def joined(addresses: Iterable[PosAddress]) -> bytes:
    return b"".join(bytes.fromhex(address[2:]) for address in addresses)


def parted(addresses: bytes) -> list[PosAddress]:
    """Undo `joined`. Raises ValueError."""
    if len(addresses) % ADDRESS_BYTES:
        raise ValueError("an address is cut short")
    return [
        PosAddress("0x" + addresses[at : at + ADDRESS_BYTES].hex())
        for at in range(0, len(addresses), ADDRESS_BYTES)
    ]


def ints(values: Sequence[int]) -> Ints:
    return foretell(np.array(values, np.int64))


def recalled(column: Ints, count: int) -> list[int]:
    """Undo `ints`. Raises ValueError."""
    values: list[int] = recall(column[0], column[1], count).tolist()
    return values


def drips(amounts: Sequence[int]) -> bytes:
    """The first bytes of all amounts, then all second bytes: the last ones are zero."""
    whole = b"".join(amount.to_bytes(DRIP_BYTES, "little") for amount in amounts)
    return np.frombuffer(whole, np.uint8).reshape(-1, DRIP_BYTES).T.tobytes()


def amounts(planes: bytes, count: int) -> list[int]:
    """Undo `drips`. Raises ValueError."""
    if len(planes) != DRIP_BYTES * count:
        raise ValueError("an amount is cut short")
    return [int.from_bytes(planes[at::count], "little") for at in range(count)]


def mask(flags: Bits) -> bytes:
    """Bits, the last axis packed."""
    return np.packbits(flags, axis=-1, bitorder="little").tobytes()


def flags(packed: bytes, *shape: int) -> Bits:
    """Undo `mask`. Raises ValueError."""
    *rows, count = shape
    raw = np.frombuffer(packed, np.uint8).reshape(*rows, (count + 7) // 8)
    return np.unpackbits(raw, axis=-1, count=count, bitorder="little").view(np.bool_)
