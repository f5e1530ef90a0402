"""Who is asking: a browser that signed in, an API key, the read token, this machine itself, or the public."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from vedette.model.people import FIRST_TEAM, PUBLIC, Role, Who
from vedette.server.caller import FORWARDED, Headers
from vedette.server.settings import is_loopback
from vedette.store import keys, sessions
from vedette.store.database import Database
from vedette.store.sessions import Held, Lasting

DAY_MS: Final = 86_400_000
USUAL: Final = Lasting(30 * DAY_MS, 7 * DAY_MS)
KEY_START: Final = keys.START.encode()

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
        on_key: Callable[[str, int], None] = lambda *_: None,
        lasting: Lasting = USUAL,
    ) -> None:
        self._database = database
        self._now_ms = now_ms
        self._read_token = read_token
        self._trust_loopback = trust_loopback
        self._on_key = on_key  # told of each use of a key
        self.lasting = lasting
        self.is_https = is_https
        self.cookie_name = cookie_name(is_https)

    async def who(self, scope: Mapping[str, Any]) -> Who:
        """What he brought himself outranks where he is: signed in on the server's machine, he is himself."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        token = bearer(headers)
        if token is not None:
            return await self._with_token(token)
        held = await self.held(headers)
        if held is not None:
            return held.who
        return self.without_session(scope)

    def without_session(self, scope: Mapping[str, Any]) -> Who:
        """Who it is that brought nothing."""
        return NEIGHBOUR if self.is_here(scope) else PUBLIC

    async def held(self, headers: Headers) -> Held | None:
        """The session whose cookie came along. That its owner was here is noted once a minute at most."""
        token = cookie(headers, self.cookie_name)
        if token is None:
            return None
        now_ms = self._now_ms()
        async with self._database.read() as conn:
            held = await sessions.of_session(conn, token, now_ms)
        if held is not None and held.who.session_id and now_ms - held.seen_at_ms >= sessions.MINUTE_MS:
            mine, lasting = held.who.session_id, self.lasting
            await self._database.write(lambda conn: sessions.seen(conn, mine, now_ms, lasting))
        return held

    def is_here(self, scope: Mapping[str, Any]) -> bool:
        """Whether it was asked on the server's own machine, which is believed."""
        return self._trust_loopback and is_neighbour(scope.get("client"), scope["headers"])

    async def _with_token(self, token: bytes) -> Who:
        if same_secret(token, self._read_token):
            return TOKEN_BEARER
        if not token.startswith(KEY_START):
            return PUBLIC
        now_ms = self._now_ms()
        async with self._database.read() as conn:
            known = await sessions.of_key(conn, token, now_ms)
        if known is None or known.key is None:
            return PUBLIC
        self._on_key(known.key.id, now_ms)
        return known


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
