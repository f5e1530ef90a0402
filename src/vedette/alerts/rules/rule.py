"""What every rule is: a frozen limit, what is wrong now, and how it ended. The engine knows no more of it.

A rule's file begins with a docstring that says in prose what is wrong and why anybody should care: the
reference page is made of it. Its defaults are the fields of its limit; every field's name carries its unit.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.view import View

Value = bool | int | float | str

L = TypeVar("L", bound="Limit")

Ask = Callable[[str], L]
"""A rule's limit for one subject, by the subject's id: the preset's, the team's, or that subject's own."""


def always(limit: L) -> Ask[L]:
    """The same limit for every subject."""
    return lambda _: limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What can be set of every rule."""

    is_on: bool = True
    loudest: Severity = Severity.CRITICAL  # no finding of it is more severe than this


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule(Generic[L]):
    """One rule. Pure: `judge` and `ending` see a view and limits, and nothing else."""

    name: str
    about: SubjectKind
    limit: type[L]
    judge: Callable[[View, "Ask[L]"], Iterator[Finding]]
    # How one that is no longer found has ended, a word; None: the view cannot tell, and it goes on.
    ending: Callable[[Incident, View, L], str | None]
    clear_ms: int = 0  # gone for so long it is over; 0: the rule has a hysteresis of its own
    remind_ms: int | None = None  # how often it is told again; None: as people set it for all
    lasting: frozenset[str] = frozenset()  # facts that stay true though later findings do not tell them
    quiet: Mapping[str, Value] = field(default_factory=dict)  # what the preset `quiet` changes
    paranoid: Mapping[str, Value] = field(default_factory=dict)  # what the preset `paranoid` changes


AnyRule = Rule[Any]
"""A rule whose limit is nobody's business but its own."""
