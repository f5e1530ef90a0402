"""Letters to one person about his account, in two languages. What opens something is in the link alone."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from vedette.notify.mail import DEADLINE_S, MailSettings, address, deliver
from vedette.notify.words import Lang

EN: Final = {
    "verify.title": "Vedette: confirm your e-mail address",
    "verify.body": (
        "{name},\n\nopen this link to show that this address is yours:\n\n{link}\n\n"
        "It works once, for a day. If you did not ask for it, do nothing: the address is then not used."
    ),
    "reset.title": "Vedette: set a new password",
    "reset.body": (
        "{name},\n\nopen this link to set a new password:\n\n{link}\n\n"
        "It works once, for half an hour. If you did not ask for it, do nothing: your password stays."
    ),
    "invited.title": "Vedette: you are invited",
    "invited.body": (
        "you are invited into the team {name}. Open this link to come in:\n\n{link}\n\n"
        "It works once, for a week. If you expected no invitation, do nothing."
    ),
    "changed.title": "Vedette: your password was changed",
    "changed.body": (
        "{name},\n\nyour password was changed, and all sign-ins but that one have ended.\n\n"
        "If that was not you, set a new password at once: {link}"
    ),
}
ZH: Final = {
    "verify.title": "Vedette：确认您的邮箱地址",
    "verify.body": (
        "{name}：\n\n请打开以下链接，确认此地址属于您：\n\n{link}\n\n"
        "链接只能使用一次，一天内有效。如果这不是您的请求，无需任何操作，该地址不会被使用。"
    ),
    "reset.title": "Vedette：设置新密码",
    "reset.body": (
        "{name}：\n\n请打开以下链接设置新密码：\n\n{link}\n\n"
        "链接只能使用一次，半小时内有效。如果这不是您的请求，无需任何操作，密码保持不变。"
    ),
    "invited.title": "Vedette：您收到一份邀请",
    "invited.body": (
        "您被邀请加入团队 {name}。请打开以下链接加入：\n\n{link}\n\n"
        "链接只能使用一次，一周内有效。如果您没有在等待邀请，无需任何操作。"
    ),
    "changed.title": "Vedette：您的密码已更改",
    "changed.body": (
        "{name}：\n\n您的密码已更改，除当次登录外，其他登录均已结束。\n\n如果不是您本人操作，请立即设置新密码：{link}"
    ),
}
LETTERS: Final[Mapping[Lang, Mapping[str, str]]] = {"en": EN, "zh": ZH}


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, ready to be sent."""

    title: str
    text: str


def written(kind: str, lang: Lang, *, name: str, link: str) -> Letter:
    words = LETTERS[lang]
    return Letter(words[f"{kind}.title"], words[f"{kind}.body"].format(name=name, link=link))


class Letters:
    """Sends letters through the settings' mail server, each to one person."""

    def __init__(self, settings: MailSettings, deadline_s: float = DEADLINE_S) -> None:
        self._settings = settings
        self._deadline_s = deadline_s

    async def send(self, to: str, letter: Letter) -> None:
        """Raises ChannelError, which says nothing of the recipient."""
        await deliver(self._settings, composed(letter, self._settings, to), [to], self._deadline_s)


def composed(letter: Letter, settings: MailSettings, to: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = " ".join(letter.title.split())
    mail["From"] = address(settings.sender)
    mail["To"] = address(to)
    mail["Date"] = datetime.now(UTC)
    mail["Message-ID"] = f"<{secrets.token_hex(16)}@vedette>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    return mail
