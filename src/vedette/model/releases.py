"""Releases of the node's program, and what orders them: three numbers, and nothing else."""

import re

Version = tuple[int, int, int]

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})")


def version(text: str) -> Version | None:
    """The three numbers of `3.1.0`; None for anything else."""
    found = _VERSION.fullmatch(text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def number_of(release: str | None) -> Version | None:
    """What orders releases: the three numbers. A suffix (-fix, -testnet) orders nothing."""
    return None if release is None else version(release.partition("-")[0])
