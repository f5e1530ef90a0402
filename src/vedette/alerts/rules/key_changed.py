"""A node's own PoS address is not the one that its operator expects.

A node that does not find `pos_key` makes itself a new key without a word: its old stake then stands unsigned
until the chain retires it by force, and everything else looks healthy. The address is asked of the node
itself (`test_posRegister`) at its start and each hour, and compared with the agent's `--pos-address`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_nodes import DAY_MS, ending_of, finding, heard
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.alerts.rules.subjects import short
from vedette.model.incident import Facts, Finding, Incident, Severity, SubjectKind
from vedette.model.view import NodeView, View

NAME = "key_changed"
DIFFERS = "node.pos_address_differs"
ADDRESSES = {"pos_address": "node.pos_address", "expected_address": "node.pos_address_expected"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChangedLimit(Limit):
    """Nothing to set: an address is the same or it is not."""


def judge(view: View, _ask: Ask[KeyChangedLimit]) -> Iterator[Finding]:
    """The node's own PoS address differs from the expected one."""
    for node in heard(view):
        if node.numbers.get(DIFFERS) == 1:
            yield finding(NAME, node, Severity.CRITICAL, _facts(node))


def ending(incident: Incident, view: View, _limit: KeyChangedLimit) -> str | None:
    """The addresses are the same again, or the agent was told to expect none."""

    def how(node: NodeView) -> str | None:
        if node.numbers.get(DIFFERS) == 0:
            return "same_again"
        expects = "node.pos_address_expected" in node.states
        return "not_compared" if "node.pos_address" in node.states and not expects else None

    return ending_of(incident, view, how)


def _facts(node: NodeView) -> Facts:
    told = {fact: node.states.get(state) for fact, state in ADDRESSES.items()}
    return {fact: short(address) for fact, address in told.items() if address is not None}


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=KeyChangedLimit,
    judge=judge,
    ending=ending,
    remind_ms=DAY_MS,
)
