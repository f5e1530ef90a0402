"""Whether nodes follow one PoW chain: each tells its pivot blocks at epochs that all of them choose alike.

Only confirmed epochs are told, for near the tip honest nodes differ too. Two of them, because nodes
are asked at different moments, and the newest is not everybody's yet.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from vedette.model.watched import agreement

EACH_EPOCHS: Final = 100
MARKS: Final = 2
HASH_CHARS: Final = 18
"""0x and 64 bits: enough to tell one block from another, and short enough to be told by everyone."""


def marks(confirmed_epoch: int) -> list[int]:
    """The epochs to tell of, newest first."""
    newest = confirmed_epoch // EACH_EPOCHS * EACH_EPOCHS
    return [newest - back * EACH_EPOCHS for back in range(MARKS) if newest >= back * EACH_EPOCHS]


def in_words(hashes: Mapping[int, str]) -> str:
    """As `pow.pivots` is told: `7300:0x1b1b1b1b1b1b1b1b 7200:…`."""
    return " ".join(f"{epoch}:{hashes[epoch][:HASH_CHARS]}" for epoch in sorted(hashes, reverse=True))


def pivots(words: str | None) -> dict[int, str]:
    """What was told; whatever cannot be understood is left out."""
    parts = (word.partition(":") for word in (words or "").split())
    return {int(epoch): hash_ for epoch, _, hash_ in parts if epoch.isdecimal() and hash_}


def tally(told: Iterable[Mapping[int, str]]) -> dict[int, Counter[str]]:
    """How many tell of which block, by epoch."""
    counts: dict[int, Counter[str]] = {}
    for one in told:
        for epoch, hash_ in one.items():
            counts.setdefault(epoch, Counter())[hash_] += 1
    return counts


def agrees(own: Mapping[int, str], told: Mapping[int, Counter[str]], *, counted: bool) -> bool | None:
    """At the newest epoch of which enough others tell: whether most of them have our block. None: too few.

    `counted`: our own word is among those told, and is no witness for us.
    """
    for epoch in sorted(own, reverse=True):
        others = Counter(told.get(epoch, Counter()))
        others[own[epoch]] -= counted
        found = agreement(own[epoch], others)
        if found is not None:
            return found
    return None
