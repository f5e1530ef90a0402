"""The whole OpenAPI document, asked with everything that schemathesis knows, as everybody, on both databases.

About ten minutes: the phases of `tests/server/test_openapi.py` with more examples, and every boundary of
every parameter and body beside.
"""

from pathlib import Path

import pytest

from tests.postgres import postgres
from tests.server.conformance import Run, Told, everything
from tests.server.history import filled, grown
from tests.server.test_openapi import assert_true
from tests.server.world import PERSONS, world

pytestmark = pytest.mark.proof

LONG = Run(5, frozenset({"examples", "coverage", "fuzzing"}))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_everybody_is_answered_as_the_document_says(database: str, tmp_path: Path) -> None:
    past, told = grown(), Told()
    with postgres() as url:
        place = url if database == "postgresql" else str(tmp_path / "vedette.db")
        await filled(past, place)
        async with world(past, place, tmp_path) as street:
            for person in PERSONS:
                one = await everything(street, person, LONG)
                print(f"{person}: {one.asked} questions, {len(one.failures)} wrong")
                told.add(one)
    assert_true(told)
