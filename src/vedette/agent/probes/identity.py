"""Who the node is: its version and its own PoS address. Asked at the start of the node and then each hour.

`test_posRegister` only computes what a registration would say, and is the one way to learn a node's address.
"""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import own_address, version

EVERY_S = 3_600
ONE_VOTE = "0x1"

VERSION = "node.version"
POS_ADDRESS = "node.pos_address"


def read_version(node: Node) -> Reading:
    return Reading(states={VERSION: version(node.ask("cfx_clientVersion"))})


def read_pos_address(node: Node) -> Reading:
    return Reading(states={POS_ADDRESS: own_address(node.ask("test_posRegister", ONE_VOTE))})
