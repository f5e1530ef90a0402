"""Contact points: kept by their team alone, and known by how they fare."""

from dataclasses import replace
from functools import partial

import pytest

from tests.store.doubles import NOON
from vedette.model.people import FIRST_TEAM, Role, Who
from vedette.model.view import ContactView
from vedette.store import audit, contacts
from vedette.store.contacts import Contact, TooManyContactsError, TwinError
from vedette.store.database import Database

OURS = Who(FIRST_TEAM, role=Role.OPERATOR)
STRANGER = Who(9, role=Role.OPERATOR)
PHONE = Contact(
    id="phone",
    team_id=FIRST_TEAM,
    name="Ana's phone",
    kind="ntfy",
    sealed=b"sealed",
    hint="ntfy.example.org",
    language="en",
    wakes=True,
    fallback_id=None,
    created_at_ms=NOON,
    disabled_at_ms=None,
    disabled_why=None,
    tested_at_ms=None,
    sent_at_ms=None,
    failing_since_ms=None,
    error=None,
)


async def add(database: Database, made: Contact = PHONE) -> None:
    await database.write(lambda conn: contacts.add(conn, OURS, made))


async def kept(database: Database, who: Who = OURS) -> list[Contact]:
    async with database.read() as conn:
        return await contacts.contacts(conn, who)


async def acts(database: Database) -> list[str]:
    async with database.read() as conn:
        return [entry.act for entry in await audit.entries(conn, OURS, None, 50)]


async def test_it_is_kept_as_it_was_made_and_shown_to_its_team_alone(database: Database) -> None:
    await add(database)
    assert await kept(database) == [PHONE]
    assert await kept(database, STRANGER) == []
    assert await kept(database, Who(None)) == []
    assert b"sealed" not in repr(PHONE).encode()
    async with database.read() as conn:
        assert await contacts.contact(conn, STRANGER, "phone") is None
        assert await contacts.held(conn, "phone") == PHONE


async def test_nobody_else_changes_it(database: Database) -> None:
    await add(database)
    for deed in (
        lambda conn: contacts.change(conn, STRANGER, "phone", {"name": "mine"}, NOON),
        lambda conn: contacts.enable(conn, STRANGER, "phone", NOON),
        lambda conn: contacts.remove(conn, STRANGER, "phone", NOON),
    ):
        assert not await database.write(deed)
    assert await kept(database) == [PHONE]
    assert await acts(database) == ["contact.add"]


async def test_a_name_is_given_once_and_so_many_are_enough(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(database)
    with pytest.raises(TwinError):
        await add(database, replace(PHONE, id="other"))
    await add(database, replace(PHONE, id="other", name="other"))
    with pytest.raises(TwinError):
        await database.write(lambda conn: contacts.change(conn, OURS, "other", {"name": PHONE.name}, NOON))
    monkeypatch.setattr(contacts, "CONTACTS_MAX", 2)
    with pytest.raises(TooManyContactsError):
        await add(database, replace(PHONE, id="third", name="third"))


async def test_it_fails_since_its_first_failure_until_it_takes_one(database: Database) -> None:
    await add(database)
    for at in (NOON, NOON + 5):
        await database.write(partial(contacts.fails, contact_id="phone", now_ms=at, why="it is busy"))
    assert [(one.failing_since_ms, one.error) for one in await kept(database)] == [(NOON, "it is busy")]
    await database.write(lambda conn: contacts.took(conn, "phone", NOON + 9))
    assert await kept(database) == [replace(PHONE, sent_at_ms=NOON + 9)]
    await database.write(lambda conn: contacts.took(conn, "phone", NOON + 10, is_test=True))
    assert (await kept(database))[0].tested_at_ms == NOON + 10


async def test_it_is_switched_off_once_and_aloud(database: Database) -> None:
    await add(database)
    for first in (True, False):
        done = await database.write(lambda conn: contacts.disable(conn, "phone", NOON, "it is gone"))
        assert done is first
    async with database.read() as conn:
        told = await contacts.views(conn, FIRST_TEAM)
    assert told == (ContactView("phone", "Ana's phone", True, False, NOON, "it is gone"),)
    assert await acts(database) == ["contact.disable", "contact.add"]
    assert await database.write(lambda conn: contacts.enable(conn, OURS, "phone", NOON))
    assert await kept(database) == [PHONE]


async def test_a_new_configuration_has_a_fresh_start(database: Database) -> None:
    await add(database)
    await database.write(lambda conn: contacts.disable(conn, "phone", NOON, "it is gone"))
    await database.write(lambda conn: contacts.change(conn, OURS, "phone", {"wakes": False}, NOON))
    assert not (await kept(database))[0].is_enabled
    await database.write(lambda conn: contacts.change(conn, OURS, "phone", {"sealed": b"new"}, NOON))
    assert await kept(database) == [replace(PHONE, sealed=b"new", wakes=False)]


async def test_what_leaned_on_one_that_is_gone_leans_on_nothing(database: Database) -> None:
    await add(database)
    await add(database, replace(PHONE, id="mail", name="mail", fallback_id="phone"))
    assert await database.write(lambda conn: contacts.remove(conn, OURS, "phone", NOON))
    assert [(one.id, one.fallback_id) for one in await kept(database)] == [("mail", None)]
