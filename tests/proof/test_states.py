"""What is done to a real node, and which state and reason its health shows within 15 s of the threshold.

About twelve minutes on four real validators with rounds of a second: each case wounds one, waits by raw
JSON-RPC for the moment at which the state is due, and measures from there. As root all of it runs in a
network of its own; without, the cuts and the full disk are skipped. CASES=killed,cut in the environment
runs only these, and STATES_FILE=path keeps what was measured: a case that is kept there is not run again.
"""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.proof.stage import (
    RISE_S,
    Seen,
    Stage,
    fill,
    may_cut,
    own_network,
    recorded,
    running_stage,
    small_disk,
)
from tests.whole.outside import free_port, get, until
from vedette.devnet import addon
from vedette.devnet.demo import Plan
from vedette.devnet.keys import ValidatorKeys, pos_key_file
from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions

pytestmark = [pytest.mark.proof, pytest.mark.real]

WITHIN_S = 15.0
EARLY_S = 2.0  # shown for longer than this, it was shown before: a state that lasted
MINER, OBSERVER, VICTIM, FILLING = range(4)
TERM = 120
"""The longest absence is 140 s, more than a devnet with terms of 60 forgives: see DevnetOptions."""
PAST_FIRST_EPOCHS = TERM + 2  # before that nobody may be away: see DevnetOptions.must_return_before
STILL_POS_S, STILL_POW_S = 15.0, 120.0
UNSIGNED = 10
DISK_MIB = 600
STATES_FILE = Path(os.environ["STATES_FILE"]) if "STATES_FILE" in os.environ else None
ONLY = [name for name in os.environ.get("CASES", "").split(",") if name]

LAYERS = ("execution", "pow", "pos", "validator")
CHAIN = LAYERS[:3]
WELL = {"execution": "execution_near", "pow": "pow_near", "pos": "pos_near", "validator": "signing"}


@dataclass(frozen=True)
class Due:
    """What a node's layers must show from this moment on."""

    what: str
    node: int
    layers: dict[str, Seen]


@dataclass(frozen=True)
class Row:
    case: str
    layer: str
    state: str
    reason: str
    seconds: float


def all_are(layers: tuple[str, ...], state: str, reason: str) -> dict[str, Seen]:
    return dict.fromkeys(layers, (state, reason))


def well(*layers: str) -> dict[str, Seen]:
    return {layer: ("healthy", WELL[layer]) for layer in layers}


def back(stage: Stage, index: int) -> Generator[Due, None, None]:
    """From the moment at which the node is where the others are, and signs."""
    stage.wait_near(index)
    yield Due("back", index, well(*CHAIN))
    stage.wait_signed(index)
    yield Due("signs again", index, well("validator"))


def killed(stage: Stage) -> Generator[Due, None, None]:
    stage.net.kill(VICTIM)
    yield Due("killed", VICTIM, all_are(LAYERS, "down", "process_gone"))
    stage.start(VICTIM)
    yield from back(stage, VICTIM)


def restarted(stage: Stage) -> Generator[Due, None, None]:
    stage.net.stop(VICTIM)
    yield Due("stopped by plan", VICTIM, all_are(LAYERS, "down", "planned_stop"))
    stage.start(VICTIM)
    yield from back(stage, VICTIM)


def frozen(stage: Stage) -> Generator[Due, None, None]:
    """Continued, a 3.0.2 is a true zombie: its network's thread panics on the interrupted call."""
    stage.signal(VICTIM, signal.SIGSTOP)
    try:
        yield Due("SIGSTOP", VICTIM, all_are(CHAIN, "unknown", "rpc_silent"))
        stage.wait_unsigned(VICTIM, UNSIGNED)
        yield Due("SIGSTOP, 10 blocks", VICTIM, all_are(("validator",), "stalled", "not_signing"))
        stage.wait_unsigned(VICTIM, round(STILL_POS_S) + 5)
    finally:
        stage.signal(VICTIM, signal.SIGCONT)
    until(lambda: stage.height(VICTIM), 30, "an answer after SIGCONT")
    stage.wait_still(
        lambda: stage.height(VICTIM), STILL_POS_S
    )  # what it had received already lets it rise once
    zombie = {"pos": ("zombie", "pos_still"), "validator": ("zombie", "voting_not_signing")}
    yield Due("SIGCONT", VICTIM, zombie)
    stage.net.kill(VICTIM)
    stage.start(VICTIM)
    yield from back(stage, VICTIM)


