"""Where the chain is, by others: the follower's endpoints and the public ones of networks.toml.

One feed for all endpoints that are watched. A reference that did not answer lately counts for nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from vedette.conflux import archive, espace, networks, pos, wire
from vedette.conflux import pow as pow_chain
from vedette.conflux.rpc import Rpc
from vedette.conflux.wire import RpcError
from vedette.model.clock import Clock
from vedette.model.pos import PowStatus
from vedette.server.hosts import Hosts
from vedette.server.settings import EndpointSetting

log = logging.getLogger(__name__)

EACH_MS: Final = 10_000
"""Two calls each, whatever else a host is asked for: older heights would hide lags."""
LOOK_CALLS: Final = 4
"""Of an endpoint that is set to be asked rarely, a look takes half of what it allows."""
FRESH_MS: Final = 90_000
VERSION_EACH_MS: Final = 3_600_000
HASHES_KEPT: Final = 64


@dataclass(slots=True, eq=False)
class Reference:
    """One endpoint to compare with, and what it said last."""

    name: str
    url: str = field(repr=False)
    rpc: Rpc = field(repr=False)
    status: PowStatus | None = None
    espace_chain_id: int | None = None
    pos_height: int | None = None
    version: str | None = None
    version_at_ms: int | None = None
    heard_at_ms: int = 0  # steady clock
    each_ms: int = 0
    asked_at_ms: int | None = None
    error: str | None = None
    hashes: dict[int, str] = field(default_factory=dict)


class References:
    """Asks them in turn. `public`: whether those of networks.toml are asked as well."""

    def __init__(
        self,
        endpoints: Sequence[EndpointSetting],
        hosts: Hosts,
        clock: Clock,
        *,
        public: bool,
        on_heard: Callable[[str], None],
    ) -> None:
        self._endpoints = endpoints
        self._hosts = hosts
        self._clock = clock
        self._public = public
        self._on_heard = on_heard
        self._known: dict[str, Reference] = {}
        self.met = asyncio.Event()
        """Set once every reference of the settings has answered or failed."""
        self.chain_ids: set[int] = set()
        """Chains of the endpoints that are watched: what the public ones of these say is of use."""

    @property
    def urls(self) -> list[str]:
        return list(self._known)

    async def run(self, session: aiohttp.ClientSession, each_ms: int = EACH_MS) -> None:
        """Ask until cancelled."""
        for one in self._endpoints:
            rare_ms = 0 if one.calls_per_s is None else round(1000 * LOOK_CALLS / one.calls_per_s)
            self._add(one.name, one.url, session, one.headers, rare_ms)
        while True:
            self._add_public(session)
            now = self._clock.steady_ms()
            due = [one for one in self._known.values() if _is_due(one, now, each_ms)]
            await asyncio.gather(*(self._look(one) for one in due))
            self.met.set()
            await self._clock.sleep_ms(each_ms)

    def _add(
        self,
        name: str,
        url: str,
        session: aiohttp.ClientSession,
        headers: dict[str, str] | None,
        each_ms: int = 0,
    ) -> None:
        rpc = Rpc(url, session=session, clock=self._clock, headers=headers, limited_tries=1)
        self._known[url] = Reference(name, url, rpc, each_ms=each_ms)

    def _add_public(self, session: aiohttp.ClientSession) -> None:
        """The public endpoints of the chains that are watched, if they are not known yet."""
        for chain_id in sorted(self.chain_ids) if self._public else ():
            network = networks.network(chain_id)
            for url in () if network is None else network.endpoints:
                if _plain(url) not in map(_plain, self._known):
                    self._add(wire.endpoint_name(url), url, session, None)

    async def _look(self, one: Reference) -> None:
        one.asked_at_ms = self._clock.steady_ms()
        try:
            raw = await self._ask(one, "cfx_getStatus")
            one.status, one.espace_chain_id = pow_chain.pow_status(raw), espace.chain_id_beside(raw)
            one.heard_at_ms, one.error = self._clock.steady_ms(), None
            self._on_heard(one.url)
            await self._look_further(one)
        except RpcError as error:
            if one.error is None:
                log.info("the reference %s (%s) does not tell: %s", one.name, one.rpc.name, error)
            one.error = str(error)

    async def _look_further(self, one: Reference) -> None:
        """A node need not offer the PoS chain to tell where the PoW chain is."""
        now = self._clock.steady_ms()
        one.pos_height = None
        one.pos_height = pos.pos_status(await self._ask(one, pos.STATUS)).committed_height
        if one.version_at_ms is None or now - one.version_at_ms >= VERSION_EACH_MS:
            one.version_at_ms = now
            one.version = pow_chain.version(await self._ask(one, "cfx_clientVersion"))

    async def _ask(self, one: Reference, method: str, *params: Any) -> Any:
        async with self._hosts.slots(one.url):
            return await one.rpc.ask(method, *params)

    def of(self, chain_id: int | None, but: str) -> list[Reference]:
        """Those of this chain that answered lately, without the endpoint itself."""
        return [one for one in self._fresh(but) if one.status and one.status.chain_id == chain_id]

    def of_espace(self, espace_chain_id: int | None, but: str) -> list[Reference]:
        return [one for one in self._fresh(but) if one.espace_chain_id == espace_chain_id]

    def _fresh(self, but: str) -> Iterable[Reference]:
        since, itself = self._clock.steady_ms() - FRESH_MS, _plain(but)
        return (
            one
            for one in self._known.values()
            if _plain(one.url) != itself and one.status and one.heard_at_ms >= since
        )

    def versions(self) -> dict[int, list[str]]:
        """What they say they run, by chain id."""
        found: dict[int, list[str]] = {}
        for one in self._fresh(""):
            if one.status is not None and one.version is not None:
                found.setdefault(one.status.chain_id, []).append(one.version)
        return found

    async def hashes(self, which: Sequence[Reference], epoch: int) -> list[str]:
        """What these call the pivot block of an epoch; those that do not tell are left out."""
        told = await asyncio.gather(*(self._hash(one, epoch) for one in which))
        return [each for each in told if each is not None]

    async def _hash(self, one: Reference, epoch: int) -> str | None:
        if epoch not in one.hashes and self._hosts.spare(one.url):
            try:
                found = archive.old_block(await one.rpc.ask(archive.BLOCK, hex(epoch), False))
            except RpcError:
                return None  # why it fails is told by its own round
            if found is not None:
                one.hashes[epoch] = found.hash
            for old in sorted(one.hashes)[:-HASHES_KEPT]:
                del one.hashes[old]
        return one.hashes.get(epoch)


def _is_due(one: Reference, now_ms: int, each_ms: int) -> bool:
    return one.asked_at_ms is None or now_ms - one.asked_at_ms >= max(each_ms, one.each_ms) - each_ms // 2


def _plain(url: str) -> str:
    """Two spellings of one endpoint are one."""
    return url.rstrip("/")
