"""Signing in at another place (OpenID Connect), and coming back with its word for who one is."""

import hmac
import json
import logging
import secrets
from dataclasses import dataclass
from typing import Final

from vedette.model.people import Who, sign_in_name
from vedette.server.ears import Ears
from vedette.server.problems import ProblemError
from vedette.server.provider import Person, Provider, ProviderError
from vedette.server.settings import Settings
from vedette.server.signing import Begun, Signing, Visitor, subject_of
from vedette.store import audit, tickets, users
from vedette.store.database import Conn, Database
from vedette.store.sessions import hash_of
from vedette.store.users import NameTakenError, UserRow

log = logging.getLogger(__name__)

PURPOSE: Final = "oidc"
LASTS_MS: Final = 600_000
CALLBACK: Final = "/api/v1/oidc/callback"
NOT_SET: Final = "No other place's sign-in is taken here: [oidc] is not in the server's settings."
SUBJECT_CHARS_MAX: Final = 255
NAMES_TRIED: Final = 9


class OidcError(Exception):
    """It came to nothing; `why` is what the page says then."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class WayOut:
    """Where to send the browser, and what its cookie must bring back."""

    url: str
    cookie: str


class Oidc:
    """The way to the provider and back. What was begun in one browser ends in no other."""

    def __init__(self, settings: Settings, database: Database, ears: Ears, signing: Signing) -> None:
        self._database = database
        self._ears = ears
        self._signing = signing
        self._sign_up = settings.accounts.sign_up
        self._provider = (
            None
            if settings.oidc is None
            else Provider(settings.oidc, settings.page_url + CALLBACK, ears.now_ms)
        )

    @property
    def name(self) -> str | None:
        return None if self._provider is None else self._provider.setting.name

    @property
    def provider(self) -> Provider:
        """Raises ProblemError where there is none."""
        if self._provider is None:
            raise ProblemError(404, NOT_SET)
        return self._provider

    async def begin(self, who: Who) -> WayOut:
        """Whoever is signed in binds the other place to his account, or proves once more that it is he."""
        nonce, verifier, cookie = (secrets.token_urlsafe(32) for _ in range(3))
        state, now_ms = tickets.new_token(), self._ears.now_ms()
        stale = who.user_id is not None and who.fresh_until_ms <= now_ms
        try:
            url = await self.provider.way_in(state, nonce, verifier, anew=stale)
        except ProviderError as error:
            log.warning("the OpenID Connect provider: %s", error)
            raise OidcError("unreachable") from error
        kept = {"nonce": nonce, "verifier": verifier, "browser": hash_of(cookie).hex()}
        payload = json.dumps(kept | {"session": who.session_id, "since": now_ms if stale else None}).encode()
        await self._database.write(
            lambda conn: tickets.make(
                conn, PURPOSE, now_ms, LASTS_MS, user_id=who.user_id, payload=payload, token=state
            )
        )
        return WayOut(url, cookie)

    async def finish(self, state: str, code: str, cookie: str, visitor: Visitor) -> Begun:
        """Whoever comes back as somebody whom we know signs in. Raises OidcError."""
        now_ms = self._ears.now_ms()
        used = await self._database.write(lambda conn: tickets.use(conn, PURPOSE, state, now_ms))
        if used is None:
            raise OidcError("over")
        begun_with = json.loads(used.payload)
        if not hmac.compare_digest(begun_with["browser"], hash_of(cookie).hex()):
            raise OidcError("over")
        try:
            since_ms: int | None = begun_with["since"]
            person = await self.provider.person(code, begun_with["nonce"], begun_with["verifier"], since_ms)
        except ProviderError as error:
            log.warning("the OpenID Connect provider: %s", error)
            raise OidcError("refused") from error
        if len(person.subject) > SUBJECT_CHARS_MAX:
            raise OidcError("refused")
        # The session's cookie does not come along from another site, so the ticket names it.
        before = Who(None, user_id=used.user_id, session_id=begun_with["session"])
        came = Visitor(visitor.site, visitor.browser, before)

        async def enter(conn: Conn) -> Begun:
            known = await users.by_oidc(conn, self.provider.setting.issuer, person.subject)
            if known is None and since_ms is not None:
                raise OidcError("confirm")  # to bind it takes another proof than itself
            user = await self._user(conn, person, used.user_id, now_ms)
            return await self._signing.begin(conn, user, came, "oidc")

        begun = await self._database.write(enter)
        if before.session_id is not None:
            self._signing.ended([before.session_id])
        return begun

    async def close(self) -> None:
        if self._provider is not None:
            await self._provider.close()

    async def _user(self, conn: Conn, person: Person, binds: int | None, now_ms: int) -> UserRow:
        issuer = self.provider.setting.issuer
        known = await users.by_oidc(conn, issuer, person.subject)
        if known is not None and binds in {None, known.id}:
            user = known
        elif known is not None:
            raise OidcError("taken")
        elif binds is not None:
            user = await self._bound(conn, binds, issuer, person, now_ms)
        elif self._sign_up == "open" and await users.anybody(conn):
            user = await self._new(conn, issuer, person, now_ms)
        else:
            raise OidcError("unknown")
        if user.disabled_at_ms is not None:
            raise OidcError("unknown")
        return user

    async def _bound(self, conn: Conn, user_id: int, issuer: str, person: Person, now_ms: int) -> UserRow:
        user = await users.by_id(conn, user_id)
        if user is None:
            raise OidcError("unknown")
        await users.change(conn, user.id, oidc_issuer=issuer, oidc_subject=person.subject)
        himself = Who(None, user_id=user.id)
        await audit.note(conn, now_ms, himself, "account.oidc-bound", subject_of(user))
        return user

    async def _new(self, conn: Conn, issuer: str, person: Person, now_ms: int) -> UserRow:
        user = await _named(conn, person, now_ms)
        await users.change(conn, user.id, oidc_issuer=issuer, oidc_subject=person.subject)
        if person.email is not None:
            await users.take_email(conn, user.id, person.email.lower(), now_ms)
        himself = Who(None, user_id=user.id)
        await audit.note(conn, now_ms, himself, "account.add", subject_of(user), {"by": "oidc"})
        return user


async def _named(conn: Conn, person: Person, now_ms: int) -> UserRow:
    """A new account under the first of his names that nobody has."""
    for given in (*person.names, "someone"):
        try:
            name = sign_in_name(given)
        except ValueError:
            continue
        for at in range(1, NAMES_TRIED + 1):
            try:
                return await users.create(conn, name if at == 1 else f"{name[:36]}-{at}", now_ms)
            except NameTakenError:
                continue
    return await users.create(conn, f"someone-{secrets.token_hex(8)}", now_ms)
