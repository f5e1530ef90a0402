"""Secrets that must be read again are sealed with a key file, which is kept outside database and backup.

Whoever steals the database or its backup alone has nothing of them. A seal is the key's id, a nonce, and
AES-256-GCM over the secret with its purpose: what was sealed for one use does not open for another.
"""

import base64
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vedette.model.errors import SettingError

ID_BYTES, NONCE_BYTES, KEY_BYTES = 4, 12, 32
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
HEADING: Final = "# Vedette's keys, the newest last. Keep them apart from the database and its backups.\n"


class SealError(Exception):
    """A sealed secret does not open: it was changed, is for another purpose, or its key is gone."""


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the file."""

    id: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "Key":
        return cls(secrets.token_bytes(ID_BYTES), secrets.token_bytes(KEY_BYTES))

    @property
    def line(self) -> str:
        return f"{self.id.hex()} {base64.b64encode(self.secret).decode()}\n"


class Vault:
    """Seals with the newest key of its file and opens with any. The file is made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: tuple[Key, ...] = ()
        self._mark: tuple[int, int, int] | None = None

    def seal(self, secret: bytes, purpose: str) -> bytes:
        key, nonce = self.keys()[-1], secrets.token_bytes(NONCE_BYTES)
        return key.id + nonce + AESGCM(key.secret).encrypt(nonce, secret, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Raises SealError."""
        wanted, nonce = sealed[:ID_BYTES], sealed[ID_BYTES : ID_BYTES + NONCE_BYTES]
        key = next((key for key in self.keys() if key.id == wanted), None)
        if key is None:
            raise SealError(f"it was sealed with the key {wanted.hex()}, which {self.path} does not hold")
        try:
            return AESGCM(key.secret).decrypt(nonce, sealed[ID_BYTES + NONCE_BYTES :], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise SealError(f"it does not open as {purpose}: it was changed, or is another's") from error

    def keys(self) -> tuple[Key, ...]:
        """All keys, read again whenever the file changed. Raises SettingError: a person must right it."""
        try:
            mark = _mark(self.path)
        except FileNotFoundError:
            _put(self.path, [Key.new()], only_new=True)
            mark = _mark(self.path)
        except OSError as error:
            raise SettingError(f"cannot read the key file {self.path}: {error.strerror}") from error
        if mark != self._mark:
            self._keys = _read(self.path)
            self._mark = mark
        return self._keys

    def add(self) -> Key:
        """A new key, which seals from now on; whoever has the file open sees it at his next seal."""
        key = Key.new()
        _put(self.path, [*self.keys(), key])
        return key

    def drop_all_but(self, kept: Key) -> int:
        """Take every other key out of the file; returns how many that were."""
        held = self.keys()
        _put(self.path, [kept])
        return len(held) - 1


def key_of(sealed: bytes) -> bytes:
    """The id of the key that a secret was sealed with."""
    return sealed[:ID_BYTES]


def _mark(path: Path) -> tuple[int, int, int]:
    told = path.stat()
    return told.st_ino, told.st_mtime_ns, told.st_size


def _read(path: Path) -> tuple[Key, ...]:
    try:
        with path.open(encoding="ascii") as file:
            open_to = os.fstat(file.fileno()).st_mode & OTHERS
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise SettingError(f"cannot read the key file {path}: {why}") from error
    if open_to:
        raise SettingError(f"others may read the key file {path}: chmod 600 it, then vedette secrets rotate")
    keys = tuple(_parsed(path, line) for line in lines if line.strip() and not line.startswith("#"))
    if not keys:
        raise SettingError(f"the key file {path} holds no key: put it back from your copy of it")
    return keys


def _parsed(path: Path, line: str) -> Key:
    found = re.fullmatch(r"([0-9a-f]{8}) ([A-Za-z0-9+/]{43}=)", line.strip())
    if found is None:
        raise SettingError(f"the key file {path} has a line that is no key: put it back from your copy of it")
    return Key(bytes.fromhex(found[1]), base64.b64decode(found[2]))


def _put(path: Path, keys: list[Key], *, only_new: bool = False) -> None:
    """Whole or not at all: written under another name first, and on the disk before it is named."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(HEADING + "".join(key.line for key in keys))
            file.flush()
            os.fsync(file.fileno())
        if only_new:
            os.link(draft, path)
        else:
            draft.replace(path)
        _sync(path.parent)
    except FileExistsError:
        return  # another server was quicker; its key is as good
    except OSError as error:
        raise SettingError(f"cannot write the key file {path}: {error.strerror}; set key_file") from error
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """The name must outlast a power cut as well as what was sealed does."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
