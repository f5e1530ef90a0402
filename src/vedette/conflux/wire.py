"""JSON-RPC 2.0 as bytes, and what may go wrong with it. No sockets here: both clients share this page.

RpcError
  ├─ Unreachable   the node did not speak: refused, timed out, cut off, a gateway without a node behind it
  │    └─ Limited  a gateway wants to be asked less often, and mostly says when to ask again
  ├─ Refused       the node spoke, and said no (a JSON-RPC error)
  └─ Garbled       the node spoke, and we did not understand
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from vedette.model.errors import SettingError

BODY_BYTES_MAX: Final = 16 << 20
"""No honest reply is larger; a client reads at most one byte more and then gives up."""

DEADLINE_S: Final = 5.0
"""For the whole of one call, from connecting to the last byte. A node in recovery hangs for minutes."""

METHOD_NOT_FOUND: Final = -32601
HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}
QUOTED_CHARS_MAX: Final = 200

RETRY_AFTER_S: Final = 1.0
"""What a gateway means that limits us and does not say for how long."""
RETRY_AFTER_S_MAX: Final = 86_400.0

Call = tuple[str, Sequence[Any]]
"""A method and its parameters."""


class RpcError(Exception):
    """A question to a node had no answer. `str()` of it is one printable line."""


class Unreachable(RpcError):  # noqa: N818  a state of the talk, named by what the caller can do
    """The node did not speak: refused, timed out or cut off."""


class Limited(Unreachable):
    """A gateway wants us to wait before we ask again: no fault of the node's."""

    def __init__(self, line: str, retry_after_s: float) -> None:
        super().__init__(line)
        self.retry_after_s = min(max(retry_after_s, 0.0), RETRY_AFTER_S_MAX)


class Garbled(RpcError):  # noqa: N818  as above
    """The node spoke, and we did not understand."""


class Refused(RpcError):  # noqa: N818  as above
    """The node spoke, and said no. `remedy` says what to do, and is empty where we know no better."""

    def __init__(self, method: str, code: int, message: str) -> None:
        self.method = method
        self.code = code
        self.message = message
        self.remedy = remedy(method, code)
        said = f"The node refused {method}: {message.rstrip('.')} ({code})."
        super().__init__(f"{said} {self.remedy}".rstrip())


def remedy(method: str, code: int) -> str:
    """What the operator can do about a refusal; empty if nothing is known."""
    if code != METHOD_NOT_FOUND:
        return ""
    group = method.partition("_")[0]
    if group in {"debug", "test"}:
        return "Only the local port 12539 answers it: ask that one, and never open it to others."
    left_out = f'Its public_rpc_apis ("safe" by default) leaves out {group}'
    return f"{left_out}: ask the local port 12539, or add {group}."


def request(id: int, method: str, params: Sequence[Any] = ()) -> bytes:  # noqa: A002  the protocol's own word
    """One question."""
    return msgspec.json.encode(_call(id, method, params))


def batch_request(calls: Sequence[Call]) -> bytes:
    """Many questions in one body; their ids are their places, 0 first."""
    return msgspec.json.encode([_call(place, *call) for place, call in enumerate(calls)])


def limited(status: int, retry_after: str | None, body: bytes, what: str) -> Limited | None:
    """Whether this reply asks us to wait; `retry_after` is the header of that name, in seconds.

    Where it is missing (or a date, for which one needs the gateway's clock), the words of the body count.
    """
    if status != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    told = (retry_after or "").strip()
    is_number = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", told)
    wait_s = float(told) if is_number else _told_to_wait_s(body[:1000].decode("utf-8", "replace"))
    return Limited(f"HTTP {status} instead of an answer to {what}: it wants us to wait {wait_s:g} s.", wait_s)


def answer(body: bytes, status: int, content_type: str, *, method: str = "the call", id: int = 1) -> Any:  # noqa: A002
    """What the node answered to one question: the `result`, which may be None. Raises RpcError only."""
    return _result(_decoded(body, status, content_type, method), method, id)


def batch_answer(
    body: bytes, status: int, content_type: str, *, methods: Sequence[str]
) -> list[Any | RpcError]:
    """The results in the order of the questions; one that failed is its RpcError.

    Raises RpcError when the body as a whole is no batch: a single error object, HTML, too much.
    """
    replies = _decoded(body, status, content_type, "a batch")
    if not isinstance(replies, list):
        _result(replies, "a batch", None)
        raise Garbled(f"The node answered a batch with {_quoted(body)}, not with a list.")
    by_id = {reply["id"]: reply for reply in replies if isinstance(reply, dict) and _is_id(reply.get("id"))}
    return [_result_or_error(by_id.get(place), method, place) for place, method in enumerate(methods)]


