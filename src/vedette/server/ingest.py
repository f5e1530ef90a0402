"""Where agents are heard: POST /api/v1/reports, signed and compressed, and POST /api/v1/agents.

The busiest route by far, so it is plain ASGI without a framework in between. Everything that an agent may get
wrong is answered with one line that says what to do; nothing is acknowledged that is not on disk.
"""

import asyncio
import base64
import binascii
import logging
import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import msgspec
import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.exc import IntegrityError
from starlette.types import Receive, Scope, Send

from vedette.model.clock import rounds
from vedette.model.people import FIRST_TEAM
from vedette.model.report import (
    ENVELOPE_BYTES_MAX,
    PROTOCOL,
    SERVER_TIME,
    Ack,
    Enrolled,
    Enrolment,
    Envelope,
    Live,
    Report,
    is_name,
)
from vedette.server.access import bearer, same_secret
from vedette.server.batcher import Batcher, QueueFullError
from vedette.server.caller import CALLER, Caller, Headers
from vedette.server.ears import Ears
from vedette.server.loops import Failures
from vedette.server.problems import PROBLEM_TYPE, ProblemError, problem_body
from vedette.store import audit, enrolments, nodes
from vedette.store.database import Conn, Database
from vedette.store.nodes import AgentRow

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 1 << 20  # as sent
WINDOW_BYTES_MAX = 8 << 20
FUTURE_MAX_MS = 600_000
CLOCK_MAX_MS = 86_400_000
"""A clock that is further off than this dates nothing."""
RETRY_AFTER_S = 5
PROTOCOLS = frozenset({PROTOCOL, max(1, PROTOCOL - 1)})
ROLES = ("full", "archive", "light", "validator", "voter", "backup", "rpc")
COMPLAINT_EACH_MS = 60_000
COMPLAINTS_MAX = 10_000
LOOK_MS, REVOKED_LOOK_MS = 10_000, 3_600_000
"""How often, and how far back: servers' clocks differ by less than that."""
LINGER_S, LINGER_BYTES = 2, 8 << 20
NAMES_KEPT_MAX = 20_000
LENGTH = re.compile(rb"[0-9]{1,12}")
ONE_TIME = re.compile(rb"[0-9a-f]{48}")
AGENT = re.compile(rb"[0-9a-z]{8,64}")

# A frame's window is what decompressing it costs in memory: unbounded, a few bytes can ask for gigabytes.
_unzip = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).decompress
_envelope = msgspec.msgpack.Decoder(Envelope).decode
_ack = msgspec.msgpack.Encoder().encode
_enrolment = msgspec.json.Decoder(Enrolment).decode

ACK_HEADERS = [(b"content-type", b"application/x-msgpack"), (b"cache-control", b"no-store")]


class _AnyProtocol(msgspec.Struct):
    """What every version of the protocol has in common."""

    protocol: int


@dataclass(frozen=True, slots=True)
class Key:
    """An agent and its key, ready to verify."""

    row: AgentRow
    public: Ed25519PublicKey