def voting_stopped(stage: Stage) -> Generator[Due, None, None]:
    guard = stage.net.node(VICTIM).dir / "pos_db" / "secure_storage.json"
    stage.raw(VICTIM, "test_posStopVoting")
    stage.wait_unsigned(VICTIM, UNSIGNED)
    yield Due("stop_voting, 10 blocks", VICTIM, all_are(("validator",), "stalled", "voting_off"))
    stage.raw(VICTIM, "test_posStartVoting", True)
    yield Due("start_voting --initialize", VICTIM, all_are(("validator",), "zombie", "voting_without_guard"))
    time.sleep(20)  # and not one signature follows: it stays so
    assert stage.unsigned(VICTIM) > UNSIGNED
    yield Due("... 20 s later", VICTIM, all_are(("validator",), "zombie", "voting_without_guard"))
    stage.raw(VICTIM, "test_posStopVoting") if guard.exists() else None
    shutil.copy(guard.with_name(f"{guard.name}.save"), guard)
    stage.raw(VICTIM, "test_posStartVoting", False)
    stage.wait_signed(VICTIM)
    yield Due("its guard given back", VICTIM, well("validator"))


def rpc_off(stage: Stage) -> Generator[Due, None, None]:
    node = stage.net.node(VICTIM)
    config = node.dir / "config.toml"
    before = config.read_text()
    stage.net.kill(VICTIM)
    other = re.sub(r"(?m)^(jsonrpc_local_http_port) = .*$", rf"\1 = {free_port()}", before)
    assert other != before
    config.write_text(other)
    try:
        stage.start_blind(VICTIM)
        stage.wait_signed(VICTIM)
        yield Due("RPC off", VICTIM, all_are(CHAIN, "unknown", "rpc_silent") | well("validator"))
    finally:
        config.write_text(before)
    stage.net.kill(VICTIM)
    stage.start(VICTIM)
    yield from back(stage, VICTIM)


def wrong_key(stage: Stage) -> Generator[Due, None, None]:
    key = stage.net.node(VICTIM).dir / "pos_key"
    before = key.read_bytes()
    stage.net.kill(VICTIM)
    key.write_bytes(pos_key_file(ValidatorKeys.from_seed("somebody else")))
    try:
        stage.start(VICTIM)
        stage.wait_near(VICTIM)
        yield Due("wrong key file", VICTIM, well(*CHAIN) | {"validator": ("stalled", "other_address")})
    finally:
        stage.net.kill(VICTIM)
        key.write_bytes(before)
    stage.start(VICTIM)
    yield from back(stage, VICTIM)


def miner_stopped(stage: Stage) -> Generator[Due, None, None]:
    """Node 0 makes all PoW blocks; PoS goes on without it."""
    stage.net.kill(MINER)
    try:
        stage.wait_still(lambda: stage.epoch(OBSERVER), STILL_POW_S)
        yield Due("no PoW blocks, 120 s", VICTIM, {"pow": ("stalled", "network_still")} | well("pos"))
    finally:
        stage.start(MINER)
    began = stage.epoch(OBSERVER)
    until(lambda: stage.epoch(OBSERVER) > began, RISE_S, "another PoW block")
    yield from back(stage, VICTIM)


def cut(stage: Stage) -> Generator[Due, None, None]:
    with stage.cut(VICTIM):
        time.sleep(1)  # what was on its way has come
        epoch = stage.epoch(VICTIM), time.monotonic()
        stage.wait_still(lambda: stage.height(VICTIM), STILL_POS_S)
        yield Due("cut, PoS 15 s", VICTIM, {"pos": ("zombie", "pos_still")})
        stage.wait_unsigned(VICTIM, UNSIGNED)
        yield Due("cut, 10 blocks", VICTIM, {"validator": ("zombie", "voting_not_signing")})
        stage.wait_still(lambda: stage.epoch(VICTIM), STILL_POW_S, epoch)
        yield Due("cut, PoW 120 s", VICTIM, {"pow": ("zombie", "pow_still")})
    yield from back(stage, VICTIM)


def machine_cut(stage: Stage) -> Generator[Due, None, None]:
    """The agent's machine too: nobody knows, and nobody is accused."""
    with stage.cut(VICTIM, agent_too=True):
        node_url = stage.watchers[VICTIM].url
        until(lambda: is_silent(node_url), 90, "the agent due")
        yield Due("machine cut, agent due", VICTIM, all_are(LAYERS, "unknown", "agent_silent"))
    yield from back(stage, VICTIM)


