"""A program of its own that makes Parquet: `python -m vedette.server.parquet_writer`.

The library takes some 100 MB of memory to be there at all, so the server does not load it: this process does,
for as long as one export lasts. It reads messages (msgpack, each behind its length in four bytes) from its
input: first a `Table`, then lists of rows; and writes the file to its output as it grows.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, BinaryIO, Final, Literal

import msgspec

Kind = Literal["int", "float", "bool", "text", "time_ms", "time_s", "amount", "texts", "ints"]
LENGTH_BYTES: Final = 4
GROUP_ROWS: Final = 20_000
"""Rows of a group: what is held in memory at a time."""


class Column(msgspec.Struct, frozen=True):
    name: str
    kind: Kind
    told: dict[str, str] = {}
    """Its unit and meaning."""


class Table(msgspec.Struct, frozen=True):
    """What comes: columns, and what is told of the whole."""

    columns: list[Column]
    told: dict[str, str]


def message(body: bytes) -> bytes:
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def messages(source: BinaryIO) -> Iterator[bytes]:
    while head := source.read(LENGTH_BYTES):
        size = int.from_bytes(head, "big")
        body = source.read(size)
        if len(head) < LENGTH_BYTES or len(body) < size:
            raise EOFError("the server ended in the middle of a message")
        yield body


class Growing:
    """An output that tells how much was written, which a pipe does not."""

    closed = False

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._written = 0

    def write(self, data: Any) -> int:
        written = self._out.write(data)
        self._written += written
        return written

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        self._out.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def write(source: BinaryIO, out: BinaryIO) -> None:
    """The whole of it."""
    import pyarrow as pa
    from pyarrow import parquet

    coming = messages(source)
    table = msgspec.msgpack.decode(next(coming), type=Table)
    schema = _schema(pa, table)
    writer = parquet.ParquetWriter(Growing(out), schema, compression="zstd", version="2.6")
    for rows in _groups(coming):
        columns = zip(*rows, strict=True)
        arrays = [
            pa.array(_values(column.kind, cells), field.type)
            for column, cells, field in zip(table.columns, columns, schema, strict=True)
        ]
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    writer.close()


def _schema(pa: Any, table: Table) -> Any:
    types = {
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "text": pa.string(),
        "time_ms": pa.timestamp("ms", "UTC"),
        "time_s": pa.timestamp("s", "UTC"),
        "amount": pa.decimal128(38, 0),
        "texts": pa.list_(pa.string()),
        "ints": pa.list_(pa.int64()),
    }
    fields = [pa.field(one.name, types[one.kind], metadata=one.told) for one in table.columns]
    return pa.schema(fields, metadata=table.told)


def _groups(coming: Iterator[bytes]) -> Iterator[list[Any]]:
    rows: list[Any] = []
    for body in coming:
        rows += msgspec.msgpack.decode(body)
        if len(rows) >= GROUP_ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _values(kind: Kind, cells: Sequence[Any]) -> Sequence[Any]:
    return [None if one is None else Decimal(one) for one in cells] if kind == "amount" else cells


def main() -> None:
    try:
        write(sys.stdin.buffer, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except Exception as error:  # noqa: BLE001 - whatever it is, the server says it to its log
        sys.stderr.write(f"{type(error).__name__}: {error}".replace("\n", " "))
        sys.stderr.flush()
        os._exit(1)  # the writer would end its file well as it is thrown away


if __name__ == "__main__":
    main()
