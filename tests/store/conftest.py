"""Every test of the store runs twice: on SQLite, and on a real PostgreSQL."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.postgres import postgres
from vedette.store.database import Database
from vedette.store.tables import metadata


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied: that is quicker than to migrate one."""
    return tmp_path_factory.mktemp("store") / "template.db"


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path
) -> AsyncIterator[str]:
    """A fresh database with the newest schema, not open yet."""
    if request.param == "sqlite":
        yield str(await _fresh_sqlite(tmp_path, sqlite_template))
        return
    server = request.getfixturevalue("postgres_url")
    await _emptied(server)
    yield server


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def postgres_database(postgres_url: str) -> AsyncIterator[Database]:
    """For what only PostgreSQL can do."""
    await _emptied(postgres_url)
    opened = await Database.open(postgres_url)
    yield opened
    await opened.close()


async def _fresh_sqlite(place: Path, template: Path) -> Path:
    await (await Database.open(str(template))).close()
    shutil.copy(template, place / "vedette.db")
    return place / "vedette.db"


async def _emptied(server: str) -> None:
    """As a migration leaves it. To look which tables have rows takes a tenth of truncating them all."""
    connection = await asyncpg.connect(server)
    try:
        if not await connection.fetch("SELECT 1 FROM pg_tables WHERE tablename = 'teams'"):
            await (await Database.open(server)).close()
        tables = [table.name for table in reversed(metadata.sorted_tables) if table.name != "marks"]
        looks = (f"(SELECT '{name}' AS name FROM {name} LIMIT 1)" for name in tables)
        filled = {row["name"] for row in await connection.fetch(" UNION ALL ".join(looks))}
        used = "SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
        counters = [row["sequencename"] for row in await connection.fetch(used)]
        await connection.execute(
            "".join(f"DELETE FROM {name};" for name in tables if name in filled)
            + "".join(f"ALTER SEQUENCE {name} RESTART;" for name in counters)
            + "DELETE FROM marks WHERE name <> 'schema'; INSERT INTO teams (name) VALUES ('first')"
        )
    finally:
        await connection.close()
