"""The live stream. It is served at the door; here it is described."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.types import Receive, Scope, Send

from vedette.server.api.shapes import IncidentShape, LiveBlock, Node
from vedette.server.api.talk import Rooms

router = APIRouter(tags=["live"])

LastId = str | None


class Stream(Response):
    """Hands the connection over to the live stream."""

    media_type = "text/event-stream"

    def __init__(self, rooms: Rooms) -> None:
        super().__init__()
        self._live = rooms.live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._live(scope, receive, send)


@router.get(
    "/live",
    status_code=200,
    response_class=Stream,
    responses={
        200: {
            "description": "server-sent events: hello, block, node, incident, reset",
            "content": {
                "text/event-stream": {
                    "schema": {
                        "oneOf": [
                            {"$ref": f"#/components/schemas/{shape.__name__}"}
                            for shape in (LiveBlock, Node, IncidentShape)
                        ]
                    }
                }
            },
        }
    },
)
async def live(
    rooms: Rooms,
    last_event_id: Annotated[LastId, Header(alias="Last-Event-ID")] = None,
    last_event_id_asked: Annotated[LastId, Query(alias="last_event_id")] = None,
) -> Response:
    """What happens, as it happens.

    Whoever comes back with the id of the last event that it heard is told what came after (`resumed` in
    `hello`), as far as it may still see it. After `reset`, read everything anew.
    """
    del last_event_id, last_event_id_asked  # read by the stream itself
    return Stream(rooms)
