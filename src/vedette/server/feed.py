"""One endpoint being read: its blocks into the store, and its answers to the follower's other questions."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from vedette.conflux import networks, pos
from vedette.conflux import pow as pow_chain
from vedette.conflux.economics import PARAMS, POS_ECONOMICS, SUPPLY, economics
from vedette.conflux.pow import VOTING, PowBlock, pow_status, voting
from vedette.conflux.rpc import Budget, Rpc, spend
from vedette.conflux.wire import Call, Garbled, Limited, RpcError
from vedette.model.clock import Clock
from vedette.model.economics import Economics
from vedette.model.election import CommitteeNow
from vedette.model.errors import StoreError
from vedette.model.pos import Account, Committee, PosAddress, PosBlock, PosStatus, PowStatus
from vedette.model.reward import EpochRewards
from vedette.model.spans import Span, Spans, added
from vedette.model.transaction import PosTransaction
from vedette.server import follow_plan as plan
from vedette.server.chore_plan import verdict
from vedette.server.follow_plan import BatchSize, Identity
from vedette.store import chain, votes
from vedette.store.database import Conn, Database

log = logging.getLogger(__name__)

BATCHES_IN_FLIGHT: Final = 6
"""So many, so that an endpoint 100 ms away is read more than half as fast as one at hand."""
GENTLY_IN_FLIGHT: Final = 3
"""So many of one that failed lately."""
VOTER_CALLS_PER_S: Final = 100.0
"""The past is read from a node that votes at this pace at most: its signatures come before our curiosity."""
SLICE_MS: Final = 2_000
"""Reading the past pauses this often, or as often as there is a new block, to look for new ones."""
VOICES: Final = 3
"""So few endpoints at least must speak about a block before what is held of it counts for nothing."""
LAGS_BLOCKS: Final = 10
"""An endpoint so far behind the others is asked about the present only when nobody else answers."""

GARBLED_TOLD_MAX: Final = 20
TAIL_BLOCKS: Final = 20
STORE_TROUBLE: Final = (StoreError, OperationalError, InterfaceError)

T = TypeVar("T")
Told = Callable[[list[int]], Awaitable[None] | None]


class Unheard(Enum):
    """An answer that did not come, or made no sense. Not the same as a node's null."""

    UNHEARD = "unheard"


UNHEARD: Final = Unheard.UNHEARD


