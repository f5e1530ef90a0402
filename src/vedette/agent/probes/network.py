"""The machine's traffic and its faults, over its own cards: bridges and their ends would count it twice."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vedette.agent.probes.reading import Reading, present

DEV = Path("/proc/net/dev")
NOT_OURS = ("lo", "veth", "docker", "br-", "virbr", "cni", "flannel", "tap", "ifb", "dummy")
COLUMNS = 16  # bytes packets errs drop fifo frame compressed multicast, received and then sent


@dataclass(frozen=True, slots=True)
class Counted:
    """Since boot."""

    received_bytes: int
    sent_bytes: int
    faults: int  # errors and drops, both ways


def counted(text: str) -> Counted:
    """Read /proc/net/dev. Raises OSError."""
    received = sent = faults = 0
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        if name.strip().startswith(NOT_OURS):
            continue
        columns = _numbers(rest.split())
        received += columns[0]
        sent += columns[8]
        faults += columns[2] + columns[3] + columns[10] + columns[11]
    return Counted(received, sent, faults)


def _numbers(words: Iterable[str]) -> list[int]:
    try:
        columns = [int(word) for word in words]
    except ValueError as error:
        raise OSError("/proc/net/dev is not as Linux writes it") from error
    if len(columns) < COLUMNS:
        raise OSError("/proc/net/dev is not as Linux writes it")
    return columns


class Network:
    """Remembers the last round's counts."""

    def __init__(self, steady_ms: Callable[[], int], dev: Path = DEV) -> None:
        self._steady_ms = steady_ms
        self._dev = dev
        self._before: tuple[int, Counted] | None = None

    def __call__(self) -> Reading:
        now, now_ms = counted(self._dev.read_text()), self._steady_ms()
        before, self._before = self._before, (now_ms, now)
        if before is None or now_ms <= before[0]:
            return Reading()
        then, passed_ms = before[1], now_ms - before[0]

        def rate(new: int, old: int) -> float | None:
            # A card that went away takes its counts with it.
            return None if new < old else round((new - old) * 1000 / passed_ms, 1)

        return Reading(
            present(
                {
                    "host.network.received_bytes_per_second": rate(now.received_bytes, then.received_bytes),
                    "host.network.sent_bytes_per_second": rate(now.sent_bytes, then.sent_bytes),
                    "host.network.faults_per_second": rate(now.faults, then.faults),
                }
            )
        )
