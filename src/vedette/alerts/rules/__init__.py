"""One file a rule: a frozen limit, the findings of a view, and how such a trouble ends."""

from typing import Any

from vedette.alerts.rules import (
    absent_votes,
    bridge_idle,
    channel_failing,
    low_gas,
    network_participation,
    node_down,
    node_silent,
    reward_missing,
    source_bad,
    stake_changed,
    storm,
    vote_quality,
)
from vedette.alerts.rules.rule import Rule

RULES: tuple[Rule[Any], ...] = (
    absent_votes.rule,
    node_down.rule,
    node_silent.rule,
    storm.rule,
    network_participation.rule,
    vote_quality.rule,
    reward_missing.rule,
    stake_changed.rule,
    low_gas.rule,
    bridge_idle.rule,
    source_bad.rule,
    channel_failing.rule,
)
"""All of them, in the order in which people are told of them."""
