"""`vedette agent check` between a node and a server: each fault is one line that says how to mend it."""

import datetime as dt
import ipaddress
import json
import os
import ssl
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.agent.conftest import Scene
from tests.agent.stand_ins import TOKEN, Canned, Server, StubNode, serving
from vedette.agent.checks.all import findings
from vedette.agent.checks.finding import State
from vedette.agent.checks.server import certificate
from vedette.agent.commands import app
from vedette.agent.enroll import enrol
from vedette.agent.options import NOTHING, Options, write_options
from vedette.agent.trust import Trust

GUARD = {"safety_data": {"value": {"epoch": 3, "last_voted_round": 26, "preferred_round": 25}}}


@dataclass
class Ready:
    """An enrolled agent beside a node whose public port is a stub of its own."""

    scene: Scene
    public: StubNode
    public_at: Server
    folder: Path
    home: Path

    def found(self, given: Options = NOTHING) -> dict[str, Any]:
        return {finding.what: finding for finding in findings(self.folder, given)}


@pytest.fixture
def ready(scene: Scene, tmp_path: Path) -> Iterator[Ready]:
    with ready_in(scene, tmp_path) as made:
        yield made


@contextmanager
def ready_in(scene: Scene, place: Path) -> Iterator[Ready]:
    public = StubNode()
    for method in ("debug_currentSyncPhase", "test_posVotingStatus"):
        del public.results[method]
    with serving(public.respond) as public_at:
        home = node_home(place / "node", public_at.server_port)
        folder = place / "enrolled"
        told = Options(
            server=scene.settings.server, name="alice", node=scene.settings.node, config=home / "hydra.toml"
        )
        enrol(folder, told, TOKEN)
        yield Ready(scene, public, public_at, folder, home)


def node_home(home: Path, port: int) -> Path:
    for folder in ("data", "pos_db", "log"):
        (home / folder).mkdir(parents=True)
    (home / "pos_db/secure_storage.json").write_text(json.dumps(GUARD))
    for log in ("conflux.log", "pos.log"):
        (home / "log" / log).write_text("")
    (home / "pos_config.yaml").write_text(
        f"base:\n  data_dir: {home}/pos_db\nlogger:\n  file: {home}/log/pos.log\n"
    )
    (home / "hydra.toml").write_text(
        f'jsonrpc_http_port = {port}\npublic_rpc_apis = "safe,pos"\nconflux_data_dir = "{home}/data"\n'
        f'log_file = "{home}/log/conflux.log"\npos_config_path = "{home}/pos_config.yaml"\n'
        'dev_pos_private_key_encryption_password = "correct horse"\n'
    )
    return home


def test_where_all_is_well_every_line_says_so_and_the_status_is_0(
    ready: Ready, capsys: pytest.CaptureFixture[str]
) -> None:
    posts = len(ready.scene.server.posts)
    app(["check", "--dir", str(ready.folder)], result_action="return_value")
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    whats = [line[9:23].strip() for line in lines]
    assert whats == [
        *("agent folder", "trusted keys", "disk room"),
        *("node RPC", "version", "pos group", "local methods", "public RPC"),
        *("node process", "config file", "data folder", "guard file", "node log", "pos log"),
        *("server", "enrolment", "clock", "TLS"),
    ]
    told = "\n".join(lines)
    assert "3.0.2, commit fd68efe of 2026-01-10" in told
    assert "height 163 committed" in told
    assert "last voted in round 26" in told
    assert f"pid {os.getpid()}" in told
    assert "correct horse" not in told
    (question,) = ready.scene.server.posts[posts:]
    assert (question.envelope.reports, question.envelope.live) == ([], None)


def test_the_command_ends_with_1_when_something_failed_and_speaks_json(ready: Ready) -> None:
    ready.scene.server.keys.clear()
    command = [sys.executable, "-m", "vedette.cli", "agent", "check", "--json", "--dir", str(ready.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert {tuple(each) for each in told} == {("what", "state", "told", "mend")}
    assert [each["what"] for each in told if each["state"] == "failed"] == ["enrolment"]
    (enrolment,) = [each for each in told if each["what"] == "enrolment"]
    assert "unknown agent" in enrolment["told"]
    assert "vedette agent enroll" in enrolment["mend"]


def test_a_check_writes_nothing(ready: Ready) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in ready.folder.iterdir()}
    ready.found()
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in ready.folder.iterdir()} == before


def test_a_check_beside_a_running_agent_says_that_it_runs(ready: Ready) -> None:
    ready.scene.start(dir=str(ready.folder))
    assert "an agent runs on it" in ready.found()["agent folder"].told


