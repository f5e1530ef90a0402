"""Webhooks against a real HTTP server on loopback that misbehaves in every way we thought of."""

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from tests.notify.ear import Ear, listening
from tests.notify.tls import strangers_tls
from vedette.model.errors import SettingError
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.notify.channels import ChannelError, MailSettings, Webhook, WebhookSettings, build
from vedette.notify.guard import REPLY_BYTES_MAX, Guard, retry_after_s
from vedette.notify.text import Message, render
from vedette.notify.webhook import signature

T = 1_763_819_000_000
SECRET = "correct horse"


def message() -> Message:
    subject = Subject(SubjectKind.NODE, "n1", "节点-a")
    facts = {"votes": 50, "died_at_ms": T}
    incident = Incident(7, "node_down/n1", "node_down", 1, Severity.WARNING, subject, facts, T, T)
    return render(incident, Reason.OPENED, "en", "https://watch.example.org", "7/1/opened/hook", T)


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    async with listening() as ear:
        yield ear


@pytest.fixture
async def guard() -> AsyncIterator[Guard]:
    guard = Guard()
    yield guard
    await guard.close()


@pytest.fixture
async def hasty() -> AsyncIterator[Guard]:
    guard = Guard(deadline_s=0.5)
    yield guard
    await guard.close()


def hook(ear: Ear, guard: Guard, secret: str | None = None) -> Webhook:
    return Webhook(WebhookSettings("hook", ear.url(), secret), guard, unix_s=lambda: 1_763_819_001.9)


async def refusal(hook: Webhook) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await hook.send(message())
    return caught.value


async def test_it_posts_the_incident_as_json(ear: Ear, guard: Guard) -> None:
    await hook(ear, guard).send(message())
    ((request, body),) = ear.heard
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == "7/1/opened/hook"
    assert "Vedette-Signature" not in request.headers
    said = json.loads(body)
    assert said.keys() == {"id", "kind", "reason", "incident", "text", "url"}
    assert (said["id"], said["kind"], said["reason"]) == ("7/1/opened/hook", "incident", "opened")
    assert said["url"] == "https://watch.example.org/incidents/7"
    assert said["text"].startswith("Warning: node 节点-a is down\n")
    assert said["incident"]["subject"] == {"kind": "node", "id": "n1", "name": "节点-a"}


async def test_with_a_secret_the_receiver_can_prove_who_spoke_and_when(ear: Ear, guard: Guard) -> None:
    await hook(ear, guard, SECRET).send(message())
    ((request, body),) = ear.heard
    stamp, proof = request.headers["Vedette-Signature"].split(",")
    assert stamp == "t=1763819001"
    wanted = hmac.new(SECRET.encode(), b"1763819001." + body, hashlib.sha256).hexdigest()
    assert proof == f"v1={wanted}"
    assert signature(SECRET, 1763819001, body + b" ") != request.headers["Vedette-Signature"]


async def test_after_a_failure_the_same_message_is_sent_again_with_the_same_key(
    ear: Ear, guard: Guard
) -> None:
    async def broken_once(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=500 if len(ear.heard) == 1 else 200)

    ear.answer = broken_once
    error = await refusal(hook(ear, guard))
    assert (str(error), error.permanent, error.retry_after_s) == ("127.0.0.1 answered 500", False, None)
    await hook(ear, guard).send(message())
    (first, body), (second, same_body) = ear.heard
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert body == same_body


