"""`vedette devnet`: real validators on this machine, from the command line."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import RpcError
from vedette.devnet import staking
from vedette.devnet.net import RECORD, Devnet
from vedette.devnet.nodes import Node
from vedette.devnet.options import DevnetOptions, settings_from
from vedette.devnet.process import stoppable
from vedette.devnet.tell import Tell, telling
from vedette.model.errors import SettingError

app = App(name="devnet", help="Run real Conflux validators on loopback, for tests and demonstrations.")

Folder = Annotated[Path, Parameter(name="--dir", help="the devnet's folder")]
HERE = Path("devnet")
TABLE_WIDTH = 110
WHEN = "with the next PoW epoch that it finalizes"


@app.command
def up(
    *,
    folder: Folder = HERE,
    nodes: int | None = None,
    genesis_validators: int | None = None,
    round_ms: int | None = None,
    term_rounds: int | None = None,
    block_ms: int | None = None,
    votes: int | None = None,
    elected: int | None = None,
    in_queue_rounds: int | None = None,
    out_queue_rounds: int | None = None,
    dispute_lock_rounds: int | None = None,
    log_level: str | None = None,
    set_: Annotated[Sequence[str], Parameter(name="--set", negative=())] = (),
) -> None:
    """Make a devnet and start it, or start again what does not run of one that exists.

    The nodes outlive this command; `vedette devnet down` ends them. Their public RPC, eSpace and P2P ports
    listen on every address of this machine (a node has no other way) and answer only cfx, txpool, pubsub and
    pos; the local ports, which answer everything, listen on 127.0.0.1. All keys are test keys.

    Parameters
    ----------
    nodes
        Nodes in all [4].
    genesis_validators
        How many of them are validators from the start; the others can register later [all].
    round_ms
        Timeout of a PoS round, about its length [1000].
    term_rounds
        Rounds of a term: PoS blocks of an epoch [60].
    block_ms
        Pause between PoW blocks [500].
    votes
        Stake of each validator, in votes of 1,000 CFX [50].
    elected
        Seats that each term elects; six terms serve at once, and mainnet elects 50 [1000].
    in_queue_rounds
        PoS blocks that new stake waits before it may leave [two terms].
    out_queue_rounds
        PoS blocks that retired stake waits until it is free; a forced retirement lasts as long [two terms].
    dispute_lock_rounds
        PoS blocks that the stake of a double voter is locked [518400, as on mainnet].
    log_level
        Of the nodes' logs: error, warn, info, debug or trace [warn].
    set_
        Any key of conflux.toml, as key=value. May be repeated.
    """
    given: dict[str, Any] = {
        "nodes": nodes,
        "genesis_validators": genesis_validators,
        "round_ms": round_ms,
        "term_rounds": term_rounds,
        "block_ms": block_ms,
        "votes": votes,
        "elected": elected,
        "in_queue_rounds": in_queue_rounds,
        "out_queue_rounds": out_queue_rounds,
        "dispute_lock_rounds": dispute_lock_rounds,
        "log_level": log_level,
        "set": settings_from(set_) or None,
    }
    with telling() as tell, stoppable():
        net = _started(folder, {name: value for name, value in given.items() if value is not None}, tell)
    _print_nodes(net)
    print(f"End them with: vedette devnet down --dir {net.dir}")  # noqa: T201  the command's product


@app.command
def status(*, folder: Folder = HERE, json: bool = False) -> None:
    """Show which nodes run, and how far each has come.

    Parameters
    ----------
    json
        Print a list of {index, pid, running, pos_address, public_url, local_url} instead.
    """
    net = Devnet.open(folder)
    if json:
        print(msgspec.json.encode([_described(node) for node in net.nodes]).decode())  # noqa: T201
    else:
        _print_nodes(net)


@app.command
def kill(index: int, /, *, folder: Folder = HERE) -> None:
    """End a node with SIGKILL, unannounced, as a crash would."""
    net = Devnet.open(folder)
    _refuse_down(net.node(index))
    net.kill(index)
    _warn_of_youth(net, index)


@app.command
def start(index: int, /, *, folder: Folder = HERE) -> None:
    """Start a node again on its data, and wait until it answers."""
    net = Devnet.open(folder)
    with telling() as tell, stoppable():
        net.start(index, tell)


@app.command
def stop(index: int, /, *, folder: Folder = HERE) -> None:
    """Announce a stop of ten minutes in the node's planned-stop.json, then end it with SIGTERM."""
    net = Devnet.open(folder)
    _refuse_down(net.node(index))
    with telling() as tell:
        tell(f"stopping node {index}")
        net.stop(index)
    _warn_of_youth(net, index)


