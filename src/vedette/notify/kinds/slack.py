"""Slack: a channel's incoming webhook, or a bot with a token, which gives receipts."""

import re
from html import escape
from typing import Any, Final

from vedette.notify.errors import ChannelError
from vedette.notify.guard import Reply, host_of
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
from vedette.notify.kinds.replies import TOO_FAST, No, no, object_in, post_json, taken
from vedette.notify.text import Message

BASE: Final = "https://slack.com"
HEADER_LETTERS_MAX, SECTION_LETTERS_MAX, BUTTON_LETTERS_MAX, URL_LETTERS_MAX = 150, 3_000, 75, 3_000
WORDS: Final = {
    "invalid_auth": No("it does not know the token"),
    "not_authed": No("it does not know the token"),
    "invalid_token": No("it does not know the webhook"),
    "token_revoked": No("the token was revoked"),
    "token_expired": No("the token has expired"),
    "account_inactive": No("the token's account is no more"),
    "missing_scope": No("the token may not write: it needs chat:write"),
    "no_permission": No("the token may not write there"),
    "access_denied": No("the token may not write there"),
    "restricted_action": No("nobody may write there by a bot"),
    "action_prohibited": No("the workspace forbids it"),
    "no_service": No("the webhook was removed or switched off"),
    "no_team": No("the webhook's workspace is no more"),
    "team_disabled": No("the webhook's workspace is no more"),
    "channel_not_found": No("there is no such channel, or the bot is not in it"),
    "not_in_channel": No("the bot is not in the channel: invite it"),
    "channel_is_archived": No("the channel is archived"),
    "is_archived": No("the channel is archived"),
    "user_not_found": No("there is no such person"),
    "ratelimited": TOO_FAST,
    "rate_limited": TOO_FAST,
}
MEANINGS: Final = {403: No("it does not let us post"), 429: TOO_FAST}


class Slack:
    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        self._guard = means.guard
        self._to: dict[str, str] = {}
        self._headers: dict[str, str] = {}
        if (url := maybe(config, "url")) is not None:
            self._url, self._is_bot = url, False
        else:
            self._url, self._is_bot = f"{means.base('slack', BASE)}/api/chat.postMessage", True
            self._to = {"channel": text_of(config, "channel")}
            self._headers = {"Authorization": f"Bearer {text_of(config, 'token')}"}

    async def send(self, message: Message) -> str | None:
        reply = await post_json(self._guard, self._url, self._to | payload(message), self._headers)
        if not self._is_bot:
            if not taken(reply):
                raise refusal(self._url, reply, said_in(reply))
            return None
        said = object_in(reply)
        if not taken(reply) or said.get("ok") is not True:
            raise refusal(self._url, reply, str(said.get("error")))
        stamp = said.get("ts")
        return stamp[:40] if isinstance(stamp, str) else None

    async def close(self) -> None:
        await self._guard.close()


def said_in(reply: Reply) -> str:
    """A webhook answers one word."""
    return reply.body[:60].decode(errors="replace").strip()


def refusal(url: str, reply: Reply, word: str) -> ChannelError:
    meaning = WORDS.get(word) or MEANINGS.get(reply.status)
    if meaning is None and taken(reply):
        return ChannelError(f"{host_of(url)} refused it for a reason we do not know")
    return no(url, reply, meaning)


def payload(message: Message) -> dict[str, Any]:
    """Blocks within an attachment, which alone has a colour. `text` is what a phone's notification shows."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": words("plain_text", cut(message.title, HEADER_LETTERS_MAX))}
    ]
    body = cut(plain_body(message), SECTION_LETTERS_MAX, lambda part: len(escaped(part)))
    if body:
        blocks.append({"type": "section", "text": words("mrkdwn", escaped(body))})
    buttons = [
        {"type": "button", "text": words("plain_text", cut(label, BUTTON_LETTERS_MAX)), "url": url}
        for label, url in links(message, DETAILS[message.lang])
        if len(url) <= URL_LETTERS_MAX
    ]
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return {
        "text": escaped(message.title),
        "attachments": [{"color": f"#{colour(message):06x}", "blocks": blocks}],
        "unfurl_links": False,
    }


def words(kind: str, text: str) -> dict[str, str]:
    return {"type": kind, "text": text}


def escaped(text: str) -> str:
    """Slack reads links and mentions from what stands in angle brackets: there are none."""
    return escape(text, quote=False)


def problems(config: Config) -> list[str]:
    has_url, has_bot = "url" in config, "token" in config or "channel" in config
    if has_url == has_bot:
        return ["give either url (an incoming webhook), or token and channel (a bot)"]
    if has_bot and not ("token" in config and "channel" in config):
        return ["a bot needs both token and channel"]
    return []


def hint(config: Config) -> str:
    url = maybe(config, "url")
    return f"channel {text_of(config, 'channel')}" if url is None else host_of(url)


def build(name: str, config: Config, means: Means) -> Channel:
    return Slack(name, config, means)


kind = Kind(
    name="slack",
    label={"en": "Slack", "zh": "Slack"},
    help={
        "en": "An incoming webhook (Mattermost's and Rocket.Chat's too), or a bot, which gives receipts.",
        "zh": "传入 Webhook（也适用于 Mattermost 和 Rocket.Chat），或可返回回执的机器人。",
    },
    fields=(
        Field(
            name="url",
            kind="url",
            secret=True,
            required=False,
            label={"en": "Webhook URL", "zh": "Webhook 地址"},
            help={
                "en": "https://hooks.slack.com/services/…; leave it empty for a bot.",
                "zh": "https://hooks.slack.com/services/…；使用机器人时留空。",
            },
        ),
        Field(
            name="token",
            secret=True,
            required=False,
            is_meant=matches(r"xox[a-z]-[A-Za-z0-9-]{10,250}"),
            label={"en": "Bot token", "zh": "机器人令牌"},
            help={
                "en": "It starts with xoxb- and may chat:write.",
                "zh": "以 xoxb- 开头，具有 chat:write 权限。",
            },
        ),
        Field(
            name="channel",
            required=False,
            is_meant=re.compile(r"[#@]?[\w.-]{1,80}").fullmatch,
            label={"en": "Channel", "zh": "频道"},
            help={
                "en": "The channel's id or #name; the bot must be in it.",
                "zh": "频道编号或 #名称；机器人须已加入。",
            },
        ),
    ),
    build=build,
    hint=hint,
    problems=problems,
    receipts=True,
)
