"""Contact points: made and changed by a team, and built into channels when there is something to tell."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from vedette.model.errors import SettingError
from vedette.model.people import FIRST_TEAM, Who
from vedette.notify.channels import Channel, ChannelError
from vedette.notify.kinds import KINDS, Config, Kind, Means
from vedette.notify.text import trial
from vedette.notify.words import Lang
from vedette.server.ears import Ears
from vedette.server.vault import SealError, Vault
from vedette.store import audit, contacts, outbox
from vedette.store.contacts import Contact
from vedette.store.database import Conn, Database
from vedette.store.outbox import Attempt
from vedette.store.sealed import CONTACT

SETTINGS: Final = "settings:"
"""How the reference to a channel of the settings file begins; its name follows."""
MEMBERS: Final = "members"


class UnknownContactError(Exception):
    """There is no such contact point, or it is not the reader's."""


@dataclass(frozen=True, slots=True)
class Way:
    """A channel, and the language in which its people read."""

    channel: Channel
    language: Lang


@dataclass(frozen=True, slots=True)
class Tried:
    """How a test went."""

    receipt: str | None
    error: str | None
    took_ms: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a team wants of a contact point. None: as it was, or as its kind usually is."""

    name: str | None = None
    kind: str | None = None
    config: Mapping[str, Any] | None = None
    language: Lang | None = None
    wakes: bool | None = None
    fallback_id: str | None = None
    sets_fallback: bool = False  # for None is a fallback, too: none


class Contacts:
    """Everybody's contact points. A channel is built at its first message and kept until it is changed."""

    def __init__(
        self,
        database: Database,
        ears: Ears,
        vault: Vault,
        means: Means,
        of_settings: Mapping[str, Channel],
        page_url: str,
        language: Lang,
        *,
        is_apprise_allowed: bool = False,
        kinds: Mapping[str, Kind] = KINDS,
    ) -> None:
        """`of_settings`: the channels that the settings file names, and the members' mail."""
        self._database = database
        self._ears = ears
        self._vault = vault
        self.means = means
        self._of_settings = of_settings
        self._page_url = page_url
        self._language = language
        self._is_apprise_allowed = is_apprise_allowed
        self._kinds = kinds
        self._built: dict[str, tuple[bytes, Channel]] = {}

    # --- for the outbox

    async def way(self, contact_id: str) -> Way:
        """Raises ChannelError, also for one that is gone or switched off."""
        async with self._database.read() as conn:
            one = await contacts.held(conn, contact_id)
        if one is None:
            raise ChannelError("the contact point was removed", permanent=True)
        if not one.is_enabled:
            raise ChannelError(f"the contact point is switched off: {one.disabled_why}", permanent=True)
        return Way(self._channel(one), one.language)

    async def is_for_people(self, conn: Conn, contact_id: str) -> bool:
        """Whether several incidents may stand in one message there."""
        one = await contacts.held(conn, contact_id)
        kind = None if one is None else self._kinds.get(one.kind)
        return kind is not None and kind.for_people

    def _channel(self, one: Contact) -> Channel:
        """Raises ChannelError."""
        sealed, channel = self._built.get(one.id, (b"", None))
        if channel is None or sealed != one.sealed:
            channel = self._build(one)
            self._built[one.id] = (one.sealed, channel)
        return channel

    def _build(self, one: Contact) -> Channel:
        kind = self._kinds.get(one.kind)
        if kind is None:
            raise ChannelError(f"this version has no contact points of the kind {one.kind}", permanent=True)
        try:
            config = msgspec.json.decode(self._vault.open(one.sealed, CONTACT.purpose), type=dict[str, Any])
            why = kind.lacks(self.means, self._is_apprise_allowed)
            if why is not None:
                raise ChannelError(why, permanent=True)
            return kind.build(one.channel, config, self.means)
        except SealError as error:
            raise ChannelError(f"what is kept of the contact point does not open: {error}") from error
        except SettingError as error:
            raise ChannelError(" ".join(str(error).split()), permanent=True) from error

    async def close(self) -> None:
        await self.means.guard.close()

    # --- for the team

    def kinds(self) -> list[tuple[Kind, str | None]]:
        """What can be made here; with why, for what cannot."""
        return [(kind, kind.lacks(self.means, self._is_apprise_allowed)) for kind in self._kinds.values()]

    def of_settings(self, who: Who) -> list[str]:
        """The channels that the settings give his team: the first has theirs, others their members' mail."""
        if who.team_id is None:
            return []
        is_first = who.team_id == FIRST_TEAM
        return [name for name in self._of_settings if (name != MEMBERS) == is_first]

    async def make(self, who: Who, wish: Wish) -> Contact:
        """Raises SettingError, TwinError, TooManyContactsError."""
        kind = self._kind(wish.kind or "")
        config = self._checked(kind, wish.config or {})
        await self._check_fallback(who, wish.fallback_id, None)
        assert who.team_id is not None
        made = Contact(
            id=secrets.token_hex(8),
            team_id=who.team_id,
            name=wish.name or kind.name,
            kind=kind.name,
            sealed=self._seal(config),
            hint=kind.hint(config),
            language=wish.language or self._language,
            wakes=kind.wakes if wish.wakes is None else wish.wakes,
            fallback_id=wish.fallback_id,
            created_at_ms=self._ears.now_ms(),
            disabled_at_ms=None,
            disabled_why=None,
            tested_at_ms=None,
            sent_at_ms=None,
            failing_since_ms=None,
            error=None,
        )
        await self._database.write(partial(contacts.add, who=who, made=made))
        return made

    async def change(self, who: Who, contact_id: str, wish: Wish) -> Contact:
        """Raises UnknownContactError, SettingError, TwinError."""
        one = await self.one(who, contact_id)
        plain = {"name": wish.name, "language": wish.language, "wakes": wish.wakes}
        values: dict[str, Any] = {name: value for name, value in plain.items() if value is not None}
        if wish.config is not None:
            kind = self._kind(one.kind)
            config = self._checked(kind, wish.config)
            values |= {"sealed": self._seal(config), "hint": kind.hint(config)}
        if wish.sets_fallback:
            await self._check_fallback(who, wish.fallback_id, contact_id)
            values["fallback_id"] = wish.fallback_id
        if values:
            now = self._ears.now_ms()
            deed = partial(contacts.change, who=who, contact_id=contact_id, values=values, now_ms=now)
            if not await self._database.write(deed):
                raise UnknownContactError
        return await self.one(who, contact_id)

    async def enable(self, who: Who, contact_id: str) -> Contact:
        """Raises UnknownContactError."""
        deed = partial(contacts.enable, who=who, contact_id=contact_id, now_ms=self._ears.now_ms())
        if not await self._database.write(deed):
            raise UnknownContactError
        return await self.one(who, contact_id)

    async def remove(self, who: Who, contact_id: str) -> None:
        """Raises UnknownContactError."""
        deed = partial(contacts.remove, who=who, contact_id=contact_id, now_ms=self._ears.now_ms())
        if not await self._database.write(deed):
            raise UnknownContactError
        self._built.pop(contact_id, None)

    async def one(self, who: Who, contact_id: str) -> Contact:
        """Raises UnknownContactError."""
        async with self._database.read() as conn:
            found = await contacts.contact(conn, who, contact_id)
        if found is None:
            raise UnknownContactError
        return found

    async def test(self, who: Who, contact_id: str) -> Tried:
        """Send a test there now, and keep how it went. Raises UnknownContactError."""
        is_ours = contact_id.removeprefix(SETTINGS) in self.of_settings(who)
        one = None if is_ours else await self.one(who, contact_id)
        name = contact_id.removeprefix(SETTINGS) if one is None else one.channel
        at_ms, began = self._ears.now_ms(), time.perf_counter()
        receipt = error = None
        try:
            channel = self._of_settings[name] if one is None else self._channel(one)
            language = self._language if one is None else one.language
            called = name if one is None else one.name
            key = f"test/{at_ms}/{name}"
            receipt = await channel.send(trial(called, language, self._page_url, key, who.team_id or 0))
        except ChannelError as failure:
            error = str(failure)
        took_ms = int((time.perf_counter() - began) * 1000)
        await self._keep(who, name, Attempt(at_ms, took_ms), receipt, error)
        return Tried(receipt, error, took_ms)

    async def _keep(
        self, who: Who, channel: str, attempt: Attempt, receipt: str | None, error: str | None
    ) -> None:
        now, contact_id = self._ears.now_ms(), contacts.id_of(channel)

        async def deed(conn: Conn) -> None:
            await outbox.keep_test(conn, who.team_id or 0, channel, attempt, receipt, error)
            if contact_id is not None and error is None:
                await contacts.took(conn, contact_id, now, is_test=True)
            elif contact_id is not None:
                await contacts.fails(conn, contact_id, now, error or "")
            await audit.note(conn, now, who, "contact.test", channel, {"is_taken": error is None})

        await self._database.write(deed)

    # --- what is right

    def _kind(self, name: str) -> Kind:
        kind = self._kinds.get(name)
        if kind is None:
            raise SettingError(f"kind: there is no kind {name[:40]!r} (known: {', '.join(self._kinds)})")
        why = kind.lacks(self.means, self._is_apprise_allowed)
        if why is not None:
            raise SettingError(f"kind: {name} cannot be used here: {why}")
        return kind

    def _checked(self, kind: Kind, given: Mapping[str, Any]) -> Config:
        config = kind.check(given)
        for one in kind.fields:
            if one.kind == "url" and one.name in config:
                try:
                    self.means.guard.check(str(config[one.name]))
                except ChannelError as error:
                    raise SettingError(f"{one.name}: {error}") from error
        return config

    def _seal(self, config: Config) -> bytes:
        return self._vault.seal(msgspec.json.encode(dict(config)), CONTACT.purpose)

    async def _check_fallback(self, who: Who, fallback_id: str | None, own_id: str | None) -> None:
        if fallback_id is None:
            return
        if fallback_id == own_id:
            raise SettingError("fallback_id: a contact point cannot be its own fallback")
        try:
            await self.one(who, fallback_id)
        except UnknownContactError:
            raise SettingError("fallback_id: your team has no such contact point") from None
