"""Every sealed column is known, and all are sealed anew together."""

import pytest
from sqlalchemy import LargeBinary, insert, select

from vedette.store import tables as t
from vedette.store.database import Conn, Database
from vedette.store.sealed import SEALED, reseal, seals


def test_every_column_that_is_called_sealed_is_known() -> None:
    named = {
        column
        for table in t.metadata.sorted_tables
        for column in table.columns
        if "sealed" in column.name and isinstance(column.type, LargeBinary)
    }
    assert named == {one.column for one in SEALED}


async def fill(conn: Conn) -> None:
    for number in range(3):
        user = {"name": f"u{number}", "pseudonym": f"u-{number}", "created_at_ms": 0}
        await conn.execute(insert(t.users).values(**user, totp_sealed=b"t%d" % number if number else None))
    push = {"id": "p", "token_hash": b"t", "endpoint_hash": b"e", "addresses": [], "language": "en"}
    await conn.execute(insert(t.push_subscriptions).values(**push, sealed=b"p", created_at_ms=0))


async def test_all_are_sealed_anew_each_for_its_purpose(database: Database) -> None:
    await database.write(fill)
    count = await database.write(
        lambda conn: reseal(conn, lambda sealed, purpose: sealed + b":" + purpose.encode())
    )
    assert count == 3
    async with database.read() as conn:
        assert sorted(await seals(conn)) == [b"p:push", b"t1:totp", b"t2:totp"]
        nobody = select(t.users.c.name).where(t.users.c.totp_sealed.is_(None))
        assert (await conn.execute(nobody)).scalars().all() == ["u0"]


async def test_when_one_does_not_open_nothing_is_changed(database: Database) -> None:
    await database.write(fill)

    def anew(sealed: bytes, purpose: str) -> bytes:
        if purpose == "push":
            raise ValueError("noise")
        return b"new"

    with pytest.raises(ValueError, match="noise"):
        await database.write(lambda conn: reseal(conn, anew))
    async with database.read() as conn:
        assert sorted(await seals(conn)) == [b"p", b"t1", b"t2"]
