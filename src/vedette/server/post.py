"""Letters to one person, if the settings name a mail server; their links lead to the page that they name."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from vedette.notify.channels import MailSettings, mail_settings
from vedette.notify.errors import ChannelError
from vedette.notify.letters import Letter, Letters, written
from vedette.notify.words import Lang
from vedette.server.problems import ProblemError
from vedette.server.settings import MailSetting, Settings

log = logging.getLogger(__name__)

NO_MAIL: Final = "This server sends no e-mail: its administrator may set [mail] in its settings."
UNSENT: Final = "The mail server did not take the letter ({why}). Try again in a while."
WAITING_MAX: Final = 100

LANGUAGES: Final[dict[str, Lang]] = {"zh": "zh", "en": "en"}


class Post:
    """Sends letters: at once, or behind the back of whoever must not hear whether there was one."""

    def __init__(self, settings: Settings) -> None:
        self._page_url = settings.page_url
        self._usual = settings.alerts.language
        self._letters = None if settings.mail is None else Letters(_mail(settings.mail))
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        return self._letters is not None

    def demand(self) -> None:
        """Refuse what needs a letter where none can be sent. Raises ProblemError."""
        if self._letters is None:
            raise ProblemError(409, NO_MAIL)

    def letter(self, kind: str, name: str, accepts: str, path: str, token: str = "") -> Letter:
        """A letter with a link. The token stands behind the #: no browser sends it, so no log has it."""
        # Never by the Host that a request names: whoever asks could have the token sent to himself.
        link = f"{self._page_url}{path}" + (f"#{token}" if token else "")
        return written(kind, self._language(accepts), name=name, link=link)

    async def send(self, to: str, letter: Letter) -> None:
        """Send now. Raises ProblemError."""
        self.demand()
        assert self._letters is not None
        try:
            await self._letters.send(to, letter)
        except ChannelError as error:
            log.warning("a letter about an account was not sent: %s", error)
            raise ProblemError(503, UNSENT.format(why=error)) from error

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it when this answer is given. That a letter was not sent is told to the log alone."""
        if self._letters is None or len(self._under_way) >= WAITING_MAX:
            work.close()
            return
        task = asyncio.create_task(_quietly(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _language(self, accepts: str) -> Lang:
        """The first language that the browser likes and we know; otherwise the one of the messages."""
        for part in accepts.split(","):
            known = LANGUAGES.get(part.partition(";")[0].partition("-")[0].strip().lower())
            if known is not None:
                return known
        return self._usual


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    with suppress(ProblemError):  # the log has it
        await work


def _mail(mail: MailSetting) -> MailSettings:
    return mail_settings("email", mail.server, mail.sender, mail.to)
