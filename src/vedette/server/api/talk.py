"""What every route is given, and how it replies."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel

from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.server.api.board import Board
from vedette.server.api.sent import LIVE, PRIVATE, Body, Sent
from vedette.server.api.shapes import WindowName
from vedette.server.caller import CALLER, WHO, Caller
from vedette.server.problems import ProblemError
from vedette.server.tip import Tip

if TYPE_CHECKING:
    from vedette.server.house import House

INT64_MAX = 2**63 - 1


def _house(request: Request) -> Any:
    return request.app.state.house


def _board(request: Request) -> Any:
    return request.app.state.board


async def _who(request: Request) -> Who:
    known: Who | None = request.scope.get(WHO)  # the door asked, to know whose budget pays
    if known is not None:
        return known
    house: House = request.app.state.house
    return await house.access.who(request.scope)


def calling(request: Request) -> Caller:
    """The address at the other end, as the door found it."""
    found: Caller = request.scope[CALLER]
    return found


Rooms = Annotated["House", Depends(_house)]
Calling = Annotated[Caller, Depends(calling)]
Boards = Annotated[Board, Depends(_board)]
Whose = Annotated[Who, Depends(_who)]

FromMs = Annotated[int | None, Query(ge=0, le=2**53, description="unix milliseconds")]
ToMs = Annotated[int | None, Query(ge=0, le=2**53, description="unix milliseconds")]
Before = Annotated[int | None, Query(ge=0, le=INT64_MAX, description="`next_before` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200, description="at most so many")]
Rows = Annotated[
    int | None,
    Query(ge=1, le=1_000, description="at most so many; without it 50, in a table all"),
]
Address = Annotated[
    str, Path(pattern=r"^0x[0-9a-fA-F]{64}$", description="PoS address: 0x and 64 hex digits")
]
Epoch = Annotated[int, Path(ge=1, lt=INT64_MAX, description="PoS epoch")]
Span = Annotated[
    WindowName, Query(alias="window", description="the epochs up to the newest that was counted")
]
Format = Annotated[
    Literal["json", "csv", "parquet"],
    Query(alias="format", description="csv, parquet: the same rows as a table"),
]

PAGE_ROWS = 50
"""Rows of a page whose reader does not say how many he wants."""

UNSEEN = (
    "No validator with this address was seen yet, and none is watched."
    " /api/v1/validators/{address}?look=true asks the chain for it."
)

TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "as JSON; with format=csv as RFC 4180 has it, with format=parquet as a Parquet file",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def reply(shape: BaseModel, cache: str | None = None) -> Response:
    """The shape as JSON. It was checked when it was made, so it is not checked again on its way out.

    With `cache` (of `sent`) it carries a tag; without it nobody may keep it.
    """
    body = encoded(shape)
    if cache is None:
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
    return Sent(Body(body), cache)


def kept_by(who: Who) -> str:
    """How a reply that depends on its reader may be kept: a member's by himself alone."""
    return LIVE if who.is_public else PRIVATE


def encoded(shape: BaseModel) -> bytes:
    return shape.__pydantic_serializer__.to_json(shape, by_alias=True)


async def known(address: str, rooms: "House") -> tuple[PosAddress, Tip]:
    """A validator that was seen or is watched, and the newest blocks. Raises ProblemError."""
    one, tip = PosAddress(address.lower()), await rooms.tips.now()
    if one not in tip.strips:
        raise ProblemError(404, UNSEEN)
    return one, tip
