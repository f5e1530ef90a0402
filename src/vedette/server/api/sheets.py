"""Lists as tables: CSV as RFC 4180 has it, with the very names and values of the JSON.

A shape within a row becomes columns with its field's name before theirs; a list becomes words with blanks
between, each of them a value, or values with colons between. What is not known is empty.
"""

import csv
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any, Final, get_args

from fastapi import Response
from fastapi.responses import StreamingResponse

from vedette.server.api.sent import LIVE, Body, Sent
from vedette.server.api.shapes import Shape

MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
FREE_TEXT: Final = frozenset({"name", "own_name", "team", "trouble", "title", "facts", "notices", "value"})
PAGE_ROWS: Final = 200


def table(kind: type[Shape], rows: Iterable[Shape], *, head: bool = True) -> str:
    """The rows, all of this kind, with the names of the columns before them."""
    out = StringIO()
    writer = csv.writer(out)
    if head:
        writer.writerow(columns(kind))
    writer.writerows(cells(kind, row) for row in rows)
    return out.getvalue()


def columns(kind: type[Shape], before: str = "") -> list[str]:
    """The names of the columns."""
    found: list[str] = []
    for name, field in kind.model_fields.items():
        part = inner(field.annotation)
        found += columns(part, f"{before}{name}_") if part else [f"{before}{name}"]
    return found


def cells(kind: type[Shape], row: Shape | None) -> Iterator[str]:
    """One row's values, in the order of the columns; of a row that is not there, empty ones."""
    for name, field in kind.model_fields.items():
        value = None if row is None else getattr(row, name)
        part = inner(field.annotation)
        if part:
            yield from cells(part, value)
        else:
            yield _harmless(cell(value)) if name in FREE_TEXT else cell(value)


def inner(annotation: Any) -> type[Shape] | None:
    """The shape that a field holds, or may hold."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, Shape):
            return None if _is_many(annotation) else one
    return None


def _is_many(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) in {list, dict}


def cell(value: Any) -> str:
    """One value as text."""
    match value:
        case None:
            text = ""
        case bool():
            text = str(value).lower()
        case Shape():
            text = ":".join(cells(type(value), value))
        case Mapping():
            text = " ".join(f"{cell(key)}={cell(each)}" for key, each in value.items())
        case list() | tuple():
            text = " ".join(map(cell, value))
        case _:
            text = str(value)
    return text


def _harmless(text: str) -> str:
    """What people or contracts say may look like a formula to a spreadsheet; an apostrophe makes it text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def sheet(name: str, kind: type[Shape], rows: Iterable[Shape], cache: str = LIVE) -> Response:
    """A whole table as one reply."""
    return Sent(sheet_body(name, kind, rows), cache)


def sheet_body(name: str, kind: type[Shape], rows: Iterable[Shape]) -> Body:
    return Body(table(kind, rows).encode(), MEDIA_TYPE, _attached(name))


def stream(
    name: str,
    kind: type[Shape],
    page: Callable[[int | None, int], Awaitable[tuple[Sequence[Shape], int | None]]],
    before: int | None,
    limit: int | None,
    cache: str = LIVE,
) -> Response:
    """A table of any length, page by page, so that neither memory nor a reader of the database is held."""
    lines = _lines(kind, page, before, limit)
    headers = {"cache-control": cache, **_attached(name)}
    return StreamingResponse(lines, media_type=MEDIA_TYPE, headers=headers)


async def _lines(
    kind: type[Shape],
    page: Callable[[int | None, int], Awaitable[tuple[Sequence[Shape], int | None]]],
    before: int | None,
    limit: int | None,
) -> AsyncIterator[str]:
    yield table(kind, [])
    left = limit
    while left is None or left > 0:
        rows, before = await page(before, PAGE_ROWS if left is None else min(PAGE_ROWS, left))
        yield table(kind, rows, head=False)
        left = None if left is None else left - len(rows)
        if before is None:
            return


def _attached(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}.csv"'}
