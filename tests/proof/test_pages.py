"""Every page both ways, by axe-core: the suite looks at each page one way. Some three minutes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.axe import EVERY

pytestmark = pytest.mark.proof

BROWSER = Path(__file__).parents[1] / "browser"


def test_nobody_is_shut_out_of_any_page_either_way() -> None:
    # A process of its own: Playwright and an event loop do not share one.
    command = [sys.executable, "-m", "pytest", "-q", "-k", "shut_out", str(BROWSER)]
    assert subprocess.run(command, env=os.environ | {EVERY: "1"}, check=False).returncode == 0
