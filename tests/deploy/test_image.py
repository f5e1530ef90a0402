"""The image's recipe and deploy/compose.yaml: bounds, roles, secrets. `make image-test` runs them."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from vedette.agent.enroll import KEY
from vedette.cli import app
from vedette.server.settings import DEFAULT_PORT, load

ROOT = Path(__file__).parents[2]
HEALTHY = ROOT / "deploy/healthy.py"
RECIPE = (ROOT / "deploy/Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def instruction(name: str) -> list[str]:
    """The values of the last stage's instructions of that name."""
    last = RECIPE.rpartition("\nFROM ")[2]
    return [line.partition(" ")[2] for line in last.splitlines() if line.startswith(f"{name} ")]


def test_the_image_is_nobodys_root_and_has_a_health_check() -> None:
    assert instruction("USER") == ["10001:10001"]
    assert json.loads(instruction("ENTRYPOINT")[0]) == ["vedette"]
    assert json.loads(instruction("CMD")[0])[0] == "serve"
    assert instruction("EXPOSE") == [str(DEFAULT_PORT)]
    (check,) = instruction("HEALTHCHECK")
    assert check.endswith('["vedette-healthy"]')


def test_everything_in_the_image_is_pinned() -> None:
    installs = [line for line in RECIPE.splitlines() if re.search(r"pip (install|wheel)", line)]
    assert len(installs) == 4
    for line in installs:
        assert "--require-hashes" in line or "--no-deps" in line, line


def test_what_the_recipe_copies_is_not_left_out_of_its_context() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", RECIPE, re.MULTILINE)
    names = {name.rstrip("/") for line in copied for name in line.split()}
    assert names == kept
    assert all((ROOT / name).exists() for name in names)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "restart"} <= service.keys()
    assert "privileged" not in service
    assert "cap_add" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_runs_a_command_that_is_there(name: str) -> None:
    function, bound, _ = app.parse_args(SERVICES[name]["command"], exit_on_error=False, print_error=False)
    assert function.__module__ == {"server": "vedette.server", "agent": "vedette.agent"}[name] + ".commands"
    assert bound.arguments


def test_the_agent_shares_the_nodes_namespaces_and_opens_no_port() -> None:
    agent = SERVICES["agent"]
    assert agent["network_mode"] == agent["pid"] == "container:${NODE_CONTAINER:-conflux}"
    assert agent["volumes_from"] == ["container:${NODE_CONTAINER:-conflux}:ro"]
    assert "ports" not in agent


def test_the_servers_port_is_for_this_machine_and_its_secrets_are_files(tmp_path: Path) -> None:
    server = SERVICES["server"]
    assert server["ports"] == [f"127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}"]
    environment = dict(server["environment"])
    for name in server["secrets"]:
        (tmp_path / name).write_text(f"{name}-that-is-long-enough\n")
        variable = f"VEDETTE_{name.upper()}_FILE"
        assert environment[variable] == f"/run/secrets/{name}"
        environment[variable] = str(tmp_path / name)
        assert COMPOSE["secrets"][name] == {"file": f"./secrets/{name}"}
    (tmp_path / "server.toml").write_text("")
    settings = load(tmp_path / "server.toml", environment)
    assert settings.ingest_token == "ingest_token-that-is-long-enough"
    assert settings.read_token == "read_token-that-is-long-enough"
    assert settings.database == "/var/lib/vedette/vedette.db"


def healthy(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(HEALTHY), *words], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


class Answers(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_is_healthy_while_it_answers() -> None:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert healthy(f"{url}/healthz") == (0, "healthy")
        assert healthy(f"{url}/else") == (
            1,
            f"{url}/else does not answer: HTTP Error 503: Service Unavailable",
        )
        server.shutdown()
    status, line = healthy(f"{url}/healthz")
    assert (status, "refused" in line) == (1, True)


def test_an_agent_is_healthy_while_it_queues(tmp_path: Path) -> None:
    assert healthy(str(tmp_path)) == (1, f"{tmp_path} holds no queue yet: the agent has not run")
    spool = tmp_path / "spool.db-wal"
    spool.touch()
    assert healthy(str(tmp_path)) == (0, "healthy")
    os.utime(spool, (1_700_000_000, 1_700_000_000))
    status, line = healthy(str(tmp_path))
    assert (status, "nothing was queued for" in line) == (1, True)


def test_the_health_check_knows_where_agents_and_servers_live() -> None:
    spec = importlib.util.spec_from_file_location("healthy", HEALTHY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert SERVICES["agent"]["command"][-1] == str(module.FOLDER)
    assert f":{DEFAULT_PORT}/" in module.URL
    assert f'"{KEY}"' in HEALTHY.read_text()
