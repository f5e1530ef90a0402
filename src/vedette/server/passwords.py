"""Passwords: hashed with argon2id in a thread, two at a time, and refused where they are easily guessed."""

import asyncio
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from vedette.server.problems import ProblemError

T = TypeVar("T")

LENGTH_MIN: Final = 10
LENGTH_MAX: Final = 256
AT_ONCE: Final = 2
WAITING_MAX: Final = 64
"""Beyond that whoever comes would wait for seconds, and each of them holds a connection."""
BUSY: Final = "Too many people are signing in at this moment. Try again in a few seconds."

COMMON: Final = frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())


def weakness(password: str, *names: str | None) -> str | None:
    """What is wrong with a new password, in one line that says what to do; None when it will do."""
    if len(password) < LENGTH_MIN:
        return f"The password has {len(password)} characters: take {LENGTH_MIN} or more."
    if len(password) > LENGTH_MAX:
        return f"The password is longer than {LENGTH_MAX} characters: take a shorter one."
    plain = password.strip().lower()
    if plain in COMMON or len(set(plain)) <= 2:  # noqa: PLR2004 - "aaaaaaaaaa", "abababababab"
        return "That password is among the first that anybody tries: take several words instead."
    if any(name and plain in {name.lower(), name.lower() * 2, name.lower()[::-1]} for name in names):
        return "The password is the name: take one that nobody can read off it."
    return None


def demand(password: str, *names: str | None) -> None:
    """Refuse a new password that is easily guessed. Raises ProblemError."""
    why = weakness(password, *names)
    if why is not None:
        raise ProblemError(422, why)


class Passwords:
    """Makes and checks hashes. An unknown name costs as much work as a known one."""

    def __init__(self, memory_kib: int = 65_536, rounds: int = 3) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self.checks = 0  # how many passwords were held against a hash

    async def hashed(self, password: str) -> str:
        """What is kept of a password."""
        return await self._in_turn(self._hasher.hash, password)

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether it is the password; without a hash (nobody has that name) it takes as long to say no."""
        return await self._in_turn(self._check, password, kept)

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed at another cost than is set now."""
        return self._hasher.check_needs_rehash(kept)

    def _check(self, password: str, kept: str | None) -> bool:
        nobodys = self._nobodys  # made the first time anybody signs in, whoever he is
        self.checks += 1
        try:
            self._hasher.verify(kept or nobodys, password)
        except VerificationError:
            return False
        return kept is not None

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_hex(16))

    async def _in_turn(self, work: Callable[..., T], *args: str | None) -> T:
        if self._waiting >= WAITING_MAX:
            raise ProblemError(503, BUSY, {"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *args)
        finally:
            self._waiting -= 1
