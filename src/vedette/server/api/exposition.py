"""The fleet for Prometheus: a team's own for its members, for anybody else what is public."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client.exposition import choose_encoder

from vedette.alerts.rules import RULES
from vedette.model.ballot import known_count, signed_count
from vedette.model.health import unsigned_run
from vedette.model.history import Of
from vedette.model.incident import Incident, IncidentState, Severity
from vedette.model.people import Role, Scope, Who
from vedette.model.performance import PPM, Figure
from vedette.model.pos import Account, PosAddress
from vedette.server.ahead import Ahead, ahead, last_signed, retirement_of
from vedette.server.api.network import pos_now, pow_now
from vedette.server.api.nodes import healths, node_shape, public_shape, release_of
from vedette.server.api.shapes import Node, NodeHealth
from vedette.server.api.talk import Rooms, Whose
from vedette.server.fleet_metrics import VALIDATORS_MAX, Fleet, ValidatorNow, registry
from vedette.server.standings import Standing
from vedette.server.tip import Tip
from vedette.store import incidents, nodes, people, strips
from vedette.store.database import Conn
from vedette.store.nodes import NodeRow

if TYPE_CHECKING:
    from vedette.server.house import House

router = APIRouter(tags=["metrics"])

KEEP_MS: Final = 2_000
"""Several Prometheus servers, or a hasty stranger, cost as much as one."""
GDRIP_PER_CFX: Final = 10**9

TEXT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Prometheus text, or OpenMetrics for whoever accepts it",
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            "application/openmetrics-text": {"schema": {"type": "string"}},
        },
    }
}


class Scrapes:
    """What was told last, by reader and form, for as long as it is fresh."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int | None, str], tuple[int, bytes]] = {}
        self._making = asyncio.Lock()

    async def text(self, rooms: "House", who: Who, accept: str) -> tuple[bytes, str]:
        encode, content_type = choose_encoder(accept)
        async with self._making:
            at_ms, text = self._kept.get((who.team_id, content_type), (-KEEP_MS, b""))
            now_ms = rooms.ears.steady_ms()
            if now_ms - at_ms >= KEEP_MS:
                self._forget(now_ms)
                told = registry(await fleet_of(rooms, who))
                text = await asyncio.to_thread(encode, told)  # thousands of nodes take a while
                self._kept[who.team_id, content_type] = now_ms, text
            return text, content_type

    def _forget(self, now_ms: int) -> None:
        self._kept = {key: told for key, told in self._kept.items() if now_ms - told[0] < KEEP_MS}


def _reader(who: Whose) -> Who:
    """A key for metrics shows its team's fleet here, and nothing anywhere else."""
    key = who.key
    if key is not None and who.is_public and Scope.METRICS in key.scopes:
        return Who(key.team_id, Role.VIEWER, key=key)
    return who


FleetReader = Annotated[Who, Depends(_reader)]


@router.get("/metrics", response_class=Response, responses=TEXT)
async def fleet_metrics(request: Request, rooms: Rooms, who: FleetReader) -> Response:
    """Your nodes, validators and incidents for Prometheus; for anybody else the network and public nodes."""
    scrapes: Scrapes = request.app.state.scrapes
    text, content_type = await scrapes.text(rooms, who, request.headers.get("accept", ""))
    headers = {"Content-Type": content_type, "Cache-Control": "no-store", "Vary": "Accept, Authorization"}
    return Response(text, headers=headers)


async def fleet_of(rooms: "House", who: Who) -> Fleet:
    """All that this reader may be shown."""
    tip, is_team = await rooms.tips.now(), not who.is_public
    shown, validators, troubles = await _of_team(rooms, who, tip) if is_team else await _of_public(rooms)
    return Fleet(
        now_ms=rooms.ears.now_ms(),
        is_team=is_team,
        nodes=shown,
        validators=validators,
        incidents=troubles,
        pos=pos_now(tip, rooms.follower.committed_height),
        pow=pow_now(rooms.follower),
        validators_known=len(tip.strips),
    )


Shown = tuple[list[Node], list[ValidatorNow], Mapping[tuple[str, Severity], int]]


