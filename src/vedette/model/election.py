"""Elections as a node tells of them now. They cannot be asked for the past: snapshot them live."""

from collections.abc import Mapping
from dataclasses import dataclass

from vedette.model.pos import Committee, PosAddress

TERM_SEATS = 50
"""Seats that one term elects (`TERM_ELECTED_SIZE`)."""
TERMS_SERVING = 6
"""Terms that serve at once (`TERM_LIST_LEN`): a seat lasts six epochs, a committee has at most 300 votes."""


@dataclass(frozen=True, slots=True)
class Election:
    """One coming term. Source: `pos_getCommittee`.elections.

    `start_height` is the height at which the previous epoch ends (the term's first block is one higher).
    `votes` are those elected so far: of the open election they may still change, of a finalized one not.
    """

    start_height: int
    is_finalized: bool
    votes: Mapping[PosAddress, int]


@dataclass(frozen=True, slots=True)
class CommitteeNow:
    """The acting committee and the next two elections, the nearer one first."""

    committee: Committee
    elections: tuple[Election, ...]

    @property
    def first_term(self) -> int:
        """The term of the nearer election; it sits for the first time in the epoch of the next number.

        The first six terms had no election: the chain's first validators held them.
        """
        return max(self.committee.epoch, TERMS_SERVING)
