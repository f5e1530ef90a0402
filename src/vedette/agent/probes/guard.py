"""The guard file, which the node writes before each vote: a rising round is the best sign of a voter's life.

It is read only, and may hold anything: another version's fields, half a file, nothing.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from vedette.agent.files import read_small
from vedette.agent.place import Finder
from vedette.agent.probes.reading import Reading, present

BYTES_MAX = 1 << 20
SAVED = ".save"
NUMBER_MAX = 2**63 - 1
_ADDRESS = re.compile(r"(0x)?[0-9a-fA-F]{64}")


def read(finder: Finder, now_s: Callable[[], float] = time.time) -> Reading:
    """Two states say which files there are. Raises OSError for one that cannot be read or is no JSON."""
    files = finder.known()
    if files is None or not files.pos_dir.exists():
        return Reading()
    content = read_small(files.guard, BYTES_MAX)
    saved = Path(f"{files.guard}{SAVED}").exists()
    states = {
        "guard.file": "absent" if content is None else "present",
        "guard.saved_file": "present" if saved else "absent",
    }
    if content is None:
        return Reading(states=states)
    numbers, told = guard(content, now_s())
    return Reading(numbers, states | told)


def guard(content: bytes, now_s: float) -> tuple[dict[str, int | float], dict[str, str]]:
    """Whatever of it can be understood. Raises OSError if it is no JSON."""
    try:
        whole: Any = msgspec.json.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise OSError("the guard file is no JSON") from error
    updated_s = _number(_within(whole, "safety_data", "last_update"))
    numbers = {
        "guard.epoch": _number(_within(whole, "safety_data", "value", "epoch")),
        "guard.last_voted_round": _number(_within(whole, "safety_data", "value", "last_voted_round")),
        "guard.preferred_round": _number(_within(whole, "safety_data", "value", "preferred_round")),
        "guard.age_seconds": None if updated_s is None else round(now_s - updated_s),
    }
    owner = _within(whole, "owner_account", "value")
    known = isinstance(owner, str) and _ADDRESS.fullmatch(owner) is not None
    return present(numbers), {"guard.owner_address": f"0x{owner.lower().removeprefix('0x')}"} if known else {}


def _within(tree: Any, *keys: str) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= NUMBER_MAX else None