def _warn_of_youth(net: Devnet, index: int) -> None:
    """A chain in its first epoch does not outlive a validator's absence from all of the second."""
    heights = [net.committed_height(node) for node in net.nodes if node.pid is not None]
    height = max((one for one in heights if one is not None), default=None)
    before = None if height is None else net.options.must_return_before(height)
    if before is not None:
        print(  # noqa: T201  a word to whoever sits there
            f"The chain is in its first epoch (block {height}): start node {index} again well before block "
            f"{before}, or this version of Conflux ends the whole chain there.",
            file=sys.stderr,
        )


@app.command
def register(index: int, /, *, folder: Folder = HERE, votes: int | None = None) -> None:
    """Make a validator of a node that is none yet. It enters the committee two or three terms later.

    Parameters
    ----------
    votes
        Its stake [as much as each validator of the genesis has].
    """
    net = Devnet.open(folder)
    with telling() as tell, stoppable():
        staking.register(net, index, votes, tell)


@app.command
def increase(index: int, votes: int, /, *, folder: Folder = HERE) -> None:
    """Add votes to a validator's stake. They can be elected as soon as PoS has heard of them."""
    net = Devnet.open(folder)
    with telling() as tell, stoppable():
        staking.increase(net, index, votes, tell)
    print(f"node {index} has staked {votes} more votes; PoS hears of it {WHEN}")  # noqa: T201


@app.command
def retire(index: int, votes: int, /, *, folder: Folder = HERE) -> None:
    """Take votes out of a validator's stake. They wait in its out queue, then its owner may withdraw them."""
    net = Devnet.open(folder)
    with telling() as tell, stoppable():
        staking.retire(net, index, votes, tell)
    print(f"node {index} has retired {votes} votes; PoS hears of it {WHEN}")  # noqa: T201


@app.command
def twin(index: int, /, *, folder: Folder = HERE) -> None:
    """Start a second process with a node's PoS key, so that the validator votes twice and is disputed.

    This is what must never happen to a real validator. The twin ends with `vedette devnet down`.
    """
    net = Devnet.open(folder)
    _refuse_down(net.node(index))
    with telling() as tell, stoppable():
        copy = net.twin(index, tell)
    print(f"a twin of node {index} runs as process {copy.pid} in {copy.dir}")  # noqa: T201


@app.command
def down(*, folder: Folder = HERE, wipe: bool = False) -> None:
    """End all nodes, and their twins.

    Parameters
    ----------
    wipe
        Remove the folder too.
    """
    net = Devnet.open(folder)
    net.wipe() if wipe else net.down()


def _started(folder: Path, given: dict[str, Any], tell: Tell) -> Devnet:
    if (folder / RECORD).exists():
        net = Devnet.open(folder)
        _refuse_other_options(net, given)
        net.up(tell)
        return net
    net = Devnet.create(folder, DevnetOptions(**given), tell)
    try:
        net.up(tell)
    except BaseException:
        net.wipe()  # half of a new devnet is worth nothing
        raise
    return net


def _refuse_other_options(net: Devnet, given: dict[str, Any]) -> None:
    for name, value in given.items():
        made = getattr(net.options, name)
        if made != value:
            raise SettingError(
                f"the devnet in {net.dir} was made with {name} = {made}, not {value}: leave the option out, "
                f"or remove it first with vedette devnet down --wipe --dir {net.dir}"
            )


def _refuse_down(node: Node) -> None:
    if node.pid is None:
        raise SettingError(f"node {node.index} does not run: vedette devnet start {node.index} starts it")


def _described(node: Node) -> dict[str, Any]:
    return {
        "index": node.index,
        "pid": node.pid,
        "running": node.pid is not None,
        "pos_address": node.pos_address,
        "public_url": node.urls.public,
        "local_url": node.urls.local,
    }


def _print_nodes(net: Devnet) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("node", "pid", "PoS epoch", "block", "PoW epoch", "finalized", "public RPC", "PoS address"):
        table.add_column(title, no_wrap=True)
    for node in net.nodes:
        pid = "down" if node.pid is None else str(node.pid)
        place = _place(node) if node.pid is not None else ["-"] * 4
        table.add_row(str(node.index), pid, *place, node.urls.public, node.pos_address[:14])
    console = Console()
    if not console.is_terminal:  # a pipe has no width of its own
        console = Console(width=TABLE_WIDTH)
    console.print(table)


def _place(node: Node) -> list[str]:
    """Its place on the PoS and the PoW chain."""
    rpc = LocalRpc(node.urls.local)
    try:
        pos, pow_ = rpc.ask("pos_getStatus"), rpc.ask("cfx_getStatus")
    except RpcError:
        return ["no answer", "-", "-", "-"]
    figures = (pos["epoch"], pos["latestCommitted"], pow_["epochNumber"], pow_["latestFinalized"])
    return [str(int(figure, 16)) for figure in figures]
