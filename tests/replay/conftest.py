import pytest

from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions

EPOCHS = 60
"""Long enough for everything that is scripted: see plan.py."""


@pytest.fixture(scope="session")
def network() -> Network:
    """One history for all who only read it."""
    return Network.grown(ReplayOptions(epochs=EPOCHS))
