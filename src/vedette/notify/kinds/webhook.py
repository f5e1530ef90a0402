"""A webhook of one's own: one POST of JSON, signed with HMAC when both sides share a secret."""

from vedette.notify.guard import host_of
from vedette.notify.kinds.kind import Channel, Config, Field, Kind, Means, matches, maybe, text_of
from vedette.notify.webhook import Webhook, WebhookSettings


def build(name: str, config: Config, means: Means) -> Channel:
    settings = WebhookSettings(name, text_of(config, "url"), maybe(config, "secret"))
    return Webhook(settings, means.guard, means.unix_s)


def hint(config: Config) -> str:
    signed = ", signed" if "secret" in config else ""
    return f"{host_of(text_of(config, 'url'))}{signed}"


kind = Kind(
    name="webhook",
    label={"en": "Webhook", "zh": "Webhook"},
    help={
        "en": "POST of JSON to a URL of yours; with a secret each is signed (Vedette-Signature).",
        "zh": "向您的地址 POST 一段 JSON；设有密钥时附带签名（Vedette-Signature）。",
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
            name="secret",
            secret=True,
            required=False,
            is_meant=matches(r"[\x21-\x7e]{16,200}"),
            label={"en": "Signing secret", "zh": "签名密钥"},
            help={
                "en": "16 to 200 printable characters without spaces.",
                "zh": "16 至 200 个可打印字符，不含空格。",
            },
        ),
    ),
    build=build,
    hint=hint,
    for_people=False,
)
