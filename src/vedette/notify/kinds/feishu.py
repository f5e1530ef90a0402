"""Feishu (Lark abroad), by a group's custom bot: a card whose head has the colour of what happened."""

import base64
import hashlib
import hmac
from typing import Any, Final
from urllib.parse import urlsplit

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
from vedette.notify.kinds.replies import TOO_FAST, No, no, number_in, numbered_no, object_in, post_json, taken
from vedette.notify.text import Message

URL: Final = r"https://open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/[A-Za-z0-9-]{10,80}"
TITLE_BYTES_MAX, TEXT_BYTES_MAX = 1_000, 12_000
"""The whole body may have 20 KB."""
COLOURS: Final = {"info": "blue", "warning": "orange", "critical": "red"}
CODES: Final = {
    9_499: No("it did not understand the message", permanent=False),
    11_232: TOO_FAST,
    99_991_400: TOO_FAST,
    19_001: No("it does not know the bot's address"),
    19_002: No("the bot's address is not right"),
    19_003: No("the bot was removed or switched off"),
    19_021: No("the signing secret is not right, or this machine's clock is off by more than an hour"),
    19_022: No("the bot's settings do not allow this machine's IP address"),
    19_024: No("the bot's settings want a keyword that messages do not have"),
}


class Feishu:
    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        url = urlsplit(text_of(config, "url"))
        self._url = f"{means.base('feishu', f'https://{url.netloc}')}{url.path}"
        self._secret = maybe(config, "secret")
        self._means = means

    async def send(self, message: Message) -> None:
        body = payload(message)
        if self._secret is not None:
            body |= signed(self._secret, int(self._means.unix_s()))
        reply = await post_json(self._means.guard, self._url, body)
        said = object_in(reply)
        code = number_in(said, "code")
        code = number_in(said, "StatusCode") if code is None else code
        if code is None and not taken(reply):
            raise no(self._url, reply, None)
        if code != 0:  # the number also comes with a status other than 200
            raise numbered_no(self._url, reply, code, CODES, "Feishu")

    async def close(self) -> None:
        await self._means.guard.close()


def signed(secret: str, unix_s: int) -> dict[str, str]:
    """What the body of a signed request holds besides. The text is the key; what is signed is empty."""
    proof = hmac.new(f"{unix_s}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return {"timestamp": str(unix_s), "sign": base64.b64encode(proof).decode()}


def payload(message: Message) -> dict[str, Any]:
    """A card of plain texts: no mark takes effect in them."""
    elements: list[dict[str, Any]] = []
    if body := cut(plain_body(message), TEXT_BYTES_MAX, in_bytes):
        elements.append({"tag": "div", "text": plain(body)})
    if buttons := [button(*one) for one in links(message, DETAILS[message.lang])]:
        elements.append({"tag": "action", "actions": buttons})
    template = "green" if message.is_over else COLOURS[str(message.severity)]
    title = plain(cut(message.title, TITLE_BYTES_MAX, in_bytes))
    return {
        "msg_type": "interactive",
        "card": {
            "config": {"wide_screen_mode": True},
            "header": {"title": title, "template": template},
            "elements": elements,
        },
    }


def plain(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": text}


def button(label: str, url: str) -> dict[str, Any]:
    return {"tag": "button", "type": "default", "text": plain(label), "url": url}


def build(name: str, config: Config, means: Means) -> Channel:
    return Feishu(name, config, means)


kind = Kind(
    name="feishu",
    label={"en": "Feishu / Lark", "zh": "飞书"},
    help={"en": "A custom bot of a group.", "zh": "群里的自定义机器人。"},
    fields=(
        Field(
            name="url",
            kind="url",
            secret=True,
            is_meant=matches(URL),
            label={"en": "Webhook URL", "zh": "Webhook 地址"},
            help={
                "en": "https://open.feishu.cn/open-apis/bot/v2/hook/… or open.larksuite.com/…",
                "zh": "https://open.feishu.cn/open-apis/bot/v2/hook/… 或 open.larksuite.com/…",
            },
        ),
        Field(
            name="secret",
            secret=True,
            required=False,
            is_meant=matches(r"[\x21-\x7e]{6,100}"),
            label={"en": "Signing secret", "zh": "签名密钥"},
            help={
                "en": "If the bot checks signatures (签名校验).",
                "zh": "安全设置选择“签名校验”时填写。",
            },
        ),
    ),
    build=build,
    hint=lambda config: host_of(text_of(config, "url")) + (", signed" if "secret" in config else ""),
)
