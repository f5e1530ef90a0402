"""In which order validators are listed, and where a page of them ends."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

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

Place = tuple[bool, int, str]
"""Where a row stands: the unknown last, then by value, equals by address."""

CURSOR = re.compile(r"(-?\d{0,80})~(0x[0-9a-f]{64})")


def ordered(rows: Sequence[Validator], sort: str) -> list[tuple[Place, Validator]]:
    """The rows in their order, each with its place."""
    value, sign = VALUES[sort.removeprefix("-")], -1 if sort.startswith("-") else 1
    placed = [(_place(value(one), sign, one.address), one) for one in rows]
    return sorted(placed, key=lambda pair: pair[0])


def _place(value: int | None, sign: int, address: str) -> Place:
    return (value is None, 0 if value is None else sign * value, address)


def page(
    placed: Sequence[tuple[Place, Validator]], cursor: str | None, limit: int
) -> tuple[list[Validator], str | None]:
    """The rows after the cursor, and the cursor for those after them. Raises ProblemError."""
    after = None if cursor is None else _read(cursor)
    rest = [pair for pair in placed if after is None or pair[0] > after]
    rows = rest[:limit]
    return [one for _, one in rows], _written(rows[-1][0]) if len(rest) > limit else None


def _written(place: Place) -> str:
    unknown, value, address = place
    return f"{'' if unknown else value}~{address}"


def _read(cursor: str) -> Place:
    found = CURSOR.fullmatch(cursor)
    if found is None or found[1] == "-":
        raise ProblemError(422, "cursor: give the `next_cursor` of the page before, as it is")
    return (found[1] == "", int(found[1] or 0), found[2])
