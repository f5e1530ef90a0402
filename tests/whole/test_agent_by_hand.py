"""As an operator does it: enrol beside a real node, at a real server; check, run, and check after a kill."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.whole.conftest import running_devnet
from tests.whole.outside import free_port, get, until, vedette
from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions

pytestmark = [pytest.mark.real, pytest.mark.slow]

TOKEN = "enrol-me-enrol-me-enrol-me"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    yield from running_devnet(
        tmp_path_factory.mktemp("by-hand") / "net", DevnetOptions(nodes=2, round_ms=500)
    )


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "vedette.cli", *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            yield child
        finally:
            child.terminate()


def checked(folder: Path) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "vedette.cli", "agent", "check", "--json", "--dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {each["what"]: each for each in json.loads(done.stdout)}
    assert done.returncode == any(each["state"] == "failed" for each in found.values())
    return found


def states(found: dict[str, dict[str, Any]], *of: str) -> set[str]:
    return {what for what, each in found.items() if each["state"] in of}


def test_an_operator_enrols_checks_runs_and_sees_a_death(net: Devnet, tmp_path: Path) -> None:
    node = net.nodes[1]
    port = free_port()
    config = tmp_path / "server.toml"
    config.write_text(
        f'database = "{tmp_path}/v.db"\ningest_token = "{TOKEN}"\n[server]\nport = {port}\n'
        f'[[endpoints]]\nname = "own"\nurl = "{net.nodes[0].urls.public}"\n'
    )
    url, folder = f"http://127.0.0.1:{port}", tmp_path / "agent"
    with running("serve", "--config", str(config)):
        until(lambda: get(f"{url}/api/v1/nodes") is not None, 90, "the server answers")
        assert "enrolled at" in vedette(
            *("agent", "enroll", url, TOKEN, "--name", "n1", "--dir", str(folder), "--node", node.urls.local)
        )
        (before,) = get(f"{url}/api/v1/nodes")["nodes"]
        found = checked(folder)
        assert states(found, "warning", "failed") == set()
        assert len(found) > 16
        (after,) = get(f"{url}/api/v1/nodes")["nodes"]
        assert (before["name"], before["heard_at_ms"]) == ("n1", after["heard_at_ms"])  # no sign of life
        with running("agent", "run", "--dir", str(folder)):
            until(lambda: "an agent runs" in checked(folder)["agent folder"]["told"], 20, "the agent runs")
            net.kill(1)
            found = checked(folder)
    assert {"node RPC", "node process", "config file"} <= states(found, "failed")
    assert "nothing listens" in found["node process"]["told"]
    assert found["enrolment"]["state"] == "ok"
