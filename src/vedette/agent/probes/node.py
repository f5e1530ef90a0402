"""The node as the probes ask it: under the names of today, or those from before 2.4.1."""

from typing import Any

from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import METHOD_NOT_FOUND, Refused

OLD_NAMES = {
    "debug_currentSyncPhase": "current_sync_phase",
    "debug_getNetSessions": "net_sessions",
    "test_posVotingStatus": "pos_voting_status",
    "test_posRegister": "pos_register",
}


class Node:
    """Remembers which name each method answers to. Any thread may ask."""

    def __init__(self, rpc: LocalRpc) -> None:
        self._rpc = rpc
        self._spoken: dict[str, str] = {}

    def ask(self, method: str, *params: Any) -> Any:
        """The result. Raises RpcError; a method that is unknown under both names is refused under the new."""
        spoken = self._spoken.get(method, method)
        try:
            return self._rpc.ask(spoken, *params)
        except Refused as refused:
            other = OLD_NAMES.get(method) if spoken == method else method
            if refused.code != METHOD_NOT_FOUND or other is None:
                raise
            return self._ask_other(method, other, params, refused)

    def _ask_other(self, method: str, other: str, params: tuple[Any, ...], refused: Refused) -> Any:
        try:
            result = self._rpc.ask(other, *params)
        except Refused as again:
            if again.code != METHOD_NOT_FOUND:
                self._spoken[method] = other
                raise
            raise Refused(method, refused.code, refused.message) from again
        self._spoken[method] = other
        return result
