"""Signing in by password or passkey, and proving oneself again. Each sign-in begins a new session."""

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vedette.model.people import FIRST_TEAM, Role, Who, sign_in_name
from vedette.server import passkeys
from vedette.server.access import Access
from vedette.server.ears import Ears
from vedette.server.guesses import Guesses
from vedette.server.live import Live
from vedette.server.passkeys import Asked, Place
from vedette.server.passwords import Passwords, demand
from vedette.server.problems import ProblemError
from vedette.server.second import SecondFactor, plain, spaced
from vedette.store import audit, proofs, sessions, teams, tickets, users
from vedette.store.database import Conn, Database
from vedette.store.proofs import PasskeyRow
from vedette.store.users import UserRow

WRONG: Final = "The name or the password is not right."
WRONG_AGAIN: Final = "The password is not right."
CODE: Final = "Give the six digits that your authenticator shows now, or one of your recovery codes."
WRONG_CODE: Final = "That code is not right, or was used already: give the next one, or a recovery code."
PASSWORDLESS: Final = "Your account has no password: use a passkey, or sign out and in again."
SET_UP: Final = "This installation is set up already: sign in."
WRONG_SETUP_CODE: Final = "That is not the setup code: the server's log has it from its last start."
NOT_YOURS: Final = "You are in no such team."
SETUP_PURPOSE: Final = "setup"
SETUP_LASTS_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that began: the cookie's value, which is told once."""

    token: str = field(repr=False)
    who: Who


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a sign-in comes from, and who asked until then."""

    site: str
    browser: str
    before: Who


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser brings from a device that holds a passkey."""

    ticket: str
    credential: Mapping[str, Any]
    place: Place


