"""The reference page of the rules, made from the rules themselves.

`python -m vedette.alerts.catalogue > docs/reference/alerts.md`; a test holds the page to it.
"""

import sys
from collections.abc import Iterator
from dataclasses import fields

from vedette.alerts.life import Patience
from vedette.alerts.rules import RULES

HEAD = """# Alerts

Made from the rules by `python -m vedette.alerts.catalogue`. A block is a settled PoS block.

A rule says what is wrong now. An incident begins when it is first found, and is told when it opens, when it
grows more severe, when a reminder is due, and when it is over. One whose cause is known tells nobody: the
absence of a validator whose node is down, has just started or is in a planned stop. Missing data neither
opens an incident nor ends one.
"""


def page() -> str:
    """The whole page, Markdown."""
    return "\n".join([HEAD, *_rules(), *_table("How often it is told", Patience())])


def _rules() -> Iterator[str]:
    for rule in RULES:
        limit = rule.limit()
        why = sys.modules[type(limit).__module__].__doc__ or ""
        yield f"## {rule.name}\n\n{why.strip()}\n"
        yield from _table(None, limit)


def _table(title: str | None, record: object) -> Iterator[str]:
    if title is not None:
        yield f"## {title}\n"
    yield "| limit | default |\n|---|---|"
    for one in fields(record):  # type: ignore[arg-type]  # every limit is a dataclass
        value = getattr(record, one.name)
        yield f"| `{one.name}` | {_plainly(value)} |"
    yield ""


def _plainly(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
