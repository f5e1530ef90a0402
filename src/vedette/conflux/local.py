"""JSON-RPC for the agent: blocking, on the standard library, safe to share between threads."""

from typing import Any

from vedette.conflux.exchange import NoReply, post_once
from vedette.conflux.wire import (
    BODY_BYTES_MAX,
    DEADLINE_S,
    HEADERS,
    Garbled,
    Unreachable,
    answer,
    endpoint_name,
    limited,
    request,
)


class LocalRpc:
    """One node's JSON-RPC port. A connection a call: the node closes each one anyway."""

    def __init__(self, url: str, deadline_s: float = DEADLINE_S) -> None:
        self.name = endpoint_name(url)  # also refuses a wrong URL at once
        self.deadline_s = deadline_s
        self._url = url

    def ask(self, method: str, *params: Any) -> Any:
        """The `result`, which may be None. Raises RpcError and nothing else."""
        body = request(1, method, params)
        try:
            reply = post_once(self._url, body, HEADERS, deadline_s=self.deadline_s, bytes_max=BODY_BYTES_MAX)
        except NoReply as error:
            kind = Garbled if error.spoke else Unreachable
            raise kind(f"{error}.") from error
        wait = limited(reply.status, reply.headers.get("retry-after"), reply.body, method)
        if wait is not None:
            raise wait
        return answer(reply.body, reply.status, reply.headers.get("content-type", ""), method=method)
