"""Many samples of one node in few bytes, column by column. Pure: no clock, no database.

    chunk = b"VC", version, u32 length of the directory, directory, frames
    frame = a few columns together, zstandard; a column = null mask, then planes of bytes

An integer column is foretold (by its median, its last value, or its last step), the errors are folded into
unsigned numbers (zigzag), and the first bytes of all errors come before all second bytes (shuffle): planes
of zeros are dropped and the rest compresses well. A float column that is exactly some integers over a power
of ten is stored as those integers; any other as the integers that its bits spell. States are runs of words.

NaN means that nobody measured: it is stored as null. All else comes back bit for bit, except that a column
which holds integers and floats comes back as floats.
"""

import struct
import sys
import threading
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from vedette.model.errors import StoreError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAGIC = b"VC\x02"
ROWS_MAX = 100_000
COLUMNS_MAX = 4_096
FRAME_BYTES = 4_096
"""A frame is closed once it holds this much: one column then costs at most a frame to read."""
DIRECTORY_BYTES_MAX = 8 << 20
STATES_CHARS_MAX = 1 << 20
RUN_CHARS = 4
LEVEL = 6
TRIED = 256  # so many values tell which prediction suits a column
EXPONENT_MAX = 6
EXACT = 2.0**53  # beyond this a float no longer holds every integer


class ChunkError(StoreError):
    """These bytes are not a chunk of ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """One column. `values` has an entry for each row, meaningless where `present` is False."""

    values: Ints | Floats
    present: Bools

    def cut(self, rows: slice) -> "Numbers":
        return Numbers(self.values[rows], self.present[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Rows of one node, strictly ascending in time (unix milliseconds)."""

    times: Ints
    numbers: Mapping[str, Numbers]
    states: Mapping[str, Sequence[str | None]]
    names: Collection[str]  # every number's name, also of those that were not asked for


Row = tuple[int, Mapping[str, int | float], Mapping[str, str]]


def samples(rows: Iterable[Row]) -> Samples:
    """Turn rows (at_ms, numbers, states) of any order into columns; of two of one time the last stays."""
    unique = {row[0]: row for row in rows}
    ordered = [unique[at_ms] for at_ms in sorted(unique)]
    names = sorted({name for row in ordered for name in row[1]})
    words = sorted({name for row in ordered for name in row[2]})
    numbers = {name: _numbers([row[1].get(name) for row in ordered]) for name in names}
    numbers = {name: column for name, column in numbers.items() if column.present.any()}
    return Samples(
        np.array([row[0] for row in ordered], np.int64),
        numbers,
        {name: [row[2].get(name) for row in ordered] for name in words},
        numbers.keys(),
    )


def _numbers(values: list[int | float | None]) -> Numbers:
    kinds = {type(value) for value in values}
    kind = np.int64 if kinds <= {int, type(None)} else np.float64
    absent = type(None) in kinds
    array: Any = np.array([0 if value is None else value for value in values] if absent else values, kind)
    present = np.array([value is not None for value in values]) if absent else np.ones(len(values), np.bool_)
    return Numbers(array, present if kind is np.int64 else present & ~np.isnan(array))


def merge(parts: Sequence[Samples]) -> Samples:
    """All rows of the parts in order of time; of two rows of one time the later part's stays."""
    times = np.concatenate([part.times for part in parts])
    order = _order(times)
    names = sorted({name for part in parts for name in part.numbers})
    words = sorted({name for part in parts for name in part.states})
    numbers = {name: _joined([(len(p.times), p.numbers.get(name)) for p in parts], order) for name in names}
    return Samples(
        times[order],
        {name: column for name, column in numbers.items() if column.present.any()},
        {name: _joined_words([(len(p.times), p.states.get(name)) for p in parts], order) for name in words},
        {name for part in parts for name in part.names},
    )


def _order(times: Ints) -> NDArray[np.intp] | slice:
    """How to pick rows so that they ascend; most often they do."""
    if (times[1:] > times[:-1]).all():
        return slice(None)
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    last: NDArray[np.bool_] = np.append(ordered[1:] != ordered[:-1], True)
    picked: NDArray[np.intp] = order[last]
    return picked


