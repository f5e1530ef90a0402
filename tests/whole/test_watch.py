"""A real node, watched from outside on both of its ports: what is taken for granted of eSpace holds."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.server.watching import HASTE, watched, watching
from tests.whole.conftest import running_devnet
from tests.whole.outside import ask
from vedette.devnet.net import Devnet
from vedette.devnet.options import DevnetOptions
from vedette.server.api.shapes import Node
from vedette.server.settings import EndpointSetting

pytestmark = pytest.mark.real

OLD_ENOUGH_S = 40.0
"""A chain must have confirmed some epochs before they can be compared."""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    options = DevnetOptions(nodes=4, round_ms=500, block_ms=150)
    yield from running_devnet(tmp_path_factory.mktemp("watched") / "net", options)


def agrees(node: Node) -> bool:
    told = node.endpoint
    return told is not None and told.state == "healthy" and told.pivot_agrees is True


async def test_a_real_node_is_healthy_in_both_spaces_until_it_is_stopped(net: Devnet, tmp_path: Path) -> None:
    async with asyncio.timeout(OLD_ENOUGH_S):
        while int(ask(net.nodes[3].urls.public, "cfx_getStatus")["latestConfirmed"], 16) < 3:  # noqa: ASYNC110 - a node tells nobody
            await asyncio.sleep(0.5)
    one = net.nodes[3].urls
    given = [EndpointSetting(f"r{n}", net.nodes[n].urls.public) for n in range(3)]
    given.append(watched("core", one.public, ws=one.ws, role="archive"))
    given.append(watched("evm", one.espace, kind="espace", ws=one.espace_ws, role="archive"))
    patient = replace(HASTE, head_s=10)
    async with watching(tmp_path, given, each_ms=1_000, pauses=patient) as stand:
        core = await stand.until("core", agrees, 30)
        core = await stand.until("core", lambda node: node.endpoint and node.endpoint.archive, 30)
        core = await stand.until("core", lambda node: node.endpoint and node.endpoint.websocket_ms, 30)
        evm = await stand.until("evm", agrees, 30)
        evm = await stand.until("evm", lambda node: node.endpoint and node.endpoint.websocket_ms, 30)
        print([core.endpoint, core.failures, evm.endpoint, evm.failures])
        assert core.failures == evm.failures == []
        assert core.endpoint is not None
        assert evm.endpoint is not None
        assert (core.endpoint.archive, evm.endpoint.archive) == ("agrees", "answers")
        assert core.version is not None
        assert core.version.startswith("conflux-rust/v")
        assert evm.version is not None
        assert abs(evm.endpoint.lag_epochs or 0) < 30
        net.kill(3)
        for name in ("core", "evm"):
            gone = await stand.word(name, "unreachable")
            assert "refused" in gone.failures[0].reason
