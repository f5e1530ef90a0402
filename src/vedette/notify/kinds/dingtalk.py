"""DingTalk, by a group's custom robot: Markdown, signed with its secret. It answers 200 to everything."""

import base64
import hashlib
import hmac
from typing import Any, Final
from urllib.parse import parse_qs, quote_plus, urlsplit

from vedette.notify.kinds.kind import (
    Channel,
    Config,
    Field,
    Kind,
    Means,
    cut,
    in_bytes,
    matches,
    maybe,
    text_of,
)
from vedette.notify.kinds.markdown import plain, written
from vedette.notify.kinds.replies import TOO_FAST, No, no, number_in, numbered_no, object_in, post_json, taken
from vedette.notify.text import Message

BASE: Final = "https://oapi.dingtalk.com"
URL: Final = r"https://oapi\.dingtalk\.com/robot/send\?access_token=[A-Za-z0-9]{20,100}"
TEXT_BYTES_MAX, TITLE_LETTERS_MAX = 18_000, 60
"""The whole body may have 20,000 bytes."""
CODES: Final = {
    -1: No("it is busy", permanent=False),
    130_101: TOO_FAST,
    130_102: TOO_FAST,
    410_100: TOO_FAST,
    90_018: TOO_FAST,
    300_001: No("it does not know the robot's token"),
    300_005: No("it does not know the robot's token"),
    400_101: No("it does not know the robot's token"),
    400_102: No("the robot is switched off"),
    400_013: No("the group was disbanded"),
    310_000: No("the robot's security settings forbid it: signing secret, keyword or IP address"),
}


class DingTalk:
    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        token = parse_qs(urlsplit(text_of(config, "url")).query)["access_token"][0]
        self._url = f"{means.base('dingtalk', BASE)}/robot/send?access_token={token}"
        self._secret = maybe(config, "secret")
        self._means = means

    async def send(self, message: Message) -> None:
        url = self._url
        if self._secret is not None:
            url += signed(self._secret, int(self._means.unix_s() * 1000))
        reply = await post_json(self._means.guard, url, payload(message))
        if not taken(reply):
            raise no(self._url, reply, None)
        if (code := number_in(object_in(reply), "errcode")) != 0:
            raise numbered_no(self._url, reply, code, CODES, "DingTalk")

    async def close(self) -> None:
        await self._means.guard.close()


def signed(secret: str, unix_ms: int) -> str:
    """What the URL of a signed request ends with."""
    proof = hmac.new(secret.encode(), f"{unix_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return f"&timestamp={unix_ms}&sign={quote_plus(base64.b64encode(proof))}"


def payload(message: Message) -> dict[str, Any]:
    return {
        "msgtype": "markdown",
        "markdown": {
            "title": cut(plain(message.title), TITLE_LETTERS_MAX),  # what a phone's notification shows
            "text": written(message, TEXT_BYTES_MAX, in_bytes, "  \n"),
        },
    }


def build(name: str, config: Config, means: Means) -> Channel:
    return DingTalk(name, config, means)


kind = Kind(
    name="dingtalk",
    label={"en": "DingTalk", "zh": "钉钉"},
    help={"en": "A custom robot of a group.", "zh": "群里的自定义机器人。"},
    fields=(
        Field(
            name="url",
            kind="url",
            secret=True,
            is_meant=matches(URL),
            label={"en": "Webhook URL", "zh": "Webhook 地址"},
            help={
                "en": "https://oapi.dingtalk.com/robot/send?access_token=… as the robot's settings show it.",
                "zh": "机器人设置中显示的 https://oapi.dingtalk.com/robot/send?access_token=… 地址。",
            },
        ),
        Field(
            name="secret",
            secret=True,
            required=False,
            is_meant=matches(r"SEC[A-Za-z0-9]{20,100}"),
            label={"en": "Signing secret", "zh": "加签密钥"},
            help={
                "en": "If the robot signs (加签): it starts with SEC.",
                "zh": "安全设置选择“加签”时填写，以 SEC 开头。",
            },
        ),
    ),
    build=build,
    hint=lambda config: "oapi.dingtalk.com" + (", signed" if "secret" in config else ""),
)
