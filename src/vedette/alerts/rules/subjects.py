"""What several rules ask of a view: who is meant, who carries whose key, who is elected."""

from vedette.model.incident import Subject, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import NodeView, ProcessState, ValidatorView, View

SHORT_ENOUGH = 16  # letters
NEEDED_ROLES = frozenset({"rpc"})
"""Nodes that others depend on, whether they carry votes or not."""
PATIENT_ROLES = frozenset({"backup", "archive"})
"""Nodes whose trouble can wait until morning while they carry no votes."""


def short(address: str) -> str:
    """An address as people recognise it: its head and tail."""
    return address if len(address) <= SHORT_ENOUGH else f"{address[:10]}…{address[-4:]}"


def carriers(view: View, address: PosAddress, team_id: int) -> list[NodeView]:
    """The nodes of the team that hold this validator's key, in a steady order."""
    return [node for node in view.holders(address) if node.team_id == team_id]


def all_out(view: View, address: PosAddress, team_id: int) -> bool:
    """The team has nodes with this key, and each ended or is silent, though nobody planned it."""
    nodes = [node for node in carriers(view, address, team_id) if not node.agentless]
    return bool(nodes) and not any(is_heard(n, view.now_ms) or planned(n, view.now_ms) for n in nodes)


def validator_subject(view: View, validator: ValidatorView) -> Subject:
    """A validator is called by its node, but only by a node of its own team: names are private."""
    node = next(iter(carriers(view, validator.address, validator.team_id)), None)
    name = short(validator.address) if node is None else node.name
    return Subject(SubjectKind.VALIDATOR, validator.address, name)


def node_subject(node: NodeView) -> Subject:
    return Subject(SubjectKind.NODE, node.id, node.name)


def validator_of(view: View, node: NodeView) -> ValidatorView | None:
    """The validator whose key the node holds, as far as the view knows it."""
    return None if node.pos_address is None else view.validators.get(node.pos_address)


def member_votes(view: View, node: NodeView) -> int:
    """Votes that the committee loses while this node does not sign; 0 when none is at stake."""
    validator = validator_of(view, node)
    return 0 if validator is None else validator.votes


def planned(node: NodeView, now_ms: int) -> bool:
    """A stop that its operator announced is in force."""
    return node.planned_stop_until_ms is not None and now_ms < node.planned_stop_until_ms


def needed(view: View, node: NodeView) -> bool:
    """Somebody should wake for it: it carries votes, or its role is none that can wait until morning."""
    return member_votes(view, node) > 0 or node.role not in PATIENT_ROLES


def is_heard(node: NodeView, now_ms: int) -> bool:
    """What its agent says of it is of now, and its process is not known to have ended."""
    return now_ms < node.due_at_ms and node.process is not ProcessState.GONE


def is_member(validator: ValidatorView | None) -> bool:
    return validator is not None and validator.votes > 0
