"""The node's eSpace port: whether it answers, and how far its blocks are behind the core chain's epochs."""

from vedette.agent.place import Finder
from vedette.agent.probes.node import Node
from vedette.agent.probes.reading import Reading
from vedette.conflux.local import LocalRpc
from vedette.conflux.pow import epoch_number, espace_block_number

EVERY_S = 60


def read(finder: Finder, core: Node, deadline_s: float) -> Reading:
    files = finder.known()
    port = None if files is None else files.port("jsonrpc_http_eth_port")
    if port is None:
        return Reading()
    block = espace_block_number(LocalRpc(f"http://127.0.0.1:{port}", deadline_s / 2).ask("eth_blockNumber"))
    epoch = epoch_number(core.ask("cfx_epochNumber"))
    return Reading({"espace.block_number": block, "espace.lag_epochs": epoch - block})
