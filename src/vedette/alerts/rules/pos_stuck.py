"""A node answers, and its PoS chain stands still while others move on.

A panic in one thread does not end the process (conflux-rust #2443, #2804): RPC goes on answering, the process
lives, and nothing is signed any more. Only a restart helps, so nobody finds it who asks merely whether the
node is up. It counts as still after 180 s (100 s are usual where an epoch ends; less on a faster chain), and
only where others are seen further: if they stand too, it is the network.

Source: `latestCommitted` of `pos_getStatus`, against the other nodes of the team and the endpoints followed.
"""

from dataclasses import dataclass

from vedette.alerts.rules.rule import Rule
from vedette.alerts.rules.stuck import StuckLimit, ending_of_layer, judge_layer
from vedette.model.incident import SubjectKind
from vedette.model.layers import Layer

NAME = "pos_stuck"


@dataclass(frozen=True, slots=True, kw_only=True)
class PosStuckLimit(StuckLimit):
    """When a standstill is critical."""


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=PosStuckLimit,
    judge=judge_layer(NAME, Layer.POS),
    ending=ending_of_layer(Layer.POS),
)
