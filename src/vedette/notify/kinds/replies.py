"""How services answer: each has its own way to say no.

What they say in words is never passed on, only numbers and words that we know: a reply may repeat the secret
that it was asked with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec

from vedette.notify.errors import ChannelError
from vedette.notify.guard import RETRY_AFTER_S_MAX, Guard, Reply, host_of
from vedette.notify.webhook import refusal

BUSY_S: Final = 60.0
"""How long to wait when a service says "too fast" and not for how long: their limits are by the minute."""


@dataclass(frozen=True, slots=True)
class No:
    """What a refusal means, in our words."""

    why: str
    permanent: bool = True
    wait_s: float | None = None


TOO_FAST: Final = No("too many messages in a short time", permanent=False, wait_s=BUSY_S)


def taken(reply: Reply) -> bool:
    return HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES


def object_in(reply: Reply) -> dict[str, Any]:
    """The JSON object of a reply; empty if it is none."""
    try:
        found = msgspec.json.decode(reply.body)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def number_in(reply: Mapping[str, Any], name: str) -> int | None:
    value = reply.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def wish_in(reply: Mapping[str, Any], name: str = "retry_after") -> float | None:
    """Seconds that a service asks to wait for in the body."""
    value = reply.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        return None
    return min(float(value), RETRY_AFTER_S_MAX)


def no(url: str, reply: Reply, meaning: No | None, body_wish_s: float | None = None) -> ChannelError:
    """The error for a reply; without a meaning its status must do."""
    wait_s = reply.retry_after_s if reply.retry_after_s is not None else body_wish_s
    if meaning is None:
        plain = refusal(host_of(url), reply)
        return ChannelError(str(plain), plain.permanent, wait_s)
    wait_s = None if meaning.permanent else wait_s if wait_s is not None else meaning.wait_s
    said = f"{host_of(url)} answered {reply.status}: {meaning.why}"
    return ChannelError(said, permanent=meaning.permanent, retry_after_s=wait_s)


def numbered_no(
    url: str, reply: Reply, code: int | None, known: Mapping[int, No], service: str
) -> ChannelError:
    """The error for a service that answers 200 and a number: one that we do not know is tried again."""
    if code is None:
        return ChannelError(f"{host_of(url)} answered what {service} does not: is there a proxy in between?")
    meaning = known.get(code, No("a refusal we do not know", permanent=False))
    said = f"{host_of(url)} answered {code}: {meaning.why}"
    return ChannelError(
        said, permanent=meaning.permanent, retry_after_s=reply.retry_after_s or meaning.wait_s
    )


async def post_json(
    guard: Guard, url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Reply:
    """Raises ChannelError when there is no answer."""
    usual = {"Content-Type": "application/json; charset=utf-8"}
    return await guard.post(url, msgspec.json.encode(body), usual | dict(headers or {}))
