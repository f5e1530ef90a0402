"""What the agent still knows after its own restart: who the node is, and that it was dead."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from vedette.agent.files import read_small, write_whole
from vedette.agent.troubles import Troubles

log = logging.getLogger("vedette.agent")
BYTES_MAX = 65_536


class Known(msgspec.Struct, frozen=True, omit_defaults=True):
    """Facts about the node at `node` (its URL) and our place at `server`."""

    node: str = ""
    facts: dict[str, str] = {}  # node.pos_address and node.version
    died_at_ms: int | None = None
    enrolled: tuple[str, str] | None = None  # (server, name) that the server has heard
    like: str | None = None  # the likeness of its last process
    place: tuple[str, str, str | None] | None = None  # configuration, folder and stderr of its process


class Memory:
    """One small file. A memory that cannot be written is a trouble, not an end."""

    def __init__(self, path: Path, node: str, troubles: Troubles) -> None:
        self._path = path
        self._troubles = troubles
        self._lock = threading.Lock()
        known = _read(path)
        # Another node's death and address are nothing to this one.
        self.known = known if known.node == node else Known(node=node, enrolled=known.enrolled)

    def keep(self, **changes: object) -> None:
        """Change some facts, on the disk too. Any thread may."""
        with self._lock:
            self._become(msgspec.structs.replace(self.known, **changes))

    def keep_facts(self, facts: Mapping[str, str]) -> None:
        """Learn facts about the node; one that changed is told, since a node's address should never."""
        # Two probes come home at once: what is added to must not change in between.
        with self._lock:
            for name, value in facts.items():
                before = self.known.facts.get(name)
                if before not in {None, value}:
                    log.warning("%s was %s and is now %s", name, before, value)
            self._become(msgspec.structs.replace(self.known, facts=self.known.facts | dict(facts)))

    def _become(self, young: Known) -> None:
        if young != self.known:
            self.known = young
            self._write()

    def _write(self) -> None:
        try:
            write_whole(self._path, msgspec.json.encode(self.known))
            self._troubles.over("memory", f"{self._path} can be written again")
        except OSError as error:
            self._troubles.say("memory", f"{self._path} cannot be written: {error.strerror or error}")


def _read(path: Path) -> Known:
    try:
        content = read_small(path, BYTES_MAX)
        return Known() if content is None else msgspec.json.decode(content, type=Known)
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read and is begun anew: %s", path, error)
        return Known()
