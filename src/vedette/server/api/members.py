"""What a request must be to change anything: a member's, and not another site's through his browser."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from vedette.model.people import PUBLIC, Who
from vedette.server.api.talk import Rooms, Whose
from vedette.server.problems import ProblemError

MEMBERS_ONLY = (
    "Only members may change anything: send the read token as Authorization: Bearer, or ask on the server's"
    " own machine."
)
FOREIGN = "Another site's page sent this. Use Vedette's own page, or a client that sends no Origin."
NOT_JSON = "Send the body as JSON, with Content-Type: application/json."
TOO_OFTEN = "That is too many changes in a minute. Come again in a while."


def _member(request: Request, rooms: Rooms, who: Whose) -> Who:
    if not _own_page(request, rooms.settings.public_url):
        raise ProblemError(403, FOREIGN)
    if who == PUBLIC:
        raise ProblemError(401, MEMBERS_ONLY, {"WWW-Authenticate": "Bearer"})
    # A browser sends JSON to another site only after asking that site, and we never agree.
    if request.method != "DELETE" and not _is_json(request):
        raise ProblemError(415, NOT_JSON)
    # Counted last: a stranger behind the same proxy must not use up what members may do.
    wait_s = rooms.changes.take(request.client.host if request.client else "")
    if wait_s:
        raise ProblemError(429, TOO_OFTEN, {"Retry-After": str(wait_s)})
    return who


def _own_page(request: Request, public_url: str | None) -> bool:
    origins = request.headers.getlist("origin")
    hosts = {request.headers.get("host", "").lower(), urlsplit(public_url or "").netloc.lower()}
    return all(_host_of(origin) in hosts - {""} for origin in origins)


def _host_of(origin: str) -> str | None:
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return parts.netloc if parts.scheme in {"http", "https"} else None


def _is_json(request: Request) -> bool:
    media = request.headers.get("content-type", "").partition(";")[0]
    return media.strip().lower() == "application/json"


Member = Annotated[Who, Depends(_member)]
