"""Who is asking: a browser that signed in, an API key, the read token, this machine itself, or the public."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from vedette.model.people import FIRST_TEAM, PUBLIC, Role, Who
from vedette.server.caller import FORWARDED, Headers
from vedette.server.settings import is_loopback
from vedette.store import sessions
from vedette.store.database import Database

KEY_START: Final = b"vdt_"
"""How every API key begins, so that one that leaked is known for what it is."""

ELSEWHERE = (b"cross-site", b"same-site")
"""What a browser says of a request that another site's page makes."""

NEIGHBOUR = Who(FIRST_TEAM, Role.OWNER, is_admin=True)
"""Whoever asks on the server's own machine could read the database as well."""
TOKEN_BEARER = Who(FIRST_TEAM, Role.VIEWER)


def bearer(headers: Headers) -> bytes | None:
    """The token of an `Authorization: Bearer` header."""
    for name, value in headers:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip()
    return None


def cookie_name(is_https: bool) -> str:
    """The session's cookie. With the prefix a browser takes it over TLS only, and from no sister domain."""
    return "__Host-vedette" if is_https else "vedette-session"


def cookie(headers: Headers, name: str) -> bytes | None:
    """One cookie's value; None when it is missing, or told twice: then somebody has put one beside ours."""
    found = set()
    for header, value in headers:
        if header == b"cookie":
            found |= {token for one, token in _cookies(value.decode("latin-1")) if one == name}
    return found.pop().encode() if len(found) == 1 else None


def _cookies(header: str) -> Iterable[tuple[str, str]]:
    for part in header.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            yield name, value


def same_secret(given: bytes | None, wanted: str | None) -> bool:
    """Whether a secret was given and is right; takes as long for a near miss as for a far one."""
    return given is not None and wanted is not None and hmac.compare_digest(given, wanted.encode())


class Access:
    """Decides who a request's reader is; every read of an owned row passes the answer on."""

    def __init__(
        self,
        database: Database,
        now_ms: Callable[[], int],
        read_token: str | None = None,
        trust_loopback: bool = False,
        is_https: bool = False,
    ) -> None:
        self._database = database
        self._now_ms = now_ms
        self._read_token = read_token
        self._trust_loopback = trust_loopback
        self.cookie_name = cookie_name(is_https)

    async def who(self, scope: Mapping[str, Any]) -> Who:
        """What he brought himself outranks where he is: signed in on the server's machine, he is himself."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        token = bearer(headers)
        if token is not None:
            return await self._with_token(token)
        held = cookie(headers, self.cookie_name)
        if held is not None:
            async with self._database.read() as conn:
                known = await sessions.of_session(conn, held, self._now_ms())
            if known is not None:
                return known
        if self._trust_loopback and is_neighbour(scope.get("client"), headers):
            return NEIGHBOUR
        return PUBLIC

    async def _with_token(self, token: bytes) -> Who:
        if same_secret(token, self._read_token):
            return TOKEN_BEARER
        if not token.startswith(KEY_START):
            return PUBLIC
        async with self._database.read() as conn:
            return await sessions.of_key(conn, token, self._now_ms()) or PUBLIC


def is_neighbour(client: tuple[str, int] | None, headers: Headers) -> bool:
    """Came from this machine itself, for itself.

    The Host must be this machine's too: a hostile page whose name resolves to 127.0.0.1 speaks from here. And
    no other site's page may ask, since it could read what everybody may.
    """
    if client is None or not is_loopback(client[0]):
        return False
    host, origins = "", []
    for name, value in headers:
        if name.startswith(FORWARDED) or (name == b"sec-fetch-site" and value in ELSEWHERE):
            return False
        if name == b"host":
            host = value.decode("latin-1").lower()
        elif name == b"origin":
            origins.append(value.decode("latin-1").lower())
    return is_loopback(_host_name(host)) and all(origin.partition("://")[2] == host for origin in origins)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
