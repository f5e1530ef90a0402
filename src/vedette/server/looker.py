"""One endpoint without an agent, asked round by round: what it says, how fast, and what of it holds.

A question that fails is an observation too: `probe.NAME.error` has its reason, and the others still count.
What changes slowly (version, certificate, WebSocket, the archive) is asked rarely and told with every round.
"""

import random
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import aiohttp

from vedette.conflux import archive, espace, heads, networks, pos, tls
from vedette.conflux import pow as pow_chain
from vedette.conflux.rpc import Rpc
from vedette.conflux.wire import METHOD_NOT_FOUND, Garbled, Limited, Refused, RpcError
from vedette.model.clock import Clock
from vedette.model.pivots import in_words, marks
from vedette.model.report import Numbers, States
from vedette.model.watched import (
    Sight,
    agreement,
    certificate_trouble,
    common_epoch,
    days_left,
    judged,
    lag,
    percentile,
)
from vedette.server.hosts import Hosts
from vedette.server.references import Reference, References
from vedette.server.settings import EndpointSetting

WINDOW: Final = 60
"""Percentiles are of so many of the newest answers to a method."""
SECRET_CHARS_MIN: Final = 4
KEY_CHARS_MIN: Final = 8
REASON_CHARS_MAX: Final = 400
CORE_STATUS: Final = "cfx_getStatus"
CORE_VERSION: Final = "cfx_clientVersion"
METHODS: Final = (
    CORE_STATUS,
    pos.STATUS,
    archive.BLOCK,
    archive.BALANCE,
    archive.LOGS,
    CORE_VERSION,
    espace.BLOCK_NUMBER,
    espace.BLOCK,
    espace.BALANCE,
    espace.LOGS,
    espace.CHAIN_ID,
    espace.VERSION,
)


@dataclass(frozen=True, slots=True)
class Pauses:
    """How often what changes slowly is asked. Tests are in more haste."""

    version_ms: int = 3_600_000
    tls_ms: int = 3_600_000
    websocket_ms: int = 300_000
    pivots_ms: int = 60_000
    archive_ms: int = 1_800_000
    deadline_s: float = 5.0
    head_s: float = 15.0
    archive_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found. `heard`: it spoke, be it to say that we ask too often."""

    numbers: Numbers
    states: States
    heard: bool
    wait_ms: int = 0  # it wants to be left alone for so long


@dataclass(slots=True)
class _Slow:
    """A question that is asked rarely, and what its newest answer was."""

    asked_at_ms: int | None = None
    numbers: Numbers = field(default_factory=dict)
    states: States = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the endpoint says that it stands."""

    chain_id: int | None
    latest_epoch: int | None
    confirmed_epoch: int
    execution_lag_epochs: int | None = None
    pos_height: int | None = None


