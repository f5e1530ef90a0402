"""Signing in: a name and its password, and what else proves a person; every proof begins a new session."""

import base64
import secrets
from dataclasses import dataclass
from typing import Final

from vedette.model.people import FIRST_TEAM, Role, Who, sign_in_name
from vedette.server.access import Access
from vedette.server.ears import Ears
from vedette.server.guesses import Guesses
from vedette.server.passwords import Passwords, demand
from vedette.server.problems import ProblemError
from vedette.store import sessions, tickets, users
from vedette.store.database import Conn, Database
from vedette.store.users import UserRow

WRONG: Final = "The name or the password is not right."
SET_UP: Final = "This installation is set up already: sign in."
WRONG_SETUP_CODE: Final = "That is not the setup code: the server's log has it from its last start."
SETUP_PURPOSE: Final = "setup"
SETUP_LASTS_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that began: the cookie's value, which is told once."""

    token: str
    who: Who


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a sign-in comes from, and the session that it replaces."""

    client: str
    browser: str
    before: Who


class Signing:
    """Whoever proves himself gets a session; whoever cannot learns nothing."""

    def __init__(
        self, database: Database, ears: Ears, access: Access, passwords: Passwords, guesses: Guesses
    ) -> None:
        self._database = database
        self._ears = ears
        self._access = access
        self._passwords = passwords
        self._guesses = guesses

    # --- the first person

    async def setup_code(self) -> str | None:
        """A code that lets whoever reads the server's log set it up; None when somebody has an account."""
        code, now_ms = setup_code(), self._ears.now_ms()

        async def make(conn: Conn) -> str | None:
            if await users.anybody(conn):
                await tickets.end(conn, SETUP_PURPOSE)
                return None
            return await tickets.make(conn, SETUP_PURPOSE, now_ms, SETUP_LASTS_MS, token=code)

        made = await self._database.write(make)
        return None if made is None else spaced(code)

    async def set_up(
        self, name: str, password: str, team: str, code: str | None, caller: Caller, is_here: bool
    ) -> Begun:
        """The first person becomes administrator, and owner of the first team."""
        await self._guesses.take(None, caller.client)
        async with self._database.read() as conn:
            if await users.anybody(conn):
                raise ProblemError(409, SET_UP)
        demand(password, name, team)
        kept, now_ms = await self._passwords.hashed(password), self._ears.now_ms()

        async def enter(conn: Conn) -> Begun:
            await users.hold_first_team(conn, FIRST_TEAM)
            if await users.anybody(conn):
                raise ProblemError(409, SET_UP)
            if not is_here and await tickets.use(conn, SETUP_PURPOSE, plain(code), now_ms) is None:
                raise ProblemError(403, WRONG_SETUP_CODE)
            user = await users.create(conn, name, now_ms, password_hash=kept, is_admin=True)
            await users.name_team(conn, FIRST_TEAM, team)
            await users.join(conn, user.id, FIRST_TEAM, Role.OWNER, now_ms)
            await tickets.end(conn, SETUP_PURPOSE)
            return await self.begin(conn, user, caller)

        return await self._database.write(enter)

    # --- everybody

    async def sign_in(self, given: str, password: str, caller: Caller) -> Begun:
        """Begin a session by name and password."""
        name = _spelled(given)
        await self._guesses.take(name, caller.client)
        async with self._database.read() as conn:
            user = await users.by_name(conn, name)
        right = await self._passwords.matches(password, user.password_hash if user else None)
        if not right or user is None or user.disabled_at_ms is not None:
            raise ProblemError(401, WRONG)
        found = user
        return await self._database.write(lambda conn: self.begin(conn, found, caller))

    async def begin(self, conn: Conn, user: UserRow, caller: Caller) -> Begun:
        """A new session, with a token that nobody could know before; the one he came with ends."""
        if caller.before.session_id is not None and caller.before.user_id is not None:
            await sessions.end(conn, caller.before.user_id, session_id=caller.before.session_id)
        await self._guesses.forget(conn, user.name, caller.client)
        token, who = await sessions.begin(
            conn, user.id, caller.browser, self._ears.now_ms(), self._access.lasting
        )
        return Begun(token, who)

    async def sign_out(self, who: Who) -> None:
        if who.session_id is not None and who.user_id is not None:
            mine, user_id = who.session_id, who.user_id
            await self._database.write(lambda conn: sessions.end(conn, user_id, session_id=mine))


def _spelled(given: str) -> str:
    """The name as it is kept; one that nobody can have stays as it is, and is nobody's."""
    try:
        return sign_in_name(given)
    except ValueError:
        return given


def setup_code() -> str:
    """Eighty random bits in letters that cannot be mistaken for one another in a log."""
    return base64.b32encode(secrets.token_bytes(10)).decode()


def spaced(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def plain(code: str | None) -> str:
    """A code without what people add to it."""
    return "".join((code or "").upper().replace("-", "").split())