class Signing:
    """Whoever proves himself gets a session; whoever cannot learns nothing."""

    def __init__(
        self,
        database: Database,
        ears: Ears,
        access: Access,
        live: Live,
        passwords: Passwords,
        guesses: Guesses,
        second: SecondFactor,
    ) -> None:
        self._database = database
        self._ears = ears
        self._access = access
        self._live = live
        self._passwords = passwords
        self._guesses = guesses
        self._second = second

    # --- the first person

    async def setup_code(self) -> str | None:
        """A code that lets whoever reads the server's log set it up; None when somebody has an account."""
        code, now_ms = base64.b32encode(secrets.token_bytes(10)).decode().lower(), self._ears.now_ms()

        async def make(conn: Conn) -> str | None:
            if await users.anybody(conn):
                await tickets.end(conn, SETUP_PURPOSE)
                return None
            return await tickets.make(conn, SETUP_PURPOSE, now_ms, SETUP_LASTS_MS, token=code)

        made = await self._database.write(make)
        return None if made is None else spaced(code)

    async def set_up(
        self, name: str, password: str, team: str, code: str | None, visitor: Visitor, is_here: bool
    ) -> Begun:
        """The first person becomes administrator, and owner of the first team."""
        await self._guesses.take(None, visitor.site)
        async with self._database.read() as conn:
            if await users.anybody(conn):
                raise ProblemError(409, SET_UP)
        demand(password, name, team)
        kept, now_ms = await self._passwords.hashed(password), self._ears.now_ms()

        async def enter(conn: Conn) -> Begun:
            await users.hold_first_team(conn, FIRST_TEAM)
            if await users.anybody(conn):
                raise ProblemError(409, SET_UP)
            if not is_here and await tickets.use(conn, SETUP_PURPOSE, plain(code or ""), now_ms) is None:
                raise ProblemError(403, WRONG_SETUP_CODE)
            user = await make_first(conn, name, kept, now_ms, team)
            await tickets.end(conn, SETUP_PURPOSE)
            begun = await self.begin(conn, user, visitor, "setup")
            await audit.note(conn, now_ms, begun.who, "account.first", subject_of(user))
            return begun

        return await self._database.write(enter)

    # --- by password

    async def sign_in(self, given: str, password: str, code: str | None, visitor: Visitor) -> Begun:
        """Begin a session by name and password, and a code where the account asks for one."""
        name = _spelled(given)
        await self._guesses.take(name, visitor.site)
        async with self._database.read() as conn:
            user = await users.by_name(conn, name)
        user = await self._known(user, password, code, visitor.site, WRONG)
        anew = await self._hashed_anew(user, password)

        async def enter(conn: Conn) -> Begun:
            same = await self._still(conn, user, code, WRONG)
            if anew is not None:
                await users.change(conn, same.id, password_hash=anew)
            return await self.begin(conn, same, visitor, "password")

        return self._begun(await self._database.write(enter), visitor)

    async def confirm(self, who: Who, password: str | None, code: str | None, visitor: Visitor) -> Who:
        """Somebody who is signed in proves once more that it is he."""
        user = await self.person(who)
        if user.password_hash is None:
            raise ProblemError(409, PASSWORDLESS)
        await self._guesses.take(user.name, visitor.site)
        await self._known(user, password or "", code, visitor.site, WRONG_AGAIN)

        async def freshen(conn: Conn) -> Who:
            await self._still(conn, user, code, WRONG_AGAIN)
            await self._guesses.forget(conn, user.name, visitor.site)
            return await self._freshened(conn, who)

        return await self._database.write(freshen)

    async def proves(self, user: UserRow, password: str, site: str) -> None:
        """His password once more, before it is changed. Raises ProblemError."""
        await self._guesses.take(user.name, site)
        if not await self._passwords.matches(password, user.password_hash):
            raise ProblemError(401, WRONG_AGAIN)

    async def _known(
        self, user: UserRow | None, password: str, code: str | None, site: str, wrong: str
    ) -> UserRow:
        """The person behind a right password. A code that is missing is asked for, and was no guess."""
        right = await self._passwords.matches(password, user.password_hash if user else None)
        if not right or user is None or user.disabled_at_ms is not None:
            raise ProblemError(401, wrong)
        if user.has_totp and not code:
            await self._guesses.give_back(user.name, site)
            raise ProblemError(401, CODE, need="code")
        return user

    async def _still(self, conn: Conn, user: UserRow, code: str | None, wrong: str) -> UserRow:
        """The same person in the transaction that lets him in, with his code used up."""
        now = await users.by_id(conn, user.id)
        if now is None or now.disabled_at_ms is not None or now.password_hash != user.password_hash:
            raise ProblemError(401, wrong)
        if now.has_totp and not await self._second.passes(conn, now, code or "", self._ears.now_ms()):
            raise ProblemError(401, WRONG_CODE, need="code")
        return now

    async def _hashed_anew(self, user: UserRow, password: str) -> str | None:
        """The password's hash at today's cost, if it was kept at another."""
        if user.password_hash is None or not self._passwords.is_outdated(user.password_hash):
            return None
        return await self._passwords.hashed(password)

    # --- by passkey

    async def ask_passkey(self, place: Place) -> Asked:
        """A question for whoever holds a passkey of this server."""
        now_ms = self._ears.now_ms()
        return await self._database.write(lambda conn: passkeys.ask_for_any(conn, place, now_ms))

    async def sign_in_by_passkey(self, answer: Answer, visitor: Visitor) -> Begun:
        """Begin a session by a passkey, which asked its owner for a finger, a face or a PIN itself."""
        held, count = await self._answered(answer)

        async def enter(conn: Conn) -> Begun:
            user = await self._owner(conn, held, count)
            return await self.begin(conn, user, visitor, "passkey")

        return self._begun(await self._database.write(enter), visitor)

    async def confirm_by_passkey(self, who: Who, answer: Answer) -> Who:
        held, count = await self._answered(answer)
        if held.user_id != who.user_id:
            raise ProblemError(401, passkeys.WRONG)

        async def freshen(conn: Conn) -> Who:
            await self._owner(conn, held, count)
            return await self._freshened(conn, who)

        return await self._database.write(freshen)

    async def _answered(self, answer: Answer) -> tuple[PasskeyRow, int]:
        """The passkey that answered. The question is used up first, whatever the answer is worth."""
        now_ms, wanted = self._ears.now_ms(), passkeys.credential_id(answer.credential)
        asked = await self._database.write(
            lambda conn: tickets.use(conn, passkeys.SIGN_IN, answer.ticket, now_ms)
        )
        if asked is None:
            raise ProblemError(401, passkeys.TOO_LATE)
        async with self._database.read() as conn:
            held = await proofs.passkey(conn, wanted)
        if held is None:
            raise ProblemError(401, passkeys.WRONG)
        return held, passkeys.sign_count(asked.payload, held, answer.credential, answer.place)

    async def _owner(self, conn: Conn, held: PasskeyRow, count: int) -> UserRow:
        user = await users.by_id(conn, held.user_id)
        used = await proofs.passkey_used(conn, held, count, self._ears.now_ms())
        if user is None or user.disabled_at_ms is not None or not used:
            raise ProblemError(401, passkeys.WRONG)
        return user

    # --- sessions

    async def begin(self, conn: Conn, user: UserRow, visitor: Visitor, how: str) -> Begun:
        """A new session, with a token that nobody could know before; the one he came with ends."""
        before, now_ms = visitor.before, self._ears.now_ms()
        if before.session_id is not None and before.user_id is not None:
            await sessions.end(conn, before.user_id, session_id=before.session_id)
        await self._guesses.forget(conn, user.name, visitor.site)
        token, who = await sessions.begin(conn, user.id, visitor.browser, now_ms, self._access.lasting)
        await audit.note(conn, now_ms, who, "session.begin", subject_of(user), {"by": how})
        return Begun(token, who)

    def _begun(self, begun: Begun, visitor: Visitor) -> Begun:
        if visitor.before.session_id is not None:
            self.ended([visitor.before.session_id])
        return begun

    async def look_at(self, who: Who, team_id: int) -> Who:
        """He looks at another one of his teams. What he had open was of the one before."""
        assert who.user_id is not None  # the routes let in persons only
        assert who.session_id is not None
        user_id, mine = who.user_id, who.session_id

        async def look(conn: Conn) -> Who:
            role = await users.role_in(conn, user_id, team_id)
            if role is None:
                raise ProblemError(404, NOT_YOURS)
            await sessions.look_at(conn, mine, team_id)
            return replace(who, team_id=team_id, role=role)

        now = await self._database.write(look)
        self.ended([mine])
        return now

    async def sign_out(self, who: Who) -> None:
        if who.session_id is not None:
            await self.end_sessions(who, session_id=who.session_id)

    async def end_sessions(self, who: Who, *, session_id: str | None = None, but: str | None = None) -> int:
        """End one of his own sessions, or all but one; returns how many that were."""
        user, now_ms = await self.person(who), self._ears.now_ms()

        async def end(conn: Conn) -> list[str]:
            gone = await sessions.end(conn, user.id, session_id=session_id, but=but)
            if gone:
                detail = {"sessions": len(gone)}
                await audit.note(conn, now_ms, who, "session.end", subject_of(user), detail)
            return gone

        gone = await self._database.write(end)
        self.ended(gone)
        return len(gone)

    def ended(self, session_ids: Iterable[str]) -> None:
        """What these sessions had open ends with them."""
        for one in session_ids:
            self._live.end_session(one)

    def ended_for(self, user_id: int) -> None:
        """All that a person had open ends."""
        self._live.end_user(user_id)

    async def person(self, who: Who) -> UserRow:
        """Who is signed in."""
        assert who.user_id is not None  # the routes let in persons only
        async with self._database.read() as conn:
            user = await users.by_id(conn, who.user_id)
        if user is None:
            raise ProblemError(401, WRONG)
        return user

    async def _freshened(self, conn: Conn, who: Who) -> Who:
        assert who.session_id is not None  # a person without a session is nobody here
        return await sessions.freshen(conn, who, self._ears.now_ms(), self._access.lasting)


async def make_first(conn: Conn, name: str, password_hash: str, now_ms: int, team: str | None) -> UserRow:
    """The first person: administrator of the installation, and owner of its first team."""
    user = await users.create(conn, name, now_ms, password_hash=password_hash, is_admin=True)
    if team is not None:
        await users.name_team(conn, FIRST_TEAM, team)
    await teams.join(conn, FIRST_TEAM, user.id, Role.OWNER, now_ms)
    return user


def subject_of(user: UserRow) -> str:
    """What the audit log calls a person."""
    return f"user:{user.pseudonym}"


def _spelled(given: str) -> str:
    """The name as it is kept; one that nobody can have stays as it is, and is nobody's."""
    try:
        return sign_in_name(given)
    except ValueError:
        return given
