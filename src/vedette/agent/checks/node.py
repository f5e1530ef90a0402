"""The node's ports: what they answer, and to whom."""

import time
from collections.abc import Iterator

from vedette.agent.checks.finding import Finding, failed, ok, warning
from vedette.agent.config import Settings
from vedette.agent.node_process import local_port
from vedette.agent.place import NodeFiles
from vedette.agent.probes.exposure import open_groups
from vedette.agent.probes.node import Node
from vedette.conflux.local import LocalRpc
from vedette.conflux.pos import pos_status
from vedette.conflux.pow import sync_phase, version, voting
from vedette.conflux.version import build
from vedette.conflux.wire import METHOD_NOT_FOUND, Refused, RpcError

ASK_LOCAL = (
    "give --node the local port (jsonrpc_local_http_port, 12539 in hydra.toml), which answers everything"
)


def node_findings(settings: Settings, files: NodeFiles | None) -> Iterator[Finding]:
    """The node's own port first: if that is silent, its groups are not worth a line each."""
    rpc = LocalRpc(settings.node, settings.rpc_deadline_s)
    node = Node(rpc)
    began = time.perf_counter()
    try:
        words = version(node.ask("cfx_clientVersion"))
    except RpcError as error:
        yield failed("node RPC", str(error), _silence(settings.node))
    else:
        took_ms = (time.perf_counter() - began) * 1000
        yield ok("node RPC", f"{rpc.name} answers, in {took_ms:.0f} ms")
        yield _version(words)
        yield _pos(node)
        yield _local_methods(node)
    if files is not None:
        yield _public(files, settings.rpc_deadline_s)


def _silence(url: str) -> str:
    if local_port(url) is None:
        return "start the node, or give --node the right URL; a local port listens on its own machine only"
    return (
        "start the node, or set jsonrpc_local_http_port = 12539 in its configuration;"
        " if the node is in a container, share its network namespace"
    )


def _version(words: str) -> Finding:
    built = build(words)
    if built is None:
        return warning(
            "version", f"{words!a} is worded as no release is", "compare it with the releases by hand"
        )
    return ok("version", f"{built.release}, commit {built.commit} of {built.built_on}")


def _pos(node: Node) -> Finding:
    try:
        status = pos_status(node.ask("pos_getStatus"))
    except Refused as refused:
        if refused.code == METHOD_NOT_FOUND:
            return failed("pos group", "this port does not answer pos_ methods", ASK_LOCAL)
        return warning("pos group", str(refused), "wait until the node has started its PoS chain")
    except RpcError as error:
        return failed("pos group", str(error), "look into the node's log")
    return ok("pos group", f"answers: PoS epoch {status.epoch}, height {status.committed_height} committed")


def _local_methods(node: Node) -> Finding:
    what = "local methods"
    try:
        phase = sync_phase(node.ask("debug_currentSyncPhase"))
        votes = voting(node.ask("test_posVotingStatus"))
    except RpcError as error:
        unseen = "sync phase, peers, voting and the node's own PoS address cannot be seen"
        return warning(what, f"{unseen}: {error}", ASK_LOCAL)
    return ok(what, f"answer: {phase}, voting is {'on' if votes else 'off'}")


def _public(files: NodeFiles, deadline_s: float) -> Finding:
    what = "public RPC"
    port = files.port("jsonrpc_http_port")
    if port is None:
        return ok(what, "the node opens no public port")
    groups = files.settings.get("public_rpc_apis", "safe")
    try:
        LocalRpc(f"http://127.0.0.1:{port}", deadline_s).ask("cfx_clientVersion")
        exposed = open_groups(files, port, deadline_s)
    except RpcError as error:
        return warning(
            what, str(error), f"the configuration opens port {port}: restart the node, or look who took it"
        )
    if exposed:
        return failed(
            what,
            f"strangers may call {', '.join(exposed)}: enough to stop the node or its voting",
            'set public_rpc_apis = "safe" (or "safe,pos"), keep the local ports on loopback, restart',
        )
    return ok(
        what, f"port {port} answers, with public_rpc_apis = {str(groups)[:80]!a}; nothing dangerous is open"
    )
