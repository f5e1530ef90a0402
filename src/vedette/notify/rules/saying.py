"""What is said of one rule's incidents, in every language: sentences, and when each of them is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PUBLIC_FACTS: Final = frozenset({"absent_blocks", "begun_before_window", "planned_stop_overrun", "agentless"})
"""The facts that a public title is made of. That a node carries a validator's key, say, is none of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, said only when these facts are there (and not zero), and those are not."""

    key: str
    needs: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def fits(self, facts: Mapping[str, object]) -> bool:
        return all(facts.get(name) for name in self.needs) and not any(facts.get(name) for name in self.lacks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One rule's sentences, in both languages under the same keys.

    `name` what the rule is called (short), `why` one sentence for whoever looks at the list of rules, `title`
    and its variants (begin in lower case; the subject stands first or second), `public` a title for everybody
    where each of these says too much, lines of the body, `hint` (the runbook: what to do, without "What to
    do:"; `hint.ROLE` and `hint.agentless` outrank it), `ended` with `ended.WORD` for the words that the
    rule's `ending` gives, and `ending.WORD` for a line below that.
    """

    rule: str
    en: Mapping[str, str]
    zh: Mapping[str, str]
    titles: tuple[Line, ...] = (Line("title"),)  # the first that fits
    lines: tuple[Line, ...] = ()  # all that fit
    endings: tuple[Line, ...] = ()  # all that fit, when it is over
    public: tuple[Line, ...] = ()  # what everybody may read of it, of PUBLIC_FACTS alone: the first that fits
    private: str = ""  # why nobody else is to read of it
    well_ended: frozenset[str] = field(default_factory=frozenset)
    """Endings that are a recovery; any other only closes the incident, and the title says so."""
