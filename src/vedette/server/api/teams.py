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
"""What a team tells the public of itself, and its status page: nothing else is ever on it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from sqlalchemy.exc import IntegrityError

from vedette.model.incident import Incident, IncidentState, Subject, SubjectKind
from vedette.model.people import Who
from vedette.notify.text import incident_title
from vedette.notify.words import Lang
from vedette.server.api.board import in_full, validator_shape
from vedette.server.api.claim_shapes import (
    STATUS_DAYS,
    Days,
    LinkShape,
    Profile,
    ProfileChange,
    StatusIncident,
    StatusNode,
    StatusSubject,
    TeamStatus,
    ValidatorInFull,
)
from vedette.server.api.members import Owner, Viewer
from vedette.server.api.nodes import DAY_MS, public_shape
from vedette.server.api.sent import LIVE
from vedette.server.api.talk import Boards, Rooms, reply
from vedette.server.problems import ProblemError
from vedette.store import availability, incidents, nodes, profiles, reading
from vedette.store.availability import Uptime
from vedette.store.database import Conn
from vedette.store.nodes import NodeRow

router = APIRouter(tags=["teams"])

RECENT_MS: Final = 14 * DAY_MS
NO_TEAM: Final = "Your team is not there any more: sign in anew."
NO_PAGE: Final = "No team shows itself under this name."
TAKEN: Final = "slug: another team has this name; choose another."
SLUGLESS: Final = "slug: a status page needs a name to stand under; give one with is_public."
TELLABLE: Final = frozenset({"absent_blocks", "begun_before_window", "planned_stop_overrun", "agentless"})
"""The facts that a public title is made of. That a node carries a validator's key, say, is none of them."""

SlugWanted = Annotated[str, Path(max_length=40, description="a team's public name")]


@router.get("/team/profile", response_model=Profile)
async def team_profile(rooms: Rooms, who: Viewer) -> Response:
    """What your team tells the public."""
    return reply(await _own_profile(rooms, who))


@router.patch("/team/profile", response_model=Profile)
async def change_profile(change: ProfileChange, rooms: Rooms, who: Owner) -> Response:
    """Say what the public is to know of your team; whatever is left out stays."""
    said, now_ms = change.model_dump(include=change.model_fields_set), rooms.ears.now_ms()
    try:
        done = await rooms.database.write(lambda conn: profiles.change(conn, who, said, now_ms))
    except IntegrityError as error:  # two teams took it in one moment
        raise ProblemError(409, TAKEN) from error
    if done in {"taken", "slugless"}:
        raise ProblemError(409, TAKEN if done == "taken" else SLUGLESS)
    rooms.claims.forget()
    return reply(await _own_profile(rooms, who))


async def _own_profile(rooms: Rooms, who: Who) -> Profile:
    async with rooms.database.read() as conn:
        found = await profiles.profile(conn, who)
    if found is None:
        raise ProblemError(404, NO_TEAM)
    told = asdict(found)
    del told["team_id"]
    return Profile.model_validate({**told, "links": list(told["links"])})


# --- the page ---------------------------------------------------------------------------------------------


@router.get("/teams/{slug}", response_model=TeamStatus)
async def team_status(slug: SlugWanted, rooms: Rooms, board: Boards) -> Response:
    """A team's status page: its public nodes, and the validators that it publicly claimed."""
    now_ms = rooms.ears.now_ms()
    async with rooms.database.read() as conn:
        team = await profiles.public_profile(conn, slug)
    if team is None:
        raise ProblemError(404, NO_PAGE)
    found = await _validators(rooms, board, team.team_id)
    async with rooms.database.read() as conn:
        rows = [row for row in await nodes.public_nodes(conn) if row.team_id == team.team_id]
        shapes = [await _node(conn, row, rooms, now_ms) for row in rows]
        told = await _incidents(conn, team, rows, found, now_ms) if team.shows_incidents else None
    language = rooms.settings.alerts.language
    return reply(
        TeamStatus(
            name=team.name,
            slug=slug,
            about=team.about,
            links=[LinkShape(**asdict(link)) for link in team.links],
            validators=found,
            nodes=shapes,
            days_from_ms=_days_from_ms(now_ms),
            incidents=None if told is None else [_incident(one, language) for one in told],
            as_of_ms=now_ms,
        ),
        LIVE,
    )


async def _validators(rooms: Rooms, board: Boards, team_id: int) -> list[ValidatorInFull]:
    """Those that the team claimed publicly, as anybody sees them."""
    shown, tip = await rooms.claims.shown(), await rooms.tips.now()
    did = board.summaries(await rooms.standings.of("30d"))
    mine = sorted(one for one, told in shown.items() if told.team_id == team_id and one in tip.strips)
    members = tip.committee_votes
    shapes = [
        validator_shape(one, tip.strips[one], tip.recent.first, tip, members, did.of(one)) for one in mine
    ]
    return [in_full(one, shown) for one in shapes]


# --- nodes ------------------------------------------------------------------------------------------------


def _days_from_ms(now_ms: int) -> int:
    """When the first of the days began; today is the last of them."""
    return now_ms // DAY_MS * DAY_MS - (STATUS_DAYS - 1) * DAY_MS


async def _node(conn: Conn, row: NodeRow, rooms: Rooms, now_ms: int) -> StatusNode:
    from_ms = _days_from_ms(now_ms)
    held = await reading.availability_of(conn, Who(row.team_id), row.id, now_ms - from_ms, now_ms, DAY_MS)
    shape = public_shape(row, rooms.ears)
    return StatusNode(
        id=shape.id,
        name=shape.name,
        kind=shape.kind,
        role=shape.role,
        state=shape.state,
        version=shape.version,
        process=_days(held.process if held else ()),
        rpc=_days(held.rpc if held else ()),
    )


def _days(cells: Sequence[Uptime]) -> Days:
    days = [cell.up_ppm for cell in cells][-STATUS_DAYS:]
    unknown: list[int | None] = [None] * (STATUS_DAYS - len(days))
    return Days(up_ppm=availability.total(cells).up_ppm, days_ppm=unknown + days)


# --- incidents --------------------------------------------------------------------------------------------


async def _incidents(
    conn: Conn, team: profiles.Profile, rows: Sequence[NodeRow], found: Sequence[ValidatorInFull], now_ms: int
) -> list[Incident]:
    """What was told about public things, under the names that these have now."""
    names = {(SubjectKind.NODE, row.id): row.name for row in rows}
    for one in found:
        own = one.claimed.name if one.claimed else None
        names[SubjectKind.VALIDATOR, one.address] = own or f"{one.address[:10]}…{one.address[-4:]}"
    told = await incidents.told_since(conn, team.team_id, list(names), now_ms - RECENT_MS)
    return [replace(one, subject=_named(one.subject, names)) for one in told]


def _named(subject: Subject, names: Mapping[tuple[SubjectKind, str], str]) -> Subject:
    return replace(subject, name=names[subject.kind, subject.id])


def _incident(one: Incident, language: Lang) -> StatusIncident:
    bare = replace(one, facts={name: fact for name, fact in one.facts.items() if name in TELLABLE})
    subject = one.subject
    return StatusIncident.model_validate(
        {
            "id": one.id,
            "rule": one.rule,
            "severity": one.severity.value,
            "state": "resolved" if one.state is IncidentState.RESOLVED else "open",
            "subject": StatusSubject.model_validate(
                {"kind": subject.kind.value, "id": subject.id, "name": subject.name}
            ),
            "title": incident_title(bare, language),
            "opened_at_ms": one.opened_at_ms,
            "resolved_at_ms": one.resolved_at_ms,
        }
    )
