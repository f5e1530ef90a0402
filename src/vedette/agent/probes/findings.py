"""Lines of the node's logs that an operator should know of. No clock and no file here."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

INFO, WARNING, CRITICAL = "info", "warning", "critical"
RANK: Final = (INFO, WARNING, CRITICAL)
LINE_CHARS_MAX: Final = 200
HOUR_MS: Final = 3_600_000
LINE_GOOD_FOR_MS: Final = 60_000
STUCK_MS: Final = 180_000
EQUIVOCATION, PANIC, STUCK = "equivocation", "panic", "stuck"


@dataclass(frozen=True, slots=True)
class Pattern:
    """`also` must stand in the same line, behind the literal."""

    name: str
    literal: bytes
    severity: str
    also: bytes = b""


PATTERNS: Final = (
    Pattern(EQUIVOCATION, b"Find Equivocate Vote", WARNING),
    Pattern("no_guard", b"Unable to initialize safety rules", CRITICAL),
    Pattern("wrong_guard", b"author in secure_storage does not match PoS keys", CRITICAL),
    Pattern("round_timeout", b" timeout, broadcast to all peers", INFO),
    Pattern("new_epoch", b"Starting new epoch", INFO),
    Pattern("no_election_keys", b"broadcast_election without keys", WARNING),
    Pattern("election_failed", b"error in broadcasting election tx", WARNING),
    Pattern("mempool_timeout", b"Mempool commit", WARNING, b"timed out"),
    Pattern("block_not_fetched", b"Failed to fetch block, trying another peer", INFO),
    Pattern("forced_retirement", b"The node stops elections for force retire", CRITICAL),
    Pattern("no_pivot_decision", b"pos progress without new pivot decision", INFO),
    Pattern("wrong_pos_start", b"PoS cannot be started at the expected height", CRITICAL),
    Pattern("invalid_state", b"state/blame is invalid", CRITICAL),
    Pattern("invalid_block", b"InvalidBlock", WARNING),
    Pattern("no_peers", b"No peers connected at this moment", WARNING),
    Pattern(PANIC, b"panicked at", CRITICAL),
    Pattern("crash", b"crash_info", CRITICAL),
    Pattern("database_locked", b"LOCK: ", CRITICAL, b"Resource temporarily unavailable"),
)
NAMES: Final = (*(pattern.name for pattern in PATTERNS), STUCK)

ALIVE: Final = b"g_c_runtime live"
"""A PoS that hangs says nothing but this."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_IPV4: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d{1,5})?")
_IPV6: Final = re.compile(r"\[[0-9a-fA-F:.%]+\](?::\d{1,5})?")
_NODE_ID: Final = re.compile(r"\b(?:0x)?[0-9a-f]{128}\b")


def clean(line: bytes) -> str:
    """One printable line of bounded length that names no peer."""
    text = line[: 4 * LINE_CHARS_MAX].decode("utf-8", "replace")
    for private in (_COLOUR, _NODE_ID, _IPV4, _IPV6):
        text = private.sub("" if private is _COLOUR else "…", text)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:LINE_CHARS_MAX]


def lines_with(text: bytes, pattern: Pattern) -> Iterator[bytes]:
    """The lines that match, each once; a panic's next line is its message."""
    at = text.find(pattern.literal)
    while at >= 0:
        begin, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
        end = len(text) if end < 0 else end
        if not pattern.also or text.find(pattern.also, at, end) >= 0:
            after = text[end + 1 : end + 1 + LINE_CHARS_MAX].partition(b"\n")[0]
            yield text[begin:end] + (b" " + after if pattern.name == PANIC else b"")
        at = text.find(pattern.literal, end)


@dataclass(slots=True)
class Finding:
    """What was found of one pattern within the last hour."""

    severity: str
    line: str = ""
    line_at_ms: int | None = None
    new_count: int = 0
    counts: deque[tuple[int, int]] = field(default_factory=deque)  # (steady ms, count), oldest first

    @property
    def hour_count(self) -> int:
        return sum(count for _, count in self.counts)


class Findings:
    """All that was found within the last hour."""

    def __init__(self) -> None:
        self.found: dict[str, Finding] = {}
        self._stuck_since_ms: int | None = None

    def begin(self, now_ms: int) -> None:
        """A new round: forget what is older than an hour."""
        for name, finding in list(self.found.items()):
            finding.new_count = 0
            while finding.counts and now_ms - finding.counts[0][0] > HOUR_MS:
                finding.counts.popleft()
            if not finding.counts:
                del self.found[name]

    def see(self, text: bytes, now_ms: int, own_address: str | None = None) -> None:
        """Look through whole lines of one log."""
        for pattern in PATTERNS:
            lines = list(lines_with(text, pattern))
            if lines:
                severity = _severity(pattern, lines, own_address)
                self._add(pattern.name, severity, len(lines), lines[-1], now_ms)

    def see_pos(self, text: bytes, now_ms: int) -> None:
        """Whether the PoS part says anything but that it is alive."""
        lines = text.splitlines()
        if not lines:
            return
        if not all(ALIVE in line for line in lines):
            self._stuck_since_ms = None
            return
        if self._stuck_since_ms is None:
            self._stuck_since_ms = now_ms
        elif now_ms - self._stuck_since_ms >= STUCK_MS:
            self._add(STUCK, CRITICAL, len(lines), lines[-1], now_ms)

    def _add(self, name: str, severity: str, count: int, line: bytes, now_ms: int) -> None:
        finding = self.found.setdefault(name, Finding(severity))
        finding.severity = max(finding.severity, severity, key=RANK.index)
        finding.new_count += count
        if finding.counts and now_ms - finding.counts[-1][0] < LINE_GOOD_FOR_MS:
            at_ms, before = finding.counts.pop()
            finding.counts.append((at_ms, before + count))
        else:
            finding.counts.append((now_ms, count))
        # A line that repeats itself all the time need not travel each time.
        if finding.line_at_ms is None or now_ms - finding.line_at_ms >= LINE_GOOD_FOR_MS:
            finding.line, finding.line_at_ms = clean(line), now_ms


def _severity(pattern: Pattern, lines: list[bytes], own_address: str | None) -> str:
    """Somebody's double vote is news; our own is the end of our stake's freedom."""
    if pattern.name == EQUIVOCATION and own_address is not None:
        own = own_address.removeprefix("0x").upper().encode()
        if any(b"author=" + own in line for line in lines):
            return CRITICAL
    return pattern.severity
