"""Apprise, in its own process: what it carries, where it may not lead, and when it is left."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.notify.ear import Ear, listening
from tests.notify.kinds.stage import guard_of, message
from vedette.model.errors import SettingError
from vedette.notify.errors import ChannelError
from vedette.notify.kinds import KINDS, Means
from vedette.notify.kinds.apprise import Apprise
from vedette.notify.kinds.apprise_runner import Order, Watchman

pytest.importorskip("apprise")

APPRISE = KINDS["apprise"]


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    async with listening() as ear:
        yield ear


def channel(ear: Ear, *, private: bool = True, query: str = "", deadline_s: float = 60) -> Apprise:
    config = APPRISE.check({"url": f"json://127.0.0.1:{ear.port}/s3cret{query}"})
    return Apprise("tail", config, Means(guard=guard_of(private=private)), deadline_s)


async def test_it_carries_a_message(ear: Ear) -> None:
    await channel(ear).send(message())
    (body,) = ear.bodies()
    assert (body["title"], body["type"]) == ("Warning: node node-a is down", "warning")
    assert "https://watch.example.org/incidents/7" in body["message"]


async def test_it_is_led_to_no_private_address(ear: Ear) -> None:
    with pytest.raises(ChannelError, match="not public") as refused:
        await channel(ear, private=False).send(message())
    assert refused.value.permanent
    assert ear.heard == []


async def test_it_follows_no_redirect_even_if_its_url_asks_for_that(ear: Ear) -> None:
    ear.say(302, "", {"Location": f"http://127.0.0.1:{ear.port}/other"})
    with pytest.raises(ChannelError, match="could not deliver") as refused:
        await channel(ear, query="?redirect=yes").send(message())
    assert not refused.value.permanent
    assert {request.path for request, _ in ear.heard} == {"/s3cret"}


async def test_what_it_does_not_understand_is_not_tried_again() -> None:
    config = APPRISE.check({"url": "nosuchservice://s3cret/x"})
    with pytest.raises(ChannelError, match="does not understand") as refused:
        await Apprise("tail", config, Means(guard=guard_of())).send(message())
    assert refused.value.permanent
    assert "s3cret" not in str(refused.value)


async def test_it_is_ended_at_the_deadline(ear: Ear) -> None:
    enough = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await enough.wait()
        return web.Response()

    ear.answer = hang
    with pytest.raises(ChannelError, match=r"did not finish within 0\.5 s"):
        await channel(ear, deadline_s=0.5).send(message())
    enough.set()


@pytest.mark.parametrize(
    "url",
    ["syslog://", "dbus://", "file:///etc/passwd", "https://example.org", "not a url", "json://a b", ""],
)
def test_urls_that_are_not_for_a_server_are_refused(url: str) -> None:
    with pytest.raises(SettingError):
        APPRISE.check({"url": url})


def test_it_is_for_those_alone_whose_keeper_allows_it() -> None:
    means = Means(guard=guard_of())
    assert "does not allow" in str(APPRISE.lacks(means, False))
    assert APPRISE.lacks(means, True) is None
    assert APPRISE.hint(APPRISE.check({"url": "json://s3cret"})) == "json://…"


PROBE = """
import socket, subprocess, sys
from vedette.notify.kinds.apprise_runner import Watchman
sys.addaudithook(Watchman([]))
deeds = {
    "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    "name": lambda: socket.socket().connect(("localhost", 9)),
    "datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("10.0.0.1", 514)),
    "six": lambda: socket.socket(socket.AF_INET6).connect(("::1", 9)),
    "mapped": lambda: socket.socket(socket.AF_INET6).connect(("::ffff:169.254.169.254", 80)),
    "unix": lambda: socket.socket(socket.AF_UNIX).connect("/run/x"),
    "program": lambda: subprocess.run(["true"]),
}
for name, deed in deeds.items():
    try:
        deed()
    except PermissionError:
        print(name)
"""


async def test_no_way_out_leads_to_this_machine_or_starts_a_program() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROBE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert said.decode().split() == ["connect", "name", "datagram", "six", "mapped", "unix", "program"]


def test_the_watchman_lets_public_addresses_pass() -> None:
    import socket

    with socket.socket() as one:
        watchman = Watchman([])
        watchman("socket.connect", (one, ("93.184.215.14", 443)))
        assert not watchman.refused
        with pytest.raises(PermissionError):
            watchman("socket.connect", (one, ("192.168.1.1", 443)))
        assert watchman.refused


def test_an_order_shows_its_url_to_nobody() -> None:
    assert "s3cret" not in repr(Order("json://s3cret", "t", "b", "info", None))
