"""A team proves that a validator is its own, and says what the public may know of it."""

from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from vedette.conflux.signatures import SignatureError
from vedette.conflux.wire import RpcError
from vedette.model.claims import Claim
from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.server.api.claim_shapes import (
    ClaimChallenge,
    ClaimChange,
    ClaimProof,
    Claims,
    ClaimShape,
    ClaimWish,
    SignerShape,
)
from vedette.server.api.members import Owner, Viewer
from vedette.server.api.talk import Address, Rooms, reply
from vedette.server.api.validators import look_up
from vedette.server.asking import TooManyError
from vedette.server.claims import NobodyError, OverError, UnboundError
from vedette.server.problems import ProblemError
from vedette.store import claims

router = APIRouter(prefix="/claims", tags=["claims"])

UNBOUND = "The chain's register knows no such validator: claim it once it has registered."
NOBODY_TELLS = "No endpoint tells now whose validator that is; try again in a minute."
OVER = "There is no such challenge, or it was used, or its half hour is over: ask for a new one."
NO_CLAIM = "Your team has no claim of this validator. GET /api/v1/claims lists what it has."

ChallengeId = Annotated[str, Path(max_length=64, description="`id` of the challenge")]


@router.get("", response_model=Claims)
async def list_claims(rooms: Rooms, who: Viewer) -> Response:
    """The validators that your team proved to be its own."""
    async with rooms.database.read() as conn:
        found = await claims.claims(conn, who)
    return reply(Claims(claims=[claim_shape(one) for one in found]))


@router.post("", status_code=201, response_model=ClaimChallenge)
async def begin_claim(wish: ClaimWish, rooms: Rooms, who: Owner) -> Response:
    """Ask for a text whose signature proves that a validator is yours. It waits for half an hour."""
    try:
        one, typed = await rooms.claims.challenge(who, PosAddress(wish.address.lower()))
    except UnboundError as error:
        raise ProblemError(404, UNBOUND) from error
    except NobodyError as error:
        raise ProblemError(409, str(error)) from error
    except TooManyError as error:
        line = f"Too much is being asked of the endpoints; try again in {error.retry_after_s} s."
        raise ProblemError(429, line, {"Retry-After": str(error.retry_after_s)}) from error
    except RpcError as error:
        raise ProblemError(503, NOBODY_TELLS) from error
    shape = ClaimChallenge(
        id=one.id,
        message=one.message,
        typed_data=typed,
        signers=[SignerShape(**{**asdict(signer), "space": signer.space.value}) for signer in one.signers],
        expires_at_ms=one.expires_at_ms,
    )
    made = reply(shape)
    made.status_code = 201
    return made


@router.put("/{challenge_id}", response_model=ClaimShape)
async def prove_claim(challenge_id: ChallengeId, proof: ClaimProof, rooms: Rooms, who: Owner) -> Response:
    """Hand in the signature. A claim of another team, if there was one, ends with that."""
    try:
        claim = await rooms.claims.prove(who, challenge_id, proof.signature)
    except OverError as error:
        raise ProblemError(404, OVER) from error
    except SignatureError as error:
        raise ProblemError(422, f"signature: {error}") from error
    except RpcError as error:
        raise ProblemError(503, NOBODY_TELLS) from error
    # One that has never voted would have no page yet. If nobody tells of it now, its first vote does.
    with suppress(ProblemError):
        await look_up(claim.address, rooms)
    return reply(claim_shape(claim))


@router.patch("/{address}", response_model=ClaimShape)
async def change_claim(address: Address, change: ClaimChange, rooms: Rooms, who: Owner) -> Response:
    """Say what the public is to know of your validator; whatever is left out stays."""
    one, now_ms = address.lower(), rooms.ears.now_ms()
    said = change.model_dump(include=change.model_fields_set)
    if not await rooms.database.write(lambda conn: claims.change(conn, who, one, said, now_ms)):
        raise ProblemError(404, NO_CLAIM)
    rooms.claims.forget()
    return reply(claim_shape(await _claim(rooms, who, one)))


@router.delete("/{address}", status_code=204)
async def drop_claim(address: Address, rooms: Rooms, who: Owner) -> Response:
    """Give a claim up; what was told of the validator is forgotten."""
    one, now_ms = address.lower(), rooms.ears.now_ms()
    if not await rooms.database.write(lambda conn: claims.drop(conn, who, one, now_ms)):
        raise ProblemError(404, NO_CLAIM)
    rooms.claims.forget()
    return Response(status_code=204)


async def _claim(rooms: Rooms, who: Who, address: str) -> Claim:
    async with rooms.database.read() as conn:
        found = await claims.claim_of(conn, who, address)
    if found is None:
        raise ProblemError(404, NO_CLAIM)
    return found


def claim_shape(one: Claim) -> ClaimShape:
    told: dict[str, Any] = {name: getattr(one, name) for name in ClaimShape.model_fields}
    links = [asdict(link) for link in one.links]
    return ClaimShape.model_validate({**told, "space": one.space.value, "links": links})
