"""Who the node is: its version and its own PoS address. Asked at the start of the node and then each hour.

`test_posRegister` only computes what a registration would say, and is the one way to learn a node's address.
"""

from collections.abc import Callable, Mapping

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import own_address, version

HOUR_MS = 3_600_000
ONE_VOTE = "0x1"

VERSION = "node.version"
POS_ADDRESS = "node.pos_address"


def read_version(node: Node) -> Reading:
    return Reading(states={VERSION: version(node.ask("cfx_clientVersion"))})


def read_pos_address(node: Node) -> Reading:
    return Reading(states={POS_ADDRESS: own_address(node.ask("test_posRegister", ONE_VOTE))})


class Hourly:
    """Asks again when an hour has passed, when the node's process is another one, or after a failure."""

    def __init__(
        self,
        read: Callable[[], Reading],
        steady_ms: Callable[[], int],
        lives: Callable[[], int],
        keep: Callable[[Mapping[str, str]], None],
    ) -> None:
        """`lives` changes when the process does; `keep` is told the facts that were read."""
        self._read = read
        self._steady_ms = steady_ms
        self._lives = lives
        self._keep = keep
        self._asked: tuple[int, int] | None = None  # (lives, steady ms)

    def __call__(self) -> Reading:
        """Nothing, when it is not yet time: the facts are remembered where they were kept."""
        lives, now_ms = self._lives(), self._steady_ms()
        if self._asked is None or self._asked[0] != lives or now_ms - self._asked[1] >= HOUR_MS:
            reading = self._read()
            self._asked = (lives, now_ms)
            self._keep(reading.states)
        return Reading()