def series_name(method: str) -> str:
    """As series are called: cfx_getStatus is cfx_get_status."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", method).lower()


class Looker:
    """Looks at one endpoint."""

    def __init__(
        self,
        setting: EndpointSetting,
        session: aiohttp.ClientSession,
        hosts: Hosts,
        references: References,
        clock: Clock,
        pauses: Pauses,
    ) -> None:
        self.setting = setting
        self._session = session
        self._hosts = hosts
        self._references = references
        self._clock = clock
        self._pauses = pauses
        self._rpc = self._opened(pauses.deadline_s)
        self._patient = self._opened(pauses.archive_s)
        self._latencies: dict[str, deque[float]] = {}
        self._slow: dict[str, _Slow] = {}
        self._chain_id: int | None = None
        self._confirmed_epoch = 0

    def _opened(self, deadline_s: float) -> Rpc:
        return Rpc(
            self.setting.url,
            session=self._session,
            deadline_s=deadline_s,
            clock=self._clock,
            headers=self.setting.headers,
            limited_tries=1,
        )

    # --- one round

    async def round(self) -> Round:
        """Ask once. Never raises RpcError."""
        told: Numbers = {}
        states: States = {}
        try:
            place = await (self._core(told, states) if self.setting.kind == "core" else self._espace(told))
        except RpcError as error:
            await self._look_at_tls()
            return self._failed(error)
        sight = await self._compared(place, states)
        await self._slowly(place)
        return self._told(told, states, sight, heard=True)

    def _failed(self, error: RpcError) -> Round:
        """Without a place there is nothing to compare, and who does not answer is not asked for more."""
        reason = self._clean(error)
        if isinstance(error, Limited):
            wait_ms = round(error.retry_after_s * 1000)
            limited = self._told({}, {}, Sight(limited=reason), heard=True)
            return replace(limited, wait_ms=wait_ms)
        states = {"probe.status.error": reason}
        # A node that refuses, or that nobody understands, did speak; what it said is of no use.
        return self._told({}, states, Sight(error=reason), heard=isinstance(error, Refused))

    def _told(self, told: Numbers, states: States, sight: Sight, *, heard: bool) -> Round:
        state, reasons = judged(sight)
        numbers: Numbers = {**told, **self._percentiles(), **_compared_numbers(sight)}
        numbers["endpoint.answers"] = int(heard and sight.error is None)
        states = {**states, "endpoint.state": state.value, "endpoint.space": self.setting.kind}
        if heard:
            states["process.state"] = "running"  # what answers runs
        if reasons:
            states["endpoint.reason"] = "; ".join(reasons)[:REASON_CHARS_MAX]
        for slow in self._slow.values():
            numbers, states = {**numbers, **slow.numbers}, {**states, **slow.states}
        failed = {name.removesuffix("error") + "failed": 1 for name in states if name.startswith("probe.")}
        return Round({**numbers, **failed}, states, heard)

    def _percentiles(self) -> Numbers:
        found: Numbers = {}
        for method, window in self._latencies.items():
            for percent in (50, 95):
                took_ms = percentile(window, percent)
                if took_ms is not None:
                    found[f"rpc.{series_name(method)}.p{percent}_ms"] = round(took_ms, 2)
        return found

    # --- asking

    async def _ask(self, method: str, *params: Any, patient: bool = False) -> Any:
        rpc = self._patient if patient else self._rpc
        await self._hosts.afford(self.setting.url)
        async with self._hosts.slots(self.setting.url):
            try:
                return await rpc.ask(method, *params)
            finally:
                took_ms, rpc.took_ms = rpc.took_ms, None
                if took_ms is not None:
                    self._latencies.setdefault(method, deque(maxlen=WINDOW)).append(took_ms)

    def _clean(self, error: RpcError) -> str:
        """The reason without what is secret, should the other side have quoted it."""
        line = str(error)
        for word in sorted(self._secrets(), key=len, reverse=True):
            line = line.replace(word, "…")
        return line[:REASON_CHARS_MAX]

    def _secrets(self) -> set[str]:
        """A header's value and its words; of a URL whatever may be a gateway's key."""
        setting = self.setting
        told = [] if setting.header is None else [setting.header[1], *setting.header[1].split()]
        urls = [setting.url, setting.ws or ""]
        keys = [part for url in urls for part in re.split(r"[/?&=]", url.partition("://")[2])[1:]]
        return {
            *(word for word in told if len(word) >= SECRET_CHARS_MIN),
            *(word for word in (*urls, *keys) if len(word) >= KEY_CHARS_MIN),
        }

    # --- where it stands

    async def _core(self, told: Numbers, states: States) -> _Place:
        status = pow_chain.pow_status(await self._ask(CORE_STATUS))
        told |= status.numbers
        self._chain_id, self._confirmed_epoch = status.chain_id, status.confirmed_epoch
        return _Place(
            chain_id=status.chain_id,
            latest_epoch=status.latest_epoch,
            confirmed_epoch=status.confirmed_epoch,
            execution_lag_epochs=status.latest_epoch - status.state_epoch,
            pos_height=await self._pos(told, states),
        )

    async def _pos(self, told: Numbers, states: States) -> int | None:
        """The PoS chain, which a public port need not offer: that is no failure."""
        slow = self._slow.setdefault("pos", _Slow())
        if slow.states and not self._due("pos", self._pauses.version_ms):
            return None
        slow.asked_at_ms, slow.states = self._clock.steady_ms(), {}
        try:
            status = pos.pos_status(await self._ask(pos.STATUS))
        except Refused as error:
            if error.code == METHOD_NOT_FOUND:
                slow.states = {"endpoint.pos": "not offered"}
            else:
                states["probe.pos.error"] = self._clean(error)
            return None
        except RpcError as error:
            states["probe.pos.error"] = self._clean(error)
            return None
        told |= {"pos.epoch": status.epoch, "pos.committed_height": status.committed_height}
        return status.committed_height

    async def _espace(self, told: Numbers) -> _Place:
        if self._chain_id is None:
            self._chain_id = espace.number(await self._ask(espace.CHAIN_ID), espace.CHAIN_ID)
        latest = espace.number(await self._ask(espace.BLOCK_NUMBER), espace.BLOCK_NUMBER)
        confirmed = espace.block(await self._ask(espace.BLOCK, espace.CONFIRMED, False))
        if confirmed is None:
            raise Garbled(f"It has no {espace.CONFIRMED} block.")
        told |= {"pow.latest_epoch": latest, "pow.confirmed_epoch": confirmed.epoch}
        self._confirmed_epoch = confirmed.epoch
        return _Place(self._chain_id, latest, confirmed.epoch)

    # --- compared with the references

    def _others(self, place: _Place) -> list[Reference]:
        if self.setting.kind == "core":
            self._references.chain_ids.add(place.chain_id or 0)
            return self._references.of(place.chain_id, self.setting.url)
        public = networks.network_of_espace(place.chain_id or 0)
        if public is not None:
            self._references.chain_ids.add(public.chain_id)
        return self._references.of_espace(place.chain_id, self.setting.url)

    async def _compared(self, place: _Place, states: States) -> Sight:
        others = self._others(place)
        statuses = [one.status for one in others if one.status is not None]
        epoch = common_epoch(place.confirmed_epoch, [each.confirmed_epoch for each in statuses])
        return Sight(
            references=len(others),
            lag_epochs=lag(place.latest_epoch, [each.latest_epoch for each in statuses]),
            lag_blocks=lag(
                place.pos_height, [one.pos_height for one in others if one.pos_height is not None]
            ),
            execution_lag_epochs=place.execution_lag_epochs,
            pivot_agrees=None if epoch is None else await self._agrees(others, epoch, states),
            pivot_epoch=epoch,
        )

    async def _agrees(self, others: list[Reference], epoch: int, states: States) -> bool | None:
        try:
            own = await self._pivot(epoch)
        except RpcError as error:
            states["probe.pivot.error"] = self._clean(error)
            return None
        if own is None:
            states["probe.pivot.error"] = f"It has no block of epoch {epoch}, which it says is confirmed."
            return None
        return agreement(own, Counter(await self._references.hashes(others, epoch)))

    async def _pivot(self, epoch: int) -> str | None:
        if self.setting.kind == "core":
            told = archive.old_block(await self._ask(archive.BLOCK, hex(epoch), False))
            return None if told is None else told.hash
        block = espace.block(await self._ask(espace.BLOCK, hex(epoch), False))
        return None if block is None else block.hash

    async def _marks(self, place: _Place) -> tuple[Numbers, States]:
        """As agents tell them: so it is a witness of which chain its neighbours follow."""
        found = {epoch: await self._pivot(epoch) for epoch in marks(place.confirmed_epoch)}
        told = in_words({epoch: hash_ for epoch, hash_ in found.items() if hash_ is not None})
        return {}, {"pow.pivots": told} if told else {}

    # --- what changes slowly

    async def _slowly(self, place: _Place) -> None:
        pauses, setting = self._pauses, self.setting
        await self._rarely("version", pauses.version_ms, self._version)
        await self._look_at_tls()
        if setting.ws is not None:
            await self._rarely("websocket", pauses.websocket_ms, self._websocket)
        if setting.kind == "core":
            await self._rarely("pivot_marks", pauses.pivots_ms, lambda: self._marks(place))
        if setting.role == "archive":
            await self._rarely("archive", pauses.archive_ms, lambda: self._archive(place))

    def _due(self, name: str, each_ms: int) -> bool:
        asked_at = self._slow[name].asked_at_ms
        return asked_at is None or self._clock.steady_ms() - asked_at >= each_ms

    async def _rarely(
        self, name: str, each_ms: int, deed: Callable[[], Awaitable[tuple[Numbers, States]]]
    ) -> None:
        slow = self._slow.setdefault(name, _Slow())
        if not self._due(name, each_ms):
            return
        slow.asked_at_ms = self._clock.steady_ms()
        try:
            slow.numbers, slow.states = await deed()
        except RpcError as error:
            slow.numbers, slow.states = {}, {f"probe.{name}.error": self._clean(error)}

    async def _version(self) -> tuple[Numbers, States]:
        if self.setting.kind == "core":
            return {}, {"node.version": pow_chain.version(await self._ask(CORE_VERSION))}
        return {}, {"node.version": espace.version(await self._ask(espace.VERSION))}

    async def _look_at_tls(self) -> None:
        """Also of an endpoint that does not answer: its certificate may be the reason."""
        if self.setting.url.startswith("https:"):
            await self._rarely("tls", self._pauses.tls_ms, self._tls)

    async def _tls(self) -> tuple[Numbers, States]:
        ends_at_s = await tls.certificate_ends_at_s(self.setting.url, self._pauses.deadline_s)
        days = days_left(ends_at_s, self._clock.now_ms() / 1000)
        trouble = certificate_trouble(days)
        return {"endpoint.tls_days": round(days, 2)}, {} if trouble is None else {"probe.tls.error": trouble}

    async def _websocket(self) -> tuple[Numbers, States]:
        took_ms = await heads.first_head_ms(
            self._session,
            self.setting.ws or "",
            self.setting.kind,
            headers=self.setting.headers,
            deadline_s=self._pauses.head_s,
        )
        return {"endpoint.websocket_ms": round(took_ms, 1)}, {}

    # --- the archive

    async def _archive(self, place: _Place) -> tuple[Numbers, States]:
        """State and logs of an epoch long ago, and what another one tells of it."""
        epoch = random.randint(1, max(1, place.confirmed_epoch * 9 // 10))  # noqa: S311  which one is no secret
        if self.setting.kind == "espace":
            await self._old_espace(epoch)
            return {"endpoint.archive_epoch": epoch}, {"endpoint.archive": "answers"}
        own = await old_state(lambda *call: self._ask(*call, patient=True), epoch)
        others = self._others(place)
        random.shuffle(others)
        for other in others:
            try:
                told = await old_state(other.rpc.ask, epoch)
            except RpcError:
                continue  # a reference need not be an archive
            return _archived(epoch, own, told, other.name)
        return {"endpoint.archive_epoch": epoch}, {"endpoint.archive": "unknown"}

    async def _old_espace(self, epoch: int) -> None:
        block = espace.block(await self._ask(espace.BLOCK, hex(epoch), False, patient=True))
        if block is None:
            raise Garbled(f"It has no block of epoch {epoch}.")
        pow_chain.balance(
            await self._ask(espace.BALANCE, block.miner, hex(epoch), patient=True), espace.BALANCE
        )
        asked = {"fromBlock": hex(epoch), "toBlock": hex(epoch)}
        archive.logs_fingerprint(await self._ask(espace.LOGS, asked, patient=True), espace.LOGS)


async def old_state(ask: Callable[..., Awaitable[Any]], epoch: int) -> archive.OldState:
    """What an endpoint tells of an old epoch. Raises RpcError when it lacks any of it."""
    block = archive.old_block(await ask(archive.BLOCK, hex(epoch), False))
    if block is None:
        raise Garbled(f"It has no block of epoch {epoch}.")
    drip = pow_chain.balance(await ask(archive.BALANCE, block.miner, hex(epoch)))
    logs = await ask(archive.LOGS, {"fromEpoch": hex(epoch), "toEpoch": hex(epoch)})
    return archive.OldState(block.hash, drip, archive.logs_fingerprint(logs))


def _archived(epoch: int, own: archive.OldState, told: archive.OldState, name: str) -> tuple[Numbers, States]:
    numbers: Numbers = {"endpoint.archive_epoch": epoch, "endpoint.archive_agrees": int(own == told)}
    if own == told:
        return numbers, {"endpoint.archive": "agrees"}
    parts = [what for what in ("hash", "miner_drip", "logs") if getattr(own, what) != getattr(told, what)]
    what = ", ".join({"hash": "block", "miner_drip": "balance", "logs": "logs"}[part] for part in parts)
    why = f"It and the reference {name} tell different things of epoch {epoch}: {what}."
    return numbers, {"endpoint.archive": "differs", "probe.archive.error": why}


def _compared_numbers(sight: Sight) -> Numbers:
    found = {
        "endpoint.lag_epochs": sight.lag_epochs,
        "endpoint.lag_blocks": sight.lag_blocks,
        "endpoint.pivot_epoch": sight.pivot_epoch,
        "endpoint.pivot_agrees": None if sight.pivot_agrees is None else int(sight.pivot_agrees),
        "endpoint.references_count": sight.references,
    }
    return {name: value for name, value in found.items() if value is not None}