class Ingest:
    """Hears agents. `on_enrolled` is told of a node that is new or renamed."""

    def __init__(
        self,
        database: Database,
        ears: Ears,
        batcher: Batcher,
        ingest_token: str,
        on_enrolled: Callable[[str, int], None] = lambda *_: None,
        on_seen: Callable[[AgentRow, Caller], None] = lambda *_: None,
    ) -> None:
        self._database = database
        self._ears = ears
        self._batcher = batcher
        self._token = ingest_token
        self._on_enrolled = on_enrolled
        self._on_seen = on_seen
        self._keys: dict[str, Key] = {}
        self._complaints = Complaints(ears.steady_ms)
        self.reports = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app of POST /api/v1/reports."""
        try:
            status, headers, body = (
                200,
                ACK_HEADERS,
                await self.hear(scope["headers"], receive, scope.get(CALLER)),
            )
        except ProblemError as error:
            status, headers = error.status_code, _problem_headers(error)
            body = problem_body(status, str(error.detail))
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("a delivery could not be written")
            status, headers, body = 503, BUSY_HEADERS, BUSY_BODY
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    async def hear(self, headers: Headers, receive: Receive, caller: Caller | None = None) -> bytes:
        """One delivery, from its headers to the acknowledgement that it is on disk."""
        agent, signature = _credentials(headers)
        try:
            key = await self._key(agent)
            body = await read_body(receive, headers, BODY_BYTES_MAX)
            _verify(key.public, signature, body)
            envelope = sound(open_envelope(body), agent)
            if not envelope.reports and envelope.live is None:
                # A question, as `vedette agent check` asks it. It must not pass for a sign of life.
                return _ack(Ack(0, self._ears.now_ms()))
            check_clock(envelope.sent_at_ms, self._ears.now_ms())
            acknowledged = await self._batcher.take(key.row, envelope, len(body))
        except QueueFullError:
            self._complaints.say(agent, "busy", "more reports arrive than the disk takes")
            raise ProblemError(503, BUSY, {"Retry-After": str(RETRY_AFTER_S)}) from None
        except ProblemError as error:
            name = agent if agent in self._keys else "an unknown agent"
            self._complaints.say(name, str(error.status_code), str(error.detail))
            raise
        except IntegrityError:
            # Its node was forgotten while this waited, or by another server.
            self.forget(agent)
            raise ProblemError(401, UNKNOWN_AGENT) from None
        self.reports += len(envelope.reports)
        if caller is not None:
            self._on_seen(key.row, caller)
        return _ack(Ack(acknowledged, self._ears.now_ms()))

    async def run(self, failures: Failures) -> None:
        """Notice whose agent another server, or a command, has revoked."""
        async for _ in rounds(self._ears, LOOK_MS):
            await failures.guard("agents", self.look)

    async def look(self) -> None:
        since_ms = self._ears.now_ms() - REVOKED_LOOK_MS
        async with self._database.read() as conn:
            for agent in await nodes.revoked_since(conn, since_ms):
                self.forget(agent)

    def forget(self, agent: str) -> None:
        """Look the key up again when this agent comes next: it may be there no longer."""
        self._keys.pop(agent, None)

    async def enrol(self, headers: Headers, body: bytes) -> Enrolled:
        """Keep a node for an agent's key. Whoever has the ingest token may enrol, or one that works once."""
        token = bearer(headers)
        lasting = same_secret(token, self._token)
        if not lasting and not ONE_TIME.fullmatch(token or b""):
            raise ProblemError(401, WRONG_TOKEN, {"WWW-Authenticate": "Bearer"})
        enrolment = open_enrolment(body)
        ticket = None if lasting else (token or b"").decode("ascii")
        row = await self._database.write(lambda conn: _keep(conn, enrolment, ticket, self._ears.now_ms()))
        if row is None:
            raise ProblemError(401, WRONG_TOKEN, {"WWW-Authenticate": "Bearer"})
        self._keys[row.agent] = _key_of(row)
        self._on_enrolled(row.node_id, row.team_id)
        return Enrolled(row.node_id)

    async def _key(self, agent: str) -> Key:
        known = self._keys.get(agent)
        if known is not None:
            return known
        async with self._database.read() as conn:
            row = await nodes.agent_keys(conn, agent)
        if row is None:
            raise ProblemError(401, UNKNOWN_AGENT)
        return self._keys.setdefault(agent, _key_of(row))


async def _keep(conn: Conn, enrolment: Enrolment, ticket: str | None, now_ms: int) -> AgentRow | None:
    """The agent's row, kept from now on; None when its ticket lets nobody in."""
    key, name, role = enrolment.public_key, enrolment.name, enrolment.role
    agent, team_id = nodes.agent_id(bytes.fromhex(key)), FIRST_TEAM
    if ticket is not None:
        found = await enrolments.use_ticket(conn, ticket, nodes.node_of(agent), now_ms)
        if found is None:
            return None
        team_id = found
    known = await nodes.agent_keys(conn, agent) is not None
    node_id = await nodes.enroll(conn, team_id, key, name, role, now_ms, by_ticket=ticket is not None)
    row = await nodes.agent_keys(conn, agent)
    if row is not None and (not known or ticket is not None):  # one with a lasting token enrols at each start
        told: audit.Detail = {"role": role, "by_ticket": ticket is not None}
        await audit.note(conn, now_ms, None, "node.enrol", f"node:{node_id}", told, team_id=row.team_id)
    return row


