"""ntfy: what is critical rings through a phone's silence; a click leads to the incident."""

from typing import Any, Final

from vedette.model.incident import Severity
from vedette.notify.guard import host_of
from vedette.notify.kinds.kind import (
    DETAILS,
    Channel,
    Config,
    Field,
    Kind,
    Means,
    cut,
    in_bytes,
    links,
    matches,
    maybe,
    plain_body,
    text_of,
)
from vedette.notify.kinds.replies import TOO_FAST, No, no, number_in, object_in, post_json, taken
from vedette.notify.text import Message

SERVER: Final = "https://ntfy.sh"
TITLE_BYTES_MAX, TEXT_BYTES_MAX, ACTIONS_MAX = 250, 4_000, 3
"""ntfy makes an attachment of what has more than 4,096 bytes, which a notification does not show."""

MAX, HIGH, USUAL, LOW = 5, 4, 3, 2
PRIORITIES: Final = {Severity.CRITICAL: MAX, Severity.WARNING: HIGH, Severity.INFO: LOW}
TAGS: Final = {
    Severity.CRITICAL: "rotating_light",
    Severity.WARNING: "warning",
    Severity.INFO: "speech_balloon",
}
MEANINGS: Final = {
    401: No("it does not know the token"),
    403: No("the token may not write to that topic"),
    404: No("there is no ntfy at that address"),
    429: TOO_FAST,
}
TOPIC_INVALID: Final = 40_009
CODES: Final = {TOPIC_INVALID: No("the topic's name is not allowed there")}


class Ntfy:
    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        self._url = f"{server_of(config)}/"
        self._topic = text_of(config, "topic")
        token = maybe(config, "token")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._guard = means.guard

    async def send(self, message: Message) -> str | None:
        body = {"topic": self._topic} | payload(message)
        reply = await post_json(self._guard, self._url, body, self._headers)
        said = object_in(reply)
        if not taken(reply):
            code = number_in(said, "code")
            raise no(self._url, reply, CODES.get(code or 0) or MEANINGS.get(reply.status))
        number = said.get("id")
        return number[:40] if isinstance(number, str) else None

    async def close(self) -> None:
        await self._guard.close()


def server_of(config: Config) -> str:
    return (maybe(config, "server") or SERVER).rstrip("/")


def payload(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": cut(message.title, TITLE_BYTES_MAX, in_bytes),
        "message": cut(plain_body(message) or message.title, TEXT_BYTES_MAX, in_bytes),
        "priority": USUAL if message.is_over else PRIORITIES[message.severity],
        "tags": ["white_check_mark" if message.is_over else TAGS[message.severity]],
    }
    buttons = [
        {"action": "view", "label": label, "url": url}
        for label, url in links(message, DETAILS[message.lang])[:ACTIONS_MAX]
    ]
    if buttons:
        found["actions"] = buttons
    return found if message.url is None else found | {"click": message.url}


def build(name: str, config: Config, means: Means) -> Channel:
    return Ntfy(name, config, means)


kind = Kind(
    name="ntfy",
    label={"en": "ntfy", "zh": "ntfy"},
    help={
        "en": "Push to the ntfy app; what is critical has its highest priority, to ring through silence.",
        "zh": "推送到 ntfy 应用。严重消息使用最高优先级，可在静音时响铃。",
    },
    fields=(
        Field(
            name="topic",
            secret=True,
            is_meant=matches(r"[-_A-Za-z0-9]{1,64}"),
            label={"en": "Topic", "zh": "主题"},
            help={
                "en": "Up to 64 letters, digits, - and _. On a public server whoever guesses it reads along.",
                "zh": "最多 64 个字母、数字、连字符或下划线。在公共服务器上，猜中主题名的人就能读到消息。",
            },
        ),
        Field(
            name="server",
            kind="url",
            required=False,
            is_meant=lambda url: "?" not in url and "#" not in url and "@" not in url,
            label={"en": "Server", "zh": "服务器"},
            help={
                "en": "The address of your own ntfy; without one it is https://ntfy.sh.",
                "zh": "自建 ntfy 的地址；留空则为 https://ntfy.sh。",
            },
        ),
        Field(
            name="token",
            secret=True,
            required=False,
            is_meant=matches(r"[\x21-\x7e]{4,200}"),
            label={"en": "Access token", "zh": "访问令牌"},
            help={"en": "For topics that are reserved: tk_…", "zh": "用于受保护的主题：tk_…"},
        ),
    ),
    build=build,
    hint=lambda config: host_of(server_of(config)),
    wakes=True,
    receipts=True,
)
