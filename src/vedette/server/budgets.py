"""How much one caller may ask for: a budget each, which fills again as time goes.

Of a budget one number is kept, the moment at which it is full again (the generic cell rate algorithm), for
the callers who came last; so costs may weigh, what is left is exact, and memory has a bound whoever comes,
which the memory of the library `limits` has not. The headers are those of
draft-ietf-httpapi-ratelimit-headers-10.
"""

import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from vedette.model.people import Who
from vedette.server.access import NEIGHBOUR, TOKEN_BEARER
from vedette.server.caller import Caller
from vedette.server.settings import LimitSetting

log = logging.getLogger(__name__)

WINDOW_S: Final = 60
CALLERS_MAX: Final = 20_000
COUNTED: Final = ("/api/", "/badge/", "/embed/", "/metrics", "/readyz")
UNCOUNTED: Final = frozenset({("POST", "/api/v1/reports")})
"""Agents sign what they deliver, and many may stand behind one address."""
COSTS: Final = {"csv": 10, "parquet": 20}
"""What a list costs in another form: a table may be all there is of it, Parquet takes its own process."""
WRONG_KEYS = 30
"""So many keys that nobody knows are looked up for one address in a minute: each costs a read."""
SEARCHES: Final = "/api/v1/wallets/"
SEARCH_WORDS: Final = ("q", "look")

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Left:
    """What a caller has left of a budget; with `wait_s` he has to wait for so long, and paid nothing."""

    name: str
    quota: int
    remaining: int
    full_s: int
    wait_s: int = 0


class Budget:
    """One quota a minute, for each caller anew."""

    def __init__(self, name: str, quota: int, steady_ms: Callable[[], float]) -> None:
        self.name = name
        self.quota = quota
        self._steady_ms = steady_ms
        self._each_ms = 1_000 * WINDOW_S / quota
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, caller: str, cost: int = 1) -> Left:
        now = self._steady_ms()
        before = max(self._full_at.get(caller, now), now)
        after = before + min(cost, self.quota) * self._each_ms
        over_ms = after - now - 1_000 * WINDOW_S
        allowed = over_ms <= 0
        self._full_at[caller] = after if allowed else before
        self._full_at.move_to_end(caller)
        if len(self._full_at) > CALLERS_MAX:
            self._full_at.popitem(last=False)
        if allowed:
            return self._left(after - now)
        return self._left(before - now, wait_s=math.ceil(over_ms / 1_000))

    def has(self, caller: str) -> bool:
        """Whether anything is left; costs nothing."""
        lacking_ms = self._full_at.get(caller, 0) - self._steady_ms()
        return lacking_ms + self._each_ms <= 1_000 * WINDOW_S

    def _left(self, lacking_ms: float, wait_s: int = 0) -> Left:
        remaining = int(self.quota - lacking_ms / self._each_ms + 1e-6)
        return Left(self.name, self.quota, remaining, math.ceil(lacking_ms / 1_000), wait_s)


def payer(who: Who, caller: Caller) -> tuple[str, bool]:
    """Whose budget pays, and whether it is that of somebody whom we know."""
    if who.key is not None:
        return f"key {who.key.id}", True
    if who.user_id is not None:
        return f"user {who.user_id}", True
    if who == TOKEN_BEARER:
        return "token", True
    return caller.site, False


class Budgets:
    """Every budget of this server. A quota of 0 is none."""

    def __init__(self, setting: LimitSetting, steady_ms: Callable[[], float]) -> None:
        def budget(name: str, quota: int) -> Budget | None:
            return Budget(name, quota, steady_ms) if quota else None

        self._strangers = budget("address", setting.per_minute), budget("search", setting.searches_per_minute)
        known = setting.known_per_minute, setting.known_searches_per_minute
        self._known = budget("key", known[0]), budget("search", known[1])
        self._wrong_keys = Budget("wrong-keys", WRONG_KEYS, steady_ms)
        self._warned = False

    def wrong_key(self, caller: Caller) -> None:
        """He sent a key or token that nobody knows."""
        self._wrong_keys.take(caller.site)

    def may_try_key(self, caller: Caller) -> bool:
        return self._wrong_keys.has(caller.site)

    def take(self, who: Who, caller: Caller, scope: Mapping[str, Any]) -> list[Left]:
        """Count a request; empty if nothing limits it, else what is left of each budget that paid."""
        if who == NEIGHBOUR:
            return []
        name, is_known = payer(who, caller)
        asked, searched = self._known if is_known else self._strangers
        words = words_of(scope)
        searches = is_search(scope["path"], words)
        budgets = [(asked, cost_of(words)), (searched if searches else None, 1)]
        lefts = [budget.take(name, cost) for budget, cost in budgets if budget is not None]
        if caller.is_proxy and not is_known and any(left.wait_s for left in lefts):
            self._warn()
        return lefts

    def _warn(self) -> None:
        if not self._warned:
            log.warning(
                "a proxy that is not in server.trusted_proxies asks for many, and they share one budget:"
                " if it is yours, name its address there"
            )
        self._warned = True


def is_counted(method: str, path: str) -> bool:
    """Whether a request costs anything: the page's own files do not."""
    return path.startswith(COUNTED) and (method, path) not in UNCOUNTED


def cost_of(words: Mapping[str, str]) -> int:
    return COSTS.get(words.get("format", ""), 1)


def is_search(path: str, words: Mapping[str, str]) -> bool:
    """Whether it makes the chain be asked, or everything be looked through."""
    return path.startswith(SEARCHES) or any(words.get(word) for word in SEARCH_WORDS)


def words_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The query as routes read it: whoever spells `csv` in per cents pays the same."""
    asked = scope["query_string"]
    return dict(parse_qsl(asked.decode("latin-1"))) if asked else {}


def wait_s(lefts: list[Left]) -> int:
    return max((left.wait_s for left in lefts), default=0)


def headers(lefts: list[Left]) -> Iterator[Header]:
    """What a reply says of the budgets that paid for it."""
    if not lefts:
        return
    policies = ", ".join(f'"{left.name}";q={left.quota};w={WINDOW_S}' for left in lefts)
    limits = ", ".join(f'"{left.name}";r={left.remaining};t={left.full_s}' for left in lefts)
    yield b"ratelimit-policy", policies.encode()
    yield b"ratelimit", limits.encode()
    waits = wait_s(lefts)
    if waits:
        yield b"retry-after", b"%d" % waits
