"""Where a URL that a user gave may lead: to the public internet, and to what the administrator allows beside.

A name is looked up once for each connection, every address that it has is judged, and the connection goes to
those very addresses: a name that means something else a moment later gains nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from vedette.notify.errors import ChannelError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a name; raises OSError when there are none."""

# What is not in the public internet, by IANA's registries; Python's own table differs by version.
NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a carrier's NAT, and one cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # one cloud's inner service, at a public address
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays of old
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: holds an IPv4 address, and nobody lives there any more
        "3fff::/20",  # documentation
    )
)
UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All public IPv6: outside are loopback, link-local, unique local, multicast, and what holds IPv4 within."""
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

WEB_PORTS: Final = frozenset({80, 443})
PORT_MIN: Final = 1024
"""Below it, but for the web's own, are mail, shells and the like: no request must be smuggled there."""


async def looked_up(host: str, port: int) -> list[str]:
    """The addresses of a name, as this machine resolves it; other spellings of an address come out plain."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Targets(AbstractResolver):
    """The judge of hosts, and the resolver of the client that calls them."""

    def __init__(self, allowed: Iterable[IPNetwork] = (), lookup: Lookup = looked_up) -> None:
        """`allowed`: private networks that users' URLs may lead to all the same."""
        self.allowed = tuple(allowed)
        self._lookup = lookup

    def check(self, url: URL) -> None:
        """Raise ChannelError for a URL whose look alone tells that it may not be called."""
        host = url.raw_host
        if url.scheme not in {"http", "https"} or not host:
            raise _refused("its URL must start with http:// or https:// and a host")
        port = url.port or 0
        if port not in WEB_PORTS and port < PORT_MIN:
            raise _refused(
                f"{host}: port {port} is not one for web services: use 80, 443, or one from {PORT_MIN}"
            )
        # What looks like a number is an address to the client, which then asks no resolver.
        if ":" in host or host.replace(".", "").isdigit():
            self._judge(host, host)

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  # both are judged
    ) -> list[ResolveResult]:
        """Every address of the host, if all may be called. Raises ChannelError, or OSError when none is."""
        addresses = await self._lookup(host, port)
        if not addresses:
            raise OSError("no address")
        return [_result(host, str(self._judge(host, address)), port) for address in dict.fromkeys(addresses)]

    async def close(self) -> None:
        """Nothing is kept."""

    def _judge(self, host: str, spelled: str) -> IPAddress:
        try:
            address = ipaddress.ip_address(spelled)
        except ValueError:
            raise _refused(f"{host} is an odd spelling of an address: write it plainly") from None
        meant = _meant(address)
        if any(meant in network for network in self.allowed) or is_public(meant):
            return address
        raise _refused(
            f"{host} leads to an address that is not public; the administrator may allow its network"
            " (security.allow_private_targets)"
        )


def is_public(address: IPAddress) -> bool:
    """Whether it belongs to somebody in the public internet."""
    address = _meant(address)
    if isinstance(address, ipaddress.IPv6Address) and address not in UNICAST:
        return False
    return not any(address in network for network in NOT_PUBLIC)


def _meant(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 one reaches, for the two kinds that are still in use."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)


def _refused(why: str) -> ChannelError:
    return ChannelError(why, permanent=True)
