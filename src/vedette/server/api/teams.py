"""Teams: members and their roles, invitations, new accounts, and what a team watches."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from vedette.model.people import Role, Who
from vedette.model.pos import PosAddress
from vedette.server import joining
from vedette.server.api.account_shapes import MyTeam, Session
from vedette.server.api.members import ROLE_LACKS, Anyone, Operator, Owner, Person, Viewer
from vedette.server.api.session import entered, site_of, visitor_of
from vedette.server.api.talk import INT64_MAX, Rooms, reply
from vedette.server.api.team_shapes import (
    Invitation,
    InvitationToken,
    InvitationWish,
    Invited,
    Joining,
    MadeInvitation,
    Member,
    MemberChange,
    SignUp,
    Team,
    TeamWish,
    Watched,
    WatchWish,
)
from vedette.server.house import House
from vedette.server.joining import Newcomer
from vedette.server.problems import ProblemError
from vedette.store import audit, people, teams
from vedette.store.database import Conn
from vedette.store.teams import Done, MemberRow, Offer, TooManyError

router = APIRouter(tags=["teams"])

UserId = Annotated[int, Path(ge=1, le=INT64_MAX, description="a member's `user_id`")]
NO_MEMBER = "There is no such member in your team. GET /api/v1/team lists them."
NO_INVITATION = "No such invitation of your team waits. GET /api/v1/team lists those that do."
LAST_OWNER = "The team would have no owner left: make somebody else an owner first."
TOO_MANY = f"{teams.OPEN_MAX} invitations of your team wait: take some back first."


@router.get("/team", response_model=Team)
async def my_team(rooms: Rooms, who: Viewer) -> Response:
    """The team that you look at: its members; for owners also their addresses, and who is invited."""
    async with rooms.database.read() as conn:
        return reply(await _team(conn, who, rooms.ears.now_ms()))


@router.patch("/team", response_model=Team)
async def rename_team(wish: TeamWish, rooms: Rooms, who: Owner) -> Response:
    """Call your team by another name."""
    now_ms = rooms.ears.now_ms()
    await rooms.database.write(lambda conn: teams.rename(conn, who, wish.name, now_ms))
    return await my_team(rooms, who)


@router.post("/teams", response_model=MyTeam)
async def make_team(wish: TeamWish, rooms: Rooms, who: Person) -> Response:
    """A new team, which you own. POST /api/v1/session/team looks at it."""
    return _mine(await joining.make_team(rooms, who, wish.name))


@router.patch("/team/members/{user_id}", response_model=Member)
async def change_member(user_id: UserId, change: MemberChange, rooms: Rooms, who: Owner) -> Response:
    """Give a member another role. The API keys of one who is no owner any more end with that."""
    now_ms = rooms.ears.now_ms()
    _demand_done(
        await rooms.database.write(lambda conn: teams.set_role(conn, who, user_id, change.role, now_ms))
    )
    _end_streams(rooms, who, user_id)
    async with rooms.database.read() as conn:
        row = next((one for one in await teams.members(conn, who) if one.user_id == user_id), None)
    if row is None:
        raise ProblemError(404, NO_MEMBER)
    return reply(_member(row, who))


@router.delete("/team/members/{user_id}", status_code=204)
async def remove_member(user_id: UserId, rooms: Rooms, who: Viewer) -> Response:
    """Send a member away, as an owner, or leave. The API keys that he made end with it."""
    if who.user_id != user_id and not who.may(Role.OWNER):
        raise ProblemError(403, ROLE_LACKS.format(role=Role.OWNER.value))
    now_ms = rooms.ears.now_ms()
    _demand_done(await rooms.database.write(lambda conn: teams.part(conn, who, user_id, now_ms)))
    _end_streams(rooms, who, user_id)
    return Response(status_code=204)


# --- invitations


@router.post("/team/invitations", response_model=MadeInvitation)
async def invite(wish: InvitationWish, request: Request, rooms: Rooms, who: Owner) -> Response:
    """Invite somebody into your team, for a week. The link is told once; it is mailed, too, if it can be."""
    now_ms, email = rooms.ears.now_ms(), None if wish.email is None else wish.email.strip().lower()
    if email is not None and rooms.post.is_open:
        await rooms.guesses.demand_letter(email)
    try:
        made = await rooms.database.write(lambda conn: teams.invite(conn, who, wish.role, email, now_ms))
    except TooManyError:
        raise ProblemError(409, TOO_MANY) from None
    if email is not None and rooms.post.is_open:
        name = await _name(rooms, who)
        accepts = request.headers.get("accept-language", "")
        letter = rooms.post.letter("invited", name, accepts, "/sign-up", made.token)
        rooms.post.later(rooms.post.send(email, letter))
    origin = rooms.settings.public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    link = f"{origin}/sign-up#{made.token}"  # behind the #, which no browser sends, so that no log has it
    return reply(MadeInvitation(id=made.row.id, link=link, expires_at_ms=made.row.expires_at_ms))


@router.delete("/team/invitations/{invitation_id}", status_code=204)
async def withdraw_invitation(invitation_id: str, rooms: Rooms, who: Owner) -> Response:
    """Take an invitation back: its link opens nothing from now on."""
    now_ms = rooms.ears.now_ms()
    if not await rooms.database.write(lambda conn: teams.withdraw(conn, who, invitation_id, now_ms)):
        raise ProblemError(404, NO_INVITATION)
    return Response(status_code=204)


@router.post("/invitations/look", response_model=Invited)
async def look_at_invitation(wish: InvitationToken, request: Request, rooms: Rooms, _: Anyone) -> Response:
    """What an invitation offers. Whoever has its link may ask."""
    offer = await joining.look(rooms, wish.token, site_of(request))
    return reply(Invited(team=offer.team_name, role=offer.role))


@router.post("/team/join", response_model=MyTeam)
async def join_team(wish: Joining, rooms: Rooms, who: Person) -> Response:
    """Accept an invitation with the account that you are signed in with."""
    return _mine(await joining.join(rooms, who, wish.invitation))


@router.post("/users", response_model=Session)
async def sign_up(wish: SignUp, request: Request, rooms: Rooms, who: Anyone) -> Response:
    """Make an account and sign it in: by invitation, or freely where `accounts.sign_up` is open."""
    given = Newcomer(wish.name, wish.password, wish.email, wish.invitation, wish.team_name)
    accepts = request.headers.get("accept-language", "")
    begun = await joining.sign_up(rooms, given, visitor_of(request, who), accepts)
    return await entered(request, rooms, begun)


# --- what it watches


@router.get("/team/watches", response_model=Watched)
async def watches(rooms: Rooms, who: Viewer) -> Response:
    """The validators that your team watches, beside those whose node is its own."""
    async with rooms.database.read() as conn:
        found = await people.watches_of(conn, who)
    return reply(Watched(addresses=list(found.own), of_settings=list(found.of_settings)))


@router.put("/team/watches", response_model=Watched)
async def watch(wish: WatchWish, rooms: Rooms, who: Operator) -> Response:
    """From now on your team watches exactly these: it is told when one of them is absent."""
    wanted, now_ms = [PosAddress(one.lower()) for one in wish.addresses], rooms.ears.now_ms()

    async def keep(conn: Conn) -> None:
        assert who.team_id is not None  # the route lets in members only
        await people.watch(conn, who.team_id, wanted)
        told: audit.Detail = {"validators": len(set(wanted))}
        await audit.note(conn, now_ms, who, "team.watch", f"team:{who.team_id}", told)

    await rooms.database.write(keep)
    rooms.tips.forget()
    rooms.news.judge_wake.set()
    return await watches(rooms, who)


async def _team(conn: Conn, who: Who, now_ms: int) -> Team:
    assert who.team_id is not None  # the routes let in members only
    waiting = await teams.invitations(conn, who, now_ms) if who.may(Role.OWNER) else []
    return Team(
        id=who.team_id,
        name=await teams.team_name(conn, who.team_id) or "",
        members=[_member(row, who) for row in await teams.members(conn, who)],
        invitations=[
            Invitation(id=row.id, role=row.role, email=row.email, expires_at_ms=row.expires_at_ms)
            for row in waiting
        ],
    )


def _member(row: MemberRow, who: Who) -> Member:
    return Member(
        user_id=row.user_id,
        name=row.name,
        email=row.email if who.may(Role.OWNER) else None,
        role=row.role,
        since_ms=row.since_ms,
        seen_at_ms=row.seen_at_ms,
    )


def _mine(offer: Offer) -> Response:
    return reply(MyTeam(id=offer.team_id, name=offer.team_name, role=offer.role))


def _demand_done(done: Done) -> None:
    if done == "unknown":
        raise ProblemError(404, NO_MEMBER)
    if done == "last owner":
        raise ProblemError(409, LAST_OWNER)


def _end_streams(rooms: House, who: Who, user_id: int) -> None:
    """What he had open of this team is asked for anew; so is what his keys had open."""
    if who.team_id is not None:
        rooms.live.end_team_member(who.team_id, user_id)
        rooms.live.end_keys(who.team_id)


async def _name(rooms: House, who: Who) -> str:
    """What the team is called in a letter."""
    async with rooms.database.read() as conn:
        return "" if who.team_id is None else await teams.team_name(conn, who.team_id) or ""
