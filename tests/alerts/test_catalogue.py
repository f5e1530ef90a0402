"""The reference page is what the rules are."""

from pathlib import Path

from vedette.alerts.catalogue import page
from vedette.alerts.rules import RULES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "alerts.md"


def test_the_page_in_the_docs_is_the_one_that_the_rules_make() -> None:
    assert PAGE.read_text() == page()


def test_every_rule_is_on_the_page_with_its_why() -> None:
    assert all(f"## {rule.name}\n\n" in page() for rule in RULES)
    assert "`critical_after_ms` | 60,000 |" in page()
