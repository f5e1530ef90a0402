"""The file of a carried history: a line that says what it is, one zstd stream of records, and a checksum.

    line "vedette history 1", zstd(records), SHA-256 of all before it
    record = u32 length, u32 CRC-32 of the body, body (msgpack); the last one is an End

It is written beside its name and moved there when it is whole. A reader looks at the checksum first, then
holds one record at a time. The checksum tells of accidents: whoever changes a file on purpose writes it anew.
"""

import hashlib
import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import msgspec
import zstandard

from vedette.model.errors import StoreError
from vedette.store.carry import records
from vedette.store.carry.records import End, Head, Record

FORMAT: Final = 1
MAGIC: Final = b"vedette history "
LINE_BYTES_MAX: Final = 40
DIGEST_BYTES: Final = 32
PIECE_BYTES: Final = 1 << 16
FRAME: Final = struct.Struct("<II")
BODY_BYTES_MAX: Final = 4 << 20  # real ones have less than one, and many are held at a time
LEVEL: Final = 6
WINDOW_LOG: Final = 23  # 8 MiB: a committee's addresses are found again in the epochs before it


class CarryError(StoreError):
    """A history cannot be carried: one line that names the file or the epoch."""


class _TornError(Exception):
    """The records of a file do not read as they were written."""


class HistoryWriter(AbstractContextManager["HistoryWriter"]):
    """Writes records to `<name>.part`; the name itself appears when all is written. Raises CarryError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._digest = hashlib.sha256()
        self.counts: Counter[str] = Counter()
        self.size_bytes = 0

    def __enter__(self) -> Self:
        if self._path.is_dir():
            raise CarryError(f"{self._path} is a directory: name a file")
        try:
            if self._path.exists() and not _is_history(self._path):
                raise CarryError(f"{self._path} is there and is no history: name another file")
            self._file = self._part.open("wb")
        except OSError as error:
            raise CarryError(f"{self._part} cannot be written: {error.strerror}") from error
        self._put(MAGIC + b"%d\n" % FORMAT)
        how = zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=WINDOW_LOG)
        self._stream = zstandard.ZstdCompressor(compression_params=how).compressobj()
        return self

    def write(self, record: Record) -> None:
        body = records.encode(record)
        self._put(self._stream.compress(FRAME.pack(len(body), zlib.crc32(body)) + body))
        self.counts[records.kind(record)] += 1

    @property
    def sha256(self) -> str:
        """Of the whole file, once it is written."""
        return self._digest.hexdigest()

    def _put(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except OSError as error:
            raise CarryError(f"{self._part} cannot be written: {error.strerror}") from error
        self._digest.update(piece)
        self.size_bytes += len(piece)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        self.write(End(dict(self.counts)))
        self._put(self._stream.flush())
        self._put(self._digest.digest())
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._part.replace(self._path)
        except OSError as error:
            raise CarryError(f"{self._path} cannot be written: {error.strerror}") from error


class HistoryReader(AbstractContextManager["HistoryReader"]):
    """Reads a file's records, as often as asked. What is torn, foreign or newer raises CarryError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise CarryError(f"{path} cannot be read: {error.strerror}") from error
        self.size = os.fstat(self._file.fileno()).st_size
        try:
            self._start = self._begin()
            self.sha256 = self._summed()
        except BaseException:
            self._file.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def bytes_read(self) -> int:
        return self._file.tell()

    def records(self) -> Iterator[Record]:
        """All records but the End."""
        self._file.seek(self._start)
        counts: Counter[str] = Counter()
        try:
            for record in self._decoded():
                if isinstance(record, End):
                    if record.counts != counts:
                        raise self._torn("records are missing")
                    return
                counts[records.kind(record)] += 1
                if isinstance(record, Head) != (counts.total() == 1):
                    raise self._torn("its head is not its first record")
                yield record
        except (zstandard.ZstdError, msgspec.MsgspecError, _TornError, MemoryError) as error:
            raise self._torn(str(error)) from error
        raise self._torn("it has no end")

    def _begin(self) -> int:
        """Where the records start."""
        line = self._file.read(LINE_BYTES_MAX).partition(b"\n")[0]
        if not line.startswith(MAGIC) or not line[len(MAGIC) :].isdigit():
            raise CarryError(f"{self._path} is no history of Vedette: `vedette history export` writes one")
        if int(line[len(MAGIC) :]) != FORMAT:
            version = line[len(MAGIC) :].decode()
            raise CarryError(
                f"{self._path} has format {version}, and this Vedette reads {FORMAT}: use a newer Vedette"
            )
        if self.size <= len(line) + 1 + DIGEST_BYTES:
            raise self._torn("it ends in the middle")
        return len(line) + 1

    def _summed(self) -> str:
        """The SHA-256 of the whole file, whose end is that of all before it."""
        digest, left = hashlib.sha256(), self.size - DIGEST_BYTES
        self._file.seek(0)
        while left and (piece := self._file.read(min(left, PIECE_BYTES))):
            digest.update(piece)
            left -= len(piece)
        told = self._file.read(DIGEST_BYTES)
        if told != digest.digest():
            raise self._torn("its checksum is another")
        digest.update(told)
        return digest.hexdigest()

    def _decoded(self) -> Iterator[Any]:
        inflater: Any = zstandard.ZstdDecompressor(max_window_size=1 << WINDOW_LOG)
        with inflater.stream_reader(self._file, read_size=PIECE_BYTES, closefd=False) as stream:
            while head := _exactly(stream, FRAME.size, or_nothing=True):
                length, crc = FRAME.unpack(head)
                if length > BODY_BYTES_MAX:
                    raise _TornError("a record is larger than any")
                body = _exactly(stream, length)
                if zlib.crc32(body) != crc:
                    raise _TornError("a record has another checksum")
                yield records.decode(body)

    def _torn(self, why: str) -> CarryError:
        return CarryError(f"{self._path} is torn or was changed ({why}): copy or export it again")


def checked(path: Path) -> str:
    """The SHA-256 of a file that is as it was written. Raises CarryError."""
    with HistoryReader(path) as reader:
        return reader.sha256


def _is_history(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _exactly(stream: IO[bytes], count: int, *, or_nothing: bool = False) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = stream.read(count - len(found))
        if not piece:
            if or_nothing and not found:
                return b""
            raise _TornError("it ends in the middle")
        found += piece
    return bytes(found)
