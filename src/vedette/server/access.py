"""Who is asking. There is one team yet: a reader on this machine, or with the read token, belongs to it."""

import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from vedette.model.people import FIRST_TEAM, PUBLIC, Who
from vedette.server.settings import is_loopback

Headers = Iterable[tuple[bytes, bytes]]

FORWARDED = (b"forwarded", b"x-forwarded-", b"x-real-ip", b"via", b"cf-connecting-ip")
"""Beginnings of the headers with which a proxy says that it speaks for somebody else."""


def bearer(headers: Headers) -> bytes | None:
    """The token of an `Authorization: Bearer` header."""
    for name, value in headers:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip()
    return None


def same_secret(given: bytes | None, wanted: str | None) -> bool:
    """Whether a secret was given and is right; takes as long for a near miss as for a far one."""
    return given is not None and wanted is not None and hmac.compare_digest(given, wanted.encode())


class Access:
    """Decides who a request's reader is; every read of an owned row passes the answer on."""

    def __init__(self, read_token: str | None, trust_loopback: bool) -> None:
        self._read_token = read_token
        self._trust_loopback = trust_loopback

    def who(self, scope: Mapping[str, Any]) -> Who:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if same_secret(bearer(headers), self._read_token):
            return Who(FIRST_TEAM)
        if self._trust_loopback and _is_neighbour(scope.get("client"), headers):
            return Who(FIRST_TEAM)
        return PUBLIC


def _is_neighbour(client: tuple[str, int] | None, headers: Headers) -> bool:
    """Came from this machine itself, for itself.

    The Host must be this machine's too: a hostile page whose name resolves to 127.0.0.1 speaks from here.
    """
    if client is None or not is_loopback(client[0]):
        return False
    host = None
    for name, value in headers:
        if name.startswith(FORWARDED):
            return False
        if name == b"host":
            host = _host_name(value.decode("latin-1"))
    return is_loopback(host)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
