"""A row of bars as a PNG: small enough for a mail, made without a library of pictures."""

import struct
import zlib
from collections.abc import Sequence
from typing import Final

HEIGHT, BAR, GAP = 24, 8, 2
BACK, GOOD, FAIR, POOR, UNKNOWN = range(5)
PALETTE: Final = bytes.fromhex("ffffff00684bb97400b3261e9aa7a9")
GOOD_FROM, FAIR_FROM = 0.99, 0.9
UNKNOWN_HEIGHT: Final = 3
"""What nobody knows is a low grey line: neither full nor empty."""


def bars(values: Sequence[float | None]) -> bytes:
    """A PNG: for each value from 0 to 1 a bar, the higher the better; None: not known."""
    width = max(1, len(values) * (BAR + GAP) - GAP)
    columns = [_bar(value) for value in values]
    rows = bytearray()
    for y in range(HEIGHT):
        line = bytearray(width)
        for place, (height, colour) in enumerate(columns):
            if HEIGHT - y <= height:
                start = place * (BAR + GAP)
                line[start : start + BAR] = bytes([colour]) * BAR
        rows += b"\0" + line
    return _png(width, HEIGHT, bytes(rows))


def _bar(value: float | None) -> tuple[int, int]:
    """Its height and colour. What is bad is low and red, so it is seen without colours, too."""
    if value is None:
        return UNKNOWN_HEIGHT, UNKNOWN
    height = max(1, round(min(max(value, 0.0), 1.0) * HEIGHT))
    return height, GOOD if value >= GOOD_FROM else FAIR if value >= FAIR_FROM else POOR


def _png(width: int, height: int, rows: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, by a palette
    parts = ((b"IHDR", head), (b"PLTE", PALETTE), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
