"""Where a user's URL may lead, with real sockets on loopback: what is not allowed must hear nothing."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from tests.notify.tls import strangers_tls
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Guard
from vedette.notify.targets import NOT_PUBLIC, Targets, is_public, looked_up

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
]
PRIVATE = [
    *(
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.31.255.255",
    ),
    *("192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fe80::1%lo", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    *("2001::1", "2002:7f00:1::", "3fff::1", "100::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::a00:1", "::ffff:0:127.0.0.1", "5f00::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_called(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_special_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), *(st.ip_addresses(network=n) for n in NOT_PUBLIC))
)
def test_what_python_holds_for_private_is_never_public_here(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """Python counts a few addresses of protocols as global; the other way round there is no exception."""
    special = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    mapped = getattr(address, "ipv4_mapped", None)
    if (special or address.is_private) and mapped is None:
        assert not is_public(address)


class Ear:
    """A server that counts who comes."""

    def __init__(self) -> None:
        self.heard: list[web.BaseRequest] = []
        self.location: str | None = None
        self.port = 0

    async def hear(self, request: web.BaseRequest) -> web.StreamResponse:
        self.heard.append(request)
        if self.location is not None:
            return web.Response(status=307, headers={"Location": self.location})
        return web.Response(text="taken")


async def listening(
    ear: Ear, host: str, port: int = 0, tls: ssl.SSLContext | None = None
) -> web.ServerRunner:
    runner = web.ServerRunner(web.Server(ear.hear), shutdown_timeout=0)
    await runner.setup()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    ear.port = listener.getsockname()[1]
    await web.SockSite(runner, listener, ssl_context=tls).start()
    return runner


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    """It listens at 127.0.0.1 and, where the machine has IPv6, at ::1 on the same port."""
    ear = Ear()
    runners = [await listening(ear, "127.0.0.1")]
    if socket.has_ipv6:
        try:
            runners.append(await listening(ear, "::1", ear.port))
        except OSError:
            print("no IPv6 on this machine's loopback: refused all the same, but nothing listens there")
    yield ear
    for runner in runners:
        await runner.cleanup()


async def refusal(guard: Guard, url: str) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await guard.post(url, b"{}", {})
    await guard.close()
    return caught.value


SPELLINGS = [
    *(
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
    ),
    *("127.1", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "0.0.0.0", "0", "[::]"),
    *("127。0。0。1", "①②⑦.⓪.⓪.①", "public@127.0.0.1", "1.1.1.1@127.0.0.1", "[64:ff9b::7f00:1]"),
]


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_of_loopback_is_reached(ear: Ear, host: str) -> None:
    error = await refusal(Guard(targets=Targets()), f"http://{host}:{ear.port}/s3cret")
    assert ear.heard == []
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::1]"])
async def test_the_refusal_says_what_the_administrator_may_do(ear: Ear, host: str) -> None:
    error = await refusal(Guard(targets=Targets()), f"http://{host}:{ear.port}/")
    assert error.permanent
    assert "allow_private_targets" in str(error) or "write it plainly" in str(error)


async def test_the_administrators_own_urls_may_be_private(ear: Ear) -> None:
    guard = Guard()
    assert (await guard.post(f"http://localhost:{ear.port}/", b"{}", {})).body == b"taken"
    await guard.close()


async def test_an_allowed_network_is_reached_by_address_and_by_name(ear: Ear) -> None:
    guard = Guard(targets=Targets([ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]))
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        assert (await guard.post(f"http://{host}:{ear.port}/", b"{}", {})).status == 200
    await guard.close()


@pytest.mark.parametrize("port", [1, 22, 25, 110, 143, 389, 445, 465, 587, 993, 1023])
async def test_ports_of_other_services_are_refused(port: int) -> None:
    error = await refusal(Guard(targets=Targets()), f"http://1.1.1.1:{port}/")
    assert f"port {port}" in str(error)


@pytest.mark.parametrize(
    "url", ["ftp://1.1.1.1/", "file:///etc/passwd", "gopher://1.1.1.1:70/", "http://", "//x", ""]
)
async def test_other_schemes_lead_nowhere(url: str) -> None:
    await refusal(Guard(targets=Targets()), url)


class Names:
    """A name server whose answers change from one question to the next."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_a_name_that_changes_its_mind_is_called_where_it_was_judged(ear: Ear) -> None:
    """Rebinding: the first answer may be called, the second is the server's own machine."""
    allowed_one = Ear()
    runner = await listening(allowed_one, "127.0.0.2", ear.port)
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    targets = Targets([ipaddress.ip_network("127.0.0.2/32")], names)
    guard = Guard(targets=targets)
    reply = await guard.post(f"http://rebind.example:{ear.port}/", b"{}", {})
    assert (reply.status, names.asked) == (200, 1)
    assert (len(allowed_one.heard), ear.heard) == (1, [])
    assert allowed_one.heard[0].headers["Host"] == f"rebind.example:{ear.port}"
    error = await refusal(guard, f"http://rebind.example:{ear.port}/")
    assert "not public" in str(error)
    assert (len(allowed_one.heard), ear.heard) == (1, [])
    await runner.cleanup()


async def test_one_private_address_among_public_ones_is_one_too_many(ear: Ear) -> None:
    names = Names(["1.1.1.1", "127.0.0.1"])
    await refusal(Guard(targets=Targets(lookup=names)), f"http://mixed.example:{ear.port}/")
    assert ear.heard == []


async def test_a_redirect_to_a_private_address_is_not_followed(ear: Ear) -> None:
    public = Ear()
    runner = await listening(public, "127.0.0.2")
    public.location = f"http://127.0.0.1:{ear.port}/"
    guard = Guard(targets=Targets([ipaddress.ip_network("127.0.0.2/32")]))
    assert (await guard.post(f"http://127.0.0.2:{public.port}/", b"{}", {})).status == 307
    assert (len(public.heard), ear.heard) == (1, [])
    await guard.close()
    await runner.cleanup()


async def test_a_pinned_address_must_still_prove_its_name(tmp_path: Path) -> None:
    ear = Ear()
    runner = await listening(ear, "127.0.0.1", tls=strangers_tls(tmp_path))
    names = Names(["127.0.0.1"])
    guard = Guard(targets=Targets([ipaddress.ip_network("127.0.0.1/32")], names))
    error = await refusal(guard, f"https://pinned.example:{ear.port}/")
    assert str(error) == "pinned.example: its certificate is not trusted"
    assert (names.asked, ear.heard) == (1, [])
    await runner.cleanup()


async def test_a_name_server_that_hangs_is_left_at_the_deadline() -> None:
    async def hangs(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    error = await refusal(Guard(deadline_s=0.2, targets=Targets(lookup=hangs)), "https://slow.example/")
    assert str(error) == "slow.example did not answer within 0.2 s"


async def test_a_name_without_an_address_is_a_passing_trouble() -> None:
    error = await refusal(Guard(targets=Targets(lookup=Names([]))), "https://nobody.example/")
    assert (str(error), error.permanent) == ("nobody.example: its name could not be resolved", False)


async def test_this_machine_spells_addresses_plainly() -> None:
    assert set(await looked_up("0x7f.1", 80)) == {"127.0.0.1"}


@given(st.text(max_size=80), st.sampled_from(["http://", "https://", "http://[", "http://a@", ""]))
def test_whatever_a_user_enters_is_refused_or_passed_never_a_crash(rest: str, start: str) -> None:
    try:
        url = URL(start + rest)
    except ValueError:
        return
    with suppress(ChannelError):
        Targets().check(url)
        assert url.scheme in {"http", "https"}
        assert url.raw_host