async def _of_public(rooms: "House") -> Shown:
    async with rooms.database.read() as conn:
        rows = await nodes.public_nodes(conn)
    return [public_shape(row, rooms.ears) for row in rows], [], {}


async def _of_team(rooms: "House", who: Who, tip: Tip) -> Shown:
    whole, week = await rooms.standings.of("all"), await rooms.standings.of("7d")
    async with rooms.database.read() as conn:
        rows = await nodes.nodes(conn, who)
        troubles = await incidents.unresolved(conn)
        own = (await people.watched_by(conn)).get(who.team_id or 0, set())
        watches = await people.watches_of(conn, who)
        own = {*watches.of_settings, *watches.own}
        names = {row.states.get("node.pos_address", ""): row.name for row in rows} if rows else {}
        known = sorted({*own, *(PosAddress(one) for one in names if one in tip.strips)})
        coming = await ahead(conn, tip)
        validators = [
            await _validator(conn, one, names.get(one, ""), tip, coming, whole, week)
            for one in known[: VALIDATORS_MAX + 1]
        ]
    found = await healths(rooms, rows)
    shown = [_node(row, rooms, found[row.id]) for row in rows]
    return shown, validators, open_incidents(troubles, who)


def _node(row: NodeRow, rooms: "House", health: NodeHealth) -> Node:
    """With its release alone for a version: builds of one release are one line of a chart."""
    shape = node_shape(row, rooms.ears, [], health)
    return shape.model_copy(update={"version": release_of(row.states)})


def open_incidents(unresolved: Iterable[Incident], who: Who) -> dict[tuple[str, Severity], int]:
    """The team's, by rule and severity; with a zero where there is none, so that alerts see them end."""
    found = Counter(
        (one.rule, one.severity)
        for one in unresolved
        if one.team_id == who.team_id and one.state is IncidentState.OPEN
    )
    return {**{(rule.name, severity): 0 for rule in RULES for severity in Severity}, **found}


async def _validator(
    conn: Conn,
    one: PosAddress,
    name: str,
    tip: Tip,
    coming: Ahead | None,
    whole: Standing,
    week: Standing,
) -> ValidatorNow:
    snapshot, members = tip.accounts.get(one), tip.committee_votes
    account, strip = snapshot[0] if snapshot else None, tip.strips.get(one, "")
    known, (absent, signed_lately) = known_count(strip), unsigned_run(strip)
    paid, apy = whole.of(one).sums[Of.REWARD_GDRIP], week.of(one).figures[Figure.APY_PPM]
    return ValidatorNow(
        address=one,
        name=name,
        votes=_votes(account) if account else {},
        retired=account.force_retired_height is not None if account else None,
        seats=members.get(one, 0) if members is not None else None,
        vote_ratio=signed_count(strip) / known if known else None,
        absent_blocks=absent if absent or signed_lately else None,
        reward_cfx=paid / GDRIP_PER_CFX,
        apy_ratio=None if apy is None else apy / PPM,
        **await _of_epoch(conn, one, account, coming),
    )


def _votes(account: Account) -> dict[str, int]:
    return {
        "available": account.available_votes,
        "locked": account.locked_votes,
        "in_queue": sum(queued.votes for queued in account.in_queue),
        "out_queue": sum(queued.votes for queued in account.out_queue),
        "unlocked": account.unlocked_votes,
        "forfeited": account.forfeited_votes,
    }


async def _of_epoch(
    conn: Conn, one: PosAddress, account: Account | None, coming: Ahead | None
) -> dict[str, Any]:
    """What it did in the acting epoch, and how long it may stand still."""
    if coming is None:
        return {}
    pace = coming.pace
    signed = await last_signed(conn, one, pace)
    strip = await strips.between(conn, one, pace.last_height(pace.epoch - 1) + 1, pace.height)
    found = retirement_of(coming, one, account, signed)
    return {
        "signed_blocks": signed_count(strip.letters),
        "expected_blocks": known_count(strip.letters),
        "retirement_blocks": max(0, found.sign_by_height - pace.height),
        "retirement_seconds": None if found.left_ms is None else found.left_ms / 1000,
        "silent_epochs": None if signed.epoch is None else pace.epoch - signed.epoch,
    }
