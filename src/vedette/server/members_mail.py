"""Tells a team's members by e-mail, each for himself: of teams that the settings' channels are not for."""

from dataclasses import replace
from typing import Final

from sqlalchemy import select

from vedette.notify.channels import ChannelError, Mail, MailSettings
from vedette.notify.text import Message
from vedette.store import tables as t
from vedette.store.database import Database

NAME: Final = "members"
NOBODY: Final = "no member of the team has an e-mail address that was shown to be his"


class MembersMail:
    """A channel. One member's full mailbox keeps no other from being told."""

    name = NAME

    def __init__(self, settings: MailSettings, database: Database) -> None:
        self._settings = settings
        self._database = database

    async def send(self, message: Message) -> None:
        """Said again to all when one was not reached: with the same Message-ID, so nobody reads it twice."""
        failures = []
        for address in await self._addresses(message.team_id):
            try:
                await Mail(replace(self._settings, recipients=(address,))).send(message)
            except ChannelError as error:
                failures.append(error)
        lasting = [error for error in failures if not error.permanent]
        if failures:
            raise (lasting or failures)[0]

    async def _addresses(self, team_id: int) -> list[str]:
        users = t.users.c
        query = (
            select(users.email)
            .select_from(t.memberships.join(t.users))
            .where(t.memberships.c.team_id == team_id, users.email.is_not(None))
            .where(users.email_verified_at_ms.is_not(None), users.disabled_at_ms.is_(None))
            .order_by(users.id)
        )
        async with self._database.read() as conn:
            found = list((await conn.execute(query)).scalars())
        if not found:
            raise ChannelError(NOBODY, permanent=True)
        return found

    async def close(self) -> None:
        """Nothing is kept open between messages."""
