"""Plain data (of JSON, TOML or YAML) read with a line for each fault, so that all are mended at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final, TypeVar

from vedette.model.errors import SettingError

E = TypeVar("E", bound=StrEnum)

TEXT_MAX: Final = 80
ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
YEARS: Final = range(2000, 2200)
SOME_DAY: Final = date(2026, 1, 1)
"""Stands where no day could be read; nobody sees it, for the reading fails."""


class Reader:
    """Each of its ways returns something of the right type, and notes what was wrong in `problems`."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def wrong(self, where: str, what: str) -> None:
        self.problems.append(f"{where}: {what}" if what.startswith("there") else f"{where} {what}")

    def end(self) -> None:
        """Raises SettingError if anything was wrong."""
        if self.problems:
            raise SettingError("\n".join(self.problems))

    def fields(self, given: object, where: str, known: Sequence[str]) -> Mapping[str, Any]:
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            self.wrong(where, "must be names with values")
            return {}
        for name in given:
            if name not in known:
                self.wrong(where, f"has no {str(name)[:TEXT_MAX]!r} (known: {', '.join(known)})")
        return given

    def rows(self, given: object, where: str, most: int) -> Iterator[tuple[str, Any]]:
        """Each with its place: `routes[0]`."""
        if given is None:
            return
        if not isinstance(given, list | tuple):
            self.wrong(where, "must be a list")
        elif len(given) > most:
            self.wrong(where, f"has {len(given)} entries; {most} at most")
        else:
            yield from ((f"{where}[{number}]", one) for number, one in enumerate(given))

    def text(self, given: object, where: str, most: int = TEXT_MAX) -> str:
        if not isinstance(given, str) or not 1 <= len(given) <= most or not given.isprintable():
            self.wrong(where, f"must be a text of 1 to {most} letters")
            return ""
        return given

    def words(self, given: object, where: str, most: int) -> tuple[str, ...]:
        found = (self.text(word, at, 120) for at, word in self.rows(given, where, most))
        return tuple(dict.fromkeys(word for word in found if word))

    def id(self, given: object, where: str) -> str:
        if not isinstance(given, str) or not ID.fullmatch(given):
            self.wrong(where, "must be 1 to 32 letters, digits, - or _")
            return ""
        return given

    def link(self, given: object, where: str) -> str | None:
        return None if given is None else self.id(given, where)

    def whole(self, given: object, where: str, least: int, most: int) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            self.wrong(where, f"must be a whole number from {least} to {most}")
            return least
        return given

    def flag(self, given: object, where: str) -> bool:
        if not isinstance(given, bool):
            self.wrong(where, "must be true or false")
        return given is True

    def one_of(self, given: object, where: str, kinds: type[E]) -> E | None:
        if given in list(kinds):
            return kinds(str(given))
        self.wrong(where, f"must be one of {', '.join(kinds)}")
        return None

    def clock(self, given: object, where: str) -> int:
        """Minutes of the day."""
        found = CLOCK.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            self.wrong(where, 'must be a time of day like "22:00"')
            return 0
        return int(found[1]) * 60 + int(found[2])

    def day(self, given: object, where: str) -> date:
        try:
            found = date.fromisoformat(given) if isinstance(given, str) else None
        except ValueError:
            found = None
        if found is None or found.year not in YEARS:
            self.wrong(where, 'must be a day like "2026-11-02"')
            return SOME_DAY
        return found
