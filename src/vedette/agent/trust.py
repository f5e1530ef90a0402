"""Keys that may command this agent: named on its own host, never by the server; at first there is none.

Nothing obeys them yet: trust is given by hand before there is anything to command.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vedette.agent.files import read_small, write_whole
from vedette.agent.identity import load_identity
from vedette.model import operator_key
from vedette.model.errors import SettingError

FILE_NAME = "trusted.json"
BYTES_MAX = 65_536
KEYS_MAX = 100
COMMENT_CHARS_MAX = 120
PREFIX_CHARS_MIN = 8


class Trusted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key, whose it is, and when it was named."""

    key: str  # 64 hex digits
    comment: str
    since: str  # 2026-11-29


@dataclass(frozen=True, slots=True)
class Trust:
    """The file in one agent's folder. Methods raise SettingError."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / FILE_NAME

    def trusted(self) -> list[Trusted]:
        """As they were named. A file that others could have written is refused: it names no one."""
        try:
            content = read_small(self.path, BYTES_MAX)
            if content is None:
                return []
            if self.path.stat().st_mode & 0o077:
                raise SettingError(f"{self.path}: others may use this file; run: chmod 600 {self.path}")
            return msgspec.json.decode(content, type=list[Trusted])
        except OSError as error:
            raise SettingError(f"{self.path} cannot be read: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise SettingError(f"{self.path} names no keys: {error}") from error

    def add(self, words: str, comment: str) -> Trusted:
        """Trust a key from now on; one that was trusted before keeps its date."""
        key, said = parsed(words)
        comment = comment or said
        if len(comment) > COMMENT_CHARS_MAX or not comment.isprintable():
            raise SettingError(f"--comment: it is not up to {COMMENT_CHARS_MAX} printable characters")
        self._refuse_own(key)
        known = self.trusted()
        if len(known) >= KEYS_MAX:
            raise SettingError(f"{self.path} names {KEYS_MAX} keys already: revoke some")
        before = next((each for each in known if each.key == key), None)
        since = time.strftime("%Y-%m-%d", time.gmtime()) if before is None else before.since
        young = Trusted(key, comment or (before.comment if before else ""), since)
        self._write([*(each for each in known if each.key != key), young])
        return young

    def revoke(self, words: str) -> Trusted:
        """Trust it no longer. A key may be named by its first digits, if they fit one alone."""
        known = self.trusted()
        wanted = words.lower() if re.fullmatch(r"[0-9a-fA-F]{8,64}", words) else parsed(words)[0]
        fitting = [each for each in known if each.key.startswith(wanted)]
        if len(fitting) != 1:
            what = f"{len(fitting)} trusted keys begin so" if fitting else "no such key is trusted"
            raise SettingError(f"{what}; see: vedette agent trust list")
        self._write([each for each in known if each != fitting[0]])
        return fitting[0]

    def _refuse_own(self, key: str) -> None:
        own = self.folder / "agent.key"
        if own.exists() and load_identity(own).public_key_hex == key:
            raise SettingError("this is the agent's own key: whoever reads its folder could command it")

    def _write(self, keys: list[Trusted]) -> None:
        if not self.folder.is_dir():
            raise SettingError(f"--dir: there is no {self.folder}; enrol first: vedette agent enroll")
        try:
            write_whole(self.path, msgspec.json.format(msgspec.json.encode(keys)) + b"\n", mode=0o600)
        except OSError as error:
            raise SettingError(f"{self.path} cannot be written: {error.strerror or error}") from error


def parsed(words: str) -> tuple[str, str]:
    """The key in hex, and the comment that an OpenSSH line carries. Raises SettingError."""
    try:
        key, comment = operator_key.parsed(words)
    except ValueError as error:
        raise SettingError(str(error)) from error
    return key.hex(), comment
