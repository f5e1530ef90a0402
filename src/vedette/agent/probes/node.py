"""The node as the probes ask it: under the names of today, or those from before 2.4.1."""

import re
from typing import Any

from vedette.agent.pulse import Pulse
from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import METHOD_NOT_FOUND, Limited, Refused, RpcError, Unreachable

OLD_NAMES = {
    "debug_currentSyncPhase": "current_sync_phase",
    "debug_getNetSessions": "net_sessions",
    "test_posVotingStatus": "pos_voting_status",
    "test_posRegister": "pos_register",
}
VITAL = frozenset({"cfx_epochNumber", "pos_getStatus", "test_posVotingStatus"})
"""What is asked each second; asked without parameters, so that an answer is anybody's."""

FIRST = "cfx_epochNumber"
"""What each node answers as soon as it answers anything."""

NOT_YET = re.compile("not (initialized|started)", re.IGNORECASE)
"""How a node puts it that its PoS has not begun."""


def is_early(failure: RpcError) -> bool:
    """The node said that it is too early to ask for that."""
    return isinstance(failure, Refused) and NOT_YET.search(failure.message) is not None


class Node:
    """Remembers which name each method answers to, and the newest vital answers. Any thread may ask."""

    def __init__(self, rpc: LocalRpc) -> None:
        self._rpc = rpc
        self._spoken: dict[str, str] = {}
        self._answers: dict[str, tuple[int, Any]] = {}
        self._early_since_ms: dict[str, int] = {}
        self._has_spoken = False
        self.pulse = Pulse()

    def ask(self, method: str, *params: Any) -> Any:
        """The result. Raises RpcError; a method that is unknown under both names is refused under the new."""
        asked_ms = self.pulse.now_ms()
        try:
            result = self._named(method, params)
        except RpcError as error:
            if isinstance(error, Unreachable) and not isinstance(error, Limited):
                self.pulse.unanswered(asked_ms)
            else:
                self._spoke()
                self._answers.pop(method, None)
                self._note_early(method, asked_ms, error)
            raise
        self._spoke()
        self._early_since_ms.pop(method, None)
        if method in VITAL and not params:
            self._answers[method] = asked_ms, result
        return result

    def lately(self, method: str, within_ms: int) -> Any:
        """The answer to a question that was asked so lately, by whomever; else it is asked anew."""
        asked_ms, result = self._answers.get(method, (None, None))
        if asked_ms is not None and self.pulse.now_ms() - asked_ms <= within_ms:
            return result
        return self.ask(method)

    def answers(self, method: str) -> bool:
        """Whether its last word to that was an answer. Before the first, after a refusal: no."""
        return method in self._answers

    def early_ms(self, method: str) -> int | None:
        """For how long it has said that it is too early for that; None: it does not say so."""
        since_ms = self._early_since_ms.get(method)
        return None if since_ms is None else self.pulse.now_ms() - since_ms

    def opens(self) -> bool:
        """Whether its process, which had said nothing, now does. While it does not, that is no silence."""
        if self._has_spoken:
            return False
        try:
            self._named(FIRST, ())
        except Unreachable:
            return False
        except RpcError:
            pass  # that is a word, too
        self._spoke()
        return True

    def forget(self) -> None:
        """Its process is another one."""
        self._has_spoken = False
        self._answers.clear()
        self._early_since_ms.clear()
        self.pulse.answered()

    def _spoke(self) -> None:
        self._has_spoken = True
        self.pulse.answered()

    def _note_early(self, method: str, asked_ms: int, error: RpcError) -> None:
        if is_early(error):
            self._early_since_ms.setdefault(method, asked_ms)
        else:
            self._early_since_ms.pop(method, None)

    def _named(self, method: str, params: tuple[Any, ...]) -> Any:
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
