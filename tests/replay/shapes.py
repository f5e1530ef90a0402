"""Whether two replies have the same shape: the same keys, and values written in the same way."""

import re
from collections.abc import Iterator
from typing import Any

FORMATS = {
    "hash": re.compile(r"0x[0-9a-f]{64}"),
    "BLS key": re.compile(r"0x[0-9a-f]{96}"),
    "VRF key": re.compile(r"0x0[23][0-9a-f]{64}"),
    "VRF proof": re.compile(r"0x0[0-9a-f]{161}"),
    "quantity": re.compile(r"0x(0|[1-9a-f][0-9a-f]*)"),
    "bytes": re.compile(r"0x([0-9a-f]{2})*"),
    "address": re.compile(r"NET[0-9]+:TYPE\.(USER|NULL):[A-Z0-9]{42}"),
}
MAY_BE_NULL = {"miner", "latestVoted", "forceRetired"}


def differences(told: Any, taped: Any, at: str = "reply") -> Iterator[str]:
    """What is odd about `told` beside a recorded reply; nothing if it is of its shape."""
    name = at.rpartition(".")[2]
    if taped is None or told is None:
        if told is not taped and name not in MAY_BE_NULL:
            yield f"{at}: {told!r} beside {taped!r}"
    elif type(told) is not type(taped):
        yield f"{at}: {type(told).__name__}, not {type(taped).__name__}"
    elif isinstance(told, dict):
        yield from _of_objects(told, taped, at)
    elif isinstance(told, list):
        for place, each in enumerate(told if taped else []):
            yield from differences(each, taped[0], f"{at}[{place}]")
    elif isinstance(told, str) and format_of(told, name) != format_of(taped, name):
        yield f"{at}: {told[:80]!r} is {format_of(told, name)}, not {format_of(taped, name)}"


def _of_objects(told: dict[str, Any], taped: dict[str, Any], at: str) -> Iterator[str]:
    if at.endswith("addressToValidatorInfo"):  # its keys are accounts
        for address, info in told.items():
            yield from differences(address, next(iter(taped)), f"{at}.key")
            yield from differences(info, next(iter(taped.values())), f"{at}[]")
        return
    if told.keys() != taped.keys():
        yield f"{at}: {sorted(told.keys() ^ taped.keys())} on one side only"
    for key in told.keys() & taped.keys():
        yield from differences(told[key], taped[key], f"{at}.{key}")


def format_of(text: str, name: str) -> str:
    """The narrowest format that the text is written in. A hash of zeros is a quantity to nobody."""
    found = next((format_ for format_, pattern in FORMATS.items() if pattern.fullmatch(text)), "words")
    return "bytes" if name in {"first", "second"} else found
