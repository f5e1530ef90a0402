"""Signing in at another place: a browser is sent there, and comes back here."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from vedette.server.access import cookie
from vedette.server.api.session import set_session, visitor_of
from vedette.server.api.talk import Rooms, Whose
from vedette.server.oidc import LASTS_MS, OidcError

router = APIRouter(tags=["accounts"])

Text = Annotated[str | None, Query(max_length=4_096)]
REDIRECT: dict[int | str, dict[str, Any]] = {
    302: {"description": "to the provider, or to the page, which says what went wrong behind the #"}
}


@router.get("/oidc/start", status_code=302, responses=REDIRECT)
async def start(rooms: Rooms, who: Whose) -> Response:
    """Go to the place that the settings name. Whoever is signed in binds it to his account."""
    try:
        way = await rooms.oidc.begin(who)
    except OidcError as error:
        return _to_page("/account" if who.user_id is not None else "/sign-in", error.why)
    response = RedirectResponse(way.url, 302, {"Cache-Control": "no-store"})
    response.set_cookie(
        _cookie_name(is_https=rooms.access.is_https),
        way.cookie,
        max_age=LASTS_MS // 1000,
        secure=rooms.access.is_https,
        httponly=True,
        samesite="lax",  # it must come along when the other place sends the browser back
    )
    return response


@router.get("/oidc/callback", status_code=302, responses=REDIRECT)
async def callback(
    request: Request, rooms: Rooms, who: Whose, state: Text = None, code: Text = None, iss: Text = None
) -> Response:
    """Come back from there, signed in if the account is known here."""
    wanted = rooms.oidc.provider.setting.issuer
    name = _cookie_name(is_https=rooms.access.is_https)
    held = (cookie(request.scope["headers"], name) or b"").decode("latin-1")
    if not state or not code or iss not in {None, wanted}:
        return _to_page("/sign-in", "refused")
    try:
        begun = await rooms.oidc.finish(state, code, held, visitor_of(request, who))
    except OidcError as error:
        return _to_page("/account" if error.why == "confirm" else "/sign-in", error.why)
    response = RedirectResponse("/", 302, {"Cache-Control": "no-store"})
    set_session(response, rooms, begun)
    response.delete_cookie(name, secure=rooms.access.is_https, httponly=True, samesite="lax")
    return response


def _cookie_name(*, is_https: bool) -> str:
    return "__Host-vedette-oidc" if is_https else "vedette-oidc"


def _to_page(path: str, why: str) -> Response:
    return RedirectResponse(f"{path}#oidc={quote(why)}", 302, {"Cache-Control": "no-store"})
