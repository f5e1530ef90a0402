"""Who is asking. Every read of an owned row passes one of these."""

from dataclasses import dataclass

FIRST_TEAM = 1
"""The team that a fresh installation belongs to."""


@dataclass(frozen=True, slots=True)
class Who:
    """A reader: a member of some team, or the public (no team), who sees only what was published."""

    team_id: int | None


PUBLIC = Who(None)
