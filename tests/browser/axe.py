"""What axe-core says of a page: WCAG 2.2 AA and its own best practice."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

both_ways = pytest.mark.parametrize(
    ("dark", "phone"), [(False, False), (True, True)], ids=["light-desk", "dark-phone"]
)
"""Each paint once and each shape once: what axe looks at hangs on one of the two, not on how they meet."""


EVERY = "VEDETTE_TEST_EVERY_PAGE"
"""Set in the environment: each page is looked at both ways (`make proof PART=pages`)."""


def share(paths: Sequence[str], phone: bool) -> Sequence[str]:
    """The pages to look at this way: every other one, and the others the other way, unless all are wanted."""
    return paths if os.environ.get(EVERY) else paths[phone::2]


def violations(page: Page) -> list[str]:
    """A line each. The page must be opened with `bypass_policy`: its own allows no foreign script."""
    page.add_script_tag(content=AXE.read_text())
    result = page.evaluate("tags => axe.run({ runOnly: tags })", TAGS)
    assert len(result["passes"]) > 10, "axe found hardly anything to look at"
    return [
        f"{page.url}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in result["violations"]
    ]
