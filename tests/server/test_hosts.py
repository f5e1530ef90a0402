"""Budgets of hosts: what stands behind one gateway shares what it allows."""

import pytest

from tests.server.stage import HandClock
from vedette.server.hosts import GATEWAY_DAY_CALLS_PER_S, HOST_CALLS_PER_S, Hosts
from vedette.server.settings import EndpointSetting

GATEWAY = "https://main.confluxrpc.com"


class Sleepless(HandClock):
    """Sleeping only moves the clocks."""

    async def sleep_ms(self, duration_ms: int) -> None:
        self.pass_ms(duration_ms)


def test_a_gateway_is_asked_as_rarely_as_its_day_wants() -> None:
    hosts = Hosts([], Sleepless())
    assert hosts.interval_ms(GATEWAY, 1) == 10_000
    for path in ("", "/key-one", "/key-two", "/key-three"):
        hosts.expect(GATEWAY + path)
    assert hosts.calls_per_s(GATEWAY + "/key-nine") == GATEWAY_DAY_CALLS_PER_S
    assert hosts.interval_ms(GATEWAY, 4) == 32_000
    assert hosts.interval_ms("https://elsewhere.example", 4) == 10_000
    assert hosts.interval_ms("https://elsewhere.example", 200) == 100_000


@pytest.mark.parametrize(("given", "rate"), [(None, HOST_CALLS_PER_S), (3.0, 3.0), (900.0, HOST_CALLS_PER_S)])
def test_a_setting_may_only_ask_for_less(given: float | None, rate: float) -> None:
    one = EndpointSetting("a", "https://x.example/a", given)
    other = EndpointSetting("b", "https://x.example/b", 10_000)
    assert Hosts([one, other], Sleepless()).calls_per_s("https://x.example:8545") == rate


async def test_endpoints_of_one_host_spend_one_budget() -> None:
    clock = Sleepless()
    hosts = Hosts([], clock)
    began = clock.steady
    for call in range(240):
        await hosts.afford(f"http://x.example:{8000 + call % 5}/{call}")
    assert clock.steady - began == pytest.approx(10_000, abs=100), "40 at once, and then 20 a second"
    assert not hosts.spare("http://x.example"), "what can be left out is left out"
    assert hosts.spare("http://y.example")
    clock.pass_ms(60_000)
    assert hosts.spare("http://x.example")
