"""PagerDuty, by its Events API v2: one alert an incident of ours, which our end of it resolves.

An alert that was acknowledged here, and is so no more, is ended and opened anew: nothing else makes it ring.
"""

from datetime import UTC, datetime
from typing import Any, Final

from vedette.model.incident import Reason
from vedette.notify.guard import host_of
from vedette.notify.kinds.kind import (
    DETAILS,
    Channel,
    Config,
    Field,
    Kind,
    Means,
    cut,
    links,
    matches,
    plain_body,
    text_of,
)
from vedette.notify.kinds.replies import TOO_FAST, No, no, object_in, post_json, taken
from vedette.notify.text import Message

BASES: Final = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
SUMMARY_LETTERS_MAX, DETAILS_LETTERS_MAX = 1_024, 20_000
MEANINGS: Final = {
    400: No("the integration key is not right, or belongs to another region"),
    401: No("it does not know the integration key"),
    403: No("the integration key may not send events"),
    404: No("it does not know the integration key"),
    429: TOO_FAST,
}
EVENTS: Final = {
    Reason.OPENED: "trigger",
    Reason.ESCALATED: "trigger",
    Reason.REMINDED: "trigger",
    Reason.PASSED_ON: "trigger",
    Reason.TAKEN_BACK: "trigger",
    Reason.ACKNOWLEDGED: "acknowledge",
    Reason.RESOLVED: "resolve",
}


class PagerDuty:
    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        self._key = text_of(config, "key")
        self._base = means.base("pagerduty", BASES[text_of(config, "region")])
        self._guard = means.guard

    async def send(self, message: Message) -> str | None:
        """A receipt. Raises ChannelError; what was sent by then is sent anew on the next attempt."""
        receipt = None
        for one in events(message):
            receipt = await self._post(one)
        return receipt

    async def _post(self, one: dict[str, Any]) -> str | None:
        url = f"{self._base}/v2/enqueue"
        reply = await post_json(self._guard, url, {"routing_key": self._key} | one)
        if not taken(reply):
            raise no(url, reply, MEANINGS.get(reply.status))
        key = object_in(reply).get("dedup_key")
        return key[:255] if isinstance(key, str) else None

    async def close(self) -> None:
        await self._guard.close()


def events(message: Message) -> list[dict[str, Any]]:
    """What is to be sent, in order.

    No event of the API takes an acknowledgement back: an alert that somebody has stays silent, whatever
    triggers it. Triggered after its end, the same key opens a new incident, which rings.
    """
    ends = {"event_action": "resolve", "dedup_key": dedup_key(message)}
    return [ends, event(message)] if message.rings_anew else [event(message)]


def event(message: Message) -> dict[str, Any]:
    """A reminder triggers again under the same key: that adds to the alert, and rings only if it is new."""
    start = {"event_action": EVENTS[message.reason], "dedup_key": dedup_key(message)}
    if start["event_action"] != "trigger":
        return start
    page = [{"href": url, "text": label} for label, url in links(message, DETAILS[message.lang])]
    found = start | {"client": "Vedette", "links": page, "payload": matter(message)}
    return found if message.url is None else found | {"client_url": message.url}


def matter(message: Message) -> dict[str, Any]:
    incident = message.incident
    subject = incident.get("subject", {})
    found = {
        "summary": cut(message.title, SUMMARY_LETTERS_MAX),
        "source": subject.get("name") or "Vedette",
        "severity": str(message.severity),
        "class": incident.get("rule", message.kind),
        "custom_details": {"text": cut(plain_body(message), DETAILS_LETTERS_MAX)},
    }
    if "opened_at_ms" in incident:
        found["timestamp"] = datetime.fromtimestamp(incident["opened_at_ms"] / 1000, UTC).isoformat()
    return found


def dedup_key(message: Message) -> str:
    """The same from first to last; a fresh database counts from 1 again, so the time is in it."""
    incident = message.incident
    if not incident:
        return f"vedette/{message.key}"[:255]
    return f"vedette/incident/{incident['id']}/{incident['opened_at_ms']}"


def build(name: str, config: Config, means: Means) -> Channel:
    return PagerDuty(name, config, means)


kind = Kind(
    name="pagerduty",
    label={"en": "PagerDuty", "zh": "PagerDuty"},
    help={
        "en": "One alert for each incident, resolved when it ends; PagerDuty calls whoever is on duty.",
        "zh": "每个事件对应一条告警，结束时自动解除；由 PagerDuty 呼叫值班人员。",
    },
    fields=(
        Field(
            name="key",
            secret=True,
            is_meant=matches(r"[A-Za-z0-9]{32}"),
            label={"en": "Integration key", "zh": "集成密钥"},
            help={
                "en": "32 letters and digits, of an integration Events API v2.",
                "zh": "Events API v2 集成的 32 位字母和数字。",
            },
        ),
        Field(
            name="region",
            kind="choice",
            required=False,
            choices=tuple(BASES),
            label={"en": "Region", "zh": "区域"},
            help={"en": "Where the account stands.", "zh": "账户所在区域。"},
        ),
    ),
    build=build,
    hint=lambda config: host_of(BASES[text_of(config, "region")]),
    wakes=True,
    receipts=True,
    digests=False,
    for_people=False,
    acknowledges=True,
)
