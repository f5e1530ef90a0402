"""Real validators for the tests that look at the whole."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions

FILES = (
    "test_lives.py",
    "test_whole_way.py",
    "test_pools.py",
    "test_probes.py",
    "test_devnet.py",
    "test_agent_by_hand.py",
    "test_watch.py",
)
"""Three workers take a file each; in this order they end at about the same time. Each asks for its next file
before its last two tests, and those of test_whole_way take minutes: it gets a short file of many tests, since
with a file of one it would ask again at once."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(FILES)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def validators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    """Four validators with rounds of a second and terms of 60, all of them signing."""
    yield from running_devnet(tmp_path_factory.mktemp("validators") / "net", DevnetOptions())


def running_devnet(folder: Path, options: DevnetOptions) -> Iterator[Devnet]:
    """A devnet that runs as long as somebody needs it."""
    net = Devnet.create(folder, options)
    try:
        net.up(timeout_s=300)
        yield net
    finally:
        net.down()
        shutil.rmtree(folder, ignore_errors=True)
