"""The layers of a node, and a word for what each is worth. How the word is found: model/health.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Condition(StrEnum):
    """One word for a layer, from worst to best; `unknown` stands between what is wrong and what is well."""

    DOWN = "down"
    FORKED = "forked"
    ZOMBIE = "zombie"  # answers, and stands still while others move
    STALLED = "stalled"  # stands still, and nobody is seen to move
    LAGGING = "lagging"
    SYNCING = "syncing"
    UNKNOWN = "unknown"
    HEALTHY = "healthy"


class Layer(StrEnum):
    EXECUTION = "execution"
    POW = "pow"
    POS = "pos"
    VALIDATOR = "validator"


@dataclass(frozen=True, slots=True)
class Verdict:
    state: Condition
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None  # how long it has been so, where stillness tells