class Endpoint(Protocol):
    """Where to ask. `name` is the witness's name in the store and on the page; the URL may hold secrets."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def calls_per_s(self) -> float | None: ...
    @property
    def headers(self) -> Mapping[str, str] | None: ...


def rate_of(endpoint: Endpoint) -> float | None:
    """How many calls a second an endpoint may be asked: as it is set, else as its network is known for."""
    return networks.calls_per_s(endpoint.url) if endpoint.calls_per_s is None else endpoint.calls_per_s


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """How reading one endpoint goes, for the page."""

    name: str
    height: int | None  # the newest settled block that was read from it
    lag_blocks: int | None  # settled blocks that it offers and we have not read
    error: str | None  # why it is not being read now, in one line
    committed_height: int | None = None  # the newest block that it says is final
    is_stranger: bool = False  # it tells of another chain
    heard_at_ms: int | None = None  # unix time of its last answer


class Stranger(Exception):  # noqa: N818  it is what the endpoint is
    """An endpoint tells of another chain: nothing of it is kept."""


class _Contradicted(Exception):  # noqa: N818  nothing is decided yet
    """What an endpoint tells of some heights is not what the store holds."""

    def __init__(self, told: Mapping[int, str], why: str) -> None:
        super().__init__(why)
        self.told = told
        self.why = why


@dataclass(slots=True)
class Shared:
    """What all feeds of one follower know and use together."""

    database: Database
    clock: Clock
    on_blocks: Told
    feeds: list["Feed"] = field(default_factory=list)
    identity: Identity | None = None
    epochs: set[int] = field(default_factory=set)  # whose committee is in the store
    missing_epochs: set[int] = field(default_factory=set)  # seen in blocks, and told by nobody yet
    tail: dict[int, int] = field(default_factory=dict)  # the newest heights and their times in microseconds
    newest_transaction: int = 0  # the last one of the newest block that was read
    first_asked: asyncio.Event = field(default_factory=asyncio.Event)  # what people see first was asked for
    quarrels: set[str] = field(default_factory=set)  # told in the log already

    def healthy(self, first: "Feed | None" = None) -> Iterator["Feed"]:
        """The endpoints to ask, in the order of the settings; `first` before all."""
        if first:
            yield first
        yield from (feed for feed in self.feeds if feed.healthy and feed is not first)

    @property
    def committed(self) -> int:
        """The newest block that most healthy endpoints have committed: one alone may lie."""
        heights = sorted(feed.committed for feed in self.healthy())
        return heights[(len(heights) - 1) // 2] if heights else 0

    def current(self) -> list["Feed"]:
        """The same, with those that lag behind at the end."""
        height = self.committed - LAGS_BLOCKS
        return sorted(self.healthy(), key=lambda feed: feed.committed < height)

    def recent_is_read(self) -> bool:
        """Whether some endpoint was read as far back as the last whole epoch."""
        return any(feed.recent_is_read for feed in self.healthy())

    def all_met(self) -> bool:
        """Whether every endpoint has answered or failed."""
        return all(feed.healthy or feed.health.error for feed in self.feeds)

    def past_is_read(self) -> bool:
        """Whether some endpoint was read to its very first block."""
        return any(feed.health.lag_blocks == 0 for feed in self.healthy())

    async def vindicates(self, told: Mapping[int, str]) -> bool:
        """Whether most endpoints say of these heights what is told here, though the store holds otherwise.

        Whoever says something else is not read any more. But what two witnesses told stands for ever.
        """
        async with self.database.read() as conn:
            counts = await votes.witness_counts(conn, told)
        if max(counts.values(), default=0) > 1:
            return False
        for height in sorted({min(told), max(told)}):
            heard = await asyncio.gather(*(feed.hash_heard(height) for feed in self.feeds))
            sayings = [(feed.name, one) for feed, one in zip(self.feeds, heard, strict=True) if one]
            found = verdict(sayings)
            if len(sayings) < VOICES or found.value != told[height]:
                return False
            for feed in self.feeds:
                if feed.name in found.liars:
                    feed.convict(height, dict(sayings)[feed.name], told[height])
        return True

    def quarrel(self, about: str, names: Sequence[str]) -> None:
        """Endpoints tell different things: say so once."""
        line = f"{about}: {', '.join(names)} told something else than the others, or nobody can be believed"
        if line not in self.quarrels and len(self.quarrels) < GARBLED_TOLD_MAX:
            self.quarrels.add(line)
            log.warning("%s", line)

    def know(self, epochs: Iterable[int]) -> None:
        """The committees of these epochs are in the store now."""
        self.epochs.update(epochs)
        self.missing_epochs.difference_update(epochs)

    def note_tail(self, blocks: Sequence[PosBlock]) -> None:
        self.tail.update((block.height, block.at_us) for block in blocks)
        last = max((block.last_tx_number for block in blocks), default=0)
        self.newest_transaction = max(self.newest_transaction, last)
        for height in sorted(self.tail)[:-TAIL_BLOCKS]:
            del self.tail[height]

    async def committees(self, epochs: Sequence[int], first: "Feed | None" = None) -> dict[int, Committee]:
        """The committees of these epochs, from whichever endpoint tells them; some may be missing."""
        found: dict[int, Committee] = {}
        for feed in self.healthy(first):
            wanted = [epoch for epoch in epochs if epoch not in found]
            if wanted:
                found |= await feed.committees(wanted)
        return found

    async def tell(self, heights: list[int]) -> None:
        """Tell of blocks that are on disk now."""
        done = self.on_blocks(heights) if heights else None
        if inspect.isawaitable(done):
            await done


@dataclass(frozen=True, slots=True)
class _Batch:
    """One answer, decoded: blocks to keep and their committees, how far it goes, and why not further."""

    span: Span
    blocks: list[PosBlock]
    read_to: int
    committees: dict[int, Committee]
    error: RpcError | None


class Feed:
    """One endpoint. Its loop reads blocks; the other questions answer nothing rather than fail."""

    def __init__(self, endpoint: Endpoint, rpc: Rpc, shared: Shared, jitter: Callable[[], float]) -> None:
        self.name = endpoint.name
        self.healthy = False
        self.epoch = 0
        self.committed = 0
        self._rpc = rpc
        self._shared = shared
        self._clock = shared.clock
        self._jitter = jitter
        self._rate = rpc.calls_per_s
        self._size = BatchSize.for_rate(self._rate)
        self._read: Spans = ()
        self._target = 0
        self._introduced: Identity | None = None
        self._convicted: tuple[int, str] | None = None  # at which height it lied, and why we think so
        self._error: str | None = None
        self._stranger = False
        self._heard_at_ms: int | None = None
        self._failures = 0
        self._garbled: set[str] = set()
        self._spared: Budget | None = None  # how fast the past may be read, if a voter is beside it

    @property
    def health(self) -> EndpointHealth:
        return EndpointHealth(
            name=self.name,
            height=self._read[-1].last if self._read else None,
            lag_blocks=plan.unread_blocks(self._read, self._target) if self._target else None,
            error=self._error,
            committed_height=self.committed or None,
            is_stranger=self._stranger,
            heard_at_ms=self._heard_at_ms,
        )

    @property
    def calls_per_s(self) -> float | None:
        """How often it may be asked; None: no limit is known."""
        return self._rpc.calls_per_s

    @property
    def recent_is_read(self) -> bool:
        return plan.recent_is_read(self._read, self._target)

    @property
    def unread_blocks(self) -> int:
        return plan.unread_blocks(self._read, self._target)

    @property
    def settled_blocks(self) -> int:
        return max(0, self._target - pos.FIRST_HEIGHT + 1)

    # --- the loop

    async def run(self) -> None:
        """Read until cancelled. A failure is told once, and its end once."""
        while True:
            try:
                await self._greet()
                while True:
                    moved = await self._turn()
                    self._recovered()
                    if not moved or not plan.unread_blocks(self._read, self._target):
                        await self._clock.sleep_ms(self._poll_ms())
            except (RpcError, Stranger, *STORE_TROUBLE) as error:
                self._failed(error)
                await self._clock.sleep_ms(self._pause_ms(error))

    async def _turn(self) -> bool:
        """Look for new blocks and read for a while; False when there was nothing to read."""
        self._refuse_convict()
        self._fit()
        status = pos.pos_status(await self._rpc.ask(pos.STATUS))
        if plan.went_back(self.committed, status.committed_height):
            await self._greet()  # restarted on other data, or another node under the same name
        self._note(status)
        self.healthy = True
        before = self._read
        newest = plan.newest_span(self._read, self._target)
        if newest:
            await self._take(plan.pieces(newest, self._size.blocks))
        past = plan.past_span(self._read, self._target)
        if past and self._shared.first_asked.is_set():
            pieces = plan.pieces_down(past, self._size.blocks)
            until_ms = self._clock.steady_ms() + max(SLICE_MS, self._poll_ms())
            await self._take(pieces, until_ms=until_ms, spared=self._spared)
        return self._read != before

    def _fit(self) -> None:
        """Ask in smaller batches where a gateway's limit was found out meanwhile."""
        if self._rate != self._rpc.calls_per_s:
            self._rate = self._rpc.calls_per_s
            self._size = BatchSize.for_rate(self._rate)

    def _note(self, status: PosStatus) -> None:
        self.epoch = status.epoch
        self.committed = status.committed_height
        self._target = plan.settled_height(status)
        self._heard_at_ms = self._clock.now_ms()

    def _poll_ms(self) -> int:
        return plan.poll_ms(plan.block_interval_ms(self._shared.tail), self._rate)

    def _recovered(self) -> None:
        if self._error:
            log.info("%s is read again", self.name)
        self._error, self._stranger, self._failures = None, False, 0

    def _failed(self, error: Exception) -> None:
        line = trouble(error)
        if self._error is None:
            log.warning("%s (%s) is not read now: %s", self.name, self._rpc.name, line)
        self.healthy, self._error, self._stranger = False, line, isinstance(error, Stranger)
        self._failures += not isinstance(error, Limited)

    def _pause_ms(self, error: Exception) -> int:
        if isinstance(error, Stranger):
            return plan.STRANGER_MS
        if isinstance(error, Limited):
            return round(error.retry_after_s * 1000)
        return plan.backoff_ms(self._failures, self._jitter())

    # --- is it our chain?

    async def _greet(self) -> None:
        """Find our place, and make sure that the endpoint tells of our chain. Raises Stranger if not."""
        async with self._shared.database.read() as conn:
            read = await votes.read_of(conn, self.name)
            newest = read[-1].last if read else 0
            held = await chain.hashes(conn, pos.FIRST_HEIGHT, pos.FIRST_HEIGHT)
            held |= await chain.hashes(conn, newest, newest)
            if self._convicted:
                held |= await chain.hashes(conn, self._convicted[0], self._convicted[0])
        who, self._introduced = self._introduced or await self.identity(), None
        ours = self._shared.identity or plan.elect([who], held.get(pos.FIRST_HEIGHT))
        why = plan.stranger(ours, who) if ours else None
        if why is None:
            answers = {height: await self._hash_at(height) for height in held}
            told = {height: found for height, found in answers.items() if found}
            why = await self._contradiction(held, told)
        if why is not None:
            raise _stranger(why)
        self._shared.identity, self._convicted = ours, None
        self._read = read
        votes_here = await self._votes_here()
        self._spared = Budget.full(VOTER_CALLS_PER_S, self._clock.steady_ms()) if votes_here else None

    async def _contradiction(self, held: Mapping[int, str], told: Mapping[int, str]) -> str | None:
        """How it contradicts what is held, unless most of the others say the same."""
        why = plan.contradiction(held, told)
        differs = {
            height: told[height] for height in held.keys() & told.keys() if told[height] != held[height]
        }
        return None if why is None or await self._shared.vindicates(differs) else why

    def convict(self, height: int, said: str, truth: str) -> None:
        """Most others say something else about a block: it is read no further."""
        why = f"its block {height} is {said[:14]}…, and most endpoints say {truth[:14]}…"
        self._convicted = self._convicted or (height, why)

    def _refuse_convict(self) -> None:
        if self._convicted:
            raise _stranger(self._convicted[1])

    async def hash_heard(self, height: int) -> str | None:
        """What it says a block's hash is; None if it has no such block or does not answer."""
        try:
            return await self._hash_at(height)
        except RpcError:
            return None

    async def _votes_here(self) -> bool:
        """Whether the node says that it votes. Only a local port says so at all."""
        try:
            return voting(await self._rpc.ask(VOTING))
        except RpcError:
            return False

    async def identity(self) -> Identity:
        """What tells this endpoint's chain from others; the next greeting knows it. Raises RpcError."""
        status = await self.pow_status()
        self._introduced = Identity(status.chain_id, await self._hash_at(pos.FIRST_HEIGHT))
        return self._introduced

    async def _hash_at(self, height: int) -> str | None:
        block = pos.pos_block(await self._rpc.ask(pos.BLOCK, hex(height)))
        return block.hash if block else None

    # --- blocks

    async def _take(
        self, ahead: Iterator[Span], until_ms: int | None = None, spared: Budget | None = None
    ) -> None:
        """Fetch and keep the pieces in order, fetching further while the last batch is written."""
        fetching: deque[asyncio.Task[_Batch]] = deque()
        try:
            while True:
                while len(fetching) < self._in_flight and not self._late(until_ms):
                    piece = next(ahead, None)
                    if piece is None:
                        break
                    if spared is not None:
                        await self._spare(piece.size)
                    fetching.append(asyncio.create_task(self._fetch(piece)))
                if not fetching or not await self._keep(await fetching.popleft()):
                    return
        finally:
            for task in fetching:
                task.cancel()
            await asyncio.gather(*fetching, return_exceptions=True)

    @property
    def _in_flight(self) -> int:
        return BATCHES_IN_FLIGHT if self._size.blocks == self._size.most else GENTLY_IN_FLIGHT

    def _late(self, until_ms: int | None) -> bool:
        return until_ms is not None and self._clock.steady_ms() >= until_ms

    async def _spare(self, calls: int) -> None:
        """Wait until the voter beside this endpoint can bear so many calls more."""
        if self._spared is not None:
            self._spared, wait_ms = spend(self._spared, calls, self._clock.steady_ms())
            await self._clock.sleep_ms(wait_ms)

    async def _fetch(self, span: Span) -> _Batch:
        """Ask for the blocks, then for the committees among them that are not known."""
        answers = await self._ask_all([(pos.BLOCK, (hex(h),)) for h in range(span.first, span.last + 1)])
        blocks, error = _decoded_until_error(answers, span)
        kept, read_to = plan.readable(blocks, span, self._target)
        unknown = sorted({block.epoch for block in kept} - self._shared.epochs)
        return _Batch(span, kept, read_to, await self._shared.committees(unknown, first=self), error)

    async def _keep(self, batch: _Batch) -> bool:
        """Write what was read; False when reading should not go on as it does."""
        self._size = self._size.after(answered=batch.error is None)
        if batch.read_to >= batch.span.first:
            await self._witness(batch)
        elif batch.error and batch.span.size == 1:
            raise batch.error  # smaller is not possible
        return batch.read_to == batch.span.last

    async def _witness(self, batch: _Batch) -> None:
        """Keep it; where the store holds otherwise, if most endpoints say the same. Raises Stranger."""
        read = Span(batch.span.first, batch.read_to)
        overruled: set[int] = set()

        async def deed(conn: Conn) -> list[int]:
            self._refuse_convict()
            await self._refuse_contradictions(conn, batch.blocks, overruled)
            for committee in batch.committees.values():
                await votes.remember_committee(conn, committee)
            return await votes.witness_blocks(conn, self.name, batch.blocks, read)

        while True:
            try:
                heights = await self._shared.database.write(deed)
                break
            except _Contradicted as contradicted:
                if not await self._shared.vindicates(contradicted.told):
                    raise _stranger(contradicted.why) from contradicted
                overruled |= contradicted.told.keys()
        self._read = added(self._read, read)
        self._shared.know(batch.committees)
        self._shared.missing_epochs |= {block.epoch for block in batch.blocks} - self._shared.epochs
        self._shared.note_tail(batch.blocks[-TAIL_BLOCKS:])
        await self._shared.tell(heights)

    async def _refuse_contradictions(
        self, conn: Conn, blocks: Sequence[PosBlock], overruled: Collection[int]
    ) -> None:
        """Settled blocks are final: of two that differ, one is of another chain."""
        if blocks:
            held = await chain.hashes_before_writing(conn, blocks[0].height, blocks[-1].height)
            told = {block.height: block.hash for block in blocks if block.height not in overruled}
            why = plan.contradiction(held, told)
            if why is not None:
                raise _Contradicted({h: one for h, one in told.items() if held.get(h, one) != one}, why)

    # --- other questions

    async def pow_status(self) -> PowStatus:
        """Raises RpcError."""
        return pow_status(await self._rpc.ask("cfx_getStatus"))

    async def committees(self, epochs: Sequence[int]) -> dict[int, Committee]:
        """The committees that this endpoint knows; one that fails is left out, and told of in the log."""
        found = await self._each_of(
            [(pos.EPOCH_STATE, (hex(epoch),)) for epoch in epochs],
            [partial(pos.committee, epoch) for epoch in epochs],
        )
        return {one.epoch: one for one in found if one is not None and not isinstance(one, Unheard)}

    async def accounts(self, addresses: Sequence[PosAddress]) -> list[Account]:
        """The stakes that this endpoint tells; one that fails is left out, and told of in the log."""
        told = await self._each([(pos.ACCOUNT, (address,)) for address in addresses], pos.account)
        return [
            one
            for one, asked in zip(told, addresses, strict=True)
            if not isinstance(one, Unheard) and one.address == asked
        ]

    async def committee_now(self) -> CommitteeNow | None:
        """The acting committee and the coming elections."""
        (found,) = await self._each([(pos.COMMITTEE, ())], pos.committee_now)
        return None if isinstance(found, Unheard) else found

    async def rewards(self, epochs: Sequence[int]) -> list[EpochRewards | Unheard | None]:
        """What was paid for each of these epochs; None where the node says null."""
        return await self._each_of(
            [(pos.REWARDS, (hex(epoch),)) for epoch in epochs],
            [partial(pos.epoch_rewards, epoch) for epoch in epochs],
        )

    async def transactions(self, numbers: Sequence[int]) -> list[PosTransaction | Unheard | None]:
        """The transactions of these numbers; None where the node says null."""
        return await self._each([(pos.TRANSACTION, (hex(n),)) for n in numbers], pos.transaction)

    async def pow_blocks(self, hashes: Sequence[str]) -> list[PowBlock | Unheard | None]:
        """The PoW blocks of these hashes; None where the node says null."""
        return await self._each([(pow_chain.BLOCK, (each, False)) for each in hashes], pow_chain.pow_block)

    async def economics(self) -> Economics | None:
        """The network's parameters."""
        asked = (POS_ECONOMICS, PARAMS, SUPPLY)
        answers = await self._ask_all([(method, ()) for method in asked])
        if any(isinstance(each, RpcError) for each in answers):
            return None
        found = self._understood(lambda raws: economics(*raws), answers)
        return None if isinstance(found, Unheard) else found

    async def balances(self, addresses: Sequence[str]) -> list[tuple[int, int] | None]:
        """Balance and staking balance in Drip of each of these PoW addresses."""
        held = await self._each([(pow_chain.BALANCE, (each,)) for each in addresses], pow_chain.balance)
        staked = await self._each(
            [(pow_chain.STAKING_BALANCE, (each,)) for each in addresses], pow_chain.balance
        )
        return [
            None if isinstance(own, Unheard) or isinstance(deposit, Unheard) else (own, deposit)
            for own, deposit in zip(held, staked, strict=True)
        ]

    async def _each(self, calls: Sequence[Call], decode: Callable[[Any], T]) -> list[T | Unheard]:
        return await self._each_of(calls, [decode] * len(calls))

    async def _each_of(
        self, calls: Sequence[Call], decoders: Sequence[Callable[[Any], T]]
    ) -> list[T | Unheard]:
        """Ask; a call that failed has UNHEARD in its place."""
        answers = await self.ask(calls)
        return [self._understood(decode, raw) for decode, raw in zip(decoders, answers, strict=True)]

    async def ask(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        """Answers of any kind in their places, asked in batches, a few at a time."""
        found: list[Any | RpcError] = []
        together = self._size.most * self._in_flight
        for at in range(0, len(calls), together):
            found += await self._ask_beside(calls[at : at + together])
        return found

    async def _ask_beside(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        size = self._size.blocks
        batches = [calls[at : at + size] for at in range(0, len(calls), size)]
        answers = await asyncio.gather(*(self._ask_all(batch) for batch in batches))
        return [one for batch in answers for one in batch]

    def _understood(self, decode: Callable[[Any], T], raw: Any | RpcError) -> T | Unheard:
        try:
            return UNHEARD if isinstance(raw, RpcError) else decode(raw)
        except Garbled as error:
            if len(self._garbled) < GARBLED_TOLD_MAX and str(error) not in self._garbled:
                self._garbled.add(str(error))
                log.warning("%s (%s): %s", self.name, self._rpc.name, error)
            return UNHEARD

    async def _ask_all(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        """Answers in their places; where the whole question failed, every place has the reason."""
        try:
            if len(calls) == 1:
                return [await self._rpc.ask(calls[0][0], *calls[0][1])]
            return await self._rpc.batch(calls)
        except RpcError as error:
            return [error] * len(calls)


def _decoded_until_error(
    answers: Iterable[Any | RpcError], span: Span
) -> tuple[list[PosBlock | None], RpcError | None]:
    """The blocks of the span up to the first that failed, and why it did."""
    blocks: list[PosBlock | None] = []
    for height, raw in enumerate(answers, span.first):
        try:
            blocks.append(_block_at(height, raw))
        except RpcError as error:
            return blocks, error
    return blocks, None


def _block_at(height: int, raw: Any | RpcError) -> PosBlock | None:
    if isinstance(raw, RpcError):
        raise raw
    block = pos.pos_block(raw)
    if block and block.height != height:
        raise Garbled(f"{pos.BLOCK}.height is {block.height}, and we asked for {height}")
    return block


def _stranger(why: str) -> Stranger:
    return Stranger(
        f"it is on another chain: {why}. Correct its URL, or give this chain a database of its own."
    )


def trouble(error: Exception) -> str:
    """What went wrong, on one line."""
    if isinstance(error, OperationalError | InterfaceError):
        return f"the database fails: {' '.join(str(error.orig).split())}"
    return " ".join(str(error).split())
