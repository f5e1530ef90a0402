"""Who may command an agent is said on its own host, in a file that only its owner can write."""

import base64
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vedette.agent.commands import app
from vedette.agent.identity import load_identity
from vedette.agent.trust import KEYS_MAX, Trust, parsed
from vedette.model.errors import SettingError

ALICE = Ed25519PrivateKey.from_private_bytes(b"a" * 32).public_key()
BOB = Ed25519PrivateKey.from_private_bytes(b"b" * 32).public_key()
ALICE_HEX, BOB_HEX = ALICE.public_bytes_raw().hex(), BOB.public_bytes_raw().hex()


def typed(*words: object) -> None:
    app(["trust", *(str(word) for word in words)], result_action="return_value")


def test_at_first_nobody_is_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed("list", "--dir", tmp_path)
    assert capsys.readouterr().out == "no key may command this agent\n"
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_trusted_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed(ALICE_HEX, "--comment", "Alice's laptop", "--dir", tmp_path)
    typed(BOB_HEX, "--dir", tmp_path)
    assert "no command exists yet" in capsys.readouterr().out
    path = tmp_path / "trusted.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each["key"] for each in json.loads(path.read_text())] == [ALICE_HEX, BOB_HEX]
    typed("list", "--dir", tmp_path)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{ALICE_HEX}  20")
    assert first.endswith("Alice's laptop")
    assert second.startswith(BOB_HEX)
    typed("revoke", ALICE_HEX[:8], "--dir", tmp_path)
    assert [each.key for each in Trust(tmp_path).trusted()] == [BOB_HEX]
    with pytest.raises(SettingError, match="no such key is trusted"):
        typed("revoke", ALICE_HEX, "--dir", tmp_path)


def test_a_key_may_be_written_in_three_ways() -> None:
    ssh = ALICE.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert parsed(f"{ssh} alice@desk") == (ALICE_HEX, "alice@desk")
    assert parsed(base64.b64encode(ALICE.public_bytes_raw()).decode()) == (ALICE_HEX, "")
    assert parsed(ALICE_HEX.upper()) == (ALICE_HEX, "")


@pytest.mark.parametrize(
    "words", ["", "hello", ALICE_HEX[:-2], "ssh-rsa AAAA", "ssh-ed25519 AAAA x", "ä" * 64]
)
def test_what_is_no_key_is_refused(tmp_path: Path, words: str) -> None:
    with pytest.raises(SettingError, match="Ed25519 public key"):
        Trust(tmp_path).add(words, "")
    assert not (tmp_path / "trusted.json").exists()


def test_a_key_named_twice_is_one_and_keeps_its_comment(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    trust.add(ALICE_HEX, "Alice")
    trust.add(ALICE_HEX, "")
    assert [(each.key, each.comment) for each in trust.trusted()] == [(ALICE_HEX, "Alice")]


def test_a_file_that_others_may_use_names_no_one(tmp_path: Path) -> None:
    Trust(tmp_path).add(ALICE_HEX, "")
    (tmp_path / "trusted.json").chmod(0o620)
    with pytest.raises(SettingError, match="chmod 600"):
        Trust(tmp_path).trusted()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'[{"key": 1}]', b"[" * 5_000])
def test_a_spoilt_file_is_one_line_and_names_no_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trusted.json").write_bytes(content)
    (tmp_path / "trusted.json").chmod(0o600)
    with pytest.raises(SettingError, match="names no keys"):
        Trust(tmp_path).trusted()


def test_the_agents_own_key_commands_nothing(tmp_path: Path) -> None:
    own = load_identity(tmp_path / "agent.key").public_key_hex
    with pytest.raises(SettingError, match="agent's own key"):
        Trust(tmp_path).add(own, "")


def test_keys_have_a_number_and_comments_a_length(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    with pytest.raises(SettingError, match="--comment"):
        trust.add(ALICE_HEX, "x" * 121)
    with pytest.raises(SettingError, match="--comment"):
        trust.add(ALICE_HEX, "a\nb")
    for number in range(KEYS_MAX):
        key = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")).public_key()
        trust.add(key.public_bytes_raw().hex(), "")
    with pytest.raises(SettingError, match="revoke some"):
        trust.add(ALICE_HEX, "")


def test_a_key_that_begins_like_another_is_not_revoked_by_guess(tmp_path: Path) -> None:
    trust = Trust(tmp_path)
    trust.add(ALICE_HEX, "")
    twin = ALICE_HEX[:8] + BOB_HEX[8:]
    trust.add(twin, "")
    with pytest.raises(SettingError, match="2 trusted keys begin so"):
        trust.revoke(ALICE_HEX[:8])
    assert len(trust.trusted()) == 2


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="enrol first"):
        Trust(tmp_path / "none").add(ALICE_HEX, "")