def _joined(parts: list[tuple[int, Numbers | None]], order: NDArray[np.intp] | slice) -> Numbers:
    nothing = [Numbers(np.zeros(n, np.int64), np.zeros(n, np.bool_)) if p is None else p for n, p in parts]
    return Numbers(
        np.concatenate([part.values for part in nothing])[order],
        np.concatenate([part.present for part in nothing])[order],
    )


def _joined_words(
    parts: list[tuple[int, Sequence[str | None] | None]], order: NDArray[np.intp] | slice
) -> list[str | None]:
    words: list[str | None] = []
    for count, part in parts:
        words += [None] * count if part is None else part
    return words if isinstance(order, slice) else [words[i] for i in order.tolist()]


# --- integers ---------------------------------------------------------------------------------------------


class Foretold(msgspec.Struct, frozen=True, array_like=True):
    """How to get integers back from the errors of their prediction."""

    order: int  # 0: foretold by the median, 1: by the last value, 2: by the last step
    heads: list[int]  # what the prediction starts from
    width: int  # bytes kept of each error


def _zigzag(values: Ints) -> NDArray[np.uint64]:
    return ((values << 1) ^ (values >> 63)).view(np.uint64)


def _unzigzag(folded: NDArray[np.uint64]) -> Ints:
    return ((folded >> np.uint64(1)) ^ (np.uint64(0) - (folded & np.uint64(1)))).view(np.int64)


