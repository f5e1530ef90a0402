"""One's own account: password, authenticator, passkeys, address, name; and the ways back into it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from vedette.server.api.account_shapes import (
    NewEmail,
    NewName,
    NewPasskey,
    NewPassword,
    Nothing,
    PasskeyAsked,
    PasskeyEntry,
    Passkeys,
    RecoveryCodes,
    Reset,
    ResetWish,
    Session,
    TotpCode,
    TotpSecret,
    Verification,
)
from vedette.server.api.members import Anyone, Fresh, Person
from vedette.server.api.session import entered, left, passkey_place, site_of, told, visitor_of
from vedette.server.api.talk import Rooms, reply
from vedette.server.signing import Answer
from vedette.store import proofs

router = APIRouter(tags=["accounts"])

PasskeyId = Annotated[int, Path(ge=1, le=2**53, description="of GET /api/v1/account/passkeys")]


@router.patch("/account", response_model=Session)
async def rename(wish: NewName, request: Request, rooms: Rooms, who: Fresh) -> Response:
    """Take another name to sign in with."""
    await rooms.account.rename(who, wish.name)
    return reply(await told(request, rooms, who))


@router.delete("/account", response_model=Session)
async def remove(request: Request, rooms: Rooms, who: Fresh) -> Response:
    """Remove your account. Refused while a team, or this installation, would have nobody left."""
    await rooms.account.remove(who)
    return await left(request, rooms, who)


@router.put("/account/password", response_model=Session)
async def change_password(wish: NewPassword, request: Request, rooms: Rooms, who: Person) -> Response:
    """Set a new password. All your other browsers are signed out."""
    visitor = visitor_of(request, who)
    begun = await rooms.account.change_password(who, wish.old, wish.new, visitor, _language(request))
    return await entered(request, rooms, begun)


@router.post("/account/totp", response_model=TotpSecret)
async def begin_totp(_wish: Nothing, rooms: Rooms, who: Fresh) -> Response:
    """A secret for an authenticator. Nothing asks for its codes before PUT has seen a right one."""
    made = await rooms.account.begin_totp(who)
    return reply(TotpSecret(secret=made.secret, uri=made.uri, qr_svg=made.qr_svg))


@router.put("/account/totp", response_model=RecoveryCodes)
async def confirm_totp(wish: TotpCode, rooms: Rooms, who: Fresh) -> Response:
    """Show that the authenticator has the secret: from now on a sign-in by password needs its code too."""
    return reply(RecoveryCodes(recovery_codes=await rooms.account.confirm_totp(who, wish.code)))


@router.delete("/account/totp", status_code=204)
async def remove_totp(rooms: Rooms, who: Fresh) -> Response:
    """Take the authenticator away, and the recovery codes with it."""
    await rooms.account.remove_totp(who)
    return Response(status_code=204)


@router.post("/account/recovery-codes", response_model=RecoveryCodes)
async def renew_recovery_codes(_wish: Nothing, rooms: Rooms, who: Fresh) -> Response:
    """Ten new recovery codes; the old ones open nothing any more."""
    return reply(RecoveryCodes(recovery_codes=await rooms.account.renew_recovery_codes(who)))


@router.get("/account/passkeys", response_model=Passkeys)
async def passkeys(rooms: Rooms, who: Person) -> Response:
    """Your passkeys."""
    assert who.user_id is not None  # a person
    async with rooms.database.read() as conn:
        rows = await proofs.passkeys_of(conn, who.user_id)
    entries = [
        PasskeyEntry(
            id=str(row.id), name=row.name, created_at_ms=row.created_at_ms, used_at_ms=row.used_at_ms
        )
        for row in rows
    ]
    return reply(Passkeys(passkeys=entries))


@router.post("/account/passkeys/options", response_model=PasskeyAsked)
async def ask_new_passkey(_wish: Nothing, request: Request, rooms: Rooms, who: Fresh) -> Response:
    """Ask a device to make a passkey for this server."""
    asked = await rooms.account.ask_new_passkey(who, passkey_place(request, rooms))
    return reply(PasskeyAsked(ticket=asked.ticket, options=asked.options))


@router.post("/account/passkeys", response_model=Passkeys)
async def add_passkey(wish: NewPasskey, request: Request, rooms: Rooms, who: Fresh) -> Response:
    """Keep the passkey that the device made."""
    answer = Answer(wish.ticket, wish.credential, passkey_place(request, rooms))
    await rooms.account.add_passkey(who, answer, wish.name)
    return await passkeys(rooms, who)


@router.delete("/account/passkeys/{passkey_id}", status_code=204)
async def remove_passkey(passkey_id: PasskeyId, rooms: Rooms, who: Fresh) -> Response:
    """Take a passkey away: it opens nothing any more."""
    await rooms.account.remove_passkey(who, passkey_id)
    return Response(status_code=204)


@router.put("/account/email", response_model=Session)
async def set_email(wish: NewEmail, request: Request, rooms: Rooms, who: Fresh) -> Response:
    """Another address, or none. A new one counts once the link in the letter to it was opened."""
    await rooms.account.set_email(who, wish.email, _language(request))
    return reply(await told(request, rooms, who))


@router.post("/account/email/verification", response_model=Session)
async def verify_again(_wish: Nothing, request: Request, rooms: Rooms, who: Person) -> Response:
    """Send the letter once more to the address that waits."""
    await rooms.account.verify_again(who, _language(request))
    return reply(await told(request, rooms, who))


@router.post("/verifications", status_code=204)
async def verify(wish: Verification, request: Request, rooms: Rooms, _who: Anyone) -> Response:
    """Show that an address is yours, with the token of the letter's link. It works once, for a day."""
    await rooms.account.verify(wish.token, site_of(request))
    return Response(status_code=204)


@router.post("/password-resets", status_code=202, response_model=Nothing)
async def ask_reset(wish: ResetWish, request: Request, rooms: Rooms, _who: Anyone) -> Response:
    """Have a link sent to set a new password. The answer is the same for somebody whom nobody knows."""
    await rooms.account.ask_reset(wish.name_or_email, site_of(request), _language(request))
    return Response("{}", 202, media_type="application/json")


@router.put("/password-resets", status_code=204)
async def reset(wish: Reset, request: Request, rooms: Rooms, _who: Anyone) -> Response:
    """Set a new password with the token of the letter's link. It works once; all sign-ins end."""
    await rooms.account.reset_password(wish.token, wish.password, site_of(request), _language(request))
    return Response(status_code=204)


def _language(request: Request) -> str:
    return request.headers.get("accept-language", "")
