"""A node answers, and its PoW chain stands still while others move on.

It happens around checkpoints and snapshots (conflux-rust #2694, #2663, #2606). Without new epochs PoS waits
for its pivot block, so a validator soon stops signing; whoever asks the node gets old answers. It counts as
still after 120 s, and only where others are seen further: if they stand too, it is the network.

Source: `epochNumber` of `cfx_getStatus`, against the other nodes of the team and the endpoints followed.
"""

from dataclasses import dataclass

from vedette.alerts.rules.rule import Rule
from vedette.alerts.rules.stuck import StuckLimit, ending_of_layer, judge_layer
from vedette.model.incident import SubjectKind
from vedette.model.layers import Layer

NAME = "pow_stuck"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowStuckLimit(StuckLimit):
    """When a standstill is critical."""


rule = Rule(
    name=NAME,
    about=SubjectKind.NODE,
    limit=PowStuckLimit,
    judge=judge_layer(NAME, Layer.POW),
    ending=ending_of_layer(Layer.POW),
)
