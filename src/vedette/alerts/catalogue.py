"""The reference page of the rules, made from the rules themselves.

`python -m vedette.alerts.catalogue > docs/reference/alerts.md`; a test holds the page to it.
"""

import sys
from collections.abc import Iterator
from dataclasses import fields

from vedette.alerts.engine import RULES, Limits
from vedette.alerts.life import Patience

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
    limits = Limits()
    for rule in RULES:
        limit = getattr(limits, rule.name)
        why = sys.modules[type(limit).__module__].__doc__ or ""
        yield f"## {rule.name}\n\n{why.strip()}\n"
        yield from _table(None, limit)


def _table(title: str | None, record: object) -> Iterator[str]:
    if title is not None:
        yield f"## {title}\n"
    yield "| limit | default |\n|---|---|"
    for one in fields(record):  # type: ignore[arg-type]  # every limit is a dataclass
        value = getattr(record, one.name)
        yield f"| `{one.name}` | {value:,} |" if isinstance(value, int) else f"| `{one.name}` | {value} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
