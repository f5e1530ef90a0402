"""Sealed secrets open with the key file, for what they were sealed, and for nothing else."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from tests.server.people import signed_in
from tests.server.stage import served, settings
from vedette.model.errors import SettingError, StoreError
from vedette.model.people import PUBLIC
from vedette.server.secrets_commands import rotate, rotated
from vedette.server.vault import SealError, Vault, key_of
from vedette.store import audit
from vedette.store import tables as t
from vedette.store.database import Conn, Database


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "keys" / "secret-keys")


def test_what_was_sealed_opens_for_its_purpose_alone(vault: Vault) -> None:
    sealed = vault.seal(b"JBSWY3DPEHPK3PXP", "totp")
    assert b"JBSWY3DPEHPK3PXP" not in sealed
    assert vault.seal(b"JBSWY3DPEHPK3PXP", "totp") != sealed
    assert Vault(vault.path).open(sealed, "totp") == b"JBSWY3DPEHPK3PXP"
    with pytest.raises(SealError, match="does not open as push"):
        vault.open(sealed, "push")


def test_the_key_file_is_made_for_our_eyes_only(vault: Vault) -> None:
    vault.seal(b"", "totp")
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    assert [one.name for one in vault.path.parent.iterdir()] == ["secret-keys"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused_in_one_line(vault: Vault, mode: int) -> None:
    vault.keys()
    vault.path.chmod(mode)
    with pytest.raises(SettingError, match=r"others may read the key file .*: chmod 600 it") as refusal:
        Vault(vault.path).keys()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no key"),
        ("# only words\n", "holds no key"),
        ("12345678 c2hvcnQ=\n", "has a line that is no key"),
        ("ÿ", "it is not a text"),
    ],
)
def test_a_broken_key_file_is_one_line_that_says_what_to_do(vault: Vault, text: str, why: str) -> None:
    vault.keys()
    vault.path.write_text(text)
    with pytest.raises(SettingError, match=why) as refusal:
        vault.keys()
    assert "\n" not in str(refusal.value)


def test_a_key_file_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="key file"):
        Vault(tmp_path / "file" / "keys").keys()


def test_a_new_key_is_taken_over_by_who_has_the_file_open(vault: Vault) -> None:
    before, other = vault.seal(b"old", "totp"), Vault(vault.path)
    key = other.add()
    after = vault.seal(b"new", "totp")
    assert (key_of(after), key_of(before) == key.id) == (key.id, False)
    assert (vault.open(before, "totp"), vault.open(after, "totp")) == (b"old", b"new")
    assert other.drop_all_but(key) == 1
    with pytest.raises(SealError, match="does not hold"):
        vault.open(before, "totp")


@given(noise=st.binary(max_size=80))
def test_noise_does_not_open(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    vault = Vault(tmp_path_factory.getbasetemp() / "noise-keys")
    with pytest.raises(SealError):
        vault.open(noise, "totp")
    with pytest.raises(SealError):
        vault.open(vault.keys()[-1].id + noise, "totp")


async def holding(database: Database, vault: Vault) -> None:
    """A database with one sealed secret of each kind."""
    await signed_in(database, "ada")
    push: dict[str, object] = {
        "id": "p1",
        "token_hash": b"t",
        "endpoint_hash": b"e",
        "addresses": [],
        "language": "en",
    }
    push |= {"sealed": vault.seal(b"https://push", "push"), "created_at_ms": 0}

    async def fill(conn: Conn) -> None:
        await conn.execute(update(t.users).values(totp_sealed=vault.seal(b"JBSWY", "totp")))
        await conn.execute(insert(t.push_subscriptions).values(push))

    await database.write(fill)


async def secrets_of(database: Database, vault: Vault) -> tuple[bytes, bytes]:
    async with database.read() as conn:
        totp = (await conn.execute(select(t.users.c.totp_sealed))).scalar_one()
        push = (await conn.execute(select(t.push_subscriptions.c.sealed))).scalar_one()
    return vault.open(totp, "totp"), vault.open(push, "push")


async def test_a_rotation_seals_everything_anew_and_drops_the_old_key(tmp_path: Path, vault: Vault) -> None:
    database = await Database.open(str(tmp_path / "v.db"))
    await holding(database, vault)
    old = vault.keys()
    assert await rotated(database, Vault(vault.path), 0) == 2
    (key,) = vault.keys()
    assert key not in old
    assert await secrets_of(database, vault) == (b"JBSWY", b"https://push")
    async with database.read() as conn:
        (entry,) = await audit.entries(conn, PUBLIC, None, 9, every_team=True)
    assert (entry.act, entry.actor, entry.detail) == ("secrets.rotate", "machine", {"sealed": 2})
    await database.close()


async def test_a_rotation_that_cannot_open_all_changes_nothing(tmp_path: Path, vault: Vault) -> None:
    database = await Database.open(str(tmp_path / "v.db"))
    await holding(database, vault)
    await database.write(lambda conn: conn.execute(update(t.push_subscriptions).values(sealed=b"noise")))
    with pytest.raises(StoreError, match="does not open, so nothing was changed"):
        await rotated(database, vault, 0)
    async with database.read() as conn:
        totp = (await conn.execute(select(t.users.c.totp_sealed))).scalar_one()
    assert vault.open(totp, "totp") == b"JBSWY"
    await database.close()


async def test_a_server_makes_its_key_file_at_its_first_start(tmp_path: Path) -> None:
    async with served(settings(tmp_path)) as (house, _):
        sealed = house.vault.seal(b"JBSWY", "totp")
    assert Vault(tmp_path / "secret-keys").open(sealed, "totp") == b"JBSWY"
    apart = settings(tmp_path, key_file=tmp_path / "apart" / "keys")
    async with served(apart):
        assert (tmp_path / "apart" / "keys").exists()


def test_the_command_says_where_the_key_file_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vedette.server.secrets_commands.PAUSE_S", 0)
    with pytest.raises(SettingError, match="there is no such file"):
        rotate(database=str(tmp_path / "v.db"))
    (tmp_path / "v.db").touch()
    rotate(database=str(tmp_path / "v.db"))
    assert capsys.readouterr().out.startswith("0 secrets are sealed with a new key; keep a copy of ")
    assert len(Vault(tmp_path / "secret-keys").keys()) == 1
