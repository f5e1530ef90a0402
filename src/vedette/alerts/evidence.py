"""What led to an incident, as plain data: what the view showed when it opened, grew worse, and ended.

Series are condensed and nodes are forgotten; whoever asks weeks later why he was woken finds it here. Only
what concerns the incident is taken, from its own team's view, and no address, token or URL stays in it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from vedette.model.incident import Decision, Incident, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.private import without_private
from vedette.model.view import NodeView, ValidatorView, View, node_state

BLOCKS: Final = 60
NODES_MAX: Final = 8
HELD_BACK: Final = {Decision.SILENCED, Decision.MAINTENANCE, Decision.QUIET_HOURS, Decision.NOTED}


def moment(before: Incident | None, after: Incident) -> str | None:
    """Whether this step is one of those whose evidence is kept, and which; whoever heard of it."""
    if after.resolved_at_ms is not None:
        return None if after.told_at_ms is None else "resolved"
    was = None if before is None else before.told_severity
    if after.told_severity is None:
        return "opened" if before is None and after.decision in HELD_BACK else None
    if was is None:
        return "opened"
    return "escalated" if after.told_severity.rank > was.rank else None


def bundle(view: View, incident: Incident) -> dict[str, Any]:
    """All that the view knows of it."""
    found: dict[str, Any] = {
        "at_ms": view.now_ms,
        "rule": incident.rule,
        "severity": incident.severity.value,
        "subject": _plain(incident.subject),
        "facts": dict(incident.facts),
        "network": _plain(view.network),
        "blocks": [_plain(block) for block in view.blocks[-BLOCKS:]],
        "validators": {one.address: _validator(one, view) for one in _validators(view, incident)},
        "nodes": {node.id: _node(node, view) for node in _nodes(view, incident)},
        "sources": [_plain(source) for source in view.monitor.sources],
    }
    if incident.subject.kind not in {SubjectKind.NODE, SubjectKind.VALIDATOR}:
        found |= _ourselves(view, incident)
    whole: dict[str, Any] = without_private(found)
    return whole


def _validators(view: View, incident: Incident) -> Iterator[ValidatorView]:
    address: str | None = incident.subject.id
    if incident.subject.kind is SubjectKind.NODE:
        node = view.nodes.get(incident.subject.id)
        address = None if node is None else node.pos_address
    if address is not None and address in view.validators:
        yield view.validators[PosAddress(address)]


def _nodes(view: View, incident: Incident) -> list[NodeView]:
    """The node itself, or those that carry the validator."""
    if incident.subject.kind is SubjectKind.NODE:
        return [node for node in [view.nodes.get(incident.subject.id)] if node is not None]
    carriers = [node for node in view.nodes.values() if node.pos_address == incident.subject.id]
    return sorted(carriers, key=lambda node: node.id)[:NODES_MAX]


def _validator(one: ValidatorView, view: View) -> dict[str, Any]:
    """The strip has its heights beside it: a letter for each block, oldest first."""
    strip, heights = one.strip[-BLOCKS:], [block.height for block in view.blocks[-BLOCKS:]]
    return _plain(one) | {"strip": strip, "strip_heights": [heights[0], heights[-1]] if heights else []}


def _node(node: NodeView, view: View) -> dict[str, Any]:
    return _plain(node) | {"state": node_state(node, view.now_ms).value}


def _ourselves(view: View, incident: Incident) -> dict[str, Any]:
    states = Counter(node_state(node, view.now_ms).value for node in view.nodes.values())
    contacts = [_plain(one) for one in view.monitor.contacts if one.id == incident.subject.id]
    bridges = [_plain(one) for one in view.bridges.values() if one.id == incident.subject.id]
    return {
        "node_states": dict(states),
        "contacts": contacts,
        "bridges": bridges,
        "failing_loops": list(view.monitor.failing_loops),
    }


def _plain(record: Any) -> dict[str, Any]:
    """The record as JSON has it: what is not known stays null."""
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain
