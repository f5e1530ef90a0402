"""Telegram, by a bot of one's own: HTML, because it needs only three characters escaped."""

from html import escape
from typing import Any, Final

from vedette.model.incident import Severity
from vedette.notify.errors import ChannelError
from vedette.notify.guard import Reply
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
    maybe,
    plain_body,
    text_of,
)
from vedette.notify.kinds.replies import TOO_FAST, No, no, number_in, object_in, post_json, taken, wish_in
from vedette.notify.text import Message

BASE: Final = "https://api.telegram.org"
TEXT_UNITS_MAX: Final = 4_096
"""After entities are parsed; we count before that, so we stay below."""

MEANINGS: Final = {
    401: No("it does not know the bot's token"),
    403: No("the bot may not write there: it was blocked, removed, or never greeted"),
    404: No("it does not know the bot's token"),
    429: TOO_FAST,
}
WORDS: Final = {
    "chat not found": No("there is no such chat, or the bot is not in it"),
    "message thread not found": No("the chat has no such topic"),
    "upgraded to a supergroup": No("the group became a supergroup, which has another chat id"),
}


class Telegram:
    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        self._base = means.base("telegram", BASE)
        self._token = text_of(config, "token")
        self._to: dict[str, Any] = {"chat_id": text_of(config, "chat")}
        if (topic := maybe(config, "topic")) is not None:
            self._to["message_thread_id"] = int(topic)
        self._guard = means.guard

    async def send(self, message: Message) -> str | None:
        url = f"{self._base}/bot{self._token}/sendMessage"
        reply = await post_json(self._guard, url, self._to | payload(message))
        said = object_in(reply)
        if not taken(reply) or said.get("ok") is not True:
            raise self._refusal(reply, said)
        number = number_in(said.get("result") or {}, "message_id")
        return None if number is None else str(number)

    def _refusal(self, reply: Reply, said: dict[str, Any]) -> ChannelError:
        parameters = said.get("parameters")
        wish_s = wish_in(parameters) if isinstance(parameters, dict) else None
        return no(self._base, reply, meaning(reply.status, str(said.get("description"))), wish_s)

    async def close(self) -> None:
        await self._guard.close()


def meaning(status: int, description: str) -> No | None:
    known = (no for words, no in WORDS.items() if words in description.lower())
    return next(known, None) or MEANINGS.get(status)


def payload(message: Message) -> dict[str, Any]:
    return {
        "text": text(message),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        "disable_notification": message.is_over or message.severity is Severity.INFO,
    }


def text(message: Message) -> str:
    """Title, body and links. No buttons: Telegram refuses a message for a button whose URL it dislikes."""
    head = f"<b>{escape(message.title, quote=False)}</b>"
    tail = " · ".join(
        f'<a href="{escape(url)}">{escape(label, quote=False)}</a>'
        for label, url in links(message, DETAILS[message.lang])
    )
    room = TEXT_UNITS_MAX - units(head) - units(tail) - len("\n\n\n\n")
    body = escape(cut(plain_body(message), room, lambda part: units(escape(part, quote=False))), quote=False)
    return "\n\n".join(part for part in (head, body, tail) if part)


def units(text: str) -> int:
    """Its length as Telegram counts: in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def build(name: str, config: Config, means: Means) -> Channel:
    return Telegram(name, config, means)


kind = Kind(
    name="telegram",
    label={"en": "Telegram", "zh": "Telegram"},
    help={
        "en": "A bot of yours writes into a chat, a group or a topic.",
        "zh": "由您自己的机器人向聊天、群组或话题发送消息。",
    },
    fields=(
        Field(
            name="token",
            secret=True,
            is_meant=matches(r"[0-9]{5,20}:[A-Za-z0-9_-]{20,100}"),
            label={"en": "Bot token", "zh": "机器人令牌"},
            help={
                "en": "As BotFather gave it: digits, a colon, letters.",
                "zh": "BotFather 给出的令牌：数字、冒号、字母。",
            },
        ),
        Field(
            name="chat",
            is_meant=matches(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{4,64}"),
            label={"en": "Chat", "zh": "聊天"},
            help={
                "en": "Its number (groups have a minus before it), or @name of a public channel.",
                "zh": "聊天的编号（群组带负号），或公开频道的 @名称。",
            },
        ),
        Field(
            name="topic",
            required=False,
            is_meant=matches(r"[0-9]{1,15}"),
            label={"en": "Topic", "zh": "话题"},
            help={"en": "Number of a forum's topic.", "zh": "论坛话题的编号。"},
        ),
    ),
    build=build,
    hint=lambda config: f"chat {masked(text_of(config, 'chat'))}",
    receipts=True,
)


def masked(number: str) -> str:
    """The end of a number; a public name is no secret."""
    return number if number.startswith("@") else f"…{number[-4:]}"
