"""Who is at the other end: an address, and whether TLS was spoken on the way there.

Anybody can write into a header for whom he speaks. Only proxies that the settings name are believed, and of
the hops that they tell, the nearest that is not such a proxy itself: what stands before it came from outside.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

Headers = Iterable[tuple[bytes, bytes]]
Network = IPv4Network | IPv6Network

CALLER: Final = "vedette.caller"
WHO: Final = "vedette.who"
"""Where a request's scope keeps what was found: its caller, and who that is."""

FORWARDED: Final = (b"forwarded", b"x-forwarded-", b"x-real-ip", b"via", b"cf-connecting-ip")
"""Beginnings of the headers with which a proxy says that it speaks for somebody else."""

FORWARDED_FOR: Final = "X-Forwarded-For"
PROXY_HEADERS: Final = (FORWARDED_FOR, "Forwarded")
HOPS_MAX: Final = 32
SITE_BITS: Final = 64
"""Of IPv6 this much is one household's or one machine's, who may use any address in it."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """Proxies that are believed, and the one header in which they tell their hops.

    One, because a proxy passes the other on as it came, and whoever sent it wrote it himself.
    """

    networks: tuple[Network, ...] = ()
    header: str = FORWARDED_FOR


@dataclass(frozen=True, slots=True)
class Caller:
    """One end of a connection; `address` is empty where there is none (a local socket).

    `is_proxy`: the address is that of a proxy, and nobody that we believe said whom it speaks for.
    """

    address: str
    is_https: bool = False
    is_proxy: bool = False

    @property
    def site(self) -> str:
        """What stands for one who asks: an IPv4 address, or the network of an IPv6 one."""
        return _site(self.address)


NOBODY: Final = Trusted()


def caller_of(scope: Mapping[str, Any], trusted: Trusted) -> Caller:
    """Who sent this request, by its connection and by what trusted proxies say."""
    client, headers = scope.get("client"), scope["headers"]
    peer = _plain(client[0]) if client else ""
    if not _is_in(peer, trusted.networks):
        return Caller(
            peer, scope.get("scheme") == "https", any(name.startswith(FORWARDED) for name, _ in headers)
        )
    by_forwarded = trusted.header != FORWARDED_FOR
    hops = list(_forwarded(headers, b"for") if by_forwarded else _listed(headers, b"x-forwarded-for"))
    schemes = list(_forwarded(headers, b"proto") if by_forwarded else _listed(headers, b"x-forwarded-proto"))
    address, is_proxy = _nearest(peer, hops[-HOPS_MAX:], trusted.networks)
    return Caller(address, schemes[-1].lower() == "https" if schemes else False, is_proxy)


def _nearest(peer: str, hops: list[str], networks: tuple[Network, ...]) -> tuple[str, bool]:
    """The nearest hop that is no trusted proxy, and whether we stopped before it since a hop said nothing."""
    address = peer
    for hop in reversed(hops):
        found = address_of(hop)
        if found is None:
            return address, True
        address = found
        if not _is_in(found, networks):
            break
    return address, False


def address_of(hop: str) -> str | None:
    """The address in a hop as any proxy writes it: bare, with a port, in brackets. None: it tells none."""
    hop = hop.strip()
    if hop.startswith("["):
        hop, _, after = hop[1:].partition("]")
        if after and not after.startswith(":"):
            return None
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    return _plain(hop) or None


def _listed(headers: Headers, wanted: bytes) -> Iterator[str]:
    """The parts of a list header, the nearest proxy's last."""
    for name, value in headers:
        if name == wanted:
            yield from (part.strip() for part in value.decode("latin-1").split(","))


def _forwarded(headers: Headers, wanted: bytes) -> Iterator[str]:
    """One parameter of each `Forwarded` element (RFC 7239); an element without it says nothing.

    Divided at every comma, quoted or not: an open quote from outside must not swallow what a proxy added.
    """
    for element in _listed(headers, b"forwarded"):
        pairs = (pair.partition("=") for pair in element.split(";"))
        told = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        found = told.get(wanted.decode())
        if found is not None or wanted == b"for":
            yield found or ""


@lru_cache(maxsize=4_096)
def _plain(address: str) -> str:
    """An address in its one spelling, an IPv4 one in IPv6's clothes as IPv4; empty when it is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv4Address):
        return str(found)
    return "" if found.scope_id else str(found.ipv4_mapped or found)


@lru_cache(maxsize=4_096)
def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    return bool(address) and any(ip_address(address) in network for network in networks)


@lru_cache(maxsize=4_096)
def _site(address: str) -> str:
    if ":" not in address:
        return address
    return str(ip_network((address, SITE_BITS), strict=False))
