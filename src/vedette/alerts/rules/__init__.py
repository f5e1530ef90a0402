"""One file a rule: a frozen limit, the findings of a view, and how such a trouble ends."""

from typing import Any

from vedette.alerts.rules import (
    absent_votes,
    backup_not_ready,
    certificate_ending,
    clock_off,
    disk_filling,
    few_peers,
    fork_deadline,
    key_changed,
    memory_short,
    node_down,
    node_silent,
    not_elected,
    restart_loop,
    rpc_exposed,
    storm,
    unlock_near,
    wrong_fork,
)
from vedette.alerts.rules.rule import Rule

RULES: tuple[Rule[Any], ...] = (
    absent_votes.rule,
    node_down.rule,
    node_silent.rule,
    wrong_fork.rule,
    key_changed.rule,
    fork_deadline.rule,
    disk_filling.rule,
    memory_short.rule,
    few_peers.rule,
    rpc_exposed.rule,
    clock_off.rule,
    restart_loop.rule,
    storm.rule,
    not_elected.rule,
    backup_not_ready.rule,
    certificate_ending.rule,
    unlock_near.rule,
)
"""All of them, in the order in which people are told of them."""
