"""Whether an endpoint's WebSocket tells of new heads, and how soon."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from vedette.conflux import wire
from vedette.conflux.wire import Garbled, Unreachable

MESSAGE_BYTES_MAX: Final = 1 << 20
MESSAGES_MAX: Final = 100
SUBSCRIBE: Final = {"core": "cfx_subscribe", "espace": "eth_subscribe"}


async def first_head_ms(
    session: aiohttp.ClientSession,
    url: str,
    space: str,
    *,
    headers: Mapping[str, str] | None = None,
    deadline_s: float,
) -> float:
    """From connecting to the first new head, in milliseconds. Raises RpcError."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(deadline_s):
            # The session of `open_session` refuses redirects, which the handshake itself would follow.
            async with session.ws_connect(url, headers=headers, max_msg_size=MESSAGE_BYTES_MAX) as socket:
                await _first_head(socket, SUBSCRIBE[space])
            return (time.monotonic() - began) * 1000
    except TimeoutError as error:
        raise Unreachable(f"No new head over WebSocket within {deadline_s:g} s.") from error
    except aiohttp.WSServerHandshakeError as error:
        raise Garbled(f"HTTP {error.status} instead of a WebSocket.") from error
    except (aiohttp.ClientError, OSError) as error:  # their texts could quote the URL
        raise Unreachable(f"No WebSocket: {type(error).__name__}.") from error


async def _first_head(socket: aiohttp.ClientWebSocketResponse, method: str) -> None:
    await socket.send_str(wire.request(1, method, ["newHeads"]).decode())
    subscription: Any = None
    for _ in range(MESSAGES_MAX):
        told = _decoded(await socket.receive(), method)
        if told.get("id") == 1:
            subscription = wire.answer(msgspec.json.encode(told), 200, "", method=method)
        elif subscription is not None and _is_head(told, subscription):
            return
    raise Garbled(f"{MESSAGES_MAX} messages over WebSocket, and none was a new head.")


def _decoded(message: aiohttp.WSMessage, method: str) -> dict[str, Any]:
    if message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED}:
        raise Unreachable(f"The WebSocket was closed after {method}.")
    try:
        told = msgspec.json.decode(message.data)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise Garbled(f"The WebSocket answered {method} with something that is not JSON.") from error
    if not isinstance(told, dict):
        raise Garbled(f"The WebSocket answered {method} with {type(told).__name__}, not an object.")
    return told


def _is_head(told: dict[str, Any], subscription: Any) -> bool:
    params = told.get("params")
    if not isinstance(params, dict) or params.get("subscription") != subscription:
        return False
    return isinstance(params.get("result"), dict)
