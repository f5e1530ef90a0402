"""An operator's key: made on his own machine, told to agents' hosts and to nobody else."""

import base64
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_ssh_public_key, ssh_key_fingerprint

from vedette.agent.operator_commands import key, public
from vedette.agent.trust import Trust
from vedette.model.errors import SettingError
from vedette.model.operator_key import fingerprint, parsed, ssh_line


def test_the_public_half_is_what_an_agent_trusts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "operator.pem"
    key(file, name="ada's laptop")
    told = capsys.readouterr()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"BEGIN PRIVATE KEY" in file.read_bytes()
    trusted = Trust(tmp_path).add(told.out, "")
    assert (trusted.comment, trusted.key in told.err) == ("ada's laptop", True)
    assert "has no password" in told.err
    public(file, name="ada's laptop")
    assert capsys.readouterr().out == told.out


def test_a_password_protects_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, secret, other = tmp_path / "operator.pem", tmp_path / "password", tmp_path / "other"
    secret.write_text("a heron in the reeds\n")
    other.write_text("a crane in the reeds\n")
    key(file, password_file=secret)
    told = capsys.readouterr()
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in file.read_bytes()
    assert "no password" not in told.err
    public(file, password_file=secret)
    assert capsys.readouterr().out == told.out
    with pytest.raises(SettingError, match="the password is not its own"):
        public(file, password_file=other)
    with pytest.raises(SettingError, match="nobody is there to be asked"):
        public(file)


def test_what_goes_wrong_is_one_line_and_no_key_is_overwritten(tmp_path: Path) -> None:
    file, short = tmp_path / "operator.pem", tmp_path / "short"
    short.write_text("short")
    with pytest.raises(SettingError, match="10 characters"):
        key(file, password_file=short)
    key(file)
    before = file.read_bytes()
    with pytest.raises(SettingError, match="never overwritten"):
        key(file)
    assert file.read_bytes() == before
    for path, why in ((tmp_path / "none", "cannot read"), (short, "is no key")):
        with pytest.raises(SettingError, match=why):
            public(path)


def test_the_fingerprint_is_what_openssh_writes() -> None:
    raw = bytes(range(32))
    line = ssh_line(raw, "ada")
    assert parsed(line) == (raw, "ada")
    loaded = load_ssh_public_key(line.encode())
    assert isinstance(loaded, Ed25519PublicKey)
    theirs = base64.b64encode(ssh_key_fingerprint(loaded, SHA256())).decode().rstrip("=")
    assert fingerprint(raw) == f"SHA256:{theirs}"
