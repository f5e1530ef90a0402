"""What a request must be to see or change what is owned: a member's, not another site's by his browser."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from vedette.model.people import Role, Who
from vedette.server.access import TOKEN_BEARER
from vedette.server.account import FIRST_CONFIRM
from vedette.server.api.talk import Rooms, Whose, calling
from vedette.server.problems import ProblemError

SIGN_IN = "Sign in on the page, or send an API key as Authorization: Bearer, or ask on the server's machine."
ROLE_LACKS = "Your role in this team does not allow that: it takes the {role}. Ask an owner of the team."
KEY_LACKS = "This API key does not open that: it takes the scope {scope}, or a person who signed in."
NOT_ADMIN = "Only an administrator of this installation may do that."
NOT_A_PERSON = "Sign in as a person for that: a key, a token or the server's own machine is nobody."
FOREIGN = "Another site's page sent this. Use Vedette's own page, or a client that sends no Origin."
NOT_JSON = "Send the body as JSON, with Content-Type: application/json."
TOO_OFTEN = "That is too many changes in a minute. Come again in a while."

SAFE = frozenset({"GET", "HEAD"})
SCOPES = {Role.VIEWER: "read", Role.OPERATOR: "write"}


def at_least(role: Role) -> Callable[[Request, Rooms, Whose], Who]:
    """A dependency that lets in whoever may what this role may."""

    def member(request: Request, rooms: Rooms, who: Whose) -> Who:
        if not who.may(role):
            refuse_foreign(request, rooms, who)
            raise _lacking(who, role)
        return _sound(request, rooms, who)

    return member


def admin(request: Request, rooms: Rooms, who: Whose) -> Who:
    if not who.is_admin:
        refuse_foreign(request, rooms, who)
        if who.user_id is None and who.key is None and who.role is None:
            raise ProblemError(401, SIGN_IN, {"WWW-Authenticate": "Bearer"})
        raise ProblemError(403, NOT_ADMIN)
    return _sound(request, rooms, who)


def _keeper(request: Request, rooms: Rooms, who: Whose) -> Who:
    return who if who == TOKEN_BEARER else admin(request, rooms, who)


def _person(request: Request, rooms: Rooms, who: Whose) -> Who:
    if who.user_id is None:
        refuse_foreign(request, rooms, who)
        if who.role is not None or who.key is not None:
            raise ProblemError(403, NOT_A_PERSON)
        raise ProblemError(401, SIGN_IN, {"WWW-Authenticate": "Bearer"})
    return _sound(request, rooms, who)


def _fresh(rooms: Rooms, who: Annotated[Who, Depends(_person)]) -> Who:
    if who.fresh_until_ms <= rooms.ears.now_ms():
        raise ProblemError(403, FIRST_CONFIRM, need="confirm")
    return who


def _anyone(request: Request, rooms: Rooms, who: Whose) -> Who:
    refuse_foreign(request, rooms, who)
    if request.method not in {*SAFE, "DELETE"} and not _is_json(request):
        raise ProblemError(415, NOT_JSON)
    return who


def _lacking(who: Who, role: Role) -> ProblemError:
    if who.key is not None:
        return ProblemError(403, KEY_LACKS.format(scope=SCOPES.get(role, "of a person")))
    if who.role is not None or who.user_id is not None:
        return ProblemError(403, ROLE_LACKS.format(role=role.value))
    return ProblemError(401, SIGN_IN, {"WWW-Authenticate": "Bearer"})


def _sound(request: Request, rooms: Rooms, who: Who) -> Who:
    """A change must come from our own page, or from no page, as JSON, and not too often."""
    if request.method in SAFE:
        return who
    refuse_foreign(request, rooms, who)
    # A browser sends JSON to another site only after asking that site, and we never agree.
    if request.method != "DELETE" and not _is_json(request):
        raise ProblemError(415, NOT_JSON)
    # Counted last: a stranger behind the same proxy must not use up what members may do.
    wait_s = rooms.changes.take(calling(request).site)
    if wait_s:
        raise ProblemError(429, TOO_OFTEN, {"Retry-After": str(wait_s)})
    return who


def refuse_foreign(request: Request, rooms: Rooms, who: Who) -> None:
    """Refuse a change that another site's page sends through a visitor's browser."""
    if request.method in SAFE:
        return
    if not _own_page(request, rooms.settings.public_url) or not _same_site(request, who):
        raise ProblemError(403, FOREIGN)


def _own_page(request: Request, public_url: str | None) -> bool:
    origins = request.headers.getlist("origin")
    hosts = {request.headers.get("host", "").lower(), urlsplit(public_url or "").netloc.lower()}
    return all(_host_of(origin) in hosts - {""} for origin in origins)


def _same_site(request: Request, who: Who) -> bool:
    """A cookie travels by itself, so whoever brings one must say where he comes from: browsers do."""
    told = request.headers.get("sec-fetch-site")
    if told is not None:
        return told == "same-origin"
    return who.session_id is None or "origin" in request.headers


def _host_of(origin: str) -> str | None:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return parts.netloc if parts.scheme in {"http", "https"} else None


def _is_json(request: Request) -> bool:
    media = request.headers.get("content-type", "").partition(";")[0]
    return media.strip().lower() == "application/json"


Viewer = Annotated[Who, Depends(at_least(Role.VIEWER))]
Operator = Annotated[Who, Depends(at_least(Role.OPERATOR))]
Owner = Annotated[Who, Depends(at_least(Role.OWNER))]
Admin = Annotated[Who, Depends(admin)]
"""An administrator of the installation, in no team in particular."""
Keeper = Annotated[Who, Depends(_keeper)]
"""An administrator, or a program of his: it holds the read token, which stands in the server's settings."""
Person = Annotated[Who, Depends(_person)]
"""Whoever signed in himself, with or without a team."""
Fresh = Annotated[Who, Depends(_fresh)]
"""Whoever signed in himself and proved a moment ago that it is still he."""
Anyone = Annotated[Who, Depends(_anyone)]
"""Nobody in particular, but not through another site's page: whoever has not signed in yet."""