def checked_url(url: str, setting: str = "node") -> SplitResult:
    """The parts of an http(s) URL. Raises SettingError naming the setting."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = None
    if not usable:
        raise SettingError(f"{setting}: {_clean(url)!r} is no URL like http://127.0.0.1:12539")
    return parts


def endpoint_name(url: str) -> str:
    """host:port, for logs: a URL may carry a password or a gateway's key."""
    parts = checked_url(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _call(id: int, method: str, params: Sequence[Any]) -> dict[str, Any]:  # noqa: A002
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def _decoded(body: bytes, status: int, content_type: str, method: str) -> Any:
    if len(body) > BODY_BYTES_MAX:
        raise Garbled(f"The node answered {method} with more than {BODY_BYTES_MAX >> 20} MiB.")
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _undecodable(body, status, content_type, method) from error
    # A gateway that limits us says so with an HTTP status, and often with a JSON-RPC error beside it.
    if status != HTTPStatus.OK and not (isinstance(decoded, dict) and "error" in decoded):
        raise _undecodable(body, status, content_type, method)
    return decoded


def _undecodable(body: bytes, status: int, content_type: str, method: str) -> RpcError:
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unreachable(f"HTTP {status} instead of an answer to {method}: {_quoted(body)}.")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Garbled(f"HTTP {status} to {method}: redirects are not followed; give the final URL.")
    kind = f"{_clean(content_type) or 'no content type'}, not JSON-RPC"
    return Garbled(f"HTTP {status} to {method} ({kind}): {_quoted(body)}. Is this the node's JSON-RPC port?")


def _result(reply: Any, method: str, id: int | None) -> Any:  # noqa: A002
    if not isinstance(reply, dict):
        raise Garbled(f"The node answered {method} with {type(reply).__name__}, not with a JSON-RPC object.")
    error = reply.get("error")
    if error is not None:
        raise _refused(error, method)
    if "result" not in reply:
        raise Garbled(f"The node's answer to {method} has neither result nor error.")
    if id is not None and reply.get("id") != id:
        raise Garbled(f"The node answered {method} under another id: {_clean(repr(reply.get('id')))}.")
    return reply["result"]


def _refused(error: Any, method: str) -> RpcError:
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, int) or isinstance(code, bool) or abs(code) >= 2**63:
        return Garbled(f"The node's answer to {method} has an error without a code.")
    message = _clean(str(error.get("message"))) or "no message"
    if TOO_MANY.search(message):
        return Limited(f"{method} was not answered: {message.rstrip('.')}.", _told_to_wait_s(message))
    return Refused(method, code, message)


# The public gateways (Confura) answer each call beyond their limit with -32005 or -32000 and such a message:
# "request rate exceeded: Too many requests (exceeds 10), try again after 42ms", or "... after 19m58.835s".
TOO_MANY: Final = re.compile("too many requests", re.IGNORECASE)
_WAIT: Final = re.compile(r"try again (?:after|in) ((?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|ms|µs|us|ns|m|s))+)")
_PART: Final = re.compile(r"([0-9.]+)(h|ms|µs|us|ns|m|s)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}


def _told_to_wait_s(message: str) -> float:
    """The wait that a gateway's words ask for: a duration as Go writes it."""
    found = _WAIT.search(message)
    if found is None:
        return RETRY_AFTER_S
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(found[1]))


def _result_or_error(reply: Any, method: str, id: int) -> Any | RpcError:  # noqa: A002
    if reply is None:
        return Garbled(f"The node's batch has no answer to {method}.")
    try:
        return _result(reply, method, id)
    except RpcError as error:
        return error


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _quoted(body: bytes) -> str:
    return repr(_clean(body[: QUOTED_CHARS_MAX * 2].decode("utf-8", "replace"))[:80]) if body else "nothing"


def _clean(text: str) -> str:
    """One printable line of bounded length: the text is a stranger's."""
    line = " ".join(text[: QUOTED_CHARS_MAX * 2].split())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)[
        :QUOTED_CHARS_MAX
    ]
