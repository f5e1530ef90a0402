"""Lists in the form that was asked for: as CSV (`sheets`), or as Parquet with typed columns.

Parquet has the columns of the CSV, by the same names: integers as int64, amounts as decimal128(38, 0), times
as timestamp[ms, UTC], lists of words or numbers as lists; whatever else is a list is the text that CSV has.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from fastapi import Response
from pydantic.fields import FieldInfo

from vedette import __version__
from vedette.server.api import sheets
from vedette.server.api.sent import LIVE
from vedette.server.api.shapes import Shape
from vedette.server.parquet import ParquetReply, Rows
from vedette.server.parquet_writer import Column, Kind, Table
from vedette.store import chain

if TYPE_CHECKING:
    from vedette.server.house import House

Form = Literal["json", "csv", "parquet"]
Page = Callable[[int | None, int], Awaitable[tuple[Sequence[Shape], int | None]]]

TIME: Final = re.compile(r"(^|_)(at|until|from|to|through|seen)_ms$")
AMOUNT: Final = re.compile(r"_g?drip$")
UNITS: Final = {
    "_gdrip": "10^-9 CFX",
    "_drip": "10^-18 CFX",
    "_ppm": "millionths",
    "votes": "votes of 1,000 CFX",
    "_ms": "milliseconds",
    "_s": "seconds",
    "_bytes": "bytes",
    "_epochs": "epochs",
    "_blocks": "blocks",
}
FETCH_ROWS: Final = 500


async def rows(
    house: "House", form: str, name: str, kind: type[Shape], found: Iterable[Shape], cache: str = LIVE
) -> Response:
    """A whole table."""
    if form == "csv":
        return sheets.sheet(name, kind, found, cache)

    async def once() -> Rows:
        yield [list(values(kind, one)) for one in found]

    return await _parquet(house, name, kind, once(), cache)


async def stream(
    house: "House",
    form: str,
    name: str,
    kind: type[Shape],
    page: Page,
    before: int | None,
    limit: int | None,
    cache: str = LIVE,
) -> Response:
    """A table of any length, page by page, so that neither memory nor a reader of the database is held."""
    if form == "csv":
        return sheets.stream(name, kind, page, before, limit, cache)

    async def pages() -> Rows:
        nonlocal before
        left = limit
        while left is None or left > 0:
            found, before = await page(before, FETCH_ROWS if left is None else min(FETCH_ROWS, left))
            yield [list(values(kind, one)) for one in found]
            left = None if left is None else left - len(found)
            if before is None:
                return

    return await _parquet(house, name, kind, pages(), cache)


async def _parquet(house: "House", name: str, kind: type[Shape], told: Rows, cache: str) -> Response:
    growing = await house.kiln.file(await _table(house, name, kind), told)
    headers = {"cache-control": cache, "content-disposition": f'attachment; filename="{name}.parquet"'}
    return ParquetReply(growing, headers)


async def _table(house: "House", name: str, kind: type[Shape]) -> Table:
    async with house.database.read() as conn:
        number = await chain.chain_id(conn)
    at = datetime.fromtimestamp(house.ears.now_ms() / 1000, UTC)
    told = {
        "source": f"Vedette {__version__}",
        "network": "unknown" if number is None else f"chain id {number}",
        "table": name,
        "made_at": at.isoformat(timespec="seconds"),
    }
    return Table(list(columns(kind)), told)


# --- columns ----------------------------------------------------------------------------------------------


def columns(kind: type[Shape], before: str = "") -> Iterator[Column]:
    """As the CSV has them, with their types, units and meanings."""
    for name, field in kind.model_fields.items():
        inner = sheets.inner(field.annotation)
        if inner:
            yield from columns(inner, f"{before}{name}_")
        else:
            yield Column(f"{before}{name}", _kind(name, field), _told(name, field))


def values(kind: type[Shape], row: Shape | None) -> Iterator[Any]:
    """One row's values, in the order of the columns."""
    for name, field in kind.model_fields.items():
        value = None if row is None else getattr(row, name)
        inner = sheets.inner(field.annotation)
        if inner:
            yield from values(inner, value)
        elif value is None or _kind(name, field) != "text":
            yield value
        else:
            yield sheets.cell(value)


def _kind(name: str, field: FieldInfo) -> Kind:
    plain = _plain(field.annotation)
    if AMOUNT.search(name):
        return "amount"
    if plain is int:
        return "time_ms" if TIME.search(name) else "time_s" if name == "at_s" else "int"
    if get_origin(plain) is list:
        (item,) = get_args(plain)
        return "ints" if item is int else "texts" if _is_text(item) else "text"
    return "float" if plain is float else "bool" if plain is bool else "text"


def _plain(annotation: Any) -> Any:
    """The type without None beside it."""
    some = [one for one in get_args(annotation) if one is not type(None)]
    is_optional = len(some) == 1 and type(None) in get_args(annotation)
    return _bare(some[0] if is_optional else annotation)


def _bare(annotation: Any) -> Any:
    """The type without what is said of it."""
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _is_text(item: Any) -> bool:
    return _bare(item) is str or get_origin(item) is Literal


def _told(name: str, field: FieldInfo) -> dict[str, str]:
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), None)
    if TIME.search(name) or name == "at_s":
        unit = "UTC"
    meaning = field.description
    return {**({"unit": unit} if unit else {}), **({"meaning": meaning} if meaning else {})}
