"""How people come in: invited into a team, or freely where the settings allow it."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from vedette.model.people import Role, Who
from vedette.server.account import TAKEN_NAME
from vedette.server.house import House
from vedette.server.passwords import demand
from vedette.server.problems import ProblemError
from vedette.server.signing import Begun, Visitor, subject_of
from vedette.store import audit, teams, users
from vedette.store.database import Conn
from vedette.store.teams import Offer, TooManyError, UsedMeanwhileError
from vedette.store.users import NameTakenError

NO_INVITATION: Final = "This invitation was used, taken back, or has ended: ask for another one."
MEMBER: Final = "You are a member of this team already."
CLOSED: Final = "New accounts are not made here: the server's settings say accounts.sign_up = closed."
INVITED: Final = "New accounts are made by invitation here: ask an owner of a team for a link."
NOT_SET_UP: Final = "Nobody has an account here yet: set the server up first, with POST /api/v1/setup."
TOO_MANY_TEAMS: Final = f"You own {teams.OWNED_MAX} teams: that is as many as anybody may."


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What somebody says who wants an account."""

    name: str
    password: str | None
    email: str | None
    invitation: str | None
    team_name: str | None


async def sign_up(rooms: House, given: Newcomer, visitor: Visitor, accepts: str) -> Begun:
    """Make the account, let it into its team, and sign it in. Raises ProblemError."""
    await _demand_open(rooms, given, visitor.site)
    if given.password is not None:
        demand(given.password, given.name, given.email)
    kept = None if given.password is None else await rooms.passwords.hashed(given.password)
    now_ms = rooms.ears.now_ms()

    async def enter(conn: Conn) -> Begun:
        user = await users.create(conn, given.name, now_ms, password_hash=kept)
        himself = Who(None, None, user.id)
        await audit.note(conn, now_ms, himself, "account.make", subject_of(user))
        if given.invitation is not None:
            _accepted(await teams.accept(conn, given.invitation, user.id, now_ms))
        elif given.team_name is not None:
            await teams.make_team(conn, himself, given.team_name, now_ms)
        return await rooms.signing.begin(conn, user, visitor, "sign-up")

    try:
        begun = await rooms.database.write(enter)
    except NameTakenError:
        raise ProblemError(409, TAKEN_NAME) from None
    except UsedMeanwhileError:
        raise ProblemError(404, NO_INVITATION) from None
    if given.email is not None:
        with suppress(ProblemError):  # the account is made; its page says that no address was shown to be his
            await rooms.account.set_email(begun.who, given.email, accepts)
    return begun


async def _demand_open(rooms: House, given: Newcomer, site: str) -> None:
    """Whether whoever comes may have an account at all. Each try counts: nobody makes them by the hundred."""
    allowed = rooms.settings.accounts.sign_up
    if allowed == "closed":
        raise ProblemError(403, CLOSED)
    if allowed == "invited" and given.invitation is None:
        raise ProblemError(403, INVITED)
    async with rooms.database.read() as conn:
        if not await users.anybody(conn):
            raise ProblemError(409, NOT_SET_UP)
    await rooms.guesses.sign_up(site)
    if given.invitation is not None:
        await look(rooms, given.invitation, site)


async def look(rooms: House, token: str, site: str) -> Offer:
    """What an invitation offers. A wrong one counts as a guess at it."""
    await rooms.guesses.take(None, site)
    async with rooms.database.read() as conn:
        offer = await teams.offered(conn, token, rooms.ears.now_ms())
    if offer is None:
        raise ProblemError(404, NO_INVITATION)
    await rooms.guesses.give_back(None, site)
    return offer


async def join(rooms: House, who: Who, token: str) -> Offer:
    """One who has an account accepts an invitation."""
    assert who.user_id is not None  # the route lets in persons only
    user_id, now_ms = who.user_id, rooms.ears.now_ms()
    try:
        return await rooms.database.write(lambda conn: _accept(conn, token, user_id, now_ms))
    except UsedMeanwhileError:
        raise ProblemError(404, NO_INVITATION) from None


async def make_team(rooms: House, who: Who, name: str) -> Offer:
    """A new team, owned by the person who asks."""
    now_ms = rooms.ears.now_ms()
    try:
        team_id = await rooms.database.write(lambda conn: teams.make_team(conn, who, name, now_ms))
    except TooManyError:
        raise ProblemError(409, TOO_MANY_TEAMS) from None
    return Offer(team_id, name, Role.OWNER)


async def _accept(conn: Conn, token: str, user_id: int, now_ms: int) -> Offer:
    return _accepted(await teams.accept(conn, token, user_id, now_ms))


def _accepted(offer: Offer | str | None) -> Offer:
    if isinstance(offer, Offer):
        return offer
    if offer is None:
        raise ProblemError(404, NO_INVITATION)
    raise ProblemError(409, MEMBER)
