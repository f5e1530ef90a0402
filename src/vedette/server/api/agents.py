"""Agents introduce themselves and deliver. The busy route is served at the door; here it is described."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from vedette.model.report import Enrolled, Enrolment
from vedette.server.api.shapes import Problem
from vedette.server.api.talk import Rooms
from vedette.server.caller import CALLER

router = APIRouter(tags=["agents"])

PROBLEM: dict[str, Any] = {"model": Problem}


def _json(struct: type[msgspec.Struct]) -> dict[str, Any]:
    (_, *_), components = msgspec.json.schema_components([struct])
    return {"application/json": {"schema": components[struct.__name__]}}


@router.post(
    "/agents",
    status_code=200,
    openapi_extra={"requestBody": {"required": True, "content": _json(Enrolment)}},
    responses={
        200: {"description": "the agent's node", "content": _json(Enrolled)},
        **dict.fromkeys((400, 401, 413), PROBLEM),
    },
)
async def enrol(request: Request, rooms: Rooms) -> Response:
    """Keep a node for an agent's key. Needs the enrolment token: `Authorization: Bearer ...`."""
    enrolled: Enrolled = await rooms.ingest.enrol(request.scope["headers"], await request.body())
    return Response(msgspec.json.encode(enrolled), media_type="application/json")


REPORTS_BODY = {
    "parameters": [
        {
            "name": "Vedette-Agent",
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": "the agent's id: the first 32 hex digits of its public key's SHA-256",
        },
        {
            "name": "Vedette-Signature",
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": "base64 of the Ed25519 signature of the raw body as sent",
        },
    ],
    "requestBody": {
        "required": True,
        "description": "one Envelope as msgpack, zstd; at most 1 MiB as sent, 4 MiB decompressed",
        "content": {"application/x-msgpack": {"schema": {"type": "string", "format": "binary"}}},
    },
}


@router.post(
    "/reports",
    response_class=Response,
    openapi_extra=REPORTS_BODY,
    responses={
        200: {
            "content": {"application/x-msgpack": {}},
            "description": "an Ack: everything up to it is on disk",
        },
        **dict.fromkeys((400, 401, 413, 426, 503), PROBLEM),
    },
)
async def reports(request: Request, rooms: Rooms) -> Response:
    """Deliver reports, oldest first, and the live state. A second delivery is harmless."""
    scope = request.scope
    acknowledged = await rooms.ingest.hear(scope["headers"], request.receive, scope.get(CALLER))
    return Response(acknowledged, media_type="application/x-msgpack")
