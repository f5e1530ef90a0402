"""A mail server on loopback that keeps what it is sent."""

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope

from tests.server.stage import until
from vedette.server.settings import MailSetting


@dataclass
class Mailbox:
    """What came, by the order in which it came."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    answer: str = "250 OK"

    @property
    def setting(self) -> MailSetting:
        return MailSetting(
            f"smtp://127.0.0.1:{self.port}", "Vedette <watch@example.org>", ("ops@example.org",)
        )

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        if self.answer.startswith("250"):
            self.letters.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return self.answer

    async def letter(self, count: int) -> EmailMessage:
        """The letter that is the `count`-th to come."""
        await until(lambda: len(self.letters) >= count)
        return self.letters[count - 1]


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="test", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()


def token_in(letter: EmailMessage, path: str) -> str:
    """The token of the letter's link, which stands behind the #."""
    (token,) = re.findall(rf"https://watch\.example\.org{path}#(\S+)", letter.get_content())
    return str(token)
