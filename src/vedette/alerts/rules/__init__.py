"""One file a rule: a frozen limit, the findings of a view, and how such a trouble ends."""

from typing import Any

from vedette.alerts.rules import absent_votes, node_down, node_silent, storm
from vedette.alerts.rules.rule import Rule

RULES: tuple[Rule[Any], ...] = (
    absent_votes.rule,
    node_down.rule,
    node_silent.rule,
    storm.rule,
)
"""All of them, in the order in which people are told of them."""
