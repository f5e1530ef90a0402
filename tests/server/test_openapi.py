"""The OpenAPI document is true: whatever it allows is answered as it says, to everybody.

A short run, on SQLite; the long one, on both databases, is `make proof PART=door`.
"""

from pathlib import Path

import pytest

from tests.server.conformance import ENDLESS, Run, Told, everything
from tests.server.history import Past
from tests.server.test_door_matrix import OPERATIONS
from tests.server.world import world

SHARE_TAKEN = 0.8


SHORT = Run(1, frozenset({"examples", "fuzzing"}))


def assert_true(told: Told) -> None:
    assert not told.report(), told.report()
    missing = set(OPERATIONS) - {ENDLESS} - told.taken
    print(f"{told.asked} questions; {len(told.taken)} of {len(OPERATIONS)} routes gave what was asked for")
    assert len(told.taken) >= SHARE_TAKEN * len(OPERATIONS), f"nobody was given: {sorted(missing)}"


@pytest.mark.slow
async def test_sqlite_answers_everybody_as_the_document_says(
    past: Past, database_file: Path, tmp_path: Path
) -> None:
    told = Told()
    async with world(past, database_file, tmp_path) as street:
        for person in ("anonymous", "admin", "owner"):
            told.add(await everything(street, person, SHORT))
    assert_true(told)
