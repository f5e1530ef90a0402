"""What the node was told: its kind, its ports, who may call what, where its data is. No secret among it."""

from vedette.agent.place import Finder, NodeFiles
from vedette.agent.probes.reading import Reading

EVERY_S = 600
CHARS_MAX = 200

PORTS = {
    "tcp_port": "peers",
    "jsonrpc_http_port": "http",
    "jsonrpc_ws_port": "ws",
    "jsonrpc_tcp_port": "tcp",
    "jsonrpc_http_eth_port": "eSpace http",
    "jsonrpc_ws_eth_port": "eSpace ws",
    "jsonrpc_local_http_port": "local http",
    "jsonrpc_local_ws_port": "local ws",
}


def read(finder: Finder) -> Reading:
    files = finder.find()
    return Reading() if files is None else Reading(states=told(files))


def told(files: NodeFiles) -> dict[str, str]:
    """The node's own defaults stand where it was told nothing."""
    given = files.settings
    ports = {name: files.port(key) for key, name in PORTS.items()}
    return {
        "node.config.file": _word(files.config),
        "node.config.node_type": _word(given.get("node_type", "full")),
        "node.config.public_rpc_apis": _word(given.get("public_rpc_apis", "safe")),
        "node.config.public_evm_rpc_apis": _word(given.get("public_evm_rpc_apis", "evm")),
        "node.config.started_as_voter": _word(given.get("pos_started_as_voter", True)),
        "node.config.ports": ", ".join(f"{name} {port}" for name, port in ports.items() if port) or "none",
        "node.config.data_dir": _word(files.data_dir),
        "node.config.pos_dir": _word(files.pos_dir),
        "node.config.pos_log": _word(files.pos_log),
    }


def _word(value: object) -> str:
    """One printable word of bounded length: what stands in a file may be anything."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))[:CHARS_MAX]
