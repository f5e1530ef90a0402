"""What each service is told, and how it says no."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.notify.ear import Ear, listening
from tests.notify.kinds.stage import ACK, PAGE, UNIX_S, T, built, guard_of, message, samples
from vedette.model.errors import SettingError
from vedette.model.incident import Reason, Severity
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Guard
from vedette.notify.kinds import KINDS
from vedette.notify.text import Message, trial
from vedette.notify.webhook import signature
from vedette.store import outbox

INCIDENT = f"{PAGE}/incidents/7"
CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    async with listening() as ear:
        yield ear


@pytest.fixture
async def guard() -> AsyncIterator[Guard]:
    guard = guard_of()
    yield guard
    await guard.close()


async def told(ear: Ear, guard: Guard, kind: str, one: Message | None = None, **other: Any) -> dict[str, Any]:
    """What the service was told, when all is well."""
    sample = samples(ear.base)[kind]
    ear.say(*sample.fine)
    await built(ear.base, kind, guard, {**sample.config, **other}).send(one or message())
    return ear.bodies()[-1]


NOES: list[tuple[str, int, object, str, bool, float | None]] = [
    ("telegram", 401, {"ok": False, "description": "Unauthorized"}, "the bot's token", True, None),
    ("telegram", 404, {"ok": False, "description": "Not Found"}, "the bot's token", True, None),
    (
        "telegram",
        403,
        {"ok": False, "description": "Forbidden: bot was blocked by the user"},
        "blocked",
        True,
        None,
    ),
    (
        "telegram",
        400,
        {"ok": False, "description": "Bad Request: chat not found"},
        "no such chat",
        True,
        None,
    ),
    (
        "telegram",
        400,
        {"ok": False, "description": "Bad Request: group chat was upgraded to a supergroup chat"},
        "supergroup",
        True,
        None,
    ),
    (
        "telegram",
        400,
        {"ok": False, "description": "Bad Request: can't parse entities"},
        "answered 400",
        False,
        None,
    ),
    ("telegram", 429, {"ok": False, "parameters": {"retry_after": 35}}, "too many", False, 35.0),
    ("slack", 403, "invalid_token", "does not know the webhook", True, None),
    ("slack", 404, "no_service", "removed", True, None),
    ("slack", 404, "channel_not_found", "no such channel", True, None),
    ("slack", 410, "channel_is_archived", "archived", True, None),
    ("slack", 403, "action_prohibited", "forbids", True, None),
    ("slack", 404, "no word we know", "answered 404", True, None),
    ("slack", 400, "invalid_payload", "answered 400", False, None),
    ("slack", 429, "rate_limited", "too many", False, 60.0),
    ("discord", 401, {"code": 50027}, "token", True, None),
    ("discord", 404, {"code": 10015}, "deleted", True, None),
    ("discord", 403, {}, "may not write", True, None),
    ("discord", 400, {"embeds": ["0"]}, "answered 400", False, None),
    ("discord", 429, {"retry_after": 1.25, "global": False}, "too many", False, 1.25),
    ("ntfy", 401, {"code": 40101}, "the token", True, None),
    ("ntfy", 403, {"code": 40301}, "may not write", True, None),
    ("ntfy", 400, {"code": 40009}, "topic", True, None),
    ("ntfy", 404, {"code": 40401}, "no ntfy", True, None),
    ("ntfy", 429, {"code": 42901}, "too many", False, 60.0),
    ("ntfy", 507, {"code": 50701}, "answered 507", False, None),
    (
        "pagerduty",
        400,
        {"status": "invalid event", "errors": ["'routing_key' is invalid"]},
        "key",
        True,
        None,
    ),
    ("pagerduty", 429, {}, "too many", False, 60.0),
    ("pagerduty", 500, {}, "answered 500", False, None),
    ("dingtalk", 200, {"errcode": 310000, "errmsg": "sign not match"}, "security settings", True, None),
    ("dingtalk", 200, {"errcode": 300001, "errmsg": "token is not exist"}, "token", True, None),
    ("dingtalk", 200, {"errcode": 130101, "errmsg": "send too fast"}, "too many", False, 60.0),
    ("dingtalk", 200, {"errcode": -1, "errmsg": "busy"}, "busy", False, None),
    ("dingtalk", 200, {"errcode": 430104}, "430104: a refusal we do not know", False, None),
    ("dingtalk", 200, {}, "is there a proxy", False, None),
    ("feishu", 200, {"code": 19021, "msg": "sign match fail"}, "signing secret", True, None),
    ("feishu", 200, {"code": 19022, "msg": "Ip Not Allowed"}, "IP address", True, None),
    ("feishu", 200, {"code": 19024, "msg": "Key Words Not Found"}, "keyword", True, None),
    ("feishu", 400, {"code": 19001, "msg": "param invalid"}, "the bot's address", True, None),
    ("feishu", 200, {"code": 11232, "msg": "frequency limited"}, "too many", False, 60.0),
    ("feishu", 200, {"code": 9499, "msg": "Bad Request"}, "did not understand", False, None),
    ("wecom", 200, {"errcode": 93000, "errmsg": "invalid webhook url"}, "the robot's key", True, None),
    ("wecom", 200, {"errcode": 45009, "errmsg": "api freq out of limit"}, "too many", False, 60.0),
    ("wecom", 200, {"errcode": 40058, "errmsg": "invalid Request Parameter"}, "40058", False, None),
    ("webhook", 404, "", "answered 404", True, None),
    ("webhook", 410, "", "answered 410", True, None),
    ("webhook", 503, "", "answered 503", False, None),
    ("alertmanager", 401, "", "the token", True, None),
    ("alertmanager", 404, "", "answered 404", True, None),
    ("alertmanager", 400, "", "answered 400", False, None),
]


@pytest.mark.parametrize("kind, status, body, word, permanent, wait_s", NOES)
async def test_its_way_to_say_no_is_understood(
    ear: Ear,
    guard: Guard,
    kind: str,
    status: int,
    body: object,
    word: str,
    permanent: bool,
    wait_s: float | None,
) -> None:
    ear.say(status, body)
    with pytest.raises(ChannelError) as refused:
        await built(ear.base, kind, guard).send(message())
    assert word in str(refused.value)
    assert (refused.value.permanent, refused.value.retry_after_s) == (permanent, wait_s)


async def test_telegram_hears_a_short_html_text_in_the_right_topic(ear: Ear, guard: Guard) -> None:
    body = await told(ear, guard, "telegram", message(name="a & b <c>"))
    ((request, _),) = ear.heard
    assert request.path == "/bot12345678:AAsecretsecretsecretsecret/sendMessage"
    assert (body["chat_id"], body["message_thread_id"], body["parse_mode"]) == ("-1001234567890", 7, "HTML")
    assert body["text"].startswith("<b>Warning: node a &amp; b &lt;c&gt; is down</b>\n\n")
    assert f'<a href="{INCIDENT}">Details</a>' in body["text"]
    assert f'<a href="{ACK.replace("&", "&amp;")}">I am on it</a>' in body["text"]
    assert body["disable_notification"] is False
    over = await told(ear, guard, "telegram", message(Reason.RESOLVED))
    assert over["disable_notification"] is True
    assert "ack/" not in over["text"]


async def test_slack_hears_blocks_in_the_colour_of_what_happened(ear: Ear, guard: Guard) -> None:
    body = await told(ear, guard, "slack", message(name="a & b <c>"))
    assert body["text"] == "Warning: node a &amp; b &lt;c&gt; is down"
    (attachment,) = body["attachments"]
    header, section, actions = attachment["blocks"]
    assert header["text"] == {"type": "plain_text", "text": "Warning: node a & b <c> is down"}
    assert section["text"]["type"] == "mrkdwn"
    assert [(one["text"]["text"], one["url"]) for one in actions["elements"]] == [
        ("I am on it", ACK),
        ("Details", INCIDENT),
    ]
    colours = [
        (await told(ear, guard, "slack", one))["attachments"][0]["color"]
        for one in (message(severity=CRITICAL), message(severity=INFO), message(Reason.RESOLVED))
    ]
    assert len({attachment["color"], *colours}) == 4


BOT = {"token": "xoxb-1234567890-s3cret", "channel": "#alerts"}


async def test_a_slack_bot_gives_receipts(ear: Ear, guard: Guard) -> None:
    ear.say(200, {"ok": True, "ts": "1763819001.000200"})
    assert await built(ear.base, "slack", guard, BOT).send(message()) == "1763819001.000200"
    ((request, _),) = ear.heard
    assert (request.path, ear.bodies()[0]["channel"]) == ("/api/chat.postMessage", "#alerts")
    assert request.headers["Authorization"] == "Bearer xoxb-1234567890-s3cret"


@pytest.mark.parametrize(
    "status, word, permanent, wait_s",
    [
        (200, "invalid_auth", True, None),
        (200, "token_revoked", True, None),
        (200, "not_in_channel", True, None),
        (200, "fatal_error", False, None),
        (429, "ratelimited", False, 60.0),
    ],
)
async def test_a_slack_bot_is_refused_with_200(
    ear: Ear, guard: Guard, status: int, word: str, permanent: bool, wait_s: float | None
) -> None:
    ear.say(status, {"ok": False, "error": word})
    with pytest.raises(ChannelError) as refused:
        await built(ear.base, "slack", guard, BOT).send(message())
    assert (refused.value.permanent, refused.value.retry_after_s) == (permanent, wait_s)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"token": BOT["token"]},
        {"channel": "#a"},
        {**BOT, "url": "https://hooks.slack.com/services/T/B/x"},
    ],
)
def test_slack_is_either_a_webhook_or_a_bot(config: dict[str, str]) -> None:
    with pytest.raises(SettingError):
        KINDS["slack"].check(config)


async def test_discord_hears_an_embed_and_is_asked_for_its_id(ear: Ear, guard: Guard) -> None:
    body = await told(ear, guard, "discord", message(severity=CRITICAL), thread="112233445566778899")
    ((request, _),) = ear.heard
    assert request.path == "/api/webhooks/123456789012345678/s3cret-token-of-a-webhook_1"
    assert dict(request.query) == {"wait": "true", "thread_id": "112233445566778899"}
    (embed,) = body["embeds"]
    assert (embed["title"], embed["url"]) == ("Critical: node node-a is down", INCIDENT)
    assert embed["color"] > 0xC00000
    assert f"[I am on it](<{ACK}>)" in embed["description"]


async def test_ntfy_rings_louder_the_worse_it_is_and_a_click_leads_there(ear: Ear, guard: Guard) -> None:
    said = [
        await told(ear, guard, "ntfy", one)
        for one in (*(message(severity=one) for one in (CRITICAL, WARNING, INFO)), message(Reason.RESOLVED))
    ]
    assert [one["priority"] for one in said] == [5, 4, 2, 3]
    assert said[0]["topic"] == "s3cret-topic"
    assert said[0]["click"] == INCIDENT
    assert [one["url"] for one in said[0]["actions"]] == [ACK, INCIDENT]
    assert {request.headers["Authorization"] for request, _ in ear.heard} == {"Bearer tk_s3cret"}
    assert {request.path for request, _ in ear.heard} == {"/"}


async def test_pagerduty_keeps_one_alert_from_first_to_last(ear: Ear, guard: Guard) -> None:
    said = {reason: await told(ear, guard, "pagerduty", message(reason)) for reason in Reason}
    assert {one["dedup_key"] for one in said.values()} == {f"vedette/incident/7/{T}"}
    assert {reason for reason, one in said.items() if one["event_action"] == "resolve"} == {Reason.RESOLVED}
    assert said[Reason.ACKNOWLEDGED]["event_action"] == "acknowledge"
    others = {reason: one for reason, one in said.items() if reason not in outbox.NO_ALARM}
    assert {one["event_action"] for one in others.values()} == {"trigger"}
    assert said[Reason.TAKEN_BACK]["event_action"] == "trigger"
    first = said[Reason.OPENED]
    assert first["payload"]["summary"] == "Warning: node node-a is down"
    assert (first["payload"]["source"], first["payload"]["severity"]) == ("node-a", "warning")
    assert (first["client_url"], first["links"][0]) == (INCIDENT, {"href": ACK, "text": "I am on it"})
    assert {request.path for request, _ in ear.heard} == {"/v2/enqueue"}


async def test_pagerduty_rings_anew_for_what_was_given_back_or_grew_worse_than_what_was_taken(
    ear: Ear, guard: Guard
) -> None:
    """An alert that is acknowledged there stays silent whatever triggers it: it is ended, and opened anew."""
    back = message(Reason.TAKEN_BACK)
    worse = message(Reason.ESCALATED)
    assert not worse.rings_anew
    for one in (back, replace(worse, rings_anew=True)):
        ear.heard.clear()
        await told(ear, guard, "pagerduty", one)
        said = ear.bodies()
        assert [event["event_action"] for event in said] == ["resolve", "trigger"]
        assert {event["dedup_key"] for event in said} == {f"vedette/incident/7/{T}"}
        assert "payload" not in said[0]


def test_the_kinds_that_ring_until_they_know_are_those_that_are_told() -> None:
    assert {name for name, kind in KINDS.items() if kind.acknowledges} == set(outbox.RING_ON)


async def test_two_presses_of_the_test_button_are_two_alerts_of_pagerduty(ear: Ear, guard: Guard) -> None:
    keys = [
        (await told(ear, guard, "pagerduty", trial("p", "en", None, key, 1)))["dedup_key"]
        for key in ("t/1", "t/2")
    ]
    assert keys == ["vedette/t/1", "vedette/t/2"]


async def test_dingtalk_is_signed_in_the_url(ear: Ear, guard: Guard) -> None:
    body = await told(ear, guard, "dingtalk")
    ((request, _),) = ear.heard
    secret = samples("")["dingtalk"].config["secret"]
    stamp = str(int(UNIX_S * 1000))
    proof = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    asked = parse_qs(urlsplit(str(request.url)).query)
    assert asked["access_token"] == ["0123456789abcdefs3cret"]
    assert (asked["timestamp"], asked["sign"]) == ([stamp], [base64.b64encode(proof).decode()])
    assert body["msgtype"] == "markdown"
    assert body["markdown"]["title"] == "Warning: node node-a is down"
    assert body["markdown"]["text"].startswith("**Warning: node node-a is down**")
    assert f"[Details]({INCIDENT})" in body["markdown"]["text"]
    assert "%282%29" in body["markdown"]["text"]  # brackets of a URL do not end the link


async def test_a_robot_without_a_secret_is_not_signed(ear: Ear, guard: Guard) -> None:
    ear.say(200, {"errcode": 0})
    url = samples("")["dingtalk"].config["url"]
    await built(ear.base, "dingtalk", guard, {"url": url}).send(message())
    assert set(ear.heard[0][0].query) == {"access_token"}


async def test_feishu_is_signed_in_the_body_and_hears_a_card(ear: Ear, guard: Guard) -> None:
    body = await told(ear, guard, "feishu", message(lang="zh"))
    proof = hmac.new(f"{int(UNIX_S)}\ns3cret-key".encode(), b"", hashlib.sha256).digest()
    assert (body["timestamp"], body["sign"]) == (str(int(UNIX_S)), base64.b64encode(proof).decode())
    card = body["card"]
    assert card["header"]["title"]["content"] == "【警告】节点 node-a 已停止运行"
    assert [one["url"] for one in card["elements"][-1]["actions"]] == [ACK, INCIDENT]
    assert ear.heard[0][0].path == "/open-apis/bot/v2/hook/s3cret-0123456789"
    templates = [
        (await told(ear, guard, "feishu", one))["card"]["header"]["template"]
        for one in (message(severity=CRITICAL), message(), message(severity=INFO), message(Reason.RESOLVED))
    ]
    assert templates == ["red", "orange", "blue", "green"]


async def test_the_older_answer_of_feishu_is_understood(ear: Ear, guard: Guard) -> None:
    ear.say(200, {"Extra": None, "StatusCode": 0, "StatusMessage": "success"})
    await built(ear.base, "feishu", guard).send(message())
    assert len(ear.heard) == 1


async def test_wecom_hears_markdown(ear: Ear, guard: Guard) -> None:
    body = await told(ear, guard, "wecom", message(lang="zh"))
    assert dict(ear.heard[0][0].query) == {"key": "s3cret-693a91f6"}
    assert body["markdown"]["content"].startswith("**【警告】节点 node-a 已停止运行**\n\n")
    assert f"[详情]({INCIDENT})" in body["markdown"]["content"]


async def test_a_webhook_is_signed(ear: Ear, guard: Guard) -> None:
    await told(ear, guard, "webhook")
    ((request, raw),) = ear.heard
    wanted = signature("s3crets3crets3cret", int(UNIX_S), raw)
    assert request.headers["Vedette-Signature"] == wanted
    assert request.headers["Idempotency-Key"] == "7/1/opened/contact:c1"


async def test_alertmanagers_form_fires_and_resolves_the_same_alert(ear: Ear, guard: Guard) -> None:
    said = {reason: await told(ear, guard, "alertmanager", message(reason)) for reason in Reason}
    assert {one["version"] for one in said.values()} == {"4"}
    assert len({one["groupKey"] for one in said.values()}) == 1
    assert len({one["alerts"][0]["fingerprint"] for one in said.values()}) == 1
    statuses = {reason: one["alerts"][0]["status"] for reason, one in said.items()}
    assert statuses == dict.fromkeys(Reason, "firing") | {Reason.RESOLVED: "resolved"}
    first, last = said[Reason.OPENED]["alerts"][0], said[Reason.RESOLVED]["alerts"][0]
    assert first["labels"] == last["labels"]
    assert first["labels"] == {
        "alertname": "node_down",
        "incident": "7",
        "instance": "node-a",
        "severity": "warning",
        "subject": "n1",
        "subject_kind": "node",
        "team": "1",
    }
    assert first["annotations"]["summary"] == "Warning: node node-a is down"
    assert first["annotations"]["acknowledge_url"] == ACK
    assert (first["startsAt"], first["endsAt"]) == ("2025-11-22T13:43:20.000Z", "0001-01-01T00:00:00Z")
    assert last["endsAt"] == "2025-11-22T13:44:50.000Z"
    assert (first["generatorURL"], said[Reason.OPENED]["externalURL"]) == (INCIDENT, PAGE)
    assert {request.headers["Authorization"] for request, _ in ear.heard} == {"Bearer s3cret-token"}


async def test_alertmanagers_form_has_all_that_its_own_readers_need(ear: Ear, guard: Guard) -> None:
    body = await told(ear, guard, "alertmanager", trial("phone", "en", None, "test/1", 1))
    assert body.keys() == {
        "version",
        "groupKey",
        "truncatedAlerts",
        "status",
        "receiver",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "externalURL",
        "alerts",
    }
    (alert,) = body["alerts"]
    assert (body["receiver"], alert["labels"]["alertname"], alert["generatorURL"]) == (
        "phone",
        "vedette_test",
        "",
    )
    assert len(alert["fingerprint"]) == 16