def is_silent(url: str) -> bool:

    return bool(get(url)["due_at_ms"] < time.time() * 1000)


def disk_full(stage: Stage) -> Generator[Due, None, None]:
    filler = fill(stage.net.node(FILLING).dir)
    try:
        stage.wait_gone(FILLING, 120)
        yield Due("disk full, process ended", FILLING, all_are(LAYERS, "down", "process_gone"))
    finally:
        filler.unlink()
    stage.start(FILLING)
    yield from back(stage, FILLING)


CASES: dict[str, Callable[[Stage], Generator[Due, None, None]]] = {
    case.__name__: case
    for case in (
        killed, restarted, frozen, voting_stopped, rpc_off,
        wrong_key, machine_cut, disk_full, cut, miner_stopped,
    )
}  # fmt: skip
CUTTING = {"cut", "machine_cut", "disk_full"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("states")
    addon.addon(lambda _: None)  # brought before there is no network
    with own_network():
        net = Devnet.create(folder / "devnet", DevnetOptions(seed="states", term_rounds=TERM))
        plan = Plan(folder, free_port(), None, None, None)
        roles = {"victim": VICTIM, "observer": OBSERVER, "filling": FILLING}
        with small_disk(net.node(FILLING).dir, DISK_MIB), running_stage(net, plan, **roles) as stage:
            net.wait_committed(PAST_FIRST_EPOCHS, 400)
            yield stage


@pytest.fixture(scope="module")
def table() -> Iterator[list[Row]]:
    rows = [Row(**row) for kept in recorded(STATES_FILE).values() for row in kept]
    yield rows
    print("\n| case | layer | state | reason | seconds after the threshold |\n|---|---|---|---|---|")
    for row in rows:
        seconds = "before" if row.seconds < -EARLY_S else f"{row.seconds:.1f}"
        print(f"| {row.case} | {row.layer} | {row.state} | {row.reason} | {seconds} |")


@pytest.mark.parametrize("name", CASES)
def test_a_state_is_shown_in_time(name: str, table: list[Row], request: pytest.FixtureRequest) -> None:
    if ONLY and name not in ONLY:
        pytest.skip("not among CASES")
    if name in recorded(STATES_FILE):
        pytest.skip("measured already")
    if name in CUTTING and not may_cut():
        pytest.skip("only root may make a file system and cut a network, and not in every container")
    stage: Stage = request.getfixturevalue("stage")
    stage.whole_again(VICTIM)
    for index in range(4):
        stage.all_well(index)
    with closing(CASES[name](stage)) as dues:  # whatever goes wrong, the wound is healed before the next case
        rows = [row for due in dues for row in measured(stage, due)]
    table += rows
    assert [row for row in rows if row.seconds > WITHIN_S] == []
    if STATES_FILE is not None:
        with STATES_FILE.open("a") as file:
            file.write(json.dumps({"case": name, "rows": [asdict(row) for row in rows]}) + "\n")


def test_every_node_tells_the_pivot_blocks_that_the_chain_has(request: pytest.FixtureRequest) -> None:
    if ONLY:
        pytest.skip("only CASES")
    stage: Stage = request.getfixturevalue("stage")
    for watcher in stage.watchers.values():
        url, now_ms = watcher.url, int(time.time() * 1000)
        told = get(f"{url}/states?names=pow.pivots&from_ms={now_ms - 300_000}&to_ms={now_ms}")
        newest = [words for _, words in told["states"]["pow.pivots"] if words][-1]
        blocks = [word.split(":") for word in newest.split()]
        assert len(blocks) == 2
        for epoch, shown in blocks:
            block = stage.raw(OBSERVER, "cfx_getBlockByEpochNumber", hex(int(epoch)), False)
            assert block["hash"].startswith(shown)


def measured(stage: Stage, due: Due) -> list[Row]:
    """One row a layer: how long after now it shows what is due, and has since."""
    now, watcher = time.monotonic(), stage.watchers[due.node]

    def shown() -> bool:
        return all(watcher.shows(layer, seen) is not None for layer, seen in due.layers.items())

    try:
        until(shown, 2 * WITHIN_S, f"{due.what}: {due.layers}")
    except AssertionError as error:
        raise AssertionError(f"{error}; shown: {watcher.since}") from error
    print(f"{due.what}: {[(layer, *watcher.since[layer][0]) for layer in due.layers]}", flush=True)
    return [
        Row(due.what, layer, *seen, round((watcher.shows(layer, seen) or now) - now, 1))
        for layer, seen in due.layers.items()
    ]
