"""What the stage tells of alerts: incidents in full, rules, contacts, routing, duty and silences.

Changes are kept while the scene plays, so that a page which saves something reads it back.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from tests.browser.kept import reply
from vedette.server.api import (
    contact_shapes,
    digests,
    incident_shapes,
    rehearsals,
    routing_shapes,
    rule_shapes,
    shapes,
)

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
TOKEN = "t0ken-of-a-message"

UNTOLD: Json = {
    "fired": None,
    "noted": None,
    "days": [],
    "last": [],
    "seen_days": None,
    "of_days": 29.6,
    "step_seconds": None,
    "why": None,
    "whys": None,
}

TITLES = {
    "node_down": ("{who} is down", "{who} 已停止"),
    "absent_votes": ("{who} is absent from 14 blocks", "{who} 缺席 14 个区块"),
    "disk_filling": ("{who}: disk full in 9 days", "{who}：磁盘将在 9 天后写满"),
    "fork_deadline": ("{who} runs 3.0.1, which cannot follow the fork", "{who} 运行 3.0.1，无法跟随分叉"),
    "few_peers": ("{who} has few peers", "{who} 的邻居很少"),
    "node_silent": ("{who} was silent", "{who} 曾失联"),
}
NAMES = {
    "absent_votes": ("Absent votes", "缺席投票", "validator"),
    "double_voting": ("Double voting", "双重投票", "validator"),
    "stake_changed": ("Stake changed", "质押变动", "validator"),
    "node_down": ("Node down", "节点停止", "node"),
    "node_silent": ("Node silent", "节点失联", "node"),
    "disk_filling": ("Disk filling", "磁盘将满", "node"),
    "few_peers": ("Few peers", "邻居过少", "node"),
    "fork_deadline": ("Fork deadline", "分叉期限", "node"),
    "network_participation": ("Network participation", "全网参与率", "network"),
    "source_bad": ("Source of data bad", "数据来源异常", "endpoint"),
    "channel_failing": ("Contact failing", "联系点失败", "contact"),
    "monitor_blind": ("We are blind", "监控失明", "monitor"),
}
WHYS = {
    "absent_votes": (
        "Each unsigned block costs reward, and a member that signs nothing for epochs is retired by force.",
        "每个未签名的区块都损失奖励；整个纪元都不签名的成员会被强制退出。",
    ),
    "disk_filling": (
        "A node whose disk is full stops in the middle of a write, and may need hours to recover.",
        "磁盘写满的节点会在写入中途停止，恢复可能要几小时。",
    ),
}
HINT = (
    "Look at its log: `journalctl -u conflux -n 100`.\nThen start it: `systemctl start conflux`.",
    "查看日志：`journalctl -u conflux -n 100`。\n然后启动：`systemctl start conflux`。",
)
OWN_WHY = ("What this rule sees costs its operator money or sleep.", "这条规则看到的问题会损失钱或睡眠。")
LIMITS: dict[str, list[tuple[str, str, str | None, Any]]] = {
    "absent_votes": [
        ("absent_blocks", "whole", "blocks", 10),
        ("critical_blocks", "whole", "blocks", 30),
        ("others_participation_ratio", "number", "ratio", 0.9),
    ],
    "disk_filling": [
        ("warning_days", "number", "days", 14.0),
        ("critical_hours", "number", "hours", 48.0),
        ("critical_free_bytes", "whole", "bytes", 20_000_000_000),
    ],
    "few_peers": [("few_count", "whole", "count", 8), ("hold_ms", "whole", "ms", 600_000)],
}
FIRED = {"absent_votes": 3, "node_down": 1, "disk_filling": 2, "few_peers": 11}


def both(pair: tuple[str, ...], **words: str) -> Json:
    return {"en": pair[0].format(**words), "zh": pair[1].format(**words)}


def text_field(name: str, label: tuple[str, str], *, secret: bool = False, kind: str = "text") -> Json:
    return {
        "name": name,
        "label": both(label),
        "is_secret": secret,
        "is_required": True,
        "kind": kind,
        "choices": [],
        "help": {"en": "", "zh": ""},
    }


KINDS: list[Json] = [
    {
        "name": "telegram",
        "label": both(("Telegram", "Telegram")),
        "fields": [
            text_field("bot_token", ("Bot token", "机器人令牌"), secret=True),
            text_field("chat_id", ("Chat", "会话")),
        ],
        "wakes": False,
        "receipts": True,
        "digests": False,
        "lacks": None,
        "help": both(("A bot writes to a chat or a group.", "由机器人写到会话或群组。")),
    },
    {
        "name": "pagerduty",
        "label": both(("PagerDuty", "PagerDuty")),
        "fields": [text_field("routing_key", ("Integration key", "集成密钥"), secret=True)],
        "wakes": True,
        "receipts": True,
        "digests": False,
        "lacks": None,
        "help": both(("It rings until somebody answers.", "一直响铃，直到有人应答。")),
    },
    {
        "name": "webhook",
        "label": both(("Webhook", "Webhook")),
        "fields": [
            text_field("url", ("Address", "地址"), kind="url"),
            text_field("secret", ("Secret to sign with", "签名密钥"), secret=True),
            {
                **text_field("compact", ("One line only", "只要一行")),
                "kind": "flag",
                "is_required": False,
            },
        ],
        "wakes": False,
        "receipts": True,
        "digests": False,
        "lacks": None,
        "help": {"en": "", "zh": ""},
    },
]


@dataclass
class Alerted:
    """One team's alerts. `now_ms` is the stage's clock."""

    now_ms: Callable[[], int]
    addresses: dict[str, str]
    acked: dict[int, Json] = field(default_factory=dict)
    comments: dict[int, list[Json]] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    limits: Json = field(
        default_factory=lambda: {"preset": "normal", "rules": {}, "subjects": {}, "version": 3}
    )
    contacts: list[Json] = field(default_factory=list)
    routing: Json = field(default_factory=dict)
    silences: list[Json] = field(default_factory=list)
    maintenances: list[Json] = field(default_factory=list)
    digest: Json = field(
        default_factory=lambda: {"every": "never", "hour": 8, "weekday": None, "zone": "UTC", "contacts": []}
    )
    warnings: list[str] = field(default_factory=lambda: ["no_waking_channel"])

    def __post_init__(self) -> None:
        self.begun_ms = self.now_ms()
        self.limits["rules"] = {"few_peers": {"few_count": 5}}
        self.limits["subjects"] = {"n0000001": {"disk_filling": {"critical_free_bytes": 50_000_000_000}}}
        now = self.begun_ms
        self.contacts = [
            self.contact("c1", "Mei's phone", "telegram", "chat 4…91", sent_at_ms=now - 41 * MINUTE_MS),
            self.contact("c2", "Ops hook", "webhook", "hooks.pine.example", fallback_id="c1"),
            self.contact("c3", "Old group", "telegram", "chat -1…07", is_enabled=False),
        ]
        self.contacts[1] |= {"failing_since_ms": now - 12 * MINUTE_MS, "error": "it answered 502"}
        self.contacts[2] |= {"disabled_why": "Telegram says: chat not found"}
        self.contacts.append(
            self.contact("email", "email", "email", "ops@pine.example", of_settings=True)
            | {"ref": "settings:email"}
        )
        self.routing = self._routing()
        self.silences = [
            self.silence(
                {"subjects": ["n0000003"]}, "New disk is on its way", now - HOUR_MS, now + 20 * HOUR_MS
            ),
            self.silence({"rules": ["few_peers"]}, "ISP works", now - 3 * DAY_MS, now - 2 * DAY_MS),
        ]
        self.maintenances = self._maintenances()

    # --- incidents

    def incidents(self) -> list[Json]:
        now = self.begun_ms
        down = self.incident(12, "node_down", "node2", "critical", now - 8 * MINUTE_MS)
        down |= {"decision": "told"}
        absent = self.incident(13, "absent_votes", "node2", "warning", now - 6 * MINUTE_MS)
        absent |= {
            "muted_by": "node_down/n0000002",
            "decision": "explained",
            "state": "pending",
            "told_at_ms": None,
            "measure": {"value": 14, "limit": 10, "unit": "blocks"},
        }
        disk = self.incident(14, "disk_filling", "node1", "warning", now - 5 * HOUR_MS)
        disk |= {
            "measure": {"value": 61_400_000_000, "limit": 50_000_000_000, "unit": "bytes"},
            "deadline_ms": now + 9 * DAY_MS,
        }
        self.acked.setdefault(14, {"at_ms": now - 4 * HOUR_MS, "by": "mei", "until_ms": now + 3 * HOUR_MS})
        fork = self.incident(15, "fork_deadline", "node3", "critical", now - 2 * DAY_MS)
        fork |= {"deadline_ms": now + 50 * MINUTE_MS, "decision": "silenced"}
        peers = self.incident(16, "few_peers", "node0", "info", now - 40 * MINUTE_MS)
        peers |= {"flaps": 4, "decision": "noted", "measure": {"value": 6, "limit": 8, "unit": "peers"}}
        past = [
            self.incident(
                n, "node_silent" if n % 3 else "few_peers", f"node{n % 4}", "warning", now - (13 - n) * DAY_MS
            )
            | {
                "state": "resolved",
                "resolved_at_ms": now - (13 - n) * DAY_MS + n * 7 * MINUTE_MS,
                "decision": None,
            }
            for n in range(11, 3, -1)
        ]
        for one in past:
            one["facts"]["ended"] = "heard"
        rows = [down, fork, disk, absent, peers, *past]
        for one in rows:
            one["acked"] = self.acked.get(one["id"]) or None
            if one["id"] in self.closed:
                one |= {"state": "resolved", "resolved_at_ms": self.now_ms(), "decision": "closed"}
        return rows

    def incident(self, number: int, rule: str, who: str, severity: str, opened_ms: int) -> Json:
        validator = rule == "absent_votes"
        subject = self.addresses[who] if validator else f"n000000{who[-1]}"
        told = {
            "channel": "Mei's phone",
            "reason": "opened",
            "state": "sent",
            "created_at_ms": opened_ms,
            "sent_at_ms": opened_ms + 640,
            "attempts": 1,
            "error": None,
            "receipt": None,
        }
        return {
            "id": number,
            "key": f"{rule}/{subject}",
            "rule": rule,
            "severity": severity,
            "state": "open",
            "subject": {"kind": "validator" if validator else "node", "id": subject, "name": who},
            "title": TITLES[rule][0].format(who=who),
            "titles": both(TITLES[rule], who=who),
            "facts": {"votes": 73, "as_of_ms": opened_ms},
            "opened_at_ms": opened_ms,
            "told_at_ms": opened_ms,
            "resolved_at_ms": None,
            "muted_by": None,
            "notices": [told] if severity != "info" and not validator else [],
            "decision": "told",
            "acked": None,
            "closed_by": None,
            "flaps": 0,
            "measure": None,
            "deadline_ms": None,
        }

    def whole(self, number: int) -> incident_shapes.WholeIncident:
        row = next(one for one in self.incidents() if one["id"] == number)
        events = [*self._timeline(row), *self.comments.get(number, [])]
        return in_full(row, events, [13] if number == 12 else [])

    def _timeline(self, row: Json) -> Iterator[Json]:
        at = row["opened_at_ms"]
        yield {"at_ms": at, "kind": "found", "detail": {"severity": "warning"}}
        told = {"reason": "opened", "severity": "warning", "channels": ["Mei's phone", "email"]}
        yield {"at_ms": at + 700, "kind": "told", "detail": told}
        if row["severity"] == "critical":
            worse = {"from": "warning", "to": "critical"}
            yield {"at_ms": at + MINUTE_MS, "kind": "severity", "detail": worse}
            yield {"at_ms": at + MINUTE_MS, "kind": "told", "detail": told | {"reason": "escalated"}}
        if row["acked"]:
            yield {
                "at_ms": row["acked"]["at_ms"],
                "kind": "acknowledged",
                "detail": {"by": row["acked"]["by"]},
            }
        if row["resolved_at_ms"]:
            yield {"at_ms": row["resolved_at_ms"], "kind": "over", "detail": {"ended": "heard"}}

    async def _incidents(self, request: web.Request) -> web.Response:
        asked = request.query
        rows = [one for one in self.incidents() if self._fits(one, asked)]
        return reply(shapes.Incidents, {"incidents": rows, "next_before": None})

    @staticmethod
    def _fits(one: Json, asked: Mapping[str, str]) -> bool:
        over = one["state"] == "resolved"
        wanted = asked.get("state")
        return bool(
            (wanted is None or (wanted == "resolved") == over)
            and asked.get("severity", one["severity"]) == one["severity"]
            and asked.get("rule", one["rule"]) == one["rule"]
            and asked.get("subject", one["subject"]["id"]) == one["subject"]["id"]
        )

    async def _incident(self, request: web.Request) -> web.Response:
        return json_reply(self.whole(int(request.match_info["id"])))

    async def _acknowledge(self, request: web.Request) -> web.Response:
        number, given = int(request.match_info["id"]), await request.json()
        until = given["minutes"] and self.now_ms() + given["minutes"] * MINUTE_MS
        self.acked[number] = {"at_ms": self.now_ms(), "by": "this machine", "until_ms": until}
        return json_reply(self.whole(number))

    async def _take_back(self, request: web.Request) -> web.Response:
        self.acked[int(request.match_info["id"])] = {}
        return json_reply(self.whole(int(request.match_info["id"])))

    async def _close(self, request: web.Request) -> web.Response:
        self.closed.add(int(request.match_info["id"]))
        return json_reply(self.whole(int(request.match_info["id"])))

    async def _comment(self, request: web.Request) -> web.Response:
        number, given = int(request.match_info["id"]), await request.json()
        said = {
            "at_ms": self.now_ms(),
            "kind": "comment",
            "detail": {"by": "this machine", "text": given["text"]},
        }
        self.comments.setdefault(number, []).append(said)
        return json_reply(self.whole(number))

    def _offer(self) -> Json:
        one = next(one for one in self.incidents() if one["id"] == 12)
        kept = ("titles", "severity", "state", "opened_at_ms", "acked")
        return {"incident_id": 12, "expires_at_ms": self.begun_ms + 7 * DAY_MS} | {
            name: one[name] for name in kept
        }

    async def _offered(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != TOKEN:
            return refused(404, "This link is no longer good.")
        if request.method == "POST":
            self.acked[12] = {"at_ms": self.now_ms(), "by": "Mei's phone", "until_ms": None}
        return reply(incident_shapes.AcknowledgementOffer, self._offer())

    # --- rules

    def rules(self) -> Json:
        quiet = {"absent_blocks": 20} if self.limits["preset"] == "quiet" else {}
        return {
            "preset": self.limits["preset"],
            "presets": ["quiet", "normal", "paranoid"],
            "rules": [self._rule(name, quiet) for name in NAMES],
            "subjects": [
                {"id": subject, "name": f"node{subject[-1]}", "kind": "node", "rules": rules}
                for subject, rules in self.limits["subjects"].items()
            ],
            "version": self.limits["version"],
        }

    def _rule(self, name: str, preset: Json) -> Json:
        own = self.limits["rules"].get(name, {})
        fields = [
            ("is_on", "flag", None, True),
            *LIMITS.get(name, []),
            ("loudest", "severity", None, "critical"),
        ]
        limits = [
            {
                "name": key,
                "kind": kind,
                "unit": unit,
                "default": default,
                "preset": preset.get(key, default),
                "team": own.get(key),
                "value": own.get(key, preset.get(key, default)),
            }
            for key, kind, unit, default in fields
        ]
        return {
            "name": name,
            "about": NAMES[name][2],
            "title": both(NAMES[name]),
            "why": both(WHYS.get(name, OWN_WHY)),
            "docs": f"reference/alerts#{name}",
            "is_on": own.get("is_on", True),
            "limits": limits,
            "recent": {"fired_30d": FIRED.get(name, 0)},
        }

    async def _rules(self, _: web.Request) -> web.Response:
        return reply(rule_shapes.Rules, self.rules())

    async def _set_limits(self, request: web.Request) -> web.Response:
        given = await request.json()
        if given["version"] != self.limits["version"]:
            return refused(409, "Somebody else changed the limits meanwhile.")
        self.limits = given | {"version": given["version"] + 1}
        return reply(rule_shapes.Rules, self.rules())

    async def _rehearse(self, request: web.Request) -> web.Response:
        """Fewer by any values of one's own than by the present ones."""
        given = await request.json()
        if given["rule"] in {"double_voting", "source_bad"}:
            why = both(("nothing of it is kept", "没有保留相关数据"))
            return reply(rehearsals.Rehearsal, UNTOLD | {"why": why["en"], "whys": why})
        today = datetime.fromtimestamp(self.now_ms() / 1000, UTC).date()
        fewer = {4: 1} if given.get("values") else {4: 2, 11: 1, 12: 1, 25: 1}
        counts = [fewer.get(n, 0) for n in range(30)]
        days = [
            {"day": str(today - timedelta(days=29 - n)), "fired": count} for n, count in enumerate(counts)
        ]
        last = [
            self._told(days_ago, minutes)
            for days_ago, minutes in ((4, 37), (17, 3), (18, 260), (25, 12), (25, None))
        ]
        told = {"fired": sum(counts), "noted": 3, "days": days, "last": last[-sum(counts) :]}
        return reply(rehearsals.Rehearsal, UNTOLD | told | {"seen_days": 12.4, "step_seconds": 180})

    def _told(self, days_ago: int, minutes: int | None) -> Json:
        at_ms = self.now_ms() - days_ago * DAY_MS
        subject = {"kind": "node", "id": f"n{days_ago}", "name": f"node-{days_ago % 3}.example"}
        until_ms = None if minutes is None else at_ms + minutes * MINUTE_MS
        return {"at_ms": at_ms, "until_ms": until_ms, "subject": subject}

    # --- contacts

    def contact(self, number: str, name: str, kind: str, hint: str, **more: Any) -> Json:
        return {
            "id": number,
            "ref": f"contact:{number}",
            "name": name,
            "kind": kind,
            "hint": hint,
            "language": "en",
            "wakes": False,
            "is_enabled": True,
            "disabled_why": None,
            "fallback_id": None,
            "tested_at_ms": None,
            "sent_at_ms": None,
            "failing_since_ms": None,
            "error": None,
            "of_settings": False,
            **more,
        }

    async def _kinds(self, _: web.Request) -> web.Response:
        return reply(contact_shapes.ContactKinds, {"kinds": KINDS})

    async def _contacts(self, _: web.Request) -> web.Response:
        warnings = [] if any(one["wakes"] for one in self.contacts) else self.warnings
        told = {"contacts": self.contacts, "warnings": warnings, "silent_routes": []}
        return reply(contact_shapes.ContactList, told)

    async def _add_contact(self, request: web.Request) -> web.Response:
        given = await request.json()
        if any(one["name"] == given["name"] for one in self.contacts):
            return refused(422, f"There is a contact called {given['name']} already.")
        kind = next(one for one in KINDS if one["name"] == given["kind"])
        wakes = kind["wakes"] if given["wakes"] is None else given["wakes"]
        made = self.contact(secrets.token_hex(4), given["name"], given["kind"], "…", wakes=wakes)
        self.contacts.append(made)
        return reply(contact_shapes.ContactShape, made, 201)

    async def _change_contact(self, request: web.Request) -> web.Response:
        one = self._of(self.contacts, request)
        given = await request.json()
        given.pop("config", None)
        one |= given
        return reply(contact_shapes.ContactShape, one)

    async def _drop_contact(self, request: web.Request) -> web.Response:
        self.contacts.remove(self._of(self.contacts, request))
        return web.Response(status=204)

    async def _enable(self, request: web.Request) -> web.Response:
        one = self._of(self.contacts, request)
        one |= {"is_enabled": True, "disabled_why": None}
        return reply(contact_shapes.ContactShape, one)

    async def _test(self, request: web.Request) -> web.Response:
        one = self._of(self.contacts, request)
        if one["failing_since_ms"]:
            return reply(
                contact_shapes.ContactTest,
                {"ok": False, "receipt": None, "error": "it answered 502", "took_ms": 2210},
            )
        one["tested_at_ms"] = self.now_ms()
        return reply(
            contact_shapes.ContactTest,
            {"ok": True, "receipt": "message 7731", "error": None, "took_ms": 412},
        )

    async def _digest(self, _: web.Request) -> web.Response:
        return reply(digests.DigestShape, self.digest)

    async def _set_digest(self, request: web.Request) -> web.Response:
        self.digest = await request.json()
        return reply(digests.DigestShape, self.digest)

    async def _deliveries(self, request: web.Request) -> web.Response:
        asked = request.query
        rows = [
            one
            for one in self.deliveries()
            if asked.get("contact", one["channel"]) == one["channel"]
            and asked.get("incident", str(one["incident_id"])) == str(one["incident_id"])
        ]
        return reply(contact_shapes.Deliveries, {"deliveries": rows, "next_before": None})

    def deliveries(self) -> list[Json]:
        now = self.begun_ms
        down, at = both(TITLES["node_down"], who="node2"), now - 8 * MINUTE_MS
        tries = [
            {"at_ms": at + n * 20_000, "took_ms": 2_100 + n, "outcome": "failed", "detail": "it answered 502"}
            for n in range(3)
        ]
        taken = {"at_ms": at + 61_000, "took_ms": 380, "outcome": "sent", "detail": "message 7729"}
        base: Json = {
            "kind": "incident",
            "incident_id": 12,
            "titles": down,
            "reason": "opened",
            "created_at_ms": at,
            "sent_at_ms": None,
            "receipt": None,
            "error": None,
            "instead_of": None,
            "told_with": None,
        }
        hook = {"channel": "contact:c2", "channel_name": "Ops hook"}
        phone = {"channel": "contact:c1", "channel_name": "Mei's phone"}
        sent = {"state": "sent", "sent_at_ms": at + 61_380, "receipt": "message 7729"}
        return [
            base | phone | sent | {"id": 43, "instead_of": 42, "attempts": [taken]},
            base | hook | {"id": 42, "state": "failed", "attempts": tries},
            base | phone | {"id": 44, "reason": "escalated", "state": "waiting", "attempts": []},
            base
            | phone
            | sent
            | {
                "id": 40,
                "kind": "test",
                "incident_id": None,
                "titles": {"en": "Test", "zh": "测试"},
                "attempts": [taken],
            },
        ]

    # --- routing

    def _routing(self) -> Json:
        monday = datetime.fromtimestamp(self.begun_ms / 1000, UTC).date()
        monday -= timedelta(days=monday.weekday() + 7)
        return {
            "routes": [
                {
                    "id": "route-1",
                    "name": "Pages",
                    "match": {"severity_min": "critical"},
                    "contacts": ["schedule:schedule-1"],
                    "escalation": "escalation-1",
                    "quiet": None,
                    "goes_on": True,
                },
                {
                    "id": "route-2",
                    "name": "The rest of Asia",
                    "match": {"severity_min": "warning", "groups": ["Asia"], "kinds": ["node"]},
                    "contacts": ["contact:c1", "members"],
                    "escalation": None,
                    "quiet": "quiet-1",
                    "goes_on": False,
                },
            ],
            "escalations": [
                {
                    "id": "escalation-1",
                    "name": "Then everybody",
                    "steps": [
                        {"after_minutes": 15, "contacts": ["contact:c2"]},
                        {"after_minutes": 30, "contacts": ["members"]},
                    ],
                    "repeat_minutes": 60,
                }
            ],
            "schedules": [
                {
                    "id": "schedule-1",
                    "name": "Nights",
                    "zone": "UTC",
                    "rotation": {
                        "people": ["contact:c1", "contact:c2"],
                        "handover": {"weekday": 0, "hour": 9, "minute": 0},
                        "every_days": 7,
                        "starts_on": str(monday),
                    },
                    "overrides": [
                        {
                            "from_ms": self.begun_ms + 2 * DAY_MS,
                            "until_ms": self.begun_ms + 3 * DAY_MS,
                            "contact": "contact:c1",
                        }
                    ],
                }
            ],
            "quiet": [
                {
                    "id": "quiet-1",
                    "name": "Nights",
                    "zone": "Asia/Singapore",
                    "from": "22:00",
                    "until": "07:00",
                    "weekdays": None,
                }
            ],
            "version": 5,
        }

    async def _get_routing(self, _: web.Request) -> web.Response:
        return reply(routing_shapes.RoutingShape, self.routing)

    async def _set_routing(self, request: web.Request) -> web.Response:
        given = await request.json()
        if given["version"] != self.routing["version"]:
            return refused(409, "Somebody else changed the routing meanwhile.")
        self.routing = given | {"version": given["version"] + 1}
        return reply(routing_shapes.RoutingShape, self.routing)

    async def _try(self, request: web.Request) -> web.Response:
        given = await request.json()
        if given["severity"] == "info":
            noted: Json = {"decision": "noted", "told": [], "route": None, "why": None, "until_ms": None}
            return reply(routing_shapes.TryAnswer, noted)
        told = [
            {"ref": "contact:c1", "name": "Mei's phone", "after_minutes": 0},
            {"ref": "contact:c2", "name": "Ops hook", "after_minutes": 15},
        ]
        answer = {"decision": "told", "told": told, "route": "route-1", "why": None, "until_ms": None}
        return reply(routing_shapes.TryAnswer, answer)

    async def _on_call(self, _: web.Request) -> web.Response:
        until = self.begun_ms + 3 * DAY_MS
        duty = {
            "now": {"ref": "contact:c1", "name": "Mei's phone"},
            "until_ms": until,
            "next": {"ref": "contact:c2", "name": "Ops hook", "from_ms": until},
        }
        known = [{"id": one["id"], "name": one["name"], **duty} for one in self.routing["schedules"]]
        return reply(routing_shapes.OnCall, {"schedules": known})

    # --- silences

    def silence(self, matcher: Json, comment: str, starts_ms: int, ends_ms: int) -> Json:
        return {
            "id": secrets.token_hex(4),
            "matcher": matcher,
            "comment": comment,
            "made_by": "mei",
            "created_at_ms": starts_ms,
            "starts_at_ms": starts_ms,
            "ends_at_ms": ends_ms,
            "state": "ahead" if starts_ms > self.now_ms() else "on" if ends_ms > self.now_ms() else "over",
        }

    def _maintenances(self) -> list[Json]:
        now = self.begun_ms
        base: Json = {
            "matcher": {},
            "comment": "",
            "made_by": "mei",
            "created_at_ms": now,
            "state": "ahead",
            "cron": None,
            "zone": None,
            "duration_minutes": None,
        }
        return [
            base
            | {
                "id": "m1",
                "name": "Snapshot",
                "matcher": {"subjects": ["n0000001"]},
                "starts_at_ms": now,
                "ends_at_ms": None,
                "cron": "0 2 * * 2,5",
                "zone": "UTC",
                "duration_minutes": 90,
            },
            base
            | {
                "id": "m2",
                "name": "Move to the new rack",
                "matcher": {"labels": ["rack-7"]},
                "comment": "ticket 118",
                "starts_at_ms": now + 5 * DAY_MS,
                "ends_at_ms": now + 7 * DAY_MS,
            },
        ]

    async def _silences(self, _: web.Request) -> web.Response:
        return reply(routing_shapes.Silences, {"silences": self.silences})

    async def _add_silence(self, request: web.Request) -> web.Response:
        given = await request.json()
        starts = given["starts_at_ms"] or self.now_ms()
        self.silences.append(self.silence(given["matcher"], given["comment"], starts, given["ends_at_ms"]))
        return reply(routing_shapes.SilenceShape, self.silences[-1], 201)

    async def _end_silence(self, request: web.Request) -> web.Response:
        self._of(self.silences, request).update(ends_at_ms=self.now_ms(), state="over")
        return web.Response(status=204)

    async def _get_maintenances(self, _: web.Request) -> web.Response:
        return reply(routing_shapes.Maintenances, {"maintenances": self.maintenances})

    async def _add_maintenance(self, request: web.Request) -> web.Response:
        made = {"id": secrets.token_hex(4), "made_by": "mei", "created_at_ms": self.now_ms(), "state": "off"}
        self.maintenances.append(made | await request.json())
        return reply(routing_shapes.MaintenanceShape, self.maintenances[-1], 201)

    async def _drop_maintenance(self, request: web.Request) -> web.Response:
        self.maintenances.remove(self._of(self.maintenances, request))
        return web.Response(status=204)

    async def _calendar(self, request: web.Request) -> web.Response:
        first = int(request.query["from_ms"]) // DAY_MS * DAY_MS
        windows = [
            {
                "id": "m1",
                "name": "Snapshot",
                "from_ms": at + 2 * HOUR_MS,
                "until_ms": at + 2 * HOUR_MS + 90 * MINUTE_MS,
            }
            for at in range(first, int(request.query["until_ms"]), DAY_MS)
            if datetime.fromtimestamp(at / 1000, UTC).weekday() in {1, 4}
        ]
        once = [
            {
                "id": one["id"],
                "name": one["name"],
                "from_ms": one["starts_at_ms"],
                "until_ms": one["ends_at_ms"],
            }
            for one in self.maintenances
            if one["cron"] is None and one["ends_at_ms"]
        ]
        return reply(routing_shapes.Calendar, {"windows": [*windows, *once]})

    @staticmethod
    def _of(rows: list[Json], request: web.Request) -> Json:
        return next(one for one in rows if one["id"] == request.match_info["id"])

    def routes(self, app: web.Application) -> None:
        api = "/api/v1"
        table: list[tuple[str, str, Handler]] = [
            ("POST", "incidents/{id}/acknowledge", self._acknowledge),
            ("DELETE", "incidents/{id}/acknowledge", self._take_back),
            ("POST", "incidents/{id}/close", self._close),
            ("POST", "incidents/{id}/comments", self._comment),
            ("GET", "acknowledgements/{token}", self._offered),
            ("POST", "acknowledgements/{token}", self._offered),
            ("GET", "alerts/rules", self._rules),
            ("PUT", "alerts/limits", self._set_limits),
            ("POST", "alerts/rehearsals", self._rehearse),
            ("GET", "alerts/contact-kinds", self._kinds),
            ("GET", "alerts/contacts", self._contacts),
            ("POST", "alerts/contacts", self._add_contact),
            ("PATCH", "alerts/contacts/{id}", self._change_contact),
            ("DELETE", "alerts/contacts/{id}", self._drop_contact),
            ("POST", "alerts/contacts/{id}/enable", self._enable),
            ("POST", "alerts/contacts/{id}/test", self._test),
            ("GET", "alerts/deliveries", self._deliveries),
            ("GET", "alerts/digest", self._digest),
            ("PUT", "alerts/digest", self._set_digest),
            ("GET", "alerts/routing", self._get_routing),
            ("PUT", "alerts/routing", self._set_routing),
            ("POST", "alerts/routing/tries", self._try),
            ("GET", "alerts/on-call", self._on_call),
            ("GET", "alerts/silences", self._silences),
            ("POST", "alerts/silences", self._add_silence),
            ("DELETE", "alerts/silences/{id}", self._end_silence),
            ("GET", "alerts/maintenances", self._get_maintenances),
            ("POST", "alerts/maintenances", self._add_maintenance),
            ("GET", "alerts/maintenances/calendar", self._calendar),
            ("DELETE", "alerts/maintenances/{id}", self._drop_maintenance),
        ]
        for method, path, handler in table:
            app.router.add_route(method, f"{api}/{path}", handler)

    def incident_routes(self, app: web.Application) -> None:
        """Where the scene is about alerts, incidents are told with everything."""
        app.router.add_get("/api/v1/incidents", self._incidents)
        app.router.add_get("/api/v1/incidents/{id}", self._incident)


def in_full(row: Json, events: list[Json], hidden: list[int] | None = None) -> incident_shapes.WholeIncident:
    """One incident with its words; those of a node that went down, whatever it is about."""
    lines = (
        ["Its process ended eight minutes ago with signal 9.", "Its validator holds 73 committee votes."],
        ["其进程于八分钟前因信号 9 结束。", "其验证者有 73 个委员会票。"],
    )
    why = WHYS.get(row["rule"], OWN_WHY)
    texts = {
        lang: {"title": row["titles"][lang], "lines": lines[i], "hint": HINT[i], "why": why[i]}
        for i, lang in enumerate(("en", "zh"))
    }
    more = {
        "texts": texts,
        "timeline": events,
        "evidence": [{"at_ms": row["opened_at_ms"], "what": "opened"}],
        "actions": {"can_close": row["state"] != "resolved"},
        "hidden": hidden or [],
    }
    return incident_shapes.WholeIncident.model_validate(row | more)


def json_reply(shape: BaseModel) -> web.Response:
    return web.Response(text=shape.model_dump_json(), content_type="application/json")


def refused(status: int, detail: str) -> web.Response:
    body = {"title": "Problem", "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")
