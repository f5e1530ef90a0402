"""An agent is introduced once, by hand; from then on its folder says all that it needs."""

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.agent.conftest import Scene
from tests.agent.stand_ins import TOKEN, Canned
from vedette.agent.commands import app
from vedette.agent.config import Settings
from vedette.agent.enroll import token_of
from vedette.agent.files import own, write_whole
from vedette.agent.memory import Known, Memory
from vedette.agent.options import NOTHING, Options, over, read_options, settings_in, write_options
from vedette.agent.troubles import Troubles
from vedette.model.errors import SettingError


def typed(*words: object) -> None:
    app([str(word) for word in words], result_action="return_value")


def enrolled(scene: Scene, folder: Path, *more: object, token: str = TOKEN) -> None:
    typed("enroll", scene.settings.server, token, "--name", "alice", "--dir", folder, *more)


def test_one_line_enrols_and_leaves_all_that_a_run_needs(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    enrolled(scene, folder, "--node", scene.settings.node, "--interval", 1, "--role", "archive")
    assert scene.server.names == ["alice"]
    made = settings_in(folder, NOTHING)
    assert (made.server, made.name, made.node) == (scene.settings.server, "alice", scene.settings.node)
    assert (made.interval_ms, made.role, made.token_file) == (1_000, "archive", None)
    assert known(folder).enrolled == (scene.settings.server, "alice")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert {modes[name] for name in ("agent.key", "agent.toml", "known.json")} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    told = capsys.readouterr()
    assert f"vedette agent check --dir {folder}" in told.out
    assert TOKEN not in told.out + told.err
    assert not [path for path in folder.iterdir() if TOKEN.encode() in path.read_bytes()]


def known(folder: Path) -> Known:
    return Memory(folder / "known.json", "", Troubles()).known


def test_an_enrolled_agent_runs_by_its_folder_alone(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    # The stub node is a thread of pytest, whose own words on the command line are no configuration.
    here = ("--node", scene.settings.node, "--config", scene.settings.config)
    enrolled(scene, folder, *here, "--interval", 1)
    command = [sys.executable, "-m", "vedette.cli", "agent", "run", "--dir", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            scene.server.wait_for(lambda envelope: bool(envelope.reports), within_s=20)
            child.terminate()
            _, errors = child.communicate(timeout=10)
        finally:
            child.kill()
    assert (child.returncode, len(scene.server.names)) == (0, 1)
    assert "WARNING" not in errors


def test_the_token_is_read_from_standard_input(scene: Scene, tmp_path: Path) -> None:
    words = ["enroll", scene.settings.server, "-", "--name", "alice", "--dir", str(tmp_path / "new")]
    command = [sys.executable, "-m", "vedette.cli", "agent", *words]
    done = subprocess.run(command, input=f"{TOKEN}\n", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, scene.server.names) == (0, "", ["alice"])
    bare = [word for word in command if word != "-"]
    done = subprocess.run(bare, capture_output=True, text=True, check=False)
    assert (done.returncode, "one enrolment token is needed" in done.stderr) == (2, True)


def test_what_is_given_outranks_the_file_and_the_file_the_defaults(tmp_path: Path) -> None:
    write_options(tmp_path, Options(server="https://a.example.org", name="alice", interval=10))
    made = settings_in(tmp_path, Options(name="bob"))
    assert (made.server, made.name, made.interval_ms) == ("https://a.example.org", "bob", 10_000)
    assert made.node == "http://127.0.0.1:12539"


def test_every_option_survives_the_file(tmp_path: Path) -> None:
    whole = Options(
        server="https://a.example.org",
        name='"Ära" \\ 守望',
        node="http://127.0.0.1:1",
        token_file=tmp_path / "token",
        interval=2.5,
        planned_stop_file=tmp_path / "stop",
        disk=tmp_path,
        role="archive",
        insecure_http=True,
        config=tmp_path / "hydra.toml",
        metrics="http://127.0.0.1:2",
        pos_address="0x" + "ab" * 32,
    )
    assert len(whole.given()) == len(NOTHING.__slots__)
    write_options(tmp_path, whole)
    assert read_options(tmp_path) == whole


def test_all_that_an_agent_can_be_told_may_stand_in_its_file() -> None:
    told = {field.name for field in msgspec.structs.fields(Settings)} - {"dir", "interval_ms"}
    assert told <= set(NOTHING.__slots__)


def test_enrolling_again_keeps_the_key_and_what_was_set(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    enrolled(scene, folder, "--interval", 7)
    key = (folder / "agent.key").read_bytes()
    typed("enroll", scene.settings.server, TOKEN, "--name", "bob", "--dir", folder)
    assert (folder / "agent.key").read_bytes() == key
    assert settings_in(folder, NOTHING).interval_ms == 7_000
    assert (scene.server.names, len(scene.server.keys)) == (["alice", "bob"], 1)


REFUSED = {
    "a wrong token": ("wrong-token", None, "does not accept the token"),
    "another server": (TOKEN, Canned(b"<html>", 404, "text/html"), "put --server right"),
    "a moved server": (TOKEN, Canned(b"", 301), "give the final URL"),
    "no token at all": ("two words", None, "no enrolment token"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_is_one_line_and_leaves_no_settings(scene: Scene, tmp_path: Path, kind: str) -> None:
    token, refusal, line = REFUSED[kind]
    if refusal is not None:
        scene.server.refusals.append(refusal)
    with pytest.raises(SettingError, match=line) as caught:
        enrolled(scene, tmp_path / "new", token=token)
    assert len(str(caught.value).splitlines()) == 1
    assert token not in str(caught.value)
    assert not (tmp_path / "new" / "agent.toml").exists()
    assert scene.server.names == []


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"not enrolled: 127\.0\.0\.1:9 refuses connections"):
        typed("enroll", "http://127.0.0.1:9", TOKEN, "--name", "alice", "--dir", tmp_path / "new")


def test_a_folder_in_use_is_left_alone(scene: Scene, tmp_path: Path) -> None:
    with own(tmp_path / "new"), pytest.raises(SettingError, match="another agent uses"):
        enrolled(scene, tmp_path / "new")
    assert scene.server.names == []


def test_the_token_comes_from_a_word_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert token_of(TOKEN, None) == token_of(None, file) == TOKEN
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    assert token_of("-", None) == TOKEN


@pytest.mark.parametrize(
    "word, file, line",
    [
        (None, None, "one enrolment token is needed"),
        (TOKEN, Path("/etc/hostname"), "one enrolment token is needed"),
        (None, Path("/no/such/file"), "there is no /no/such/file"),
        ("x" * 1_025, None, "no enrolment token"),
        ("tøken", None, "no enrolment token"),
        ("", None, "no enrolment token"),
    ],
)
def test_what_is_no_token_is_said_without_it(word: str | None, file: Path | None, line: str) -> None:
    with pytest.raises(SettingError, match=line) as caught:
        token_of(word, file)
    assert not word or word not in str(caught.value)


@pytest.mark.parametrize(
    "content, lines",
    [
        ("colour = 1\nname = 7\ninterval = 'x'", ["unknown setting: colour", "name: ", "interval: "]),
        ("role = 'miner'", ["role: "]),
        ("name =", ["is no TOML"]),
        ("\udcff", ["is no TOML"]),
    ],
)
def test_a_wrong_settings_file_names_all_that_is_wrong(
    tmp_path: Path, content: str, lines: list[str]
) -> None:
    (tmp_path / "agent.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingError) as caught:
        read_options(tmp_path)
    told = str(caught.value).splitlines()
    assert len(told) == len(lines)
    assert all(wanted in line for wanted, line in zip(lines, told, strict=True))


def test_a_relative_path_begins_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('config = "node/hydra.toml"\n')
    assert read_options(tmp_path).config == tmp_path / "node/hydra.toml"


def test_a_run_without_settings_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"--server and --name must be given: .*vedette agent enroll"):
        typed("run", "--dir", tmp_path)


def test_nothing_given_changes_nothing() -> None:
    whole: dict[str, Any] = {"server": "https://a.example.org", "insecure_http": True}
    assert over(Options(**whole), NOTHING) == Options(**whole)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for another user")
def test_what_root_writes_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    os.chown(folder, 12_345, 12_346)
    write_whole(folder / "agent.toml", b"x")
    own(folder).close()
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()}
    assert owners == {(12_345, 12_346)}


def test_a_link_in_the_folder_leads_no_write_elsewhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".agent.toml.{os.getpid()}").symlink_to(victim)
    with pytest.raises(SettingError, match="cannot be written"):
        write_options(tmp_path, NOTHING)
    assert victim.read_text() == "mine"


def test_the_settings_file_reads_well(tmp_path: Path) -> None:
    path = write_options(tmp_path, Options(server="https://a.example.org", insecure_http=True, interval=5))
    assert path.read_text().splitlines()[1:] == [
        'server = "https://a.example.org"',
        "interval = 5",
        "insecure_http = true",
    ]
    assert json.loads('"https://a.example.org"') == read_options(tmp_path).server


def test_every_setting_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text().partition("of an agent")[2]
    assert [name for name in NOTHING.__slots__ if f"| `{name}` |" not in page] == []
