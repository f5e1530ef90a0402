"""What holds for every kind: it delivers, is refused, waits, keeps its secrets, and is led nowhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from aiohttp import web

from tests.notify.ear import Ear, listening
from tests.notify.kinds.stage import ACK, HTTP_KINDS, PAGE, built, guard_of, message, samples
from vedette.model.errors import SettingError
from vedette.model.incident import Reason, Severity
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Guard
from vedette.notify.kinds import KINDS
from vedette.notify.kinds.kind import cut, in_bytes
from vedette.notify.text import Message, trial
from vedette.notify.words import Lang

LANGS: tuple[Lang, ...] = ("en", "zh")
OWN_URLS = ("slack", "ntfy", "webhook", "alertmanager")  # a person says where these lead


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    async with listening() as ear:
        yield ear


@pytest.fixture
async def guard() -> AsyncIterator[Guard]:
    guard = guard_of()
    yield guard
    await guard.close()


async def send(ear: Ear, guard: Guard, kind: str, one: Message | None = None) -> str | None:
    return await built(ear.base, kind, guard).send(one or message())


async def refusal(ear: Ear, guard: Guard, kind: str) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await send(ear, guard, kind)
    return caught.value


async def outcome(ear: Ear, guard: Guard, kind: str) -> ChannelError | None:
    try:
        await send(ear, guard, kind)
    except ChannelError as error:
        return error
    return None


def told_by(error: ChannelError | None) -> str:
    """All that a traceback of it would show."""
    if error is None:
        return ""
    return f"{error!r} {error.__cause__!r} {None if error.__suppress_context__ else error.__context__!r}"


def test_every_kind_is_tried_here_or_in_a_file_of_its_own() -> None:
    assert {*HTTP_KINDS, "email", "apprise"} == KINDS.keys()


@pytest.mark.parametrize("kind", HTTP_KINDS)
@pytest.mark.parametrize("lang", LANGS)
async def test_it_delivers_and_gives_the_receipt(ear: Ear, guard: Guard, kind: str, lang: Lang) -> None:
    sample = samples(ear.base)[kind]
    ear.say(*sample.fine)
    receipt = await send(ear, guard, kind, message(lang=lang))
    assert receipt == sample.receipt
    assert (receipt is not None) <= KINDS[kind].receipts
    ((request, body),) = ear.heard
    assert request.method == "POST"
    assert request.headers["Content-Type"].startswith("application/json")
    assert "node-a" in body.decode()
    assert all(sign not in request.headers.get("User-Agent", "") for sign in ("aiohttp", "Python"))


@pytest.mark.parametrize("kind", HTTP_KINDS)
@pytest.mark.parametrize("reason", Reason)
async def test_every_reason_and_severity_is_taken(ear: Ear, guard: Guard, kind: str, reason: Reason) -> None:
    ear.say(*samples(ear.base)[kind].fine)
    for severity in Severity:
        await send(ear, guard, kind, message(reason, severity=severity))
    await send(ear, guard, kind, message(reason, url=None))
    assert len(ear.heard) == (8 if (kind, reason) == ("pagerduty", Reason.TAKEN_BACK) else 4)


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_the_test_button_reaches_it(ear: Ear, guard: Guard, kind: str) -> None:
    ear.say(*samples(ear.base)[kind].fine)
    await send(ear, guard, kind, trial("phone", "en", PAGE, "test/9", 1))
    assert "Test: phone is reached" in ear.heard[0][1].decode()


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_a_broken_service_is_tried_again(ear: Ear, guard: Guard, kind: str) -> None:
    ear.say(500, {"description": "oops", "errcode": "?"})
    error = await refusal(ear, guard, kind)
    assert not error.permanent
    assert "answered 500" in str(error)


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_a_wish_to_wait_is_handed_on(ear: Ear, guard: Guard, kind: str) -> None:
    ear.say(429, {}, {"Retry-After": "17"})
    error = await refusal(ear, guard, kind)
    assert (error.permanent, error.retry_after_s) == (False, 17.0)


@pytest.mark.parametrize("kind", HTTP_KINDS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_followed_by_none(ear: Ear, guard: Guard, kind: str, status: int) -> None:
    ear.say(status, "", {"Location": f"http://localhost:{ear.port}/other"})
    error = await refusal(ear, guard, kind)
    assert "redirect" in str(error)
    assert len(ear.heard) == 1


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_no_error_holds_a_secret_even_if_the_reply_repeats_it(
    ear: Ear, guard: Guard, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="vedette")
    secrets = samples(ear.base)[kind].secrets
    told = " ".join([*samples(ear.base)[kind].config.values(), ACK])
    for status in (200, 400, 401, 403, 404, 410, 418, 429, 500):
        ear.say(status, {"ok": False, "errcode": told, "error": told, "description": told, "message": told})
        error = await outcome(ear, guard, kind)
        assert not any(secret in told_by(error) for secret in secrets)
        assert len(str(error).splitlines()) <= 1
    assert not any(secret in caplog.text for secret in secrets)


@pytest.mark.parametrize("kind", HTTP_KINDS)
@pytest.mark.parametrize(
    "body", ["", "[]", "null", "7", "<html>", '{"ok": 1, "result": [], "errcode": true}']
)
async def test_an_odd_answer_is_an_error_in_one_line_or_none(
    ear: Ear, guard: Guard, kind: str, body: str
) -> None:
    ear.say(200, body)
    error = await outcome(ear, guard, kind)
    assert error is None or (not error.permanent and len(str(error).splitlines()) == 1)


async def test_whoever_hangs_is_left_at_the_deadline(ear: Ear) -> None:
    enough = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await enough.wait()
        return web.Response()

    ear.answer = hang
    hasty = guard_of(deadline_s=0.3)
    errors = [await refusal(ear, hasty, kind) for kind in HTTP_KINDS]
    assert {str(error) for error in errors} == {"127.0.0.1 did not answer within 0.3 s"}
    enough.set()
    await hasty.close()


@pytest.mark.parametrize("kind", OWN_URLS)
async def test_a_url_of_a_user_leads_to_no_private_address(ear: Ear, kind: str) -> None:
    strict = guard_of(private=False)
    error = await refusal(ear, strict, kind)
    assert "not public" in str(error)
    assert error.permanent
    assert ear.heard == []
    await strict.close()


@pytest.mark.parametrize("kind", sorted({*HTTP_KINDS} - {*OWN_URLS}))
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8642/api",
        "https://discord.com@127.0.0.1/api/webhooks/123456789012345678/s3cret-token-of-a-webhook_1",
        "https://oapi.dingtalk.com.evil.example/robot/send?access_token=0123456789abcdefs3cret",
        "https://open.feishu.cn:8443/open-apis/bot/v2/hook/s3cret-0123456789",
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=s3cret-693a91f6#x",
        "https://discord.com/api/webhooks/123456789012345678/../../../s3cret-token-of-a-webhook",
    ],
)
def test_a_service_with_a_host_of_its_own_takes_no_other(kind: str, url: str) -> None:
    config = {**samples("http://x")[kind].config, "url": url}
    with pytest.raises(SettingError) as refused:
        KINDS[kind].check(config)
    assert "s3cret" not in str(refused.value)


def wordy(lang: Lang) -> Message:
    line = "A node said this at length, & <more>. " if lang == "en" else "节点说了很多话，而且还有更多。"
    one = message(lang=lang, name="节点" * 40)
    return replace(one, lines=(*one.lines, *[line * 10] * 200), title=one.title + line * 40)


FITS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "telegram": lambda body: len(body["text"].encode("utf-16-le")) // 2 <= 4096 + 1200,
    "slack": lambda body: all(
        len(block.get("text", {}).get("text", "")) <= (150 if block["type"] == "header" else 3000)
        for block in body["attachments"][0]["blocks"]
    ),
    "discord": lambda body: (
        len(body["embeds"][0]["title"]) <= 256
        and len(body["embeds"][0]["description"]) <= 4096
        and len(body["embeds"][0]["title"] + body["embeds"][0]["description"]) <= 6000
    ),
    "ntfy": lambda body: in_bytes(body["message"]) <= 4096 and in_bytes(body["title"]) <= 250,
    "pagerduty": lambda body: (
        len(body["payload"]["summary"]) <= 1024 and len(msgspec.json.encode(body)) <= 512 << 10
    ),
    "dingtalk": lambda body: len(msgspec.json.encode(body)) <= 20_000,
    "feishu": lambda body: len(msgspec.json.encode(body)) <= 20_000,
    "wecom": lambda body: in_bytes(body["markdown"]["content"]) <= 4096,
}


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("lang", LANGS)
async def test_a_long_message_is_cut_to_what_the_service_takes_and_keeps_its_links(
    ear: Ear, guard: Guard, kind: str, lang: Lang
) -> None:
    ear.say(*samples(ear.base)[kind].fine)
    await send(ear, guard, kind, wordy(lang))
    (body,) = ear.bodies()
    assert FITS[kind](body)
    said = ear.heard[0][1].decode()
    assert f"{PAGE}/incidents/7" in said
    assert "t0ken.of.a-link" in said
    assert "…" in said


EVIL = "[x](http://evil.example) <@all> <!channel> @everyone *b* `c` </b>&amp;"


HARMLESS: dict[str, tuple[Callable[[dict[str, Any]], str], tuple[str, ...]]] = {
    "telegram": (lambda body: body["text"], ("<@", "<!", "</b>&amp;")),
    "slack": (lambda body: body["text"], ("<@", "<!", "</b>")),
    "discord": (lambda body: body["embeds"][0]["title"], ("](http", " <@", " *b*")),
    "dingtalk": (lambda body: body["markdown"]["text"], ("](http://evil", "<@", "@all", "`")),
    "wecom": (lambda body: body["markdown"]["content"], ("](http://evil", "<@", "@all", "`")),
}


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_a_name_is_shown_as_it_is(ear: Ear, guard: Guard, kind: str) -> None:
    ear.say(*samples(ear.base)[kind].fine)
    await send(ear, guard, kind, message(name=EVIL))
    (body,) = ear.bodies()
    shown, marks = HARMLESS.get(kind, (lambda _body: "", ()))
    assert not [mark for mark in marks if mark in shown(body)]
    if kind == "discord":
        assert body["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("kind", KINDS)
def test_its_words_are_there_in_both_languages(kind: str) -> None:
    one = KINDS[kind]
    for words in (one.label, one.help, *[said for field in one.fields for said in (field.label, field.help)]):
        assert all(words[lang].strip() for lang in LANGS)
    assert one.name == kind


@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_its_hint_holds_no_secret_and_is_short(kind: str) -> None:
    sample = samples("https://hooks.example.org")[kind]
    hint = KINDS[kind].hint(KINDS[kind].check(sample.config))
    assert 0 < len(hint) <= 200
    values = [value for value in sample.config.values() if "s3cret" in value or "secret" in value]
    assert not any(value in hint for value in (*values, *sample.secrets))


@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_wrong_settings_are_told_all_at_once_and_without_their_values(kind: str) -> None:
    given = {field.name: "s3cret value\n" + "x" * 3_000 for field in KINDS[kind].fields} | {"colour": "red"}
    with pytest.raises(SettingError) as refused:
        KINDS[kind].check(given)
    lines = str(refused.value).splitlines()
    assert len(lines) == len(given)
    assert "s3cret" not in str(refused.value)
    with pytest.raises(SettingError):
        KINDS[kind].check({})


@pytest.mark.parametrize("kind", HTTP_KINDS)
@pytest.mark.parametrize("value", [7, ["x"], True, {"a": 1}, "\x00", "a\nb"])
def test_odd_values_are_refused(kind: str, value: object) -> None:
    name = KINDS[kind].fields[0].name
    with pytest.raises(SettingError):
        KINDS[kind].check({**samples("http://x")[kind].config, name: value})


@pytest.mark.parametrize(
    "room, wanted", [(9, "abcdef"), (6, "abcdef"), (5, "abcd…"), (1, "…"), (0, ""), (-3, "")]
)
def test_a_text_is_cut_where_it_no_longer_fits(room: int, wanted: str) -> None:
    assert cut("abcdef", room) == wanted


def test_a_text_is_cut_by_the_measure_of_its_reader() -> None:
    assert cut("节点节点", 10, in_bytes) == "节点…"
