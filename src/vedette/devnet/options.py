"""What may be chosen about a devnet."""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from vedette.model.errors import SettingError

Value = bool | int | float | str

CHAIN_ID = 1234
LOG_LEVELS = ("error", "warn", "info", "debug", "trace")

_LIMITS = {
    "nodes": (1, 32),
    "genesis_validators": (0, 32),
    "round_ms": (100, 600_000),
    "term_rounds": (4, 100_000),
    "block_ms": (50, 60_000),
    "votes": (1, 1_000_000),
    "elected": (1, 10_000),
    "in_queue_rounds": (0, 10_000_000),
    "out_queue_rounds": (0, 10_000_000),
    "dispute_lock_rounds": (1, 10_000_000),
}

# A devnet lives by these; another value would leave it looking for its own nodes in the wrong place.
_OURS = re.compile(r"(.*_(port|dir|path|addr)|bootnodes|net_key|chain_id|evm_chain_id|mode|log_conf)")


class DevnetOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a devnet is made. The defaults cost little and leave a validator 90 s of absence unpunished."""

    nodes: int = 4
    genesis_validators: int = 0  # the others may register later; 0: all nodes are validators from the start
    round_ms: int = 1000  # a PoS round's timeout; a healthy round takes a little longer than this
    term_rounds: int = 60  # PoS rounds of a term, which are also the PoS blocks of an epoch
    block_ms: int = 500  # pause between PoW blocks, all made by node 0
    votes: int = 50  # stake of each genesis validator; a vote is 1,000 CFX
    elected: int = 1000  # seats a term (mainnet: 50); with more seats than votes everybody has all of its own
    in_queue_rounds: int = 0  # PoS blocks that new stake waits before it may leave; 0: two terms
    out_queue_rounds: int = 0  # ... that retired stake waits, and a forced retirement lasts; 0: two terms
    dispute_lock_rounds: int = 518_400  # ... that a double voter's stake is locked, by default as on mainnet
    log_level: str = "warn"
    seed: str = "devnet"  # all keys come from it
    set: dict[str, Value] = {}  # any key of conflux.toml

    def __post_init__(self) -> None:
        if problems := sorted(self._problems()):
            raise SettingError("; ".join(problems))

    def must_return_before(self, height: int) -> int | None:
        """The block before which a validator that ends now must sign again; None: it may stay away.

        Seen on v3.0.2: when a member was silent for the whole second epoch, its end makes every node look for
        an epoch before the first, and PoS panics on all of them (executor/src/lib.rs, commit_blocks).
        """
        return 2 * self.term_rounds if height <= self.term_rounds else None

    @property
    def genesis_count(self) -> int:
        return self.genesis_validators or self.nodes

    @property
    def in_queue_views(self) -> int:
        return self.in_queue_rounds or 2 * self.term_rounds

    @property
    def out_queue_views(self) -> int:
        return self.out_queue_rounds or 2 * self.term_rounds

    @property
    def committee_share(self) -> int:
        """Votes of each genesis validator in the first committee: six terms are seated, and shared evenly."""
        return max(1, min(self.votes, 6 * self.elected // self.genesis_count))

    def _problems(self) -> Iterator[str]:
        for name, (least, most) in _LIMITS.items():
            if not least <= getattr(self, name) <= most:
                yield f"{name} is {getattr(self, name)}: choose {least} to {most}"
        if self.log_level not in LOG_LEVELS:
            yield f"log_level is {self.log_level}: choose {', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}"
        if self.genesis_validators > self.nodes:
            yield f"genesis_validators is {self.genesis_validators}, yet there are only {self.nodes} nodes"
        for key in self.set:
            if not re.fullmatch(r"[a-z0-9_]+", key):
                yield f"--set {key!r}: not the name of a conflux.toml key"
            elif _OURS.fullmatch(key):
                yield f"--set {key}: the devnet chooses this key itself"


def settings_from(words: Sequence[str]) -> Mapping[str, Value]:
    """What `--set key=value` gave; numbers and true/false are themselves, anything else is text."""
    wrong = [word for word in words if "=" not in word]
    if wrong:
        raise SettingError(f"--set {wrong[0]!r}: write it as key=value")
    pairs = (word.split("=", 1) for word in words)
    return {key.strip(): _value(text.strip()) for key, text in pairs}


def _value(text: str) -> Value:
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
