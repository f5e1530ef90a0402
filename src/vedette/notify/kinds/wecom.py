"""WeCom (WeChat Work), by a group's robot: Markdown of at most 4,096 bytes. It answers 200 to everything."""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from vedette.notify.kinds.kind import Channel, Config, Field, Kind, Means, in_bytes, matches, text_of
from vedette.notify.kinds.markdown import written
from vedette.notify.kinds.replies import TOO_FAST, No, no, number_in, numbered_no, object_in, post_json, taken
from vedette.notify.text import Message

BASE: Final = "https://qyapi.weixin.qq.com"
URL: Final = r"https://qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=[A-Za-z0-9-]{10,80}"
TEXT_BYTES_MAX: Final = 4_096
CODES: Final = {
    -1: No("it is busy", permanent=False),
    45_009: TOO_FAST,
    45_033: TOO_FAST,
    93_000: No("it does not know the robot's key"),
    93_004: No("the robot was switched off"),
    93_008: No("the robot is no longer in the group"),
    93_017: No("the robot was removed"),
    93_018: No("the robot was switched off"),
}


class WeCom:
    def __init__(self, name: str, config: Config, means: Means) -> None:
        self.name = name
        key = parse_qs(urlsplit(text_of(config, "url")).query)["key"][0]
        self._url = f"{means.base('wecom', BASE)}/cgi-bin/webhook/send?key={key}"
        self._guard = means.guard

    async def send(self, message: Message) -> None:
        reply = await post_json(self._guard, self._url, payload(message))
        if not taken(reply):
            raise no(self._url, reply, None)
        if (code := number_in(object_in(reply), "errcode")) != 0:
            raise numbered_no(self._url, reply, code, CODES, "WeCom")

    async def close(self) -> None:
        await self._guard.close()


def payload(message: Message) -> dict[str, Any]:
    return {
        "msgtype": "markdown",
        "markdown": {"content": written(message, TEXT_BYTES_MAX, in_bytes, "\n")},
    }


def build(name: str, config: Config, means: Means) -> Channel:
    return WeCom(name, config, means)


kind = Kind(
    name="wecom",
    label={"en": "WeCom", "zh": "企业微信"},
    help={"en": "A robot of a group.", "zh": "群机器人。"},
    fields=(
        Field(
            name="url",
            kind="url",
            secret=True,
            is_meant=matches(URL),
            label={"en": "Webhook URL", "zh": "Webhook 地址"},
            help={
                "en": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=… as the robot's page shows it.",
                "zh": "机器人页面显示的 https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=… 地址。",
            },
        ),
    ),
    build=build,
    hint=lambda _config: "qyapi.weixin.qq.com",
)
