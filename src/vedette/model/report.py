"""What an agent tells a server: the wire format, versioned.

An `Envelope` is encoded as msgpack, compressed with zstandard and signed with the agent's Ed25519 key.
Names of numbers and states read `who.what.measure_unit`; the full list is in docs/reference/series.md.
"""

import re
from typing import Annotated

import msgspec

PROTOCOL = 1
"""The server accepts this version and the one before it."""

SERVER_TIME = "Vedette-Time"
"""A header: the server's unix milliseconds, with a refusal of an agent whose clock differs too much."""

ENVELOPE_BYTES_MAX = 4 << 20  # after decompression
REPORTS_PER_ENVELOPE_MAX = 500
NAMES_PER_REPORT_MAX = 256

# The names' pattern is not part of the type: at a server's pace it would cost more than all else of decoding,
# so the server asks `is_name` about each name once.
Name = Annotated[str, msgspec.Meta(max_length=80)]
Word = Annotated[str, msgspec.Meta(max_length=400)]
Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | float
Numbers = Annotated[dict[Name, Number], msgspec.Meta(max_length=NAMES_PER_REPORT_MAX)]
States = Annotated[dict[Name, Word], msgspec.Meta(max_length=NAMES_PER_REPORT_MAX)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Id = Annotated[str, msgspec.Meta(min_length=8, max_length=64, pattern=r"^[0-9a-z]+$")]


NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


def is_name(name: str) -> bool:
    """Whether a number or state may be called so: lower-case words and figures with dots between."""
    return NAME.fullmatch(name) is not None


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One round of probes. Its time is fixed by the agent, once, before it is spooled."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    at_ms: Millis
    numbers: Numbers
    states: States = {}


class Live(msgspec.Struct, frozen=True, omit_defaults=True):
    """The node's state at the moment of sending: it overtakes any backlog and is never part of a series."""

    at_ms: Millis
    numbers: Numbers
    states: States = {}
    planned_stop_until_ms: Millis | None = None
    died_at_ms: Millis | None = None  # when the agent saw the node's process end; None while it runs


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """One POST. `reports` ascend in `seq`, oldest first, and may be none; what is left out was given up.

    With neither reports nor a live state it is a question: whether this agent is known, and what time it is.
    """

    protocol: int
    agent: Id
    spool: Id
    sent_at_ms: Millis
    interval_ms: Annotated[int, msgspec.Meta(ge=500, le=3_600_000)]
    live: Live | None = None
    reports: Annotated[list[Report], msgspec.Meta(max_length=REPORTS_PER_ENVELOPE_MAX)] = []


class Ack(msgspec.Struct, frozen=True):
    """All reports of the spool up to `acknowledged_seq` are on the server's disk and may be dropped."""

    acknowledged_seq: int
    server_at_ms: int


class Enrolment(msgspec.Struct, frozen=True):
    """An agent introduces itself: its public key (32 bytes, hex) and its node's name."""

    public_key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    role: str = "full"


class Enrolled(msgspec.Struct, frozen=True):
    """The server's answer: the node it now keeps for this agent."""

    node_id: str
