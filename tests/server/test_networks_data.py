"""`vedette networks`, and the server that takes a newer file over."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from vedette.conflux import networks
from vedette.model.errors import SettingError
from vedette.server.networks_data import NetworksData

BROUGHT = resources.files("vedette.conflux").joinpath("networks.toml").read_text("utf-8")
SEPTEMBER_MS = 1_788_220_800_000  # 1 September 2026


@pytest.fixture(autouse=True)
def no_other_data() -> Iterator[None]:
    yield
    networks.use(None)


def vedette(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vedette.cli", "networks", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def written(folder: Path, as_of: str, name: str = "newer.toml") -> Path:
    path = folder / name
    path.write_text(BROUGHT.replace("as_of = 2026-08-04", f"as_of = {as_of}"))
    return path


def test_an_update_is_kept_where_the_settings_say_and_shown(tmp_path: Path) -> None:
    newer = written(tmp_path, "2099-01-02")
    (tmp_path / "server.toml").write_text('networks = "kept.toml"\n')
    config = ("--config", "server.toml")
    assert "what this version brings: of 2026-08-04" in vedette(tmp_path, "show", *config).stdout
    done = vedette(tmp_path, "update", "--from", "newer.toml", *config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the data of 2099-01-02 is in use now, in place of that of 2026-08-04" in done.stdout
    assert (tmp_path / "kept.toml").read_bytes() == newer.read_bytes()
    shown = vedette(tmp_path, "show", *config).stdout
    assert "kept.toml: of 2099-01-02" in shown
    assert "mainnet: chain 1029, eSpace 1030; newest fork v3.1, CIP-173 (3.1.0)" in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.toml", "newer.toml", "server.toml"]


def test_an_update_that_is_older_or_wrong_changes_nothing(tmp_path: Path) -> None:
    held = written(tmp_path, "2099-01-02", "networks.toml").read_bytes()
    written(tmp_path, "2098-01-01", "older.toml")
    (tmp_path / "wrong.toml").write_text("as_of = 2099-02-03\nnetworks = []\n")
    for name, why in (("older.toml", "is newer: of 2099-01-02"), ("wrong.toml", "there is no [[networks]]")):
        done = vedette(tmp_path, "update", "--from", name)
        assert done.returncode == 2
        assert why in done.stderr
        assert done.stderr.count("\n") == 1
    assert (tmp_path / "networks.toml").read_bytes() == held


def test_a_running_server_takes_a_changed_file_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = NetworksData(tmp_path / "networks.toml")
    data.open()
    data.look(SEPTEMBER_MS, {})
    assert (networks.known().as_of.year, list(data.doubts)) == (2026, [])
    path = written(tmp_path, "2000-01-01", "networks.toml")
    data.look(SEPTEMBER_MS, {})
    assert networks.known().as_of.year == 2000
    assert len(list(data.doubts)) == 1
    path.write_text("nonsense")
    os.utime(path, ns=(1, 1))
    for _ in range(3):
        data.look(SEPTEMBER_MS, {})
    assert networks.known().as_of.year == 2000, "what was good stays in use"
    assert "is not used" in list(data.doubts)[1]
    path.unlink()
    data.look(SEPTEMBER_MS, {})
    assert (networks.known(), list(data.doubts)) == (networks.brought(), [])
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(lines) == 2, "each doubt is told once"


def test_a_server_does_not_start_on_wrong_data(tmp_path: Path) -> None:
    (tmp_path / "networks.toml").write_text("nonsense")
    with pytest.raises(SettingError, match="is not TOML"):
        NetworksData(tmp_path / "networks.toml").open()
