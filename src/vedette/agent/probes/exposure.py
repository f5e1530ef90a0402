"""Whether strangers may command the node: its public port must not know the methods of its local one.

Asked are two that change nothing. The name `test_posVotingStatus` stands for its whole group, which can stop
the node and its voting.
"""

import ipaddress

from vedette.agent.node_process import PROC, listening_addresses
from vedette.agent.place import Finder, NodeFiles
from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import METHOD_NOT_FOUND, Refused

EVERY_S = 3_600
ASKED = {"debug": "debug_currentSyncPhase", "test": "test_posVotingStatus"}
LOCAL_PORTS = ("jsonrpc_local_http_port", "jsonrpc_local_ws_port")


def read(finder: Finder, deadline_s: float) -> Reading:
    files = finder.known()
    port = None if files is None else files.port("jsonrpc_http_port")
    if files is None or port is None:
        return Reading()
    open_to_all = open_groups(files, port, deadline_s)
    return Reading(
        {"node.exposed_count": len(open_to_all)}, {"node.exposed": ", ".join(open_to_all) or "nothing"}
    )


def open_groups(files: NodeFiles, port: int, deadline_s: float) -> list[str]:
    """What strangers may call that they should not. Raises RpcError."""
    node = Node(LocalRpc(f"http://127.0.0.1:{port}", deadline_s))
    open_to_all = [group for group, method in ASKED.items() if _answers(node, method)]
    return open_to_all + (["local port"] if _is_local_port_open(files) else [])


def _answers(node: Node, method: str) -> bool:
    try:
        node.ask(method)
    except Refused as refused:
        return refused.code != METHOD_NOT_FOUND
    return True


def _is_local_port_open(files: NodeFiles) -> bool:
    """The ports that answer everything are bound to loopback, unless somebody took pains."""
    ports = [port for key in LOCAL_PORTS if (port := files.port(key)) is not None]
    return any(not _is_loopback(each) for port in ports for each in listening_addresses(port, PROC))


def _is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