@pytest.mark.parametrize(
    "status, wish, wait_s", [(429, "17", 17.0), (503, "999999", 3600.0), (429, "soon", None)]
)
async def test_a_wish_to_wait_is_handed_on(
    ear: Ear, guard: Guard, status: int, wish: str, wait_s: float | None
) -> None:
    async def busy(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": wish})

    ear.answer = busy
    error = await refusal(hook(ear, guard))
    assert (error.permanent, error.retry_after_s) == (False, wait_s)


@pytest.mark.parametrize("status", [404, 410])
async def test_an_address_that_is_gone_is_not_tried_again(ear: Ear, guard: Guard, status: int) -> None:
    async def gone(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    ear.answer = gone
    assert (await refusal(hook(ear, guard))).permanent


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_refused_and_the_other_host_hears_nothing(
    ear: Ear, guard: Guard, status: int
) -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": f"http://localhost:{ear.port}/other"})

    ear.answer = elsewhere
    error = await refusal(hook(ear, guard))
    assert "redirect" in str(error)
    assert not error.permanent
    assert len(ear.heard) == 1


async def test_whoever_hangs_is_left_at_the_deadline(ear: Ear, hasty: Guard) -> None:
    enough = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await enough.wait()
        return web.Response()

    ear.answer = hang
    assert str(await refusal(hook(ear, hasty))) == "127.0.0.1 did not answer within 0.5 s"
    enough.set()


async def test_whoever_drips_is_left_at_the_deadline_too(ear: Ear, hasty: Guard) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b".")
            await asyncio.sleep(0.05)

    ear.answer = drip
    assert "did not answer within" in str(await refusal(hook(ear, hasty)))


async def test_an_endless_answer_is_read_only_up_to_a_bound(ear: Ear, guard: Guard) -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        while written < 1 << 30:
            await response.write(b"x" * (1 << 16))
            written += 1 << 16
        return response

    ear.answer = flood
    reply = await guard.post(ear.url(), b"{}", {})
    assert (reply.status, len(reply.body)) == (200, REPLY_BYTES_MAX)
    await asyncio.sleep(0.1)
    assert written < 64 << 20


async def test_a_compressed_answer_is_not_unfolded(ear: Ear, guard: Guard) -> None:
    async def zipped(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"not really", headers={"Content-Encoding": "gzip"})

    ear.answer = zipped
    assert (await guard.post(ear.url(), b"{}", {})).body == b"not really"


async def test_an_environments_proxy_is_not_used(
    ear: Ear, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    await hook(ear, guard).send(message())
    assert len(ear.heard) == 1


async def test_whoever_is_not_there_is_named_without_the_secret(guard: Guard) -> None:
    nobody = socket.create_server(("127.0.0.1", 0))
    url = f"http://user:hunter2@127.0.0.1:{nobody.getsockname()[1]}/s3cret"
    nobody.close()
    error = await refusal(Webhook(WebhookSettings("hook", url), guard))
    assert str(error) == "127.0.0.1: could not connect (Connection refused)"
    assert not error.permanent


async def raw_answer(answer: bytes) -> tuple[asyncio.Server, str]:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/s3cret"


@pytest.mark.parametrize(
    "answer", [b"", b"220 mail.example.org ESMTP\r\n", b"HTTP/1.1 2", b"\x16\x03\x01\x00\xff"]
)
async def test_whoever_does_not_speak_http_is_an_error_in_one_line(guard: Guard, answer: bytes) -> None:
    server, url = await raw_answer(answer)
    error = await refusal(Webhook(WebhookSettings("hook", url), guard))
    server.close()
    assert str(error).startswith("127.0.0.1: ")
    assert len(str(error).splitlines()) == 1
    assert "s3cret" not in str(error)


async def test_no_error_and_no_log_holds_a_secret(
    ear: Ear, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    async def teapot(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=418, text="s3cret echoed")

    caplog.set_level("DEBUG", logger="vedette")
    caplog.set_level("DEBUG", logger="aiohttp.client")
    ear.answer = teapot
    error = await refusal(hook(ear, guard))
    chain = [error, error.__cause__, None if error.__suppress_context__ else error.__context__]
    assert not any(word in f"{chain} {caplog.text}" for word in ("s3cret", "hunter2"))
    assert "s3cret" not in repr(WebhookSettings("hook", ear.url(), "s3cret"))


NOW = datetime(2025, 11, 22, 13, 43, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "header, wait_s",
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("99999999999999999999", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("Sat, 22 Nov 2025 13:44:20 GMT", 60.0),
        ("Sat, 22 Nov 2025 13:44:20", 60.0),
        ("Sat, 22 Nov 2025 13:00:00 GMT", 0.0),
        ("Sat, 22 Nov 2035 13:00:00 GMT", 3600.0),
        ("Sat, 99 Nov 2025 13:00:00 GMT", None),
    ],
)
def test_a_wish_to_wait_comes_in_two_forms(header: str | None, wait_s: float | None) -> None:
    assert retry_after_s(header, NOW) == wait_s


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "http://", "example.org/hook", "http://[::1", "http://x:99999"]
)
def test_a_url_that_leads_nowhere_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(SettingError, match="webhook hook: the url must start with"):
        WebhookSettings("hook", url)


async def test_channels_are_built_by_name_and_closed() -> None:
    mail = MailSettings("email", "127.0.0.1", 25, "watch@example.org", ("alice@example.org",))
    channels = build([WebhookSettings("hook", "http://127.0.0.1/"), mail])
    assert list(channels) == ["hook", "email"]
    assert [channel.name for channel in channels.values()] == ["hook", "email"]
    for channel in [*channels.values(), *channels.values()]:
        await channel.close()


def test_names_that_would_confuse_are_refused_all_at_once() -> None:
    hooks = [WebhookSettings(name, "http://127.0.0.1/") for name in ("a", "a", "b/c", "d\r\nX: y")]
    with pytest.raises(SettingError) as refused:
        build(hooks)
    assert len(str(refused.value).splitlines()) == 3


async def test_a_certificate_that_nobody_vouches_for_is_refused(guard: Guard, tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=strangers_tls(tmp_path))
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/s3cret"
    error = await refusal(Webhook(WebhookSettings("hook", url), guard))
    server.close()
    assert str(error) == "127.0.0.1: its certificate is not trusted"
    assert not any(heard)
