"""E-mail, through the installation's own mail server: text and HTML, threaded by incident."""

from dataclasses import replace

from vedette.model.errors import SettingError
from vedette.notify.kinds.kind import Channel, Config, Field, Kind, Means, text_of
from vedette.notify.mail import Mail

NO_SERVER = "this installation has no mail server: its keeper sets one in [mail]"


def build(name: str, config: Config, means: Means) -> Channel:
    if means.mail is None:
        raise SettingError(NO_SERVER)
    recipients = tuple(text_of(config, "to").split(", "))
    return Mail(replace(means.mail, name=name, recipients=recipients), unix_s=means.unix_s)


def hint(config: Config) -> str:
    """An address that whoever knows it recognizes: the first letter and the host."""
    given = text_of(config, "to").split(", ")
    user, _, host = given[0].rstrip(">").rpartition("@")
    start = user.rpartition("<")[2][:1]
    others = f" +{len(given) - 1}" if given[1:] else ""
    return f"{start}…@{host}{others}"


def lacks(means: Means, _is_allowed: bool) -> str | None:
    return NO_SERVER if means.mail is None else None


kind = Kind(
    name="email",
    label={"en": "E-mail", "zh": "电子邮件"},
    help={
        "en": "Text and HTML through this installation's mail server.",
        "zh": "通过本系统的邮件服务器发送，包含纯文本和 HTML。",
    },
    fields=(
        Field(
            name="to",
            kind="email",
            label={"en": "Addresses", "zh": "收件地址"},
            help={"en": "One to ten addresses, with commas.", "zh": "一至十个地址，以逗号分隔。"},
        ),
    ),
    build=build,
    hint=hint,
    receipts=True,
    lacks=lacks,
)
