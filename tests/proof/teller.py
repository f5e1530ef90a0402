"""An agent's posts, made by hand: the stand-in for what cannot be made real here."""

import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from tests.server.stage import Agent


@dataclass
class Teller:
    """Tells a running server what an agent would."""

    url: str
    agent: Agent
    token: str

    def enrol(self) -> None:
        told = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        _send(f"{self.url}/api/v1/agents", self.agent.enrolment(), told)

    def tell(self, numbers: Mapping[str, float]) -> None:
        """A report of now, of a node in its normal phase."""
        states = {"node.sync_phase": "NormalSyncPhase"}
        told = self.agent.envelope(int(time.time() * 1000), numbers=dict(numbers), states=states)
        body, headers = self.agent.post(told)
        _send(f"{self.url}/api/v1/reports", body, {**headers, "Content-Type": "application/msgpack"})


def _send(url: str, body: bytes, headers: dict[str, str]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, body, headers, method="POST"), timeout=10):
        return
