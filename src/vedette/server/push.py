"""Web push: who wants to be told of which validator, and telling them. Nobody needs an account for it.

A subscription is a URL that anybody may give, so it is called through the guard, which goes only where the
public internet is. It is no line of the audit log: it changes nothing that is anybody's, and whoever likes
could fill the log with it.
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from vedette.model.incident import Notice, Reason
from vedette.model.pos import PosAddress
from vedette.notify.errors import ChannelError
from vedette.notify.push import (
    GoneError,
    Pusher,
    Subscription,
    key_of,
    new_key,
    payload,
    public_point,
    tag_of,
)
from vedette.notify.words import Lang
from vedette.server.claims import Claims
from vedette.server.ears import Ears
from vedette.server.loops import Audience
from vedette.server.vault import SealError, Vault
from vedette.store import push
from vedette.store.database import Database
from vedette.store.sealed import PUSH, PUSH_KEY

log = logging.getLogger(__name__)

AUDIENCE_MS: Final = 60_000
"""Another server of the same database may have taken subscriptions."""
STALE_MS: Final = 4 * 3_600_000
"""What could not be told for so long is told no more."""


class FullError(Exception):
    """So many browsers want to be told that there is no room for another."""


class UnknownError(Exception):
    """There is no such subscription, or the token is another's."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A new subscription, and the token that changes it: shown once."""

    id: str
    token: str


class Push:
    """Takes subscriptions, knows who is to be told of whom, and tells them."""

    def __init__(self, database: Database, ears: Ears, vault: Vault, pusher: Pusher, claims: Claims) -> None:
        self._database = database
        self._ears = ears
        self._vault = vault
        self._claims = claims
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._audience: tuple[int, Audience] | None = None
        self._changes = 0
        self._making = asyncio.Lock()
        self.pusher = pusher

    # --- the server's key

    async def public_key(self) -> bytes:
        """What a browser subscribes with. Raises SealError, SettingError."""
        return public_point(await self._own_key())

    async def _own_key(self) -> ec.EllipticCurvePrivateKey:
        async with self._making:
            if self._key is None:
                self._key = key_of(self._vault.open(await self._sealed_key(), PUSH_KEY.purpose))
            return self._key

    async def _sealed_key(self) -> bytes:
        async with self._database.read() as conn:
            held = await push.key(conn)
        if held is not None:
            return held
        fresh = self._vault.seal(new_key(), PUSH_KEY.purpose)
        now_ms = self._ears.now_ms()
        return await self._database.write(partial(push.keep_key, sealed=fresh, now_ms=now_ms))

    # --- subscriptions

    async def subscribe(self, to: Subscription, addresses: tuple[PosAddress, ...], language: Lang) -> Begun:
        """Raises FullError."""
        begun = Begun(secrets.token_hex(16), secrets.token_urlsafe(32))
        wish = push.Wish(begun.id, begun.token, to.endpoint, self._seal(to), addresses, language)
        if not await self._database.write(partial(push.subscribe, wish=wish, now_ms=self._ears.now_ms())):
            raise FullError
        self._changed()
        return begun

    async def change(
        self,
        subscription_id: str,
        token: bytes,
        addresses: tuple[PosAddress, ...],
        language: Lang,
        to: Subscription | None,
    ) -> None:
        """Raises UnknownError."""
        moved = None if to is None else (to.endpoint, self._seal(to))
        deed = partial(
            push.change,
            subscription_id=subscription_id,
            token=token,
            addresses=addresses,
            language=language,
            moved=moved,
        )
        if not await self._database.write(deed):
            raise UnknownError
        self._changed()

    async def end(self, subscription_id: str, token: bytes) -> None:
        """Raises UnknownError."""
        if not await self._database.write(partial(push.end, subscription_id=subscription_id, token=token)):
            raise UnknownError
        self._changed()

    def _seal(self, to: Subscription) -> bytes:
        return self._vault.seal(to.packed(), PUSH.purpose)

    # --- telling

    async def audience(self) -> Audience:
        """Whom to tell of each validator that somebody asked about."""
        now, kept, changes = self._ears.steady_ms(), self._audience, self._changes
        if kept is not None and now - kept[0] < AUDIENCE_MS:
            return kept[1]
        async with self._database.read() as conn:
            found = await push.audience(conn)
        self._audience = (now, found) if changes == self._changes else None
        return found

    def _changed(self) -> None:
        self._changes += 1
        self._audience = None

    async def send(self, notice: Notice) -> None:
        """Tell one browser. Raises ChannelError."""
        now_ms = self._ears.now_ms()
        subscription_id = notice.channel.removeprefix(push.CHANNEL)
        if now_ms - notice.created_at_ms > STALE_MS:
            raise ChannelError("it is too old to be news", permanent=True)
        async with self._database.read() as conn:
            kept = await push.kept(conn, subscription_id)
        if kept is None:
            raise ChannelError("the browser no longer wants to be told", permanent=True)
        try:
            await self._hand_over(notice, kept, now_ms)
        except GoneError:
            await self._database.write(partial(push.remove, ids=[subscription_id]))
            self._changed()
            raise
        except ChannelError as error:
            if error.permanent and await self._database.write(
                partial(push.refused, subscription_id=subscription_id)
            ):
                self._changed()
            raise
        await self._database.write(partial(push.told, subscription_id=subscription_id))

    async def _hand_over(self, notice: Notice, kept: push.Kept, now_ms: int) -> None:
        """Raises ChannelError."""
        try:
            to = Subscription.unpacked(self._vault.open(kept.sealed, PUSH.purpose))
            key = await self._own_key()
        except SealError as error:
            raise ChannelError(f"what is kept of the browser does not open: {error}") from error
        incident = notice.incident
        shown = (await self._claims.shown()).get(PosAddress(incident.subject.id))
        if shown is not None and shown.name:
            incident = replace(incident, subject=replace(incident.subject, name=shown.name))
        plain = payload(incident, notice.reason, kept.language, now_ms)
        urgent = notice.reason is not Reason.RESOLVED
        await self.pusher.send(to, key, plain, tag_of(incident), urgent=urgent)
