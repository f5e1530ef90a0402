"""Passwords: which will do, how they are kept, and how many are looked at at once."""

import asyncio
import threading
from typing import Any

import pytest

from vedette.server.browsers import browser_of
from vedette.server.guesses import spelled
from vedette.server.passwords import AT_ONCE, COMMON, LENGTH_MIN, WAITING_MAX, Passwords, weakness
from vedette.server.problems import ProblemError

GOOD = "a heron stands in the reeds"


class Counted:
    """A real hasher that counts who uses it at the same moment."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._lock = threading.Lock()
        self.now = self.most = 0

    def hash(self, password: str) -> str:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return str(self._real.hash(password))
        finally:
            with self._lock:
                self.now -= 1


@pytest.mark.parametrize(
    "password",
    ["", "short", "x" * 9, "x" * 300, "Password123", " 1234567890 ", "ababababababab", "north-star"],
)
def test_what_is_easily_guessed_will_not_do(password: str) -> None:
    why = weakness(password, "north-star", None)
    assert why is not None
    assert "take" in why
    assert not password or password not in why


@pytest.mark.parametrize("password", [GOOD, "鹭鸶站在芦苇丛中的水边", "x9!kQ" * 2, "north-star-7"])
def test_what_is_not_will_do(password: str) -> None:
    assert weakness(password, "north-star", "alice@example.org") is None


def test_the_common_ones_are_long_enough_to_matter() -> None:
    assert all(len(one) >= LENGTH_MIN for one in COMMON)
    assert all(one == one.lower() for one in COMMON)


async def test_the_same_password_is_kept_in_another_way_each_time() -> None:
    passwords = Passwords(memory_kib=32, rounds=1)
    one, two = await passwords.hashed(GOOD), await passwords.hashed(GOOD)
    assert one != two
    assert one.startswith("$argon2id$v=19$m=32,t=1,")
    assert await passwords.matches(GOOD, one)
    assert not await passwords.matches(GOOD + " ", one)
    assert not await passwords.matches(GOOD, None)
    assert passwords.is_outdated(await Passwords(memory_kib=64, rounds=1).hashed(GOOD))


async def test_two_are_looked_at_at_once_and_some_wait_but_not_many() -> None:
    passwords = Passwords(memory_kib=1_024, rounds=2)
    counted = passwords._hasher = Counted(passwords._hasher)  # type: ignore[assignment]
    many = await asyncio.gather(
        *(passwords.hashed(GOOD) for _ in range(WAITING_MAX + 5)), return_exceptions=True
    )
    refused = [one for one in many if isinstance(one, ProblemError)]
    assert [one.status_code for one in refused] == [503] * 5
    assert counted.most == AT_ONCE
    assert await passwords.hashed(GOOD), "the next one is served again"


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/605 Version/17 Safari/605",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("", "unknown"),
        ("\x1b[31m" + "x" * 200, "[31m" + "x" * 56),
    ],
)
def test_a_browser_has_a_name_that_its_owner_knows(told: str, name: str) -> None:
    assert browser_of(told) == name


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1 s"), (119, "119 s"), (120, "2 minutes"), (3600, "60 minutes")]
)
def test_a_wait_is_told_in_words(seconds: int, text: str) -> None:
    assert spelled(seconds) == text
