"""Who is asking, and what he may do. Every read of an owned row passes one of these."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

EVERYBODY = 0
"""A team without members: what is judged for whoever asked to be told of public validators is its."""
FIRST_TEAM = 1
"""The team that a fresh installation belongs to."""


class Role(StrEnum):
    """What a member may do in his team; each may all that the one before may."""

    VIEWER = "viewer"  # sees what the team owns
    OPERATOR = "operator"  # changes nodes and what is watched
    OWNER = "owner"  # decides on people, keys and what is public

    def covers(self, wanted: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(wanted)


class Scope(StrEnum):
    """What an API key opens. A key without any opens no more than the public sees."""

    READ = "read"  # as a viewer
    WRITE = "write"  # as an operator
    METRICS = "metrics"  # the fleet's metrics, and nothing else


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """The API key that came with a request. Its team is not the reader's unless a scope says so."""

    id: str
    team_id: int
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Who:
    """A reader: a member of some team, or the public (no team), who sees only what was published.

    One who is signed in but belongs to no team has a `user_id` and no `team_id`.
    """

    team_id: int | None
    role: Role | None = None
    user_id: int | None = None
    session_id: str | None = None
    is_admin: bool = False  # of the installation: its people and its own health
    fresh_until_ms: int = 0  # until then he need not prove himself again before he changes his account
    key: KeyHeld | None = None

    @property
    def is_public(self) -> bool:
        return self.team_id is None

    def may(self, wanted: Role) -> bool:
        """Whether he may do in his team what this role may."""
        return self.team_id is not None and self.role is not None and self.role.covers(wanted)


PUBLIC = Who(None)


def sign_in_name(given: str) -> str:
    """The name with which a person signs in, as it is kept. Raises ValueError with what would be right."""
    name = unicodedata.normalize("NFKC", given).strip().lower()
    # Without an @, so that it is never taken for an e-mail address.
    if not re.fullmatch(r"\w[\w.-]{0,39}", name):
        raise ValueError(
            "must be 1 to 40 letters, digits, dots, dashes or underscores, and begin with a letter or digit"
        )
    return name
