"""One contact point of each kind that speaks HTTP, and messages to send."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.notify.guard import Guard
from vedette.notify.kinds import KINDS, Channel, Means
from vedette.notify.targets import Targets
from vedette.notify.text import Message, render
from vedette.notify.words import Lang

T = 1_763_819_000_000
UNIX_S = 1_763_819_001.5
LOOPBACK = ip_network("127.0.0.0/8")
PAGE = "https://watch.example.org"
ACK = f"{PAGE}/ack/t0ken.of.a-link?a=1&b=(2)"


@dataclass(frozen=True)
class Sample:
    """A contact point's settings, what its service answers when all is well, and what must never be told."""

    kind: str
    config: Mapping[str, str]
    fine: tuple[int, object]
    receipt: str | None
    secrets: tuple[str, ...]


def samples(base: str) -> dict[str, Sample]:
    found = [
        Sample(
            "telegram",
            {"token": "12345678:AAsecretsecretsecretsecret", "chat": "-1001234567890", "topic": "7"},
            (200, {"ok": True, "result": {"message_id": 4711}}),
            "4711",
            ("AAsecret",),
        ),
        Sample(
            "slack",
            {"url": f"{base}/services/T00/B00/s3cretpath"},
            (200, "ok"),
            None,
            ("s3cretpath",),
        ),
        Sample(
            "discord",
            {"url": "https://discord.com/api/webhooks/123456789012345678/s3cret-token-of-a-webhook_1"},
            (200, {"id": "998877665544332211"}),
            "998877665544332211",
            ("s3cret-token",),
        ),
        Sample(
            "ntfy",
            {"topic": "s3cret-topic", "server": base, "token": "tk_s3cret"},
            (200, {"id": "hwQ2YpKdmg", "topic": "s3cret-topic"}),
            "hwQ2YpKdmg",
            ("s3cret-topic", "tk_s3cret"),
        ),
        Sample(
            "pagerduty",
            {"key": "0123456789abcdef0123456789s3cret"},
            (202, {"status": "success", "message": "Event processed", "dedup_key": "vedette/incident/7"}),
            "vedette/incident/7",
            ("s3cret",),
        ),
        Sample(
            "dingtalk",
            {
                "url": "https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdefs3cret",
                "secret": "SECs3crets3crets3crets3cret",
            },
            (200, {"errcode": 0, "errmsg": "ok"}),
            None,
            ("abcdefs3cret", "SECs3cret"),
        ),
        Sample(
            "feishu",
            {"url": "https://open.feishu.cn/open-apis/bot/v2/hook/s3cret-0123456789", "secret": "s3cret-key"},
            (200, {"code": 0, "msg": "success", "data": {}}),
            None,
            ("s3cret",),
        ),
        Sample(
            "wecom",
            {"url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=s3cret-693a91f6"},
            (200, {"errcode": 0, "errmsg": "ok"}),
            None,
            ("s3cret",),
        ),
        Sample(
            "webhook",
            {"url": f"{base}/hook/s3cret-path", "secret": "s3crets3crets3cret"},
            (204, ""),
            None,
            ("s3cret",),
        ),
        Sample(
            "alertmanager",
            {"url": f"{base}/hook/s3cret-path", "token": "s3cret-token"},
            (200, ""),
            None,
            ("s3cret",),
        ),
    ]
    return {one.kind: one for one in found}


HTTP_KINDS = tuple(samples(""))


def guard_of(*, private: bool = True, deadline_s: float = 10) -> Guard:
    return Guard(deadline_s, Targets([LOOPBACK] if private else []))


def built(base: str, kind: str, guard: Guard, config: Mapping[str, Any] | None = None) -> Channel:
    one = KINDS[kind]
    means = Means(guard=guard, unix_s=lambda: UNIX_S, bases=dict.fromkeys(KINDS, base))
    return one.build("phone", one.check(config or samples(base)[kind].config), means)


def incident(
    name: str = "node-a", severity: Severity = Severity.WARNING, facts: Mapping[str, Any] | None = None
) -> Incident:
    subject = Subject(SubjectKind.NODE, "n1", name)
    facts = {"votes": 50, "died_at_ms": T} if facts is None else facts
    return Incident(7, "node_down/n1", "node_down", 1, severity, subject, facts, T, T)


def message(
    reason: Reason = Reason.OPENED,
    lang: Lang = "en",
    name: str = "node-a",
    severity: Severity = Severity.WARNING,
    url: str | None = PAGE,
) -> Message:
    one = incident(name, severity)
    if reason is Reason.RESOLVED:
        one = Incident(
            7, one.key, one.rule, 1, severity, one.subject, {**one.facts, "ended": "running"}, T, T,
            resolved_at_ms=T + 90_000,
        )  # fmt: skip
    ack = None if url is None else ACK
    return render(one, reason, lang, url, f"7/1/{reason}/contact:c1", T + 90_000, ack)