@pytest.mark.parametrize(
    "method, error, what, state, mend",
    [
        ("pos_getStatus", -32601, "pos group", State.FAILED, "jsonrpc_local_http_port"),
        ("pos_getStatus", -32016, "pos group", State.WARNING, "wait until"),
        ("debug_currentSyncPhase", -32601, "local methods", State.WARNING, "jsonrpc_local_http_port"),
        ("cfx_clientVersion", -32601, "node RPC", State.FAILED, "12539"),
    ],
)
def test_what_a_port_does_not_answer_is_named(
    ready: Ready, method: str, error: int, what: str, state: State, mend: str
) -> None:
    refused = {"jsonrpc": "2.0", "id": 1, "error": {"code": error, "message": "Pos not initialized!"}}
    answer = ready.scene.node.respond

    def respond(path: str, headers: dict[str, str], body: bytes) -> Canned:
        if json.loads(body)["method"] == method:
            return Canned(json.dumps(refused).encode())
        return answer(path, headers, body)

    ready.scene.node_at.respond = respond
    finding = ready.found()[what]
    assert finding.state is state
    assert mend in finding.mend


def test_a_node_that_is_down_is_one_cause_and_its_methods_are_no_lines(ready: Ready) -> None:
    found = ready.found(Options(node="http://127.0.0.1:9"))
    assert found["node RPC"].state is found["node process"].state is State.FAILED
    assert "nothing listens on port 9" in found["node process"].told
    assert "start the node" in found["node process"].mend
    assert not found.keys() & {"version", "pos group", "local methods"}
    assert found["data folder"].state is State.OK  # its configuration was given, so its files are still known


def test_a_node_elsewhere_is_seen_by_its_rpc_alone(ready: Ready) -> None:
    away = ready.scene.settings.node.replace("127.0.0.1", outer_address())
    found = ready.found(Options(node=away))
    assert found["node process"].state is State.WARNING
    assert "another machine" in found["node process"].told


def outer_address() -> str:
    """A name that is not plainly loopback, though it leads nowhere else."""
    return "127.0.0.1.nip.invalid"


def test_an_exposed_node_fails_aloud(ready: Ready) -> None:
    ready.public.results["test_posVotingStatus"] = True
    finding = ready.found()["public RPC"]
    assert finding.state is State.FAILED
    assert "strangers may call test" in finding.told
    assert 'public_rpc_apis = "safe"' in finding.mend


def test_files_that_are_missing_are_named_one_by_one(ready: Ready) -> None:
    for name in ("pos_db/secure_storage.json", "log/pos.log", "data"):
        path = ready.home / name
        path.rmdir() if path.is_dir() else path.unlink()
    found = ready.found()
    states = {what: found[what].state for what in ("data folder", "guard file", "node log", "pos log")}
    assert states == {
        "data folder": State.FAILED,
        "guard file": State.WARNING,
        "node log": State.OK,
        "pos log": State.WARNING,
    }
    (ready.home / "pos_db/secure_storage.json.save").write_text("{}")
    assert "voting was stopped" in ready.found()["guard file"].told


def test_a_guard_file_that_is_none_is_said(ready: Ready) -> None:
    (ready.home / "pos_db/secure_storage.json").write_text("{")
    finding = ready.found()["guard file"]
    assert (finding.state, "no JSON" in finding.told) == (State.FAILED, True)


def test_a_configuration_that_is_none_leaves_the_rest(ready: Ready) -> None:
    (ready.home / "hydra.toml").write_text("= correct horse")
    found = ready.found()
    assert found["config file"].state is State.FAILED
    assert found["config file"].told == f"{ready.home}/hydra.toml is no TOML"
    assert not found.keys() & {"data folder", "guard file", "public RPC"}
    assert found["node RPC"].state is State.OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_told_what_it_may_not_see(scene: Scene) -> None:
    with tempfile.TemporaryDirectory() as name, ready_in(scene, Path(name)) as ready:
        Path(name).chmod(0o755)
        for path in (ready.folder, *ready.folder.iterdir()):
            os.chown(path, 65_534, 65_534)
        (ready.home / "pos_db").chmod(0o700)
        (ready.home / "log/pos.log").chmod(0o600)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(ready.folder)], capture_output=True, text=True, check=False
        )
    found = {each["what"]: each for each in json.loads(done.stdout or done.stderr)}
    assert "run the agent as its user or as root" in found["node process"]["told"]
    assert "share the node's PID namespace" in found["node process"]["mend"]
    assert "cannot be read" in found["pos log"]["told"]
    assert found["guard file"]["state"] == "failed"
    assert found["enrolment"]["state"] == "ok"


