"""Who is signed in: first run, signing in and out."""

from fastapi import APIRouter, Request, Response

from vedette.model.people import Role, Who
from vedette.server.api.account_shapes import May, Me, MyTeam, Session, Setup, SignIn
from vedette.server.api.members import Anyone
from vedette.server.api.talk import Rooms, Whose, reply
from vedette.server.browsers import browser_of
from vedette.server.house import House
from vedette.server.signing import Begun, Caller
from vedette.store import sessions, users
from vedette.store.database import Conn
from vedette.store.users import TeamOf, UserRow

router = APIRouter(tags=["accounts"])


@router.get("/session", response_model=Session)
async def session(request: Request, rooms: Rooms, who: Whose) -> Response:
    """Who asks, and what he may. Everyone may ask."""
    return reply(await told(request, rooms, who))


@router.post("/setup", response_model=Session)
async def set_up(wish: Setup, request: Request, rooms: Rooms, who: Anyone) -> Response:
    """Make the first account, while there is none: on the server's machine, or with the code from its log."""
    caller, is_here = caller_of(request, who), rooms.access.is_here(request.scope)
    begun = await rooms.signing.set_up(wish.name, wish.password, wish.team_name, wish.code, caller, is_here)
    return await entered(request, rooms, begun)


@router.post("/session", response_model=Session)
async def sign_in(wish: SignIn, request: Request, rooms: Rooms, who: Anyone) -> Response:
    """Sign in: the reply sets the cookie. 401 with `need: code` when a code is missing."""
    begun = await rooms.signing.sign_in(wish.name, wish.password, caller_of(request, who))
    return await entered(request, rooms, begun)


@router.delete("/session", response_model=Session)
async def sign_out(request: Request, rooms: Rooms, who: Anyone) -> Response:
    """Sign out: this session ends, and its cookie with it."""
    await rooms.signing.sign_out(who)
    left = who if who.session_id is None else rooms.access.without_session(request.scope)
    response = reply(await told(request, rooms, left))
    response.delete_cookie(
        rooms.access.cookie_name, secure=rooms.access.is_https, httponly=True, samesite="strict"
    )
    return response


def caller_of(request: Request, who: Who) -> Caller:
    """Where a sign-in comes from."""
    client = request.client.host if request.client else ""
    return Caller(client, browser_of(request.headers.get("user-agent", "")), who)


async def entered(request: Request, rooms: House, begun: Begun) -> Response:
    """The new session, with its cookie: read by no script, sent by no other site's page."""
    response = reply(await told(request, rooms, begun.who))
    response.set_cookie(
        rooms.access.cookie_name,
        begun.token,
        max_age=rooms.access.lasting.whole_ms // 1000,
        path="/",
        secure=rooms.access.is_https,
        httponly=True,
        samesite="strict",
    )
    return response


async def told(request: Request, rooms: House, who: Who) -> Session:
    """What a reader hears of himself."""
    async with rooms.database.read() as conn:
        user = None if who.user_id is None else await users.by_id(conn, who.user_id)
        teams = [] if user is None else await users.teams_of(conn, user.id)
        ends = None if who.session_id is None else await sessions.ends_at(conn, who.session_id)
        return Session(
            signed_in=user is not None,
            is_local=rooms.access.is_here(request.scope),
            user=None if user is None else await _me(conn, user),
            team=await _team(conn, who, teams),
            teams=[MyTeam(id=one.id, name=one.name, role=one.role) for one in teams],
            may=_may(who),
            first_run=user is None and not await users.anybody(conn),
            sign_up=rooms.settings.accounts.sign_up,
            mail=rooms.settings.mail is not None,
            oidc=None,
            fresh_until_ms=None if user is None else who.fresh_until_ms,
            expires_at_ms=ends,
        )


async def _me(conn: Conn, user: UserRow) -> Me:
    return Me(
        id=user.id,
        name=user.name,
        email=user.email,
        email_verified=user.email_verified_at_ms is not None,
        is_admin=user.is_admin,
        has_password=user.password_hash is not None,
        has_totp=user.has_totp,
        passkeys=await users.passkeys_of(conn, user.id),
    )


async def _team(conn: Conn, who: Who, teams: list[TeamOf]) -> MyTeam | None:
    if who.team_id is None or who.role is None:
        return None
    known = next((one.name for one in teams if one.id == who.team_id), None)
    return MyTeam(id=who.team_id, name=known or await users.team_name(conn, who.team_id), role=who.role)


def _may(who: Who) -> May:
    return May(
        read=who.may(Role.VIEWER),
        operate=who.may(Role.OPERATOR),
        own=who.may(Role.OWNER),
        administer=who.is_admin,
    )
