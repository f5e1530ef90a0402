"""What the node's process and its files tell, on the recorded files of a real node."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.stand_ins import StubNode, serving
from vedette.agent.node_process import Watch, listening_addresses
from vedette.agent.place import Finder, Place, config_of, files_at, place_of, scalars
from vedette.agent.probes import config, exposure, guard
from vedette.conflux.wire import Unreachable
from vedette.model.view import ProcessState

TAPES = Path(__file__).parents[1] / "tapes/node_files"
SECRETS = ("correct horse", "battery staple", "0f4f419e7c0cdc5b")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a node: its files as recorded, with a guard."""
    home = tmp_path / "node0"
    shutil.copytree(TAPES, home)
    (home / "pos_db").mkdir()
    (home / "secure_storage.json").rename(home / "pos_db/secure_storage.json")
    return home


@pytest.fixture
def process(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process as start.sh makes it: in the node's folder, its stderr in a file."""
    (home / "conflux.py").write_text("import sys; print('ready', flush=True); sys.stdin.read()")
    command = [sys.executable, "conflux.py", "--config", "config.toml"]
    with (home / "stderr.txt").open("wb") as stderr:
        child = subprocess.Popen(
            command, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def finder_of(
    watch: Watch,
    given: Path | None = None,
    known: Place | None = None,
    keep: Callable[[Place], None] = lambda _: None,
) -> Finder:
    return Finder(lambda: watch, lambda: 0, given, known, keep)


def finder_at(home: Path) -> Finder:
    return finder_of(Watch(ProcessState.UNKNOWN), given=home / "config.toml")


@pytest.mark.parametrize(
    "words, found",
    [
        (["./conflux", "--config", "hydra.toml"], "hydra.toml"),
        (["./conflux", "-c", "/etc/x.toml", "--light"], "/etc/x.toml"),
        (["./conflux", "--config=run/a.toml"], "run/a.toml"),
        (["node", "runner.js", "addon.node", "/n/config.toml", "/n/log.yaml", "/n"], "/n/config.toml"),
        (["./conflux", "--config"], None),
        (["conflux.toml"], None),
        ([], None),
    ],
)
def test_a_command_line_names_the_configuration(words: list[str], found: str | None) -> None:
    assert config_of(words) == (None if found is None else Path(found))


def test_a_process_leads_to_all_its_files(home: Path, process: subprocess.Popen[bytes]) -> None:
    files = files_at(place_of(process.pid, None))
    assert files.config == home / "config.toml"
    assert files.data_dir == home / "blockchain_data"
    assert files.guard == home / "pos_db/secure_storage.json"
    assert files.pos_log == home / "pos.log"
    assert files.node_logs == (home / "conflux.log",)
    assert files.stderr == home / "stderr.txt"


def test_no_secret_of_the_configuration_is_kept(home: Path) -> None:
    assert all(secret in (home / "config.toml").read_text() for secret in SECRETS)
    finder = finder_at(home)
    everything = f"{finder.find()} {config.read(finder)} {vars(finder)}"
    assert [secret for secret in SECRETS if secret in everything] == []


def test_a_configuration_that_is_no_toml_is_named_and_not_quoted(home: Path) -> None:
    (home / "config.toml").write_text('password = "correct horse\nx')
    with pytest.raises(OSError, match=r"config.toml is no TOML$"):
        finder_at(home).find()


def test_the_configuration_is_told(home: Path) -> None:
    assert config.read(finder_at(home)).states == {
        "node.config.file": str(home / "config.toml"),
        "node.config.node_type": "full",
        "node.config.public_rpc_apis": "safe,pos",
        "node.config.public_evm_rpc_apis": "evm",
        "node.config.started_as_voter": "true",
        "node.config.ports": "peers 27108, http 27109, ws 27110, eSpace http 27113, eSpace ws 27114, "
        "local http 27111, local ws 27112",
        "node.config.data_dir": str(home / "blockchain_data"),
        "node.config.pos_dir": str(home / "pos_db"),
        "node.config.pos_log": str(home / "pos.log"),
    }


def test_a_sparse_configuration_means_the_nodes_own_defaults(tmp_path: Path) -> None:
    (tmp_path / "hydra.toml").write_text(
        'pos_started_as_voter = false\nnode_type = "archive"\ntcp_port = "x"'
    )
    told = config.read(finder_of(Watch(ProcessState.UNKNOWN), given=tmp_path / "hydra.toml")).states
    assert told["node.config.started_as_voter"] == "false"
    assert told["node.config.node_type"] == "archive"
    assert told["node.config.public_rpc_apis"] == "safe"
    assert told["node.config.ports"] == "none"
    assert told["node.config.pos_dir"] == str(tmp_path / "pos_db")


def test_the_plain_values_of_yaml_as_operators_write_it() -> None:
    text = (
        "base:\n  #data_dir: ./old\n  data_dir: './pos_db'  # here\n  waypoint:\n    from_config: 0:6b\n"
        'logger:\n  file: "./log/pos.log"\n- odd\nappenders:\n  logfile:\n    path: log/conflux.log\n'
    )
    assert scalars(text) == {
        "base.data_dir": "./pos_db",
        "base.waypoint.from_config": "0:6b",
        "logger.file": "./log/pos.log",
        "appenders.logfile.path": "log/conflux.log",
    }


@given(st.text())
def test_any_text_is_read_as_yaml_without_an_accident(text: str) -> None:
    assert all(isinstance(value, str) for value in scalars(text).values())


def test_files_are_known_after_the_death_of_the_node_and_our_restart(
    home: Path, process: subprocess.Popen[bytes]
) -> None:
    kept: list[Place] = []
    finder_of(Watch(ProcessState.RUNNING, pid=process.pid), keep=kept.append).find()
    gone = finder_of(Watch(ProcessState.GONE, died_at_ms=1), known=kept[0])
    files = gone.find()
    assert files is not None
    assert files.config == home / "config.toml"


def test_a_node_elsewhere_has_no_files_and_that_is_no_failure() -> None:
    finder = finder_of(Watch(ProcessState.UNKNOWN))
    assert finder.find() is None
    assert config.read(finder).states == {}
    assert guard.read(finder).states == {}
    assert exposure.read(finder, 1.0).states == {}


def test_a_process_that_cannot_be_seen_is_one_failure() -> None:
    finder = finder_of(Watch(ProcessState.UNKNOWN, reason="run the agent as its user"))
    with pytest.raises(OSError, match="run the agent as its user"):
        config.read(finder)
    assert guard.read(finder).states == {}


# --- the guard


def test_the_recorded_guard_is_read(home: Path) -> None:
    reading = guard.read(finder_at(home), lambda: 1_795_928_702.0)
    assert reading.numbers == {
        "guard.epoch": 1,
        "guard.last_voted_round": 16,
        "guard.preferred_round": 14,
        "guard.age_seconds": 8,
    }
    assert reading.states == {
        "guard.file": "present",
        "guard.saved_file": "absent",
        "guard.owner_address": "0x679eec2ef19aa8e30ff308147c9c37212057d16cb607160537b72551cb6fee90",
    }


def test_a_node_that_stopped_voting_has_only_the_saved_guard(home: Path) -> None:
    guard_file = home / "pos_db/secure_storage.json"
    guard_file.rename(f"{guard_file}.save")
    assert guard.read(finder_at(home)).states == {"guard.file": "absent", "guard.saved_file": "present"}


def test_a_guard_that_is_no_json_is_a_failure_in_words(home: Path) -> None:
    (home / "pos_db/secure_storage.json").write_bytes(b"\0\xff half a fi")
    with pytest.raises(OSError, match="the guard file is no JSON"):
        guard.read(finder_at(home))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["safety_data", "value", "epoch", "last_update", "owner_account"]), inner
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_a_guard_of_any_content_is_read_totally(content: Any) -> None:
    try:
        numbers, states = guard.guard(json.dumps(content).encode(), 0.0)
    except OSError:  # NaN is no JSON
        return
    assert all(type(number) is int for number in numbers.values())
    assert all(len(word) == 66 for word in states.values())


# --- exposure


def set_port(home: Path, key: str, port: int) -> None:
    text = (home / "config.toml").read_text()
    (home / "config.toml").write_text(re.sub(rf"(?m)^{key} = .*", f"{key} = {port}", text))


def exposed(home: Path, stub: StubNode) -> tuple[Any, Any]:
    with serving(stub.respond) as server:
        set_port(home, "jsonrpc_http_port", server.server_port)
        reading = exposure.read(finder_at(home), 1.0)
    return reading.numbers["node.exposed_count"], reading.states["node.exposed"]


def test_a_public_port_that_knows_no_local_method_exposes_nothing(home: Path) -> None:
    stub = StubNode()
    for method in ("debug_currentSyncPhase", "test_posVotingStatus"):
        del stub.results[method]
    assert exposed(home, stub) == (0, "nothing")
    assert set(stub.asked) == {
        "debug_currentSyncPhase",
        "test_posVotingStatus",
        "current_sync_phase",
        "pos_voting_status",
    }


def test_a_public_port_that_answers_is_told_by_group(home: Path) -> None:
    assert exposed(home, StubNode()) == (2, "debug, test")
    stub = StubNode()
    del stub.results["debug_currentSyncPhase"]
    assert exposed(home, stub) == (1, "test")


def test_an_old_node_is_found_exposed_under_its_old_names(home: Path) -> None:
    stub = StubNode()
    for new, old in (("debug_currentSyncPhase", "current_sync_phase"), ("test_posVotingStatus", "x")):
        stub.results[old] = stub.results.pop(new)
    assert exposed(home, stub) == (1, "debug")


def test_a_public_port_that_does_not_answer_proves_nothing(home: Path) -> None:
    set_port(home, "jsonrpc_http_port", 9)
    with pytest.raises(Unreachable):
        exposure.read(finder_at(home), 1.0)


def test_a_local_port_that_is_open_to_all_is_exposed(home: Path) -> None:
    code = (
        "import socket,sys; s = socket.create_server(('0.0.0.0', 0)); print(s.getsockname()[1], flush=True);"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        assert [str(address) for address in listening_addresses(port)] == ["0.0.0.0"]
        set_port(home, "jsonrpc_local_http_port", port)
        assert exposed(home, StubNode()) == (3, "debug, test, local port")
        child.kill()


def test_this_process_is_seen_through_proc() -> None:
    place = place_of(os.getpid(), Path("x.toml"))
    assert place.folder == Path.cwd()
    assert place.config == Path.cwd() / "x.toml"