AS_NOBODY = """
import os, sys
from pathlib import Path
import msgspec
from vedette.agent.checks.all import findings
from vedette.agent.options import NOTHING
list(findings(Path(sys.argv[1]), NOTHING))  # all is imported now: Python may live where nobody can read
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(msgspec.json.encode(list(findings(Path(sys.argv[1]), NOTHING))).decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_that_is_another_users_is_said(ready: Ready) -> None:
    os.chown(ready.folder, 65_534, 65_534)
    finding = ready.found()["agent folder"]
    assert finding.state is State.WARNING
    assert "sudo -u nobody" in finding.mend


def test_the_agents_folder_without_a_settings_file_or_at_all(tmp_path: Path) -> None:
    found = [(finding.what, finding.state) for finding in findings(tmp_path / "none", NOTHING)]
    assert found == [
        ("agent folder", State.FAILED),
        ("trusted keys", State.OK),
        ("settings", State.FAILED),
    ]


def test_wrong_settings_are_a_line_each(tmp_path: Path) -> None:
    write_options(tmp_path, Options(server="nowhere", name="alice", interval=99))
    told = [finding.told for finding in findings(tmp_path, NOTHING) if finding.what == "settings"]
    assert [line.partition(":")[0] for line in told] == ["--server", "--interval"]


def test_others_rights_to_the_folder_and_its_keys_are_told(ready: Ready) -> None:
    Trust(ready.folder).add("3b" * 31 + "00", "Alice")
    assert "1 may command this agent: Alice" in ready.found()["trusted keys"].told
    (ready.folder / "trusted.json").chmod(0o644)
    (ready.folder / "agent.key").chmod(0o644)
    ready.folder.chmod(0o777)
    found = ready.found()
    assert found["agent folder"].state is State.WARNING
    assert "chmod 600" in found["trusted keys"].told
    assert "chmod 600" in found["enrolment"].told
    assert stat.S_IMODE((ready.folder / "agent.key").stat().st_mode) == 0o644  # told, not touched


@pytest.mark.parametrize(
    "free, state", [(1 << 30, State.OK), (64 << 20, State.WARNING), (1 << 20, State.FAILED)]
)
def test_little_room_for_the_queue_is_told(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, free: int, state: State
) -> None:
    real = os.statvfs(ready.folder)
    parts = list(real)
    parts[4] = free // real.f_frsize  # f_bavail
    monkeypatch.setattr("vedette.agent.checks.own.os.statvfs", lambda _: os.statvfs_result(parts))
    assert ready.found()["disk room"].state is state


@pytest.mark.parametrize(
    "shift_ms, state, words",
    [
        (1_000, State.OK, "behind"),
        (-10_000, State.WARNING, "ahead of"),
        (90_000, State.FAILED, "90.0 s behind"),
    ],
)
def test_clocks_that_differ_are_told(ready: Ready, shift_ms: int, state: State, words: str) -> None:
    ready.scene.server.shift_ms = shift_ms
    finding = ready.found()["clock"]
    assert (finding.state, words in finding.told) == (state, True)


@pytest.mark.parametrize(
    "canned, line",
    [
        (Canned(b"<html>", content_type="text/html"), "none of a Vedette server"),
        (Canned(b"", 404), "put --server right"),
        (Canned(b"", 426), "upgrade the server first"),
        (Canned(b"", 302), "redirects are not followed"),
    ],
)
def test_a_server_that_is_none_is_told(ready: Ready, canned: Canned, line: str) -> None:
    ready.scene.server.refusals.append(canned)
    found = ready.found()
    assert (found["server"].state, line in found["server"].told) == (State.FAILED, True)
    assert not found.keys() & {"enrolment", "clock", "TLS"}


def test_a_server_that_is_not_there_is_told(ready: Ready) -> None:
    found = ready.found(Options(server="http://127.0.0.1:9"))
    assert "refuses connections" in found["server"].told
    assert "only calls outwards" in found["server"].mend


def self_signed(folder: Path, days: int) -> ssl.SSLContext:
    """A certificate of 127.0.0.1, which stands as `ca.pem` in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "both.pem").write_bytes(secret + made.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


@pytest.mark.parametrize("days, state", [(90, State.OK), (5, State.WARNING)])
def test_a_certificate_is_told_before_it_ends(
    ready: Ready, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, state: State
) -> None:
    context = self_signed(tmp_path, days)
    with serving(ready.scene.server.respond) as at:
        at.socket = context.wrap_socket(at.socket, server_side=True)
        url = at.url.replace("http", "https")
        assert "no valid certificate" in ready.found(Options(server=url))["server"].told
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        finding = ready.found(Options(server=url))["TLS"]
        assert (finding.state, f"{days} more days" in finding.told) == (state, True)
        assert certificate("127.0.0.1", at.server_port) == ("TLSv1.3", days)
