"""A stop that the operator announced: a small file beside the agent, {"until_ms": …, "why": "…"}.

A file and not a call to the server: it must work in the minute when the network does not, and the script that
stops the node writes it as easily as a person does.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from vedette.agent.files import read_small, write_whole
from vedette.agent.troubles import Troubles

BYTES_MAX = 4096
FILE_NAME = "planned-stop.json"

WITHDRAWAL_MS = 3_000
"""A plan is withdrawn in the second in which the node is back, which we see only at our next look for it."""


class PlannedStop(msgspec.Struct, frozen=True):
    """Until when the node may be down without anybody being told."""

    until_ms: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    why: str = ""


def announce(path: Path, stop: PlannedStop) -> None:
    """Write the file whole, readable for an agent that runs as another user. Raises OSError."""
    write_whole(path, msgspec.json.encode(stop), mode=0o644)


def withdraw(path: Path) -> bool:
    """Remove the file; False if there was none. Raises OSError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def planned_until_ms(path: Path, now_ms: int, troubles: Troubles) -> int | None:
    """When the announced stop ends, if that is still ahead."""
    try:
        content = read_small(path, BYTES_MAX)
        stop = None if content is None else msgspec.json.decode(content, type=PlannedStop)
    except (OSError, ValueError, RecursionError) as error:
        troubles.say(
            "planned", f'{path} announces no stop: {error}. It should be {{"until_ms": 1, "why": ""}}'
        )
        return None
    troubles.over("planned", f"{path} can be read again")
    return stop.until_ms if stop is not None and stop.until_ms > now_ms else None


class Plan:
    """The plan in force. One that was withdrawn stands a moment longer, lest its end looks like a death."""

    def __init__(self, path: Path, troubles: Troubles) -> None:
        self._path = path
        self._troubles = troubles
        self._until_ms: int | None = None
        self._missed_at_ms: int | None = None

    def until_ms(self, now_ms: int) -> int | None:
        """When the announced stop ends, if that is still ahead."""
        told = planned_until_ms(self._path, now_ms, self._troubles)
        if told is not None:
            self._until_ms, self._missed_at_ms = told, None
        elif self._until_ms is not None:
            self._missed_at_ms = now_ms if self._missed_at_ms is None else self._missed_at_ms
            if now_ms >= min(self._until_ms, self._missed_at_ms + WITHDRAWAL_MS):
                self._until_ms = self._missed_at_ms = None
        return self._until_ms
