"""What one look found: a sentence, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands. Only what FAILED keeps the agent from its work."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at, what was seen, and how to mend it (empty where there is nothing to mend)."""

    what: str
    state: State
    told: str
    mend: str = ""

    @property
    def line(self) -> str:
        remedy = f". To mend: {self.mend}" if self.mend else ""
        return f"{self.state.value:<8} {self.what:<14} {self.told.rstrip('.')}{remedy}"


def ok(what: str, told: str) -> Finding:
    return Finding(what, State.OK, told)


def warning(what: str, told: str, mend: str) -> Finding:
    return Finding(what, State.WARNING, told, mend)


def failed(what: str, told: str, mend: str) -> Finding:
    return Finding(what, State.FAILED, told, mend)
