"""What a node's states were over time: words, and since when. Pure: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vedette.store.charts import Window, usual_step
from vedette.store.codec import Ints
from vedette.store.tiers import Buckets

Run = tuple[int, str | None]
GAP_STEPS = 3


@dataclass(frozen=True, slots=True)
class StateRuns:
    """Each named state as runs of (from_ms, word), None while nobody told; a run ends where the next begins.

    `step_ms` is how precise the times are; 0: each is that of a sample.
    """

    node_id: str
    from_ms: int
    to_ms: int
    step_ms: int
    states: dict[str, list[Run]]
    available: list[str]


def runs(window: Window, held: Buckets, step_ms: int) -> StateRuns:
    """The window's runs; `held` are buckets of `step_ms`, or, where that is 0, samples."""
    at = np.maximum(held.at, window.from_ms).tolist()
    silences = _silences(held.at, step_ms)
    nothing: list[str | None] = [None] * len(at)
    return StateRuns(
        window.node_id,
        window.from_ms,
        window.to_ms,
        step_ms,
        {name: _runs_of(name, at, held.states.get(name, nothing), silences) for name in window.names},
        sorted(held.states),
    )


def _silences(at: Ints, step_ms: int) -> list[Run]:
    """Where nobody told anything for a while: from then on a state is not known."""
    if len(at) < 2:  # noqa: PLR2004 - one sample has no neighbour
        return []
    steps = np.diff(at)
    usual = step_ms or usual_step(at)
    long = steps > (step_ms or GAP_STEPS * usual)
    return [(start + usual, None) for start in at[:-1][long].tolist()]


def _runs_of(name: str, at: Sequence[int], words: Sequence[str | None], silences: Sequence[Run]) -> list[Run]:
    """Rounds in which a slow probe was not asked change nothing; without an error there is none any more."""
    lasts = not name.endswith(".error")
    said = [(start, word) for start, word in zip(at, words, strict=True) if word is not None or not lasts]
    told: list[Run] = []
    for start, word in sorted([*said, *silences], key=lambda run: run[0]):
        if word != (told[-1][1] if told else None):
            told.append((start, word))
    return told
