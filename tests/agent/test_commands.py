"""What an operator types, and the small files an agent keeps."""

import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.agent.conftest import Scene
from vedette.agent import memory, planned
from vedette.agent.commands import app
from vedette.agent.config import checked
from vedette.agent.identity import load_identity
from vedette.agent.memory import Memory
from vedette.agent.troubles import Troubles
from vedette.model.errors import SettingError

NOW_MS = 1_795_000_000_000


def settings(**changes: Any) -> dict[str, Any]:
    return {
        "server": "https://watch.example.org",
        "node": "http://127.0.0.1:12539",
        "name": "alice",
        "folder": Path("agent"),
        "token_file": None,
        "interval_s": 5.0,
        "planned_stop_file": None,
        "disk": Path("/"),
        "role": "full",
        "insecure_http": False,
    } | changes


def test_settings_become_absolute_and_whole() -> None:
    made = checked(**settings())
    assert made.interval_ms == 5_000
    assert made.planned_stop_file == str(Path.cwd() / "agent" / "planned-stop.json")


def test_all_wrong_settings_are_named_at_once() -> None:
    wrong = settings(
        server="watch.example.org",
        node="12539",
        name="",
        token_file=Path("/no/such/token"),
        interval_s=0.2,
        disk=Path("/no/such/disk"),
        config=Path("/no/such/hydra.toml"),
        metrics="127.0.0.1:9000",
        pos_address="0x1234",
    )
    with pytest.raises(SettingError) as caught:
        checked(**wrong)
    named = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert named == [
        "--node",
        "--server",
        "--name",
        "--token-file",
        "--disk",
        "--config",
        "--metrics",
        "--pos-address",
        "--interval",
    ]


def test_a_pos_address_is_compared_in_lower_case() -> None:
    assert checked(**settings(pos_address="0x" + "AB" * 32)).pos_address == "0x" + "ab" * 32


@pytest.mark.parametrize(
    "server, allowed, right",
    [
        ("http://127.0.0.1:8700", False, True),
        ("http://localhost:8700", False, True),
        ("http://watch.example.org", False, False),
        ("http://watch.example.org", True, True),
        ("https://watch.example.org", False, True),
    ],
)
def test_plain_http_leaves_the_machine_only_by_word(server: str, allowed: bool, right: bool) -> None:
    if right:
        assert checked(**settings(server=server, insecure_http=allowed)).server == server
    else:
        with pytest.raises(SettingError, match="--insecure-http"):
            checked(**settings(server=server, insecure_http=allowed))


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    made = load_identity(tmp_path / "agent.key")
    assert stat.S_IMODE((tmp_path / "agent.key").stat().st_mode) == 0o600
    again = load_identity(tmp_path / "agent.key")
    assert (again.agent, again.public_key_hex) == (made.agent, made.public_key_hex)
    assert len(made.agent) == 32


