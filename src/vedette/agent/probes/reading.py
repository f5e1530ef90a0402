"""What a probe brings home."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reading:
    """Numbers and states by their full names, as docs/reference/series.md lists them."""

    numbers: Mapping[str, int | float] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)


def present(numbers: Mapping[str, int | float | None]) -> dict[str, int | float]:
    """Only what is known: a number that is missing is left out, never zero."""
    return {name: value for name, value in numbers.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Probe:
    """One named question. `asks_node`: its duration is worth a series.

    `every_s`: how long an answer is good for; 0 for a probe of every round.
    """

    name: str
    read: Callable[[], Reading]
    asks_node: bool = False
    every_s: float = 0
