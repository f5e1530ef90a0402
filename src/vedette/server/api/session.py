"""Who is signed in: first run, signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from vedette.model.people import Role, Who
from vedette.server.account import waiting_email
from vedette.server.api.account_shapes import (
    Confirmation,
    May,
    Me,
    MyTeam,
    Nothing,
    OidcOffer,
    PasskeyAnswer,
    PasskeyAsked,
    Session,
    SessionEntry,
    Sessions,
    Setup,
    SignIn,
    TeamChoice,
)
from vedette.server.api.members import Anyone, Person
from vedette.server.api.talk import Rooms, Whose, reply
from vedette.server.browsers import browser_of
from vedette.server.caller import CALLER, Caller
from vedette.server.house import House
from vedette.server.passkeys import Place, place_of
from vedette.server.problems import ProblemError
from vedette.server.signing import Answer, Begun, Visitor
from vedette.store import proofs, sessions, users
from vedette.store.database import Conn
from vedette.store.teams import team_name
from vedette.store.users import TeamOf, UserRow

router = APIRouter(tags=["accounts"])

NO_SESSION = "You are not signed in there any more."
SessionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="of GET /api/v1/sessions")]


@router.get("/session", response_model=Session)
async def session(request: Request, rooms: Rooms, who: Whose) -> Response:
    """Who asks, and what he may. Everyone may ask."""
    return reply(await told(request, rooms, who))


@router.post("/setup", response_model=Session)
async def set_up(wish: Setup, request: Request, rooms: Rooms, who: Anyone) -> Response:
    """Make the first account, while there is none: on the server's machine, or with the code from its log."""
    visitor, is_here = visitor_of(request, who), rooms.access.is_here(request.scope)
    begun = await rooms.signing.set_up(wish.name, wish.password, wish.team_name, wish.code, visitor, is_here)
    return await entered(request, rooms, begun)


@router.post("/session", response_model=Session)
async def sign_in(wish: SignIn, request: Request, rooms: Rooms, who: Anyone) -> Response:
    """Sign in: the reply sets the cookie. 401 with `need: code` when a code is missing."""
    begun = await rooms.signing.sign_in(wish.name, wish.password, wish.code, visitor_of(request, who))
    return await entered(request, rooms, begun)


@router.delete("/session", response_model=Session)
async def sign_out(request: Request, rooms: Rooms, who: Anyone) -> Response:
    """Sign out: this session ends, and its cookie with it."""
    await rooms.signing.sign_out(who)
    return await left(request, rooms, who)


@router.post("/session/passkey/options", response_model=PasskeyAsked)
async def ask_passkey(_wish: Nothing, request: Request, rooms: Rooms, _who: Anyone) -> Response:
    """Ask a device for a passkey, to sign in or to prove oneself again."""
    asked = await rooms.signing.ask_passkey(passkey_place(request, rooms))
    return reply(PasskeyAsked(ticket=asked.ticket, options=asked.options))


@router.post("/session/passkey", response_model=Session)
async def sign_in_by_passkey(wish: PasskeyAnswer, request: Request, rooms: Rooms, who: Anyone) -> Response:
    """Sign in with what the device answered. No name is needed, and no code."""
    answer = Answer(wish.ticket, wish.credential, passkey_place(request, rooms))
    begun = await rooms.signing.sign_in_by_passkey(answer, visitor_of(request, who))
    return await entered(request, rooms, begun)


@router.post("/session/confirm", response_model=Session)
async def confirm(wish: Confirmation, request: Request, rooms: Rooms, who: Person) -> Response:
    """Prove once more that it is you: for ten minutes the account may then be changed."""
    if wish.ticket is not None and wish.credential is not None:
        answer = Answer(wish.ticket, wish.credential, passkey_place(request, rooms))
        now = await rooms.signing.confirm_by_passkey(who, answer)
    else:
        visitor = visitor_of(request, who)
        now = await rooms.signing.confirm(who, wish.password, wish.code, visitor)
    return reply(await told(request, rooms, now))


@router.post("/session/team", response_model=Session)
async def look_at_team(wish: TeamChoice, request: Request, rooms: Rooms, who: Person) -> Response:
    """Look at another one of your teams from now on, in this browser."""
    now = await rooms.signing.look_at(who, wish.team_id)
    return reply(await told(request, rooms, now))


