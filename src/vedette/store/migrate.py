"""Bring a database's schema up to date, or say in one line why not."""

import hashlib
from importlib.resources import files
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, insert, inspect, select

from vedette.model.errors import StoreError
from vedette.store.tables import marks, metadata

LOCK = 0x7EDE77E  # the advisory lock that every server on one PostgreSQL takes before it looks at the schema


def fingerprint() -> str:
    """What the schema is, in a few letters. Until 0.1.0 the first migration may change in place."""
    told = [
        f"{table.name}.{column.name}:{type(column.type).__name__}:{column.nullable}:{column.primary_key}"
        for table in metadata.sorted_tables
        for column in table.columns
    ]
    told += [str(index.name) for table in metadata.sorted_tables for index in table.indexes]
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()[:16]


def upgrade(conn: Connection) -> None:
    """Run what is missing, inside the caller's transaction.

    Raises StoreError when the schema is newer, older than can be upgraded, or not ours.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(LOCK)))
    script = ScriptDirectory(str(files("vedette.store") / "migrations"))
    held = MigrationContext.configure(conn).get_current_revision()
    _refuse_strangers(conn, script, held)
    if held == script.get_current_head():
        _refuse_older(conn)
        return
    _run(conn, script)
    conn.execute(marks.delete().where(marks.c.name == "schema"))
    conn.execute(insert(marks).values(name="schema", text=fingerprint()))


def _run(conn: Connection, script: ScriptDirectory) -> None:
    def steps(held: Any, _: object) -> Any:
        return script._upgrade_revs("head", held)  # noqa: SLF001 - what alembic's own `upgrade` command calls

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=conn, target_metadata=metadata)
        environment.run_migrations()


def _refuse_strangers(conn: Connection, script: ScriptDirectory, held: str | None) -> None:
    if held is None:
        if inspect(conn).get_table_names():
            raise StoreError("it holds tables that are not Vedette's: name an empty or a new one")
        return
    if held not in {revision.revision for revision in script.walk_revisions()}:
        raise StoreError(f"its schema ({held}) is newer than this Vedette knows: run the newer Vedette")


def _refuse_older(conn: Connection) -> None:
    held = conn.execute(select(marks.c.text).where(marks.c.name == "schema")).scalar()
    if held != fingerprint():
        raise StoreError(
            "it was made by an earlier trial version, whose schema is not carried over before 0.1.0:"
            " move it away and start with a new one"
        )