def _key_of(row: AgentRow) -> Key:
    return Key(row, Ed25519PublicKey.from_public_bytes(row.public_key))


WRONG_TOKEN = (
    "The enrolment token is missing or wrong, or it was one that works once, for an hour. Send it as"  # noqa: S105
    " Authorization: Bearer; the server printed the lasting one's file, and its page makes others."
)
UNKNOWN_AGENT = (
    "This server does not know the agent. Enrol it first: POST /api/v1/agents with its public key."
)
WRONG_SIGNATURE = (
    "The signature does not fit the body and this agent's key. "
    "Sign the raw body as sent, compressed, with Ed25519."
)
BUSY = "More reports arrive than this server can write. Keep them and come again."
BUSY_BODY = problem_body(503, BUSY)
BUSY_HEADERS = [(b"content-type", PROBLEM_TYPE.encode()), (b"retry-after", b"%d" % RETRY_AFTER_S)]


def _problem_headers(error: ProblemError) -> list[tuple[bytes, bytes]]:
    own = [(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()]
    return [(b"content-type", PROBLEM_TYPE.encode()), *own]


def _credentials(headers: Headers) -> tuple[str, bytes]:
    """Which agent this claims to be, and its signature of the raw body."""
    agent = signature = b""
    for name, value in headers:
        if name == b"vedette-agent":
            agent = value
        elif name == b"vedette-signature":
            signature = value
    if not agent or not signature:
        raise ProblemError(401, "The headers Vedette-Agent and Vedette-Signature are needed.")
    if not AGENT.fullmatch(agent):
        raise ProblemError(401, UNKNOWN_AGENT)
    try:
        return agent.decode("ascii"), base64.b64decode(signature, validate=True)
    except binascii.Error:
        raise ProblemError(401, "Vedette-Signature must be base64 of 64 bytes.") from None


async def read_body(receive: Receive, headers: Headers, most: int) -> bytes:
    """The request's raw body. One that says or turns out to be too long is not read to its end."""
    if says_longer(headers, most):
        await refuse_long(receive, most)
    message = await receive()
    body = bytes(message.get("body", b""))
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            await refuse_long(receive, most)
    if message["type"] == "http.disconnect":
        raise ProblemError(400, "The connection ended before the body did.")
    return body


def says_longer(headers: Headers, most: int) -> bool:
    """Whether the request itself says that its body is longer, or says its length in no sound way."""
    lengths = [value for name, value in headers if name == b"content-length"]
    return any(not LENGTH.fullmatch(value) or int(value) > most for value in lengths)


async def refuse_long(receive: Receive, most: int) -> NoReturn:
    """Say that a body is too long. Some of it is read first: who is cut off while sending hears no answer."""
    read = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while read < LINGER_BYTES and (message := await receive()).get("more_body"):
                read += len(message.get("body", b""))
    detail = f"The body is longer than {most:,} bytes. Send fewer reports at a time."
    raise ProblemError(413, detail, {"Connection": "close"})


def _verify(key: Ed25519PublicKey, signature: bytes, body: bytes) -> None:
    try:
        key.verify(signature, body)
    except InvalidSignature:
        raise ProblemError(401, WRONG_SIGNATURE) from None


def open_envelope(body: bytes) -> Envelope:
    """Decompress, within bounds, and decode. Pure."""
    raw = _decompressed(body)
    try:
        envelope = _envelope(raw)
    except msgspec.MsgspecError as error:
        _check_protocol(_protocol_of(raw))
        raise ProblemError(400, f"The envelope is not as protocol {PROTOCOL} has it: {error}") from None
    except (RecursionError, ValueError, OverflowError):
        raise ProblemError(400, "The envelope is not msgpack that anyone could have meant.") from None
    _check_protocol(envelope.protocol)
    return envelope


def _decompressed(body: bytes) -> bytes:
    try:
        size = zstandard.frame_content_size(body)
        if size > ENVELOPE_BYTES_MAX:
            raise ProblemError(413, f"The envelope is longer than {ENVELOPE_BYTES_MAX:,} bytes decompressed.")
        return _unzip(body, max_output_size=ENVELOPE_BYTES_MAX, allow_extra_data=False)
    except zstandard.ZstdError as error:
        why = str(error).removeprefix("decompression error: ")
        raise ProblemError(400, f"The body is not one zstd frame of a bounded size: {why}") from None


def _protocol_of(raw: bytes) -> int | None:
    try:
        return msgspec.msgpack.decode(raw, type=_AnyProtocol).protocol
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _check_protocol(given: int | None) -> None:
    if given is None or given in PROTOCOLS:
        return
    older = given < min(PROTOCOLS)
    remedy = "Upgrade the agent." if older else "Upgrade the server first, then its agents."
    detail = f"The agent speaks protocol {given}, this server {PROTOCOL}. {remedy}"
    raise ProblemError(426, detail, {"Upgrade": f"vedette/{PROTOCOL}"})


def sound(envelope: Envelope, agent: str) -> Envelope:
    """What the types cannot say: whose it is, the order of reports, and times that nobody could have seen."""
    if envelope.agent != agent:
        raise ProblemError(400, "The envelope is another agent's than Vedette-Agent says.")
    latest = envelope.sent_at_ms + FUTURE_MAX_MS
    before = 0
    for report in envelope.reports:
        if report.seq <= before:
            raise ProblemError(400, f"Reports must ascend in seq: {report.seq} comes after {before}.")
        if report.at_ms > latest:
            raise ProblemError(400, f"Report {report.seq} is from more than 10 minutes after it was sent.")
        before = report.seq
    if envelope.live is not None and envelope.live.at_ms > latest:
        raise ProblemError(400, "The live state is from more than 10 minutes after it was sent.")
    lives = (envelope.live,) if envelope.live is not None else ()
    for part in (*envelope.reports, *lives):
        _check_names(part)
        _drop_odd_numbers(part)
    return envelope


def check_clock(sent_at_ms: int, now_ms: int) -> None:
    """Refuse what a wrong clock dated: it would stand for ever in a year that was not."""
    apart_ms = sent_at_ms - now_ms
    if abs(apart_ms) <= CLOCK_MAX_MS:
        return
    days, way = abs(apart_ms) // CLOCK_MAX_MS, "ahead of" if apart_ms > 0 else "behind"
    raise ProblemError(
        400,
        f"The agent's clock is {days:,} days {way} this server's. Set the one that is wrong.",
        {SERVER_TIME: str(now_ms)},
    )


_names: set[str] = set()
"""Names that were found sound. Agents say the same few over and over."""


def _check_names(part: Report | Live) -> None:
    if part.numbers.keys() <= _names and part.states.keys() <= _names:
        return
    for name in (*part.numbers, *part.states):
        if not is_name(name):
            raise ProblemError(400, f"{name[:80]!r} is no name: lower-case words with dots between.")
        if len(_names) < NAMES_KEPT_MAX:
            _names.add(name)


def _drop_odd_numbers(part: Report | Live) -> None:
    """Not a number, or infinite: that is to say unknown. A probe's slip must not hold up an agent's spool."""
    if not math.isfinite(sum(part.numbers.values())):
        for name in [name for name, value in part.numbers.items() if not math.isfinite(value)]:
            del part.numbers[name]


def open_enrolment(body: bytes) -> Enrolment:
    try:
        enrolment = _enrolment(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ProblemError(
            400, f"The enrolment must be JSON with public_key, name and role: {error}"
        ) from None
    if enrolment.role not in ROLES:
        raise ProblemError(400, f"role must be one of {', '.join(ROLES)}")
    if not enrolment.name.isprintable() or not enrolment.name.strip():
        raise ProblemError(400, "name must be printable and not blank")
    return enrolment


class Complaints:
    """Log lines about strangers' mistakes: at most one for each agent and kind a minute."""

    def __init__(self, steady_ms: Callable[[], int]) -> None:
        self._steady_ms = steady_ms
        self._said: dict[tuple[str, str], int] = {}

    def say(self, agent: str, kind: str, line: str) -> bool:
        now = self._steady_ms()
        said = self._said.get((agent, kind))
        if said is not None and now - said < COMPLAINT_EACH_MS:
            return False
        if len(self._said) >= COMPLAINTS_MAX:
            self._said.clear()
        self._said[agent, kind] = now
        log.warning("agent %s: %s", agent, line)
        return True
