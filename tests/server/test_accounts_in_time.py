"""What only an account shows is told soon after the block that shows it: from an endpoint to a webhook."""

from pathlib import Path

from tests.server.hooks import hooks
from tests.server.stage import served, settings, until
from tests.stub_node import StubNode, person
from tests.stub_node import served as nodes
from vedette.server.settings import EndpointSetting, WebhookSetting

bob = person(2)
SOON_S = 30.0
"""Half of the minute after which everyone is asked about anyway: a busy machine needs some of it."""


async def test_a_dispute_is_told_with_the_block_that_shows_it(tmp_path: Path) -> None:
    node = StubNode(committed=43, term=1_000)
    async with nodes(node), hooks() as hook:
        given = settings(
            tmp_path,
            endpoints=(EndpointSetting("one", node.url),),
            watch=(bob,),
            webhooks=(WebhookSetting("hook", hook.url),),
        )
        async with served(given) as (house, _):
            # Only when everyone was asked about just now does waiting for the next minute take longer.
            await until(lambda: bob in house.sights.judged.by_teams)
            await until(lambda: node.asked.count(("pos_getAccount", (bob,))) > 1)
            node.lock(bob)
            node.committed += 1
            await until(lambda: "dispute_locked" in [one["incident"]["rule"] for one in hook.bodies], SOON_S)
