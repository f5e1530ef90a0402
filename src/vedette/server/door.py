"""The outermost layer: what holds for every request, and the two routes that need no framework.

Whose request it is and what it costs him, headers that browsers obey, a bound on every body, a count of every
answer.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vedette.model.people import PUBLIC, Who
from vedette.server import budgets
from vedette.server.access import KEY_START, bearer
from vedette.server.budgets import Budgets, Header
from vedette.server.caller import CALLER, NOBODY, WHO, Trusted, caller_of
from vedette.server.ingest import refuse_long, says_longer
from vedette.server.problems import PROBLEM_TYPE, ProblemError, problem_body

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 64 << 10

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)
EMBEDDED_POLICY = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
EMBEDDED = "/embed/"
"""What is made to stand in other sites' pages."""
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
PLAIN = [(b"x-content-type-options", b"nosniff")]
YEAR_OF_TLS = (b"strict-transport-security", b"max-age=31536000")

OPEN = ("/api/", "/badge/", EMBEDDED)
"""What pages of other sites may read, as the public sees it or with a key of their own; never by a cookie."""
SHARED = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"ETag, RateLimit, RateLimit-Policy, Retry-After",
    ),
]
PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", b"Authorization, If-None-Match, Last-Event-ID"),
    (b"access-control-max-age", b"86400"),
]
OURS_ALONE = (b"cross-origin-resource-policy", b"same-origin")
VARIES = (b"vary", b"Origin, Authorization, Cookie")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
TOO_MUCH = (
    "You ask for more than your budget holds (RateLimit-Policy has it): wait {wait_s} s. Who signed in or"
    " sends an API key has a larger one."
)


TOO_MANY_KEYS = "Too many keys that nobody knows came from your address. Wait a minute, or leave the key out."


class Door:
    """Wraps the app. `direct` maps (method, path) to plain ASGI apps that are entered at once."""

    def __init__(
        self,
        app: ASGIApp,
        direct: Mapping[tuple[str, str], ASGIApp],
        who_of: Callable[[Scope], Awaitable[Who]],
        purse: Budgets,
        trusted: Trusted = NOBODY,
        is_https: bool = False,
    ) -> None:
        self._app = app
        self._direct = direct
        self._who_of = who_of
        self._budgets = purse
        self._trusted = trusted
        self._is_https = is_https
        self.requests: Counter[tuple[str, str, int]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path, status = scope["method"], scope["path"], 500
        direct = self._direct.get((method, path))
        scope[CALLER] = caller_of(scope, self._trusted)
        browsable = direct is None or method == "GET"  # agents obey no headers, and each costs time
        ours = self._headers(scope) if browsable else list(PLAIN)
        if method == "HEAD" and ("GET", path) not in self._direct:
            # The server leaves out the body; a stream has no end to leave out.
            scope = {**scope, "method": "GET"}

        async def say(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *ours]
            await send(message)

        try:
            if is_preflight(scope):
                await _agree(say)
            elif detail := await self._too_much(scope, method, ours):
                await _refuse(say, 429, detail)
            elif direct is not None:
                await direct(scope, receive, say)
            elif says_longer(scope["headers"], BODY_BYTES_MAX):
                await _refuse_body(receive, say)
            else:
                await self._app(scope, _bounded(receive), say)
        finally:
            method = method if method in METHODS else "other"
            self.requests[method, _route(scope, direct is not None), status] += 1

    def _headers(self, scope: Scope) -> list[Header]:
        """What a browser is to know of a reply, whatever is in it."""
        path = scope["path"]
        policy = EMBEDDED_POLICY if path.startswith(EMBEDDED) else POLICY
        found = [(b"content-security-policy", policy.encode()), *HEADERS]
        if self._is_https or scope[CALLER].is_https:
            found.append(YEAR_OF_TLS)
        if not budgets.is_counted("GET", path):
            found.append(OURS_ALONE)
        if path.startswith(OPEN):
            found.append(VARIES)
            if may_share(scope):
                found += SHARED
        return found

    async def _too_much(self, scope: Scope, method: str, told: list[Header]) -> str | None:
        """Let the caller pay, add to the headers what is left to him, and say why he gets nothing, if so."""
        if not budgets.is_counted(method, scope["path"]):
            return None
        caller, has_key = scope[CALLER], (bearer(scope["headers"]) or b"").startswith(KEY_START)
        if has_key and not self._budgets.may_try_key(caller):
            told.append((b"retry-after", b"%d" % budgets.WINDOW_S))
            return TOO_MANY_KEYS
        who = await self._reader(scope)
        if has_key and who == PUBLIC:
            self._budgets.wrong_key(caller)
        lefts = self._budgets.take(who, caller, scope)
        told += [*budgets.headers(lefts), _embedding(scope, who)]
        wait_s = budgets.wait_s(lefts)
        return TOO_MUCH.format(wait_s=wait_s) if wait_s else None

    async def _reader(self, scope: Scope) -> Who:
        """Who asks; when that cannot be found out, nobody: a route that must know asks again, and fails."""
        try:
            who: Who = await self._who_of(scope)
        except Exception:
            log.exception("who asks could not be found out")
            return PUBLIC
        scope[WHO] = who
        return who


async def _agree(send: Send) -> None:
    """A browser may let another site's page ask."""
    await send({"type": "http.response.start", "status": 204, "headers": PREFLIGHT})
    await send({"type": "http.response.body", "body": b""})


def may_share(scope: Scope) -> bool:
    """Whether another site's page may read the reply: it asked openly, and without a cookie."""
    names = {name for name, _ in scope["headers"]}
    return scope["method"] in {"GET", "HEAD", "OPTIONS"} and b"origin" in names and b"cookie" not in names


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks if another site's page may ask."""
    if scope["method"] != "OPTIONS" or not scope["path"].startswith(OPEN):
        return False
    return {b"origin", b"access-control-request-method"} <= {name for name, _ in scope["headers"]}


def _embedding(scope: Scope, who: Who) -> Header:
    """Who may embed it: what a member sees stays with our own page, whatever a browser lets through."""
    is_open = scope["path"].startswith(OPEN) and who.is_public
    return b"cross-origin-resource-policy", b"cross-origin" if is_open else b"same-origin"


def _route(scope: Scope, direct: bool) -> str:
    """A name of few values: a route's template, or what the rest has in common."""
    if direct:
        return str(scope["path"])
    return str(getattr(scope.get("route"), "path", "none"))


async def _refuse_body(receive: Receive, send: Send) -> None:
    try:
        await refuse_long(receive, BODY_BYTES_MAX)
    except ProblemError as error:
        await _refuse(send, error.status_code, str(error.detail), (b"connection", b"close"))


async def _refuse(send: Send, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
    body = problem_body(status, detail)
    length = (b"content-length", b"%d" % len(body))
    told = [(b"content-type", PROBLEM_TYPE.encode()), length, *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def _bounded(receive: Receive) -> Receive:
    """A body without a length is counted as it comes."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > BODY_BYTES_MAX:
            await refuse_long(receive, BODY_BYTES_MAX)
        return message

    return counted
