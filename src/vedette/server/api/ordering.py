"""In which order validators are listed, and where a page of them ends."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from vedette.model.performance import ENOUGH_EPOCHS
from vedette.server.api.shapes import Validator
from vedette.server.problems import ProblemError

SortKey = Literal[
    "address",
    "score",
    "apy",
    "vote_rate",
    "reward",
    "paid_over_expected",
    "seats",
    "served",
    "silent",
    "led",
    "loss_silent",
    "votes",
    "stake",
    "last_signed",
    "-address",
    "-score",
    "-apy",
    "-vote_rate",
    "-reward",
    "-paid_over_expected",
    "-seats",
    "-served",
    "-silent",
    "-led",
    "-loss_silent",
    "-votes",
    "-stake",
    "-last_signed",
]
"""`votes` are those in the acting committee, `stake` the available ones; `-` puts the highest first."""


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


VALUES: Final[Mapping[str, Callable[[Validator], int | None]]] = {
    "address": lambda one: int(one.address, 16),
    "score": lambda one: one.performance.score,
    "apy": lambda one: one.performance.apy_ppm,
    "vote_rate": lambda one: one.performance.vote_rate_ppm,
    "reward": lambda one: _whole(one.performance.reward_gdrip),
    "paid_over_expected": lambda one: one.performance.paid_over_expected_ppm,
    "seats": lambda one: one.performance.seats,
    "served": lambda one: one.performance.served_epochs,
    "silent": lambda one: one.performance.silent_epochs,
    "led": lambda one: one.performance.led_blocks,
    "loss_silent": lambda one: _whole(one.performance.loss_silent_gdrip),
    "votes": lambda one: one.committee_votes,
    "stake": lambda one: one.stake.available_votes if one.stake else None,
    "last_signed": lambda one: one.last_signed_height,
}

KNOWN, THIN, UNKNOWN = range(3)
YIELDS: Final = {"apy", "apy_after_fee"}


def tier(key: str, value: object, staked_epochs: int | None) -> int:
    """A yield of less than a day is mostly luck in one election: it stands behind those of a day or more."""
    if value is None:
        return UNKNOWN
    return THIN if key in YIELDS and (staked_epochs or 0) < ENOUGH_EPOCHS else KNOWN


Place = tuple[int, int, str]
"""Where a row stands: by tier, then by value, equals by address."""

CURSOR = re.compile(r"(thin)?(-?\d{0,80})~(0x[0-9a-f]{64})")


def ordered(rows: Sequence[Validator], sort: str) -> list[tuple[Place, Validator]]:
    """The rows in their order, each with its place."""
    key, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1
    placed = [(_place(one, key, sign), one) for one in rows]
    return sorted(placed, key=lambda pair: pair[0])


def _place(one: Validator, key: str, sign: int) -> Place:
    value = VALUES[key](one)
    return (tier(key, value, one.performance.staked_epochs), sign * (value or 0), one.address)


def page(
    placed: Sequence[tuple[Place, Validator]], cursor: str | None, limit: int
) -> tuple[list[Validator], str | None]:
    """The rows after the cursor, and the cursor for those after them. Raises ProblemError."""
    after = None if cursor is None else _read(cursor)
    rest = [pair for pair in placed if after is None or pair[0] > after]
    rows = rest[:limit]
    return [one for _, one in rows], _written(rows[-1][0]) if len(rest) > limit else None


def _written(place: Place) -> str:
    stands, value, address = place
    return f"{'thin' if stands == THIN else ''}{'' if stands == UNKNOWN else value}~{address}"


def _read(cursor: str) -> Place:
    found = CURSOR.fullmatch(cursor)
    thin, value, address = found.groups() if found else ("", "-", "")
    if value == "-" or (thin and not value):
        raise ProblemError(422, "cursor: give the `next_cursor` of the page before, as it is")
    return (UNKNOWN if not value else THIN if thin else KNOWN, int(value or 0), address)
