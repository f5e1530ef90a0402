"""What Prometheus' Alertmanager posts to webhooks (version 4): whatever takes that takes ours."""

from datetime import UTC, datetime
from typing import Any

from vedette.notify.guard import host_of
from vedette.notify.kinds.kind import Config, Field, Kind, Means, matches, maybe, plain_body, text_of
from vedette.notify.kinds.replies import No, no, post_json, taken
from vedette.notify.text import Message

NEVER = "0001-01-01T00:00:00Z"  # Alertmanager's word for "it has not ended"
MEANINGS = {401: No("it does not know the token"), 403: No("the token may not post there")}


class Alertmanager:
    """One alert a message; reminders fire it again, its end resolves it."""

    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        self._url = text_of(config, "url")
        self._token = maybe(config, "token")
        self._means = means

    async def send(self, message: Message) -> None:
        headers = {"Idempotency-Key": message.key}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        body = payload(message, self.name, self._means.unix_s())
        reply = await post_json(self._means.guard, self._url, body, headers)
        if not taken(reply):
            raise no(self._url, reply, MEANINGS.get(reply.status))

    async def close(self) -> None:
        await self._means.guard.close()


def payload(message: Message, receiver: str, unix_s: float) -> dict[str, Any]:
    """The group of one alert. Its key and fingerprint stay to the end; the label `severity` may rise."""
    labels = labels_of(message)
    annotations = annotations_of(message)
    status = "resolved" if message.is_over else "firing"
    url = message.url or ""
    return {
        "version": "4",
        "groupKey": f'{{}}:{{incident="{labels["incident"]}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": receiver,
        "groupLabels": {"incident": labels["incident"]},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": url.partition("/incidents/")[0],
        "alerts": [
            {
                "status": status,
                "labels": labels,
                "annotations": annotations,
                "startsAt": _at(message.incident.get("opened_at_ms", unix_s * 1000)),
                "endsAt": _at(message.incident.get("resolved_at_ms")) if message.is_over else NEVER,
                "generatorURL": url,
                "fingerprint": fingerprint(labels["incident"]),
            }
        ],
    }


def labels_of(message: Message) -> dict[str, str]:
    incident, severity = message.incident, str(message.severity)
    if not incident:
        return {"alertname": f"vedette_{message.kind}", "incident": message.key, "severity": severity}
    subject = incident["subject"]
    return {
        "alertname": incident["rule"],
        "incident": str(incident["id"]),
        "instance": subject["name"],
        "severity": severity,
        "subject": subject["id"],
        "subject_kind": subject["kind"],
        "team": str(message.team_id),
    }


def annotations_of(message: Message) -> dict[str, str]:
    found = {"summary": message.title, "description": plain_body(message), "reason": str(message.reason)}
    if message.url is not None:
        found["link"] = message.url
    return found | {f"{action.name}_url": action.url for action in message.actions}


def fingerprint(incident: str) -> str:
    """16 hex digits, as Alertmanager's own are: FNV-1a of 64 bits."""
    found = 0xCBF29CE484222325
    for byte in f"vedette/{incident}".encode():
        found = (found ^ byte) * 0x100000001B3 % (1 << 64)
    return f"{found:016x}"


def _at(at_ms: float | None) -> str:
    if at_ms is None:
        return NEVER
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


kind = Kind(
    name="alertmanager",
    label={"en": "Alertmanager webhook", "zh": "Alertmanager 兼容 Webhook"},
    help={
        "en": "The JSON that Prometheus' Alertmanager posts to its webhooks (version 4).",
        "zh": "与 Prometheus Alertmanager 的 webhook（第 4 版）相同的 JSON，凡能接收它的服务都可以使用。",
    },
    fields=(
        Field(
            name="url",
            kind="url",
            secret=True,
            label={"en": "URL", "zh": "地址"},
            help={"en": "Where to POST.", "zh": "POST 的目标地址。"},
        ),
        Field(
            name="token",
            secret=True,
            required=False,
            is_meant=matches(r"[\x21-\x7e]{1,1000}"),
            label={"en": "Bearer token", "zh": "Bearer 令牌"},
            help={
                "en": "Sent as Authorization: Bearer; printable characters without spaces.",
                "zh": "以 Authorization: Bearer 发送；可打印字符，不含空格。",
            },
        ),
    ),
    build=Alertmanager,
    hint=lambda config: host_of(text_of(config, "url")),
    digests=False,
    for_people=False,
)
