"""What a node's own words say of its build."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

_WORDS: Final = re.compile(
    r"conflux-rust/v(?P<release>\d+\.\d+\.\d+(?:-[a-z][a-z0-9]*)?)-(?P<commit>[0-9a-f]{7,40})-(?P<day>\d{8})/"
)


@dataclass(frozen=True, slots=True)
class Build:
    """A release may carry `-testnet` or `-fix`, but not every fix does: compare the commit and day too."""

    release: str
    commit: str
    built_on: date


def build(words: str) -> Build | None:
    """The build in `conflux-rust/v3.0.2-fd68efe-20260110/…`; None where a node words it otherwise."""
    found = _WORDS.match(words)
    if found is None:
        return None
    try:
        return Build(found["release"], found["commit"], date.fromisoformat(found["day"]))
    except ValueError:  # no such day
        return None
