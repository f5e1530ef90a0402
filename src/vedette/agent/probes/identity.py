"""Who the node is: its version and its own PoS address. Asked at the start of the node and then each hour.

`test_posRegister` only computes what a registration would say, and is the one way to learn a node's address.
A node whose key file is gone makes itself a new one without a word: hence the comparison.
"""

from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.pow import own_address, version
from vedette.conflux.version import build

EVERY_S = 3_600
ONE_VOTE = "0x1"
UNKNOWN = "unknown"


def read_version(node: Node) -> Reading:
    words = version(node.ask("cfx_clientVersion"))
    found = build(words)
    return Reading(
        states={
            "node.version": words,
            "node.release": UNKNOWN if found is None else found.release,
            "node.commit": UNKNOWN if found is None else found.commit,
            "node.built_on": UNKNOWN if found is None else found.built_on.isoformat(),
        }
    )


def read_pos_address(node: Node, expected: str | None = None) -> Reading:
    address = own_address(node.ask("test_posRegister", ONE_VOTE))
    differs = {} if expected is None else {"node.pos_address_differs": int(address != expected)}
    return Reading(differs, {"node.pos_address": address})