def test_a_key_that_others_may_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"
    load_identity(path)
    path.chmod(0o644)
    with pytest.raises(SettingError, match="chmod 600"):
        load_identity(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(SettingError, match="not an agent's key"):
        load_identity(path)


def test_a_planned_stop_is_written_and_withdrawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "planned-stop.json"
    app(
        ["planned-stop", "--dir", str(tmp_path), "--minutes", "10", "--why", "upgrade"],
        result_action="return_value",
    )
    written = json.loads(path.read_text())
    assert written["why"] == "upgrade"
    assert abs(written["until_ms"] - time.time() * 1000 - 600_000) < 5_000
    app(["planned-stop", "--dir", str(tmp_path), "--clear"], result_action="return_value")
    assert not path.exists()
    assert "announced for 10 minutes" in capsys.readouterr().out


@pytest.mark.parametrize("minutes", ["0", "-1", "100000", "nan"])
def test_a_planned_stop_has_an_end(tmp_path: Path, minutes: str) -> None:
    with pytest.raises(SettingError, match="--minutes"):
        app(["planned-stop", "--dir", str(tmp_path), f"--minutes={minutes}"], result_action="return_value")


@pytest.mark.parametrize(
    "content, until_ms",
    [
        (None, None),
        (b'{"until_ms": 1795000000001, "why": ""}', NOW_MS + 1),
        (b'{"until_ms": 1795000000001}', NOW_MS + 1),
        (b'{"until_ms": 1795000000000}', None),
        (b'{"until_ms": "soon"}', None),
        (b'{"until_ms": 1e300}', None),
        (b"[" * 4_000, None),
        (b"x" * 5_000, None),
        (b"", None),
    ],
)
def test_only_a_whole_file_with_a_time_ahead_plans_a_stop(
    tmp_path: Path, content: bytes | None, until_ms: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "planned-stop.json"
    if content is not None:
        path.write_bytes(content)
    troubles = Troubles()
    for _ in range(3):
        assert planned.planned_until_ms(path, NOW_MS, troubles) == until_ms
    assert len(caplog.records) <= 1


def test_a_pipe_in_place_of_the_file_does_not_hang_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "planned-stop.json")
    assert planned.planned_until_ms(tmp_path / "planned-stop.json", NOW_MS, Troubles()) is None


def test_a_withdrawn_plan_stands_until_the_returned_node_was_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "planned-stop.json"
    plan = planned.Plan(path, Troubles())
    assert plan.until_ms(NOW_MS) is None
    planned.announce(path, planned.PlannedStop(NOW_MS + 60_000))
    assert plan.until_ms(NOW_MS) == NOW_MS + 60_000
    planned.withdraw(path)
    noticed_ms = NOW_MS + 5_000  # posts are that far apart
    assert plan.until_ms(noticed_ms) == NOW_MS + 60_000
    assert plan.until_ms(noticed_ms + planned.WITHDRAWAL_MS - 1) == NOW_MS + 60_000
    assert plan.until_ms(noticed_ms + planned.WITHDRAWAL_MS) is None
    assert plan.until_ms(NOW_MS) is None, "and does not come back"


def test_memory_outlives_the_agent_but_not_a_change_of_node(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "known.json"
    first = Memory(path, "http://127.0.0.1:1", Troubles())
    first.keep(died_at_ms=NOW_MS, enrolled=("https://watch.example.org", "alice"))
    first.keep_facts({"node.pos_address": "0x1"})
    assert Memory(path, "http://127.0.0.1:1", Troubles()).known == first.known
    other = Memory(path, "http://127.0.0.1:2", Troubles()).known
    assert (other.died_at_ms, other.facts) == (None, {})
    assert other.enrolled == first.known.enrolled
    first.keep_facts({"node.pos_address": "0x2"})
    assert "node.pos_address was 0x1 and is now 0x2" in caplog.text


def test_facts_learnt_at_the_same_moment_are_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Memory(tmp_path / "known.json", "http://127.0.0.1:1", Troubles())
    replace = msgspec.structs.replace

    def replace_slowly(known: Any, **changes: Any) -> Any:
        time.sleep(0.02)
        return replace(known, **changes)

    monkeypatch.setattr("msgspec.structs.replace", replace_slowly)
    threads = [threading.Thread(target=made.keep_facts, args=({f"a.b{n}": "c"},)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made.known.facts) == 8


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"facts": 7}', b"x" * (memory.BYTES_MAX + 1)])
def test_a_spoilt_memory_is_begun_anew(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "known.json"
    path.write_bytes(content)
    assert Memory(path, "http://127.0.0.1:1", Troubles()).known.facts == {}
    assert "begun anew" in caplog.text


def test_the_command_becomes_the_agent_without_the_command_line(scene: Scene) -> None:
    made = scene.settings
    command = [
        *(sys.executable, "-m", "vedette.cli", "agent", "run", "--interval", "1"),
        *("--server", made.server, "--node", made.node, "--name", made.name, "--dir", made.dir),
        *("--token-file", made.token_file or ""),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            scene.server.wait_for(lambda envelope: bool(envelope.reports), within_s=20)
            arguments = Path(f"/proc/{child.pid}/cmdline").read_bytes()
            child.terminate()
            _, errors = child.communicate(timeout=10)
        finally:
            child.kill()
    assert b"vedette.agent" in arguments
    assert child.returncode == 0
    assert "a-token" not in errors + arguments.decode()


def test_the_agent_alone_imports_neither_the_command_line_nor_asyncio() -> None:
    code = "import sys, vedette.agent.agent; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"cyclopts", "rich", "asyncio", "aiohttp", "psutil"} & set(done.stdout.split())
