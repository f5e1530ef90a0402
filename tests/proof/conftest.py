"""What more than one of the long runs needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.conftest import running_devnet
from tests.whole.outside import Receivers, receivers
from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Devnet]:
    yield from running_devnet(tmp_path / "devnet", DevnetOptions())


@pytest.fixture
def told() -> Iterator[Receivers]:
    with receivers() as kept:
        yield kept
