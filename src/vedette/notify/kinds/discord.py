"""Discord, by a channel's webhook: an embed whose colour tells how bad it is, and which pings nobody."""

import re
from typing import Any, Final

from vedette.notify.kinds.kind import (
    DETAILS,
    Channel,
    Config,
    Field,
    Kind,
    Means,
    colour,
    cut,
    links,
    matches,
    maybe,
    plain_body,
    text_of,
)
from vedette.notify.kinds.replies import TOO_FAST, No, no, object_in, post_json, taken, wish_in
from vedette.notify.text import Message

BASE: Final = "https://discord.com"
URL: Final = r"https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/(\d{5,25})/([A-Za-z0-9_-]{20,120})"
TITLE_LETTERS_MAX, TEXT_LETTERS_MAX = 256, 4_096
MEANINGS: Final = {
    401: No("the webhook's token is not right"),
    403: No("the webhook may not write there"),
    404: No("the webhook was deleted"),
    429: TOO_FAST,
}
MARKS: Final = re.compile(r"([\\*_~`|>\[\]()#<@])")


class Discord:
    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        number, token = parts(text_of(config, "url"))
        thread = maybe(config, "thread")
        query = "wait=true" if thread is None else f"wait=true&thread_id={thread}"
        self._url = f"{means.base('discord', BASE)}/api/webhooks/{number}/{token}?{query}"
        self._guard = means.guard

    async def send(self, message: Message) -> str | None:
        reply = await post_json(self._guard, self._url, payload(message))
        said = object_in(reply)
        if not taken(reply):
            raise no(self._url, reply, MEANINGS.get(reply.status), wish_in(said))
        number = said.get("id")
        return number[:40] if isinstance(number, str) else None

    async def close(self) -> None:
        await self._guard.close()


def parts(url: str) -> tuple[str, str]:
    """Number and token of a webhook, of a URL that was checked."""
    found = re.fullmatch(URL, url)
    assert found is not None
    return found[1], found[2]


def payload(message: Message) -> dict[str, Any]:
    tail = " · ".join(f"[{label}](<{url}>)" for label, url in links(message, DETAILS[message.lang]))
    room = TEXT_LETTERS_MAX - len(tail) - 2
    body = plain(cut(plain_body(message), room, lambda part: len(plain(part))))
    embed = {
        "title": plain(cut(message.title, TITLE_LETTERS_MAX, lambda part: len(plain(part)))),
        "description": "\n\n".join(part for part in (body, tail) if part),
        "color": colour(message),
    }
    return {
        "embeds": [embed if message.url is None else embed | {"url": message.url}],
        "allowed_mentions": {"parse": []},
    }


def plain(text: str) -> str:
    """The text as it stands: no mark of Discord's takes effect."""
    return MARKS.sub(r"\\\1", text)


def build(name: str, config: Config, means: Means) -> Channel:
    return Discord(name, config, means)


kind = Kind(
    name="discord",
    label={"en": "Discord", "zh": "Discord"},
    help={"en": "A webhook of one channel.", "zh": "某个频道的 Webhook。"},
    fields=(
        Field(
            name="url",
            kind="url",
            secret=True,
            is_meant=matches(URL),
            label={"en": "Webhook URL", "zh": "Webhook 地址"},
            help={
                "en": "https://discord.com/api/webhooks/… as the channel's settings show it.",
                "zh": "频道设置中显示的 https://discord.com/api/webhooks/… 地址。",
            },
        ),
        Field(
            name="thread",
            required=False,
            is_meant=matches(r"[0-9]{5,25}"),
            label={"en": "Thread", "zh": "子区"},
            help={"en": "Number of a thread within the channel.", "zh": "频道内子区的编号。"},
        ),
    ),
    build=build,
    hint=lambda config: f"webhook …{parts(text_of(config, 'url'))[0][-4:]}",
    receipts=True,
)