@router.get("/sessions", response_model=Sessions)
async def all_sessions(rooms: Rooms, who: Person) -> Response:
    """Where you are signed in, the newest first."""
    assert who.user_id is not None  # a person
    async with rooms.database.read() as conn:
        rows = await sessions.of_user(conn, who.user_id, rooms.ears.now_ms())
    entries = [
        SessionEntry(
            id=row.id,
            browser=row.browser,
            created_at_ms=row.created_at_ms,
            seen_at_ms=row.seen_at_ms,
            is_this=row.id == who.session_id,
        )
        for row in rows
    ]
    return reply(Sessions(sessions=entries))


@router.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: SessionId, rooms: Rooms, who: Person) -> Response:
    """Sign another browser of yours out."""
    if not await rooms.signing.end_sessions(who, session_id=session_id):
        raise ProblemError(404, NO_SESSION)
    return Response(status_code=204)


@router.delete("/sessions", status_code=204)
async def end_other_sessions(rooms: Rooms, who: Person) -> Response:
    """Sign all your browsers out but this one."""
    await rooms.signing.end_sessions(who, but=who.session_id)
    return Response(status_code=204)


def visitor_of(request: Request, who: Who) -> Visitor:
    """Where a sign-in comes from."""
    return Visitor(site_of(request), browser_of(request.headers.get("user-agent", "")), who)


def site_of(request: Request) -> str:
    """The address, or the IPv6 network, by which tries are counted."""
    caller: Caller = request.scope[CALLER]
    return caller.site


def passkey_place(request: Request, rooms: House) -> Place:
    return place_of(rooms.settings.public_url, request.headers.get("host", ""))


async def entered(request: Request, rooms: House, begun: Begun) -> Response:
    """The new session, with its cookie: read by no script, sent by no other site's page."""
    response = reply(await told(request, rooms, begun.who))
    set_session(response, rooms, begun)
    return response


def set_session(response: Response, rooms: House, begun: Begun) -> None:
    response.set_cookie(
        rooms.access.cookie_name,
        begun.token,
        max_age=rooms.access.lasting.whole_ms // 1000,
        path="/",
        secure=rooms.access.is_https,
        httponly=True,
        samesite="strict",
    )


async def left(request: Request, rooms: House, who: Who) -> Response:
    """What remains when a session has ended; its cookie goes."""
    now = who if who.session_id is None else rooms.access.without_session(request.scope)
    response = reply(await told(request, rooms, now))
    response.delete_cookie(
        rooms.access.cookie_name, secure=rooms.access.is_https, httponly=True, samesite="strict"
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
            user=None if user is None else await _me(conn, user, rooms.ears.now_ms()),
            team=await _team(conn, who, teams),
            teams=[MyTeam(id=one.id, name=one.name, role=one.role) for one in teams],
            may=_may(who),
            first_run=user is None and not await users.anybody(conn),
            sign_up=rooms.settings.accounts.sign_up,
            mail=rooms.post.is_open,
            oidc=None if rooms.oidc.name is None else OidcOffer(name=rooms.oidc.name),
            fresh_until_ms=None if user is None else who.fresh_until_ms,
            expires_at_ms=ends,
        )


async def _me(conn: Conn, user: UserRow, now_ms: int) -> Me:
    waiting = await waiting_email(conn, user, now_ms)
    return Me(
        id=user.id,
        name=user.name,
        email=waiting or user.email,
        email_verified=waiting is None and user.email is not None,
        is_admin=user.is_admin,
        has_password=user.password_hash is not None,
        has_totp=user.has_totp,
        passkeys=await proofs.passkey_count(conn, user.id),
    )


async def _team(conn: Conn, who: Who, teams: list[TeamOf]) -> MyTeam | None:
    if who.team_id is None or who.role is None:
        return None
    known = next((one.name for one in teams if one.id == who.team_id), None)
    return MyTeam(id=who.team_id, name=known or await team_name(conn, who.team_id) or "", role=who.role)


def _may(who: Who) -> May:
    return May(
        read=who.may(Role.VIEWER),
        operate=who.may(Role.OPERATOR),
        own=who.may(Role.OWNER),
        administer=who.is_admin,
    )
