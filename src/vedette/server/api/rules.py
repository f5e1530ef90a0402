"""The rules, what a team goes by, and how often each has fired."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Response
from sqlalchemy import select

from vedette.alerts import limits
from vedette.alerts.limits import Limits, OfRules, Preset
from vedette.alerts.rules import RULES
from vedette.alerts.rules.rule import AnyRule
from vedette.alerts.rules.subjects import short
from vedette.model.errors import SettingError
from vedette.model.incident import Severity
from vedette.model.people import Who
from vedette.notify.rules import CATALOGUE
from vedette.server.api.members import Operator, Viewer
from vedette.server.api.rule_shapes import (
    LimitsChange,
    LimitShape,
    Recent,
    Rules,
    RuleShape,
    SubjectLimits,
)
from vedette.server.api.shapes import InLanguages
from vedette.server.api.talk import Rooms, reply
from vedette.server.house import House
from vedette.server.problems import ProblemError
from vedette.store import policies
from vedette.store import tables as t
from vedette.store.database import Conn, visible_to
from vedette.store.firings import fired
from vedette.store.nodes import NAME
from vedette.store.policies import StalePolicyError

router = APIRouter(prefix="/alerts", tags=["alerts"])

RECENT_MS: Final = 30 * 86_400_000
KINDS: Final[Mapping[type, str]] = {
    bool: "flag",
    int: "whole",
    float: "number",
    Severity: "severity",
    str: "text",
}
UNITS: Final = (
    *("ms", "seconds", "minutes", "hours", "days", "bytes", "ratio", "percent", "blocks", "epochs", "terms"),
    *("votes", "drip", "count", "lines", "nodes"),
)
STALE: Final = "Somebody else changed this meanwhile: read them anew (GET /api/v1/alerts/rules), then change."


@router.get("/rules", response_model=Rules)
async def list_rules(rooms: Rooms, who: Viewer) -> Response:
    """Every rule: why it is there, what it goes by for your team, and how often it fired lately."""
    return reply(await _told(rooms, who))


@router.put("/limits", response_model=Rules)
async def change_limits(change: LimitsChange, rooms: Rooms, who: Operator) -> Response:
    """Set the preset and limits of your team as a whole, for all or for single nodes and validators."""
    try:
        wanted = limits.parse(change.model_dump(exclude={"version"}))
    except SettingError as error:
        raise ProblemError(422, "; ".join(str(error).splitlines())) from error
    now_ms = rooms.ears.now_ms()
    try:
        await rooms.database.write(
            lambda conn: policies.keep(conn, who, "limits", limits.plain(wanted), change.version, now_ms)
        )
    except StalePolicyError as error:
        raise ProblemError(409, STALE) from error
    rooms.policies.forget()
    return reply(await _told(rooms, who))


async def _told(rooms: House, who: Who) -> Rules:
    async with rooms.database.read() as conn:
        kept = await policies.policy(conn, who)
        counts = await fired(conn, who, rooms.ears.now_ms() - RECENT_MS)
        own = _own(kept.limits)
        names = {} if own is None else await _names(conn, who, own.subjects)
    base = rooms.policies.base
    preset = base.preset if own is None else own.preset
    usual = Limits(preset, base.rules)
    team = Limits(preset) if own is None else own
    return Rules(
        preset=preset.value,
        presets=[preset.value for preset in Preset],
        rules=[_rule_shape(rule, usual, team, counts.get(rule.name, 0)) for rule in RULES],
        subjects=[_subject(one, rules, names) for one, rules in sorted(team.subjects.items())],
        version=kept.version,
    )


def _own(kept: Any) -> Limits | None:
    """What the team set; None: nothing, or nothing that still can be read (then the settings hold)."""
    try:
        return None if kept is None else limits.parse(kept)
    except SettingError:
        return None


def _rule_shape(rule: AnyRule, usual: Limits, team: Limits, count: int) -> RuleShape:
    whole = team.over(usual).of(rule, "")
    return RuleShape(
        name=rule.name,
        about=rule.about.value,
        title=_said(f"{rule.name}.name"),
        why=_said(f"{rule.name}.why"),
        docs=f"reference/alerts#{rule.name}",
        is_on=whole.is_on,
        limits=[_limit_shape(name, kind, rule, usual, team) for name, kind in limits.kinds_of(rule).items()],
        recent=Recent(fired_30d=count),
    )


def _limit_shape(name: str, kind: type, rule: AnyRule, usual: Limits, team: Limits) -> LimitShape:
    unit = name.rpartition("_")[2]
    return LimitShape.model_validate(
        {
            "name": name,
            "kind": KINDS[kind],
            "unit": unit if unit in UNITS else None,
            "default": getattr(rule.limit(), name),
            "preset": getattr(usual.of(rule, ""), name),
            "team": team.rules.get(rule.name, {}).get(name),
            "value": getattr(team.over(usual).of(rule, ""), name),
        }
    )


def _said(key: str) -> InLanguages:
    return InLanguages(en=CATALOGUE["en"][key], zh=CATALOGUE["zh"][key])


def _subject(subject_id: str, rules: OfRules, names: Mapping[str, str]) -> SubjectLimits:
    kind = "validator" if subject_id.startswith("0x") else "node"
    plain = {rule: dict(values) for rule, values in rules.items()}
    name = names.get(subject_id, short(subject_id))
    return SubjectLimits.model_validate({"id": subject_id, "name": name, "kind": kind, "rules": plain})


async def _names(conn: Conn, who: Who, subjects: Mapping[str, OfRules]) -> dict[str, str]:
    """Those of the team's nodes."""
    query = select(t.nodes.c.id, NAME.label("name")).where(
        visible_to(who, t.nodes), t.nodes.c.id.in_(list(subjects))
    )
    return {row.id: row.name for row in await conn.execute(query)}
