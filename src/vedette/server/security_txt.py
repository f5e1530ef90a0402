"""Whom to tell of a weakness: `/.well-known/security.txt`, as RFC 9116 has it."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response

from vedette.server.problems import ProblemError
from vedette.server.settings import Settings

PATH = "/.well-known/security.txt"
GOOD_FOR = timedelta(days=180)

router = APIRouter(include_in_schema=False)


@router.api_route(PATH, methods=["GET", "HEAD"])
async def security_txt(request: Request) -> Response:
    house = request.app.state.house
    if not house.settings.security.contact:
        raise ProblemError(404, "Nobody is named here yet: the administrator sets security.contact.")
    now = datetime.fromtimestamp(house.ears.now_ms() / 1000, UTC)
    return Response(written(house.settings, now), media_type="text/plain; charset=utf-8")


def written(settings: Settings, now: datetime) -> str:
    """The file. It expires half a year after the day on which it is read: then somebody served it anew."""
    expires = (now + GOOD_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [f"Contact: {contact}" for contact in settings.security.contact]
    lines += [f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}", "Preferred-Languages: en, zh"]
    if settings.is_https:
        lines.append(f"Canonical: {settings.public_url}{PATH}")
    return "".join(f"{line}\n" for line in lines)
