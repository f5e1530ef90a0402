"""What may be chosen about a history."""

from collections.abc import Iterator

import msgspec

from vedette.model.errors import SettingError

START_S = 1_643_025_600
"""24 January 2022, about the time when Conflux's own PoS chain began."""

_LIMITS = {
    "epochs": (1, 1_000_000),
    "accounts": (4, 5_000),
    "stake_votes": (400, 100_000_000),
    "term_blocks": (8, 10_000),
    "chain_id": (1, 2**32 - 1),
}


class ReplayOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a history is made. The same options make the same history."""

    seed: str = "replay"
    epochs: int = 400  # finished ones at first; 41,000 are five years
    accounts: int = 150  # at the genesis; about 250 more register in five years
    stake_votes: int = 480_000  # of all accounts at the genesis; a vote is 1,000 CFX
    term_blocks: int = 120  # PoS blocks of an epoch, as on mainnet since CIP-136
    chain_id: int = 4242
    start_s: int = START_S  # when the first round began, unix time
    end_s: int | None = None  # if given: when the last block was made; then `start_s` does not count

    def __post_init__(self) -> None:
        if problems := sorted(self._problems()):
            raise SettingError("; ".join(problems))

    def _problems(self) -> Iterator[str]:
        for name, (least, most) in _LIMITS.items():
            if not least <= getattr(self, name) <= most:
                yield f"{name} is {getattr(self, name)}: choose {least} to {most}"
        if self.term_blocks % 2:
            yield f"term_blocks is {self.term_blocks}: choose an even number, elections close at half time"
        if self.stake_votes < self.accounts:
            yield f"stake_votes is {self.stake_votes}: each of the {self.accounts} accounts needs one"