def foretell(values: Ints) -> tuple[Foretold, bytes]:
    """The cheapest prediction of these integers, and the planes of its errors. Differences may wrap."""
    count = len(values)
    if count == 0:
        return Foretold(0, [0], 0), b""
    first = int(values[0])
    if (values == first).all():
        return Foretold(1, [first], 0), b""
    middle = int(np.partition(values, count // 2)[count // 2])
    errors = np.zeros((3, count), np.int64)  # one line for each order; its heads have no error
    np.subtract(values, np.int64(middle), out=errors[0])
    np.subtract(values[1:], values[:-1], out=errors[1, 1:])
    np.subtract(errors[1, 2:], errors[1, 1:-1], out=errors[2, 2:])
    second = int(errors[1, 1])
    folded = _zigzag(errors)
    order = int(np.log2(folded[:, :TRIED] + 1.0).sum(axis=1).argmin())
    chosen = folded[order, order:]
    width = (int(chosen.max(initial=0)).bit_length() + 7) // 8
    planes = chosen.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
    return Foretold(order, ([middle], [first], [first, second])[order], width), planes.T.tobytes()


def recall(how: Foretold, planes: bytes, count: int) -> Ints:
    """Undo `foretell`. Raises ValueError when the parts do not fit together."""
    order, heads = how.order, how.heads
    if not 0 <= order <= 2 or not 0 <= how.width <= 8 or len(heads) != max(order, 1):  # noqa: PLR2004
        raise ValueError("a column's prediction is unknown")
    values = np.empty(count, np.int64)
    values[:order] = heads[:count] if order else 0
    if len(planes) != how.width * max(count - order, 0):
        raise ValueError("a column has the wrong length")
    values[order:] = _errors(planes, how.width)
    if order == 0:
        return values + np.int64(heads[0])
    if order == 2:  # noqa: PLR2004 - the steps first, then what they lead to
        np.cumsum(values[1:], out=values[1:])
    return np.cumsum(values, out=values)


_ONE_BYTE = _unzigzag(np.arange(256, dtype=np.uint64))


def _errors(planes: bytes, width: int) -> Ints:
    """The errors that these planes spell; no planes at all: a zero for each."""
    if width == 0:
        return np.zeros(1, np.int64)
    flat = np.frombuffer(planes, np.uint8)
    if width == 1:
        return _ONE_BYTE[flat]
    count = len(planes) // width
    wide = np.zeros((count, 8), np.uint8)
    wide[:, :width] = flat.reshape(width, count).T
    return _unzigzag(wide.view("<u8").reshape(count))


def pack_ints(values: Sequence[int]) -> bytes:
    """A list of 64-bit integers on its own."""
    how, planes = foretell(np.array(values, np.int64))
    return deflate(msgspec.msgpack.encode((len(values), how, planes)))


def unpack_ints(packed: bytes) -> list[int]:
    """Undo `pack_ints`. Raises ChunkError."""
    try:
        count, how, planes = msgspec.msgpack.decode(
            inflate(packed, DIRECTORY_BYTES_MAX), type=tuple[int, Foretold, bytes]
        )
        recalled = recall(how, planes, count)
    except (ValueError, OverflowError, msgspec.MsgspecError, zstandard.ZstdError) as error:
        raise ChunkError(f"a packed list cannot be read ({error}): restore the database") from error
    return [int(value) for value in recalled]


DRIP_BYTES = 16


def pack_drips(amounts: Sequence[int]) -> bytes:
    """Amounts below 2^128 on their own, exact: the first bytes of all before all second bytes."""
    whole = b"".join(amount.to_bytes(DRIP_BYTES, "little") for amount in amounts)
    return deflate(np.frombuffer(whole, np.uint8).reshape(-1, DRIP_BYTES).T.tobytes())


def unpack_drips(packed: bytes) -> list[int]:
    """Undo `pack_drips`. Raises ChunkError."""
    planes = _drip_planes(packed)
    count = len(planes) // DRIP_BYTES
    return [int.from_bytes(planes[at::count], "little") for at in range(count)]


def drip_at(packed: bytes, place: int) -> int:
    """One amount of `pack_drips`, by its place. Raises ChunkError."""
    planes = _drip_planes(packed)
    count = len(planes) // DRIP_BYTES
    if not 0 <= place < count:
        raise ChunkError("packed amounts are cut short: restore the database")
    return int.from_bytes(planes[place::count], "little")


def _drip_planes(packed: bytes) -> bytes:
    try:
        planes = inflate(packed, DIRECTORY_BYTES_MAX)
    except (ValueError, zstandard.ZstdError) as error:
        raise ChunkError(f"packed amounts cannot be read ({error}): restore the database") from error
    if len(planes) % DRIP_BYTES:
        raise ChunkError("packed amounts are cut short: restore the database")
    return planes


# --- chunks -----------------------------------------------------------------------------------------------


class _Column(msgspec.Struct, frozen=True, array_like=True):
    """How to read a column."""

    kind: int  # -2: integers, -1: the bits of floats, else: floats, as integers over ten to this power
    how: Foretold
    masked: bool


class _Frame(msgspec.Struct, frozen=True, array_like=True):
    columns: int
    length: int
    raw_length: int


class _Directory(msgspec.Struct, frozen=True, array_like=True):
    """A few of hundreds of columns are asked for: the others' entries are not even looked at."""

    rows: int
    names: list[str]  # the first one is time
    lengths: list[int]  # of each column, in bytes, the null mask included
    columns: list[msgspec.Raw]
    frames: list[_Frame]
    states_length: int


INTEGERS, BITS = -2, -1
_encode = msgspec.msgpack.Encoder().encode
_directory = msgspec.msgpack.Decoder(_Directory).decode
_column = msgspec.msgpack.Decoder(_Column).decode
_states = msgspec.msgpack.Decoder(list[tuple[str, list[str | None], list[int]]]).decode


class _Tools(threading.local):
    """One pair for each thread: neither may be used by two at once."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_tools = _Tools()


def deflate(raw: bytes) -> bytes:
    return _tools.compress(raw)


def inflate(frame: bytes, most: int) -> bytes:
    """Decompress, but never to more than `most` bytes: the size that a frame claims is looked at first."""
    if not 0 <= zstandard.frame_content_size(frame) <= most:
        raise ValueError("a frame is larger than it may be")
    return _tools.decompress(frame)


def bounded(of: Samples) -> Samples:
    """What a chunk has room for: the newest rows, the numbers told most often, the states with fewest words.

    No sound agent tells more; one that does must not keep everybody's samples from being folded.
    """
    spelt = sorted((_spelt_chars(words), name) for name, words in of.states.items())
    room = accumulate(chars for chars, _ in spelt)
    states = [name for (_, name), chars in zip(spelt, room, strict=True) if chars <= STATES_CHARS_MAX]
    names = list(of.numbers)
    if len(names) >= COLUMNS_MAX:
        names = sorted(names, key=lambda name: -int(of.numbers[name].present.sum()))[: COLUMNS_MAX - 1]
    if len(of.times) <= ROWS_MAX and len(names) == len(of.numbers) and len(states) == len(of.states):
        return of
    rows = slice(max(0, len(of.times) - ROWS_MAX), None)
    numbers = {name: of.numbers[name].cut(rows) for name in names}
    return Samples(of.times[rows], numbers, {name: of.states[name][rows] for name in states}, names)


def _spelt_chars(words: Sequence[str | None]) -> int:
    """How many characters the runs of a state take, with a few for each run."""
    if len(set(words)) == 1:
        return len(words[0] or "") + RUN_CHARS
    return sum(len(word or "") + RUN_CHARS for word, _ in groupby(words))


def encode_chunk(of: Samples) -> bytes:
    """The chunk of these samples, or of as many as it has room for."""
    of = bounded(of)
    whole = Numbers(of.times, np.ones(len(of.times), np.bool_))
    named = [("", whole), *of.numbers.items()]
    packed = [_pack(column) for _, column in named]
    frames = [(len(group), b"".join(group)) for group in _grouped([raw for _, raw in packed])]
    bodies = [deflate(raw) for _, raw in frames]
    states = deflate(_encode([_runs(name, words) for name, words in of.states.items()]))
    directory = _Directory(
        len(of.times),
        [name for name, _ in named],
        [len(raw) for _, raw in packed],
        [msgspec.Raw(_encode(entry)) for entry, _ in packed],
        [_Frame(n, len(b), len(raw)) for (n, raw), b in zip(frames, bodies, strict=True)],
        len(states),
    )
    head = deflate(_encode(directory))
    return b"".join((MAGIC, struct.pack("<I", len(head)), head, *bodies, states))


def _pack(column: Numbers) -> tuple[_Column, bytes]:
    masked = not column.present.all()
    dense = column.values[column.present] if masked else column.values
    kind, integers = _as_integers(dense)
    how, planes = foretell(integers)
    mask = np.packbits(column.present, bitorder="little").tobytes() if masked else b""
    return _Column(kind, how, masked), mask + planes


def _as_integers(values: Ints | Floats) -> tuple[int, Ints]:
    """Integers that stand for these values exactly, and how."""
    if values.dtype == np.int64:
        return INTEGERS, values.astype(np.int64, copy=False)
    floats = values.astype(np.float64, copy=False)
    if np.isfinite(floats).all() and (len(floats) == 0 or np.abs(floats).max() < EXACT / 10**EXPONENT_MAX):
        for exponent in range(EXPONENT_MAX + 1):
            scaled = np.rint(floats * 10.0**exponent)
            if np.array_equal(
                (scaled.astype(np.int64) / 10.0**exponent).view(np.int64), floats.view(np.int64)
            ):
                return exponent, scaled.astype(np.int64)
    return BITS, floats.view(np.int64)


def _grouped(raws: list[bytes]) -> list[list[bytes]]:
    """Neighbouring columns share a frame until it is full."""
    groups: list[list[bytes]] = []
    room = 0
    for raw in raws:
        if room <= 0:
            groups.append([])
            room = FRAME_BYTES
        groups[-1].append(raw)
        room -= len(raw)
    return groups


def _runs(name: str, words: Sequence[str | None]) -> tuple[str, list[str | None], list[int]]:
    runs = [(word, len(list(group))) for word, group in groupby(words)]
    return name, [word for word, _ in runs], [length for _, length in runs]


class Chunk:
    """A chunk opened at its directory: columns are read as they are asked for. Raises ChunkError."""

    def __init__(self, body: bytes) -> None:
        try:
            self._open(body)
        except (ValueError, struct.error, msgspec.MsgspecError, zstandard.ZstdError) as error:
            raise ChunkError(f"a chunk of samples cannot be read ({error}): restore the database") from error

    def _open(self, body: bytes) -> None:
        if body[: len(MAGIC)] != MAGIC:
            raise ValueError("it does not begin like one")
        start = len(MAGIC) + 4
        (length,) = struct.unpack("<I", body[len(MAGIC) : start])
        directory = _directory(inflate(body[start : start + length], DIRECTORY_BYTES_MAX))
        _check(directory, len(body) - start - length)
        self.rows = directory.rows
        self._body = body
        self._states_length = directory.states_length
        self._raw: dict[int, bytes] = {}  # frames that were decompressed
        self._directory = directory
        self._places = {name: place for place, name in enumerate(directory.names)}
        self._frames = _beginnings(directory.frames, start + length)
        self._all = np.ones(self.rows, np.bool_)
        self.names = [name for name in self._places if name]

    def read(self, name: str) -> Numbers | None:
        """One column; None when the chunk has none of this name. Raises ChunkError."""
        place = self._places.get(name)
        if place is None:
            return None
        try:
            return self._read(place)
        except (ValueError, OverflowError, msgspec.MsgspecError, zstandard.ZstdError) as error:
            raise ChunkError(f"{name or 'time'} of a chunk cannot be read ({error})") from error

    def _read(self, place: int) -> Numbers:
        column = _column(self._directory.columns[place])
        number = bisect_right(self._frames, (place, sys.maxsize)) - 1
        first, start = self._frames[number]
        frame, lengths = self._directory.frames[number], self._directory.lengths
        raw = self._raw.get(start)
        if raw is None:
            raw = self._raw[start] = inflate(self._body[start : start + frame.length], frame.raw_length)
        offset = sum(lengths[first:place])
        body = raw[offset : offset + lengths[place]]
        if not column.masked:
            return Numbers(_values(column, body, self.rows), self._all)
        bits = np.frombuffer(body[: (self.rows + 7) // 8], np.uint8)
        present = np.unpackbits(bits, count=self.rows, bitorder="little").view(np.bool_)
        dense = _values(column, body[(self.rows + 7) // 8 :], int(present.sum()))
        values: Any = np.zeros(self.rows, dense.dtype)
        values[present] = dense
        return Numbers(values, present)

    def times(self) -> Ints:
        column = self.read("")
        if (
            column is None
            or column.values.dtype != np.int64
            or (column.values[1:] <= column.values[:-1]).any()
        ):
            raise ChunkError("the times of a chunk are out of order: restore the database")
        return column.values.astype(np.int64, copy=False)

    def states(self, names: Collection[str] | None = None) -> dict[str, list[str | None]]:
        """All states, or those that are named, a word or None for each row. Raises ChunkError."""
        try:
            start = len(self._body) - self._states_length
            told = _states(inflate(self._body[start:], DIRECTORY_BYTES_MAX))
            return {
                name: self._unrolled(words, lengths)
                for name, words, lengths in told
                if names is None or name in names
            }
        except (ValueError, msgspec.MsgspecError, zstandard.ZstdError) as error:
            raise ChunkError(f"the states of a chunk cannot be read ({error})") from error

    def _unrolled(self, words: list[str | None], lengths: list[int]) -> list[str | None]:
        if min(lengths, default=0) < 0 or sum(lengths) != self.rows:
            raise ValueError("a state has the wrong length")
        return [word for word, length in zip(words, lengths, strict=True) for _ in range(length)]


def _check(directory: _Directory, rest: int) -> None:
    sizes = [frame.length for frame in directory.frames] + [directory.states_length]
    counts = [frame.columns for frame in directory.frames]
    lengths = directory.lengths
    if not len(lengths) == len(directory.names) == len(directory.columns):
        raise ValueError("its directory is cut short")
    if not (0 <= directory.rows <= ROWS_MAX and 1 <= len(directory.columns) <= COLUMNS_MAX):
        raise ValueError("it claims to be larger than any chunk")
    if min(sizes) < 0 or sum(sizes) != rest or min(lengths) < 0:
        raise ValueError("its parts do not add up")
    if min(counts) < 0 or sum(counts) != len(directory.columns):
        raise ValueError("its columns do not add up")
    if (
        max(lengths) > 9 * ROWS_MAX
        or max(f.raw_length for f in directory.frames) > 10 * ROWS_MAX + FRAME_BYTES
    ):
        raise ValueError("its columns are longer than its rows")


def _beginnings(frames: Sequence[_Frame], start: int) -> list[tuple[int, int]]:
    """Of each frame, its first column, and where it begins."""
    found = []
    first = 0
    for frame in frames:
        found.append((first, start))
        first, start = first + frame.columns, start + frame.length
    return found


def _values(column: _Column, planes: bytes, count: int) -> Ints | Floats:
    integers = recall(column.how, planes, count)
    if column.kind == INTEGERS:
        return integers
    if column.kind == BITS:
        return integers.view(np.float64)
    if not 0 <= column.kind <= EXPONENT_MAX:
        raise ValueError("a column's kind is unknown")
    return integers / 10.0**column.kind


def decode_chunk(body: bytes) -> Samples:
    """Everything in a chunk. Raises ChunkError when the bytes are not one."""
    chunk = Chunk(body)
    numbers: dict[str, Any] = {name: chunk.read(name) for name in chunk.names}
    return Samples(chunk.times(), numbers, chunk.states(), numbers.keys())
