"""The server: reached, believed, at the same time, and whether it knows this agent.

It is asked with an empty envelope, signed like any other, which the server takes for a question and not for
a sign of the agent's life.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from vedette.agent.checks.finding import Finding, failed, ok, warning
from vedette.agent.config import Settings, is_loopback
from vedette.agent.identity import Identity, load_identity
from vedette.agent.upstream import Undelivered, Upstream
from vedette.model.errors import SettingError
from vedette.model.report import PROTOCOL, Ack, Envelope

NO_SPOOL = "0" * 32
DAYS_MIN = 14
SKEW_S, SKEW_S_MAX = 2.0, 30.0
TLS_DEADLINE_S = 5.0
REACH = "look at --server, the server, and the way out (DNS, firewall, proxy); the agent only calls outwards"
ENROL = "enrol: vedette agent enroll URL TOKEN --name NAME --dir DIR"


def server_findings(settings: Settings) -> Iterator[Finding]:
    key = Path(settings.dir) / "agent.key"
    if not key.exists():
        yield failed("enrolment", f"there is no {key}", ENROL)
        return
    try:
        identity = load_identity(key)
    except SettingError as error:
        yield failed("enrolment", str(error), "run the check as the agent's user, or put the key right")
        return
    yield from _asked(settings, identity)


def _asked(settings: Settings, identity: Identity) -> Iterator[Finding]:
    upstream = Upstream(settings.server)
    began_ms = _now_ms()
    try:
        ack = upstream.report(identity, question(identity.agent, settings.interval_ms, began_ms))
    except Undelivered as error:
        if not error.unknown:
            yield failed("server", str(error), REACH)
            return
        yield ok("server", f"{upstream.name} answers")
        yield failed("enrolment", f"agent {identity.agent}: {error}", ENROL)
    else:
        took_ms = _now_ms() - began_ms
        yield ok("server", f"{upstream.name} answers, in {took_ms} ms")
        yield ok("enrolment", f"the server knows agent {identity.agent}, as {settings.name}")
        yield _clock(ack, began_ms + took_ms // 2)
    finally:
        upstream.close()
    yield _tls(settings.server)


def question(agent: str, interval_ms: int, now_ms: int) -> Envelope:
    """An envelope with nothing in it."""
    return Envelope(PROTOCOL, agent, NO_SPOOL, now_ms, interval_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _clock(ack: Ack, now_ms: int) -> Finding:
    ahead_s = (now_ms - ack.server_at_ms) / 1000
    told = f"this machine's is {abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} the server's"
    mend = "let chrony or systemd-timesyncd keep both: timedatectl set-ntp true"
    if abs(ahead_s) > SKEW_S_MAX:
        return failed("clock", told, mend)
    return warning("clock", told, mend) if abs(ahead_s) > SKEW_S else ok("clock", told)


def _tls(url: str) -> Finding:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        if is_loopback(host):
            return ok("TLS", "plain http, within this machine")
        return warning("TLS", "plain http: reports can be read on the way, though not forged", "use https")
    try:
        version, days = certificate(host, parts.port or 443)
    except OSError as error:  # it was well a moment ago
        return warning("TLS", f"{host}: {error}", "check again")
    told = f"{version}; the certificate is good for {days} more days"
    if days < DAYS_MIN:
        return warning(
            "TLS", told, "renew it on the server: the agent posts to no server without a valid one"
        )
    return ok("TLS", told)


def certificate(host: str, port: int) -> tuple[str, int]:
    """The protocol, and for how many days the certificate is valid. Raises OSError."""
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), TLS_DEADLINE_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as wrapped,
    ):
        told = wrapped.getpeercert() or {}
        ends_s = ssl.cert_time_to_seconds(str(told["notAfter"]))
        return wrapped.version() or "TLS", int((ends_s - time.time()) // 86_400)
