"""Tales: a time of blocks and nodes written in shorthand, played through the real rules.

A tale is plain data (from YAML or anything else):

    tale: a validator falls asleep for twelve blocks, then wakes
    round: 30s                               # a block settles each round; the first at one round
    strips: { alice: "s*7 a*12 s*20" }       # letters as in model/ballot.py, repeated by *n
    others: "100*20 60*19"                   # per cent of everyone else's votes in each block (default 100)
    nodes: { n1: alice, n2: null }           # whose key a node carries
    events:
      - { at: 4m, node: n1, does: dies }     # dies, returns, falls_silent, speaks, plans_stop, ends_plan
      - { at: 5m, node: n1, does: plans_stop, for: 10m }
    sets:                                    # fields of model/view.py, from a moment on
      - { at: 2m, node: n1, numbers: { host.disk.used_ratio: 0.9 }, states: { node.voting: "false" } }
      - { at: 2m, node: n1, layers: { pos: { state: zombie, reason: pos_still, seconds: 200 } } }
      - { at: 3m, validator: alice, account: { available_votes: 0, force_retired_height: 100 } }
      - { at: 0s, network: { epoch_last_height: 120, block_interval_ms: 30s } }
      - { at: 0s, monitor: { sources: [{ name: public, error: it does not answer }] } }
      - { at: 0s, bridge: b1, name: Bridge, synced_at_ms: -10m }
    limits: { rules: { node_down: { critical_after_ms: 5000 } } }
    patience: { remind_critical: 10m }       # any of life.Patience, without the _ms
    until: 30m                               # default: when the longest strip ends
    expect:
      - { at: 8m30s, say: opened, key: absent_votes/alice, severity: warning }

In `sets` `at_ms` and a name that ends in `_at_ms`, `_since_ms` or `_until_ms` is a moment of the tale (`5m`;
`-10m` is before its start), another that ends in `_ms` a span; a mapping (numbers, states, layers) is laid
over the one before, a null in it takes a name out; an account or another record keeps the fields that are not
named.

Everything that is said must be expected, and the other way round, to the second.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import count
from typing import Any, TypeVar, get_origin, get_type_hints

import msgspec

from vedette.alerts import limits
from vedette.alerts.engine import step
from vedette.alerts.life import Patience
from vedette.alerts.limits import Limits
from vedette.model.ballot import Ballot
from vedette.model.errors import SettingError
from vedette.model.incident import Incident, Reason, Severity
from vedette.model.people import FIRST_TEAM
from vedette.model.pos import Account, PosAddress
from vedette.model.view import (
    BridgeView,
    MonitorView,
    NetworkView,
    NodeView,
    ProcessState,
    SettledBlock,
    ValidatorView,
    View,
)

R = TypeVar("R")

START_MS = 1_800_000_000_000
SECOND_MS = 1_000
WINDOW_BLOCKS = 120
VOTES = 50  # each named validator's
OTHERS_VOTES = 250
DUE_AFTER_MS = 15_000
FULL_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Event:
    """Something that befalls a node. `for_ms` is the length of a planned stop."""

    at_ms: int
    node: str
    does: str
    for_ms: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """From a moment on, these fields of one record are so."""

    at_ms: int
    what: str  # node, validator, network, monitor or bridge
    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Saying:
    """One message. `severity` None in an expectation: any."""

    at_ms: int
    say: str
    key: str
    severity: str | None

    def __str__(self) -> str:
        return f"at {span(self.at_ms)}: {self.say} {self.key} ({self.severity or 'any severity'})"

    def matches(self, other: "Saying") -> bool:
        either = self.severity is None or other.severity is None
        return replace(self, severity=None) == replace(other, severity=None) and (
            either or self.severity == other.severity
        )


@dataclass(frozen=True, slots=True)
class Tale:
    """A tale as it is played. Times are milliseconds from its start."""

    title: str
    round_ms: int
    strips: Mapping[str, str]
    others: tuple[int, ...]  # per cent for each block; the last goes on
    nodes: Mapping[str, str | None]
    roles: Mapping[str, str]
    events: tuple[Event, ...]
    sets: tuple[Setting, ...]
    limits: Limits
    patience: Patience
    until_ms: int
    expect: tuple[Saying, ...]


def play(tale: Tale, own: Limits | None = None) -> list[Saying]:
    """Live through the tale second by second and write down what is said."""
    return [
        Saying(now_ms - START_MS, str(reason), incident.key, str(incident.severity))
        for now_ms, incident, reason in lived(tale, own)
    ]


def lived(tale: Tale, own: Limits | None = None) -> Iterator[tuple[int, Incident, Reason]]:
    """Every message of the tale: when (unix milliseconds), of what, and why."""
    unresolved: dict[str, Incident] = {}
    over: list[Incident] = []
    ids = count(1)
    for view in views(tale):
        again_ms = view.now_ms - tale.patience.again_ms
        over = [one for one in over if (one.resolved_at_ms or 0) >= again_ms]
        standing, limits_now = list(unresolved.values()), own or tale.limits
        for incident, reason in step(view, standing, limits_now, tale.patience, over):
            kept = replace(incident, id=incident.id or next(ids))
            if kept.resolved_at_ms is None:
                unresolved[kept.key] = kept
            else:
                unresolved.pop(kept.key, None)
                over.append(kept)
            if reason is not None:
                yield view.now_ms, kept, reason


def differences(tale: Tale, own: Limits | None = None) -> list[str]:
    """What was said and not expected, or expected and not said, one line each; empty when the tale holds."""
    said = play(tale, own)
    missing = list(tale.expect)
    lines = []
    for saying in said:
        match = next((expected for expected in missing if expected.matches(saying)), None)
        if match is None:
            lines.append(f"said, not expected: {saying}")
        else:
            missing.remove(match)
    return lines + [f"expected, not said: {saying}" for saying in missing]


def views(tale: Tale) -> Iterator[View]:
    """The pictures that the rules judge, one each second."""
    longest = max((len(strip) for strip in tale.strips.values()), default=0)
    for now_ms in range(0, tale.until_ms + 1, SECOND_MS):
        if now_ms % tale.round_ms < SECOND_MS:  # a block may have settled
            chain = _chain(tale, min(now_ms // tale.round_ms, longest))
        nodes = {name: _node(tale, name, now_ms) for name in tale.nodes}
        yield _with_sets(replace(chain, now_ms=START_MS + now_ms, nodes=nodes), tale.sets)


def _with_sets(view: View, sets: Iterable[Setting]) -> View:
    nodes, validators, bridges = dict(view.nodes), dict(view.validators), dict(view.bridges)
    network, monitor = view.network, view.monitor
    for one in sets:
        if START_MS + one.at_ms > view.now_ms:
            continue
        match one.what:
            case "node":
                nodes[one.id] = _changed(nodes[one.id], one.values)
            case "validator":
                address = PosAddress(one.id)
                validators[address] = _changed(validators[address], one.values)
            case "bridge":
                before = bridges.get(one.id, BridgeView(one.id, one.id, None))
                bridges[one.id] = _changed(before, one.values)
            case "network":
                network = _changed(network, one.values)
            case _:
                monitor = _changed(monitor, one.values)
    return replace(
        view, nodes=nodes, validators=validators, bridges=bridges, network=network, monitor=monitor
    )


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    """What the fields of a record may hold. Finding it out anew each second took a tale half of its time."""
    return get_type_hints(kind)


def _changed(record: R, values: Mapping[str, Any]) -> R:
    """The record with these fields; what is left out of a mapping or a record in it stays as it was."""
    kind: type = type(record)
    hints = _hints(kind)
    try:
        changes = {
            name: _converted(hints[name], getattr(record, name), value) for name, value in values.items()
        }
    except (msgspec.ValidationError, TypeError) as error:  # a part of a record that lacks the rest
        raise SettingError(f"sets: {', '.join(values)}: {error}") from error
    return replace(record, **changes)  # type: ignore[type-var]  # R is one of the view's dataclasses


def _converted(kind: Any, before: object, value: object) -> Any:
    if isinstance(value, Mapping) and isinstance(before, Mapping):
        value = {name: one for name, one in {**before, **value}.items() if one is not None}
    elif isinstance(value, Mapping) and before is not None:
        value = {**msgspec.to_builtins(before), **value}
    elif isinstance(value, Mapping) and kind == (Account | None):
        value = {**msgspec.to_builtins(NO_STAKE), **value}
    return msgspec.convert(value, kind)


def _chain(tale: Tale, settled: int) -> View:
    window = range(max(0, settled - WINDOW_BLOCKS), settled)
    return View(
        now_ms=START_MS,
        blocks=tuple(_block(tale, height) for height in window),
        validators={PosAddress(name): _validator(tale, name, window) for name in tale.strips},
    )


def _letter(strip: str, height: int) -> str:
    return strip[height] if height < len(strip) else Ballot.UNSEEN


def _block(tale: Tale, height: int) -> SettledBlock:
    letters = [_letter(strip, height) for strip in tale.strips.values()]
    percent = tale.others[min(height, len(tale.others) - 1)]
    signed = OTHERS_VOTES * percent // FULL_PERCENT + VOTES * sum(letter in "sl" for letter in letters)
    total = OTHERS_VOTES + VOTES * sum(letter != Ballot.IDLE for letter in letters)
    unseen = Ballot.UNSEEN in letters
    return SettledBlock(height + 1, 1, total, None if unseen else signed)


def _validator(tale: Tale, name: str, window: range) -> ValidatorView:
    strip = "".join(_letter(tale.strips[name], height) for height in window)
    elected = not strip.rstrip(Ballot.UNSEEN).endswith(Ballot.IDLE)
    return ValidatorView(PosAddress(name), FIRST_TEAM, strip, VOTES if elected else 0)


def _node(tale: Tale, name: str, now_ms: int) -> NodeView:
    carried = tale.nodes[name]
    node = NodeView(
        id=name,
        team_id=FIRST_TEAM,
        name=name,
        pos_address=None if carried is None else PosAddress(carried),
        process=ProcessState.RUNNING,
        died_at_ms=None,
        planned_stop_until_ms=None,
        heard_at_ms=0,
        due_at_ms=0,
        role=tale.roles.get(name, "full"),
    )
    speaking, heard_ms = True, now_ms
    for event in tale.events:
        if event.node == name and event.at_ms <= now_ms:
            node = _befall(node, event)
            speaking = {"falls_silent": False, "speaks": True}.get(event.does, speaking)
            heard_ms = event.at_ms if event.does == "falls_silent" else heard_ms
    heard_at_ms = START_MS + (now_ms if speaking else heard_ms)
    return replace(node, heard_at_ms=heard_at_ms, due_at_ms=heard_at_ms + DUE_AFTER_MS)


def _befall(node: NodeView, event: Event) -> NodeView:
    at_ms = START_MS + event.at_ms
    match event.does:
        case "dies":
            return replace(node, process=ProcessState.GONE, died_at_ms=at_ms, running_since_ms=None)
        case "returns":
            return replace(node, process=ProcessState.RUNNING, died_at_ms=None, running_since_ms=at_ms)
        case "plans_stop":
            return replace(node, planned_stop_until_ms=at_ms + event.for_ms)
        case "ends_plan":
            return replace(node, planned_stop_until_ms=None)
    return node


NAMES = {
    *("tale", "round", "strips", "others", "nodes", "roles", "events", "sets", "limits", "patience"),
    *("until", "expect"),
}
RECORDS: Mapping[str, type] = {
    "node": NodeView,
    "validator": ValidatorView,
    "network": NetworkView,
    "monitor": MonitorView,
    "bridge": BridgeView,
}
NO_STAKE = Account(PosAddress("nobody"), 1, 0, 0, (), (), 0, 0, None)
MOMENTS = ("_at_ms", "_since_ms", "_until_ms")
DOINGS = ("dies", "returns", "falls_silent", "speaks", "plans_stop", "ends_plan")
SPAN = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")
LETTERS = "".join(Ballot)
STRIP_TOKEN = re.compile(rf"([{re.escape(LETTERS)}]+)(?:\*(\d{{1,5}}))?")
PERCENT_TOKEN = re.compile(r"(\d{1,3})(?:\*(\d{1,5}))?")


def span(ms: int) -> str:
    """Milliseconds as a tale writes them: '1h2m3s'."""
    hours, rest = divmod(ms // 1000, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n]
    return "".join(parts) or "0s"


def parse(data: object) -> Tale:
    """A tale from plain data. Raises SettingError with a line for everything that is wrong."""
    reader = _Reader(data)
    tale = reader.tale()
    if reader.problems:
        raise SettingError("\n".join(reader.problems))
    return tale


@dataclass(slots=True)
class _Reader:
    """Reads what it can and remembers every complaint."""

    data: object
    problems: list[str] = field(default_factory=list)

    def tale(self) -> Tale:
        given = self._known(self.data, "the tale", NAMES)
        strips = {str(k): self._strip(v) for k, v in self._mapping(given.get("strips"), "strips").items()}
        round_ms = self._span(given.get("round", "30s"), "round") or 30_000
        longest = max((len(strip) for strip in strips.values()), default=0)
        nodes = self._nodes(given.get("nodes"), strips)
        tale = Tale(
            title=str(given.get("tale", "")),
            round_ms=round_ms,
            strips=strips,
            others=self._others(given.get("others", "100")),
            nodes=nodes,
            roles=self._roles(given.get("roles"), nodes),
            events=tuple(self._events(given.get("events"), nodes)),
            sets=tuple(self._sets(given.get("sets"), {"node": nodes, "validator": strips})),
            limits=self._limits(given.get("limits")),
            patience=self._patience(given.get("patience")),
            until_ms=self._span(given["until"], "until") if "until" in given else longest * round_ms,
            expect=tuple(self._expectations(given.get("expect"))),
        )
        if not tale.title:
            self.problems.append("a tale has a title: tale: what happens")
        return tale

    def _nodes(self, given: object, strips: Mapping[str, str]) -> dict[str, str | None]:
        nodes = {str(k): None if v is None else str(v) for k, v in self._mapping(given, "nodes").items()}
        for node, carried in nodes.items():
            if carried is not None and carried not in strips:
                self.problems.append(f"node {node} carries {carried}, which has no strip")
        return nodes

    def _roles(self, given: object, nodes: Mapping[str, str | None]) -> dict[str, str]:
        roles = {str(k): str(v) for k, v in self._mapping(given, "roles").items()}
        self.problems += [f"roles: there is no node {node}" for node in roles if node not in nodes]
        return roles

    def _events(self, given: object, nodes: Mapping[str, str | None]) -> Iterator[Event]:
        for place, one in enumerate(self._list(given, "events")):
            where = f"events[{place}]"
            event = self._known(one, where, {"at", "node", "does", "for"})
            node, does = str(event.get("node")), str(event.get("does"))
            if node not in nodes:
                self.problems.append(f"{where}: there is no node {node}")
            if does not in DOINGS:
                self.problems.append(f"{where}: a node does one of {', '.join(DOINGS)}, not {does}")
            length = self._span(event.get("for", "0s"), f"{where}.for")
            yield Event(self._span(event.get("at"), f"{where}.at"), node, does, length)

    def _sets(self, given: object, known: Mapping[str, Mapping[str, object]]) -> Iterator[Setting]:
        for place, one in enumerate(self._list(given, "sets")):
            where = f"sets[{place}]"
            values = self._mapping(one, where)
            at_ms = self._span(values.pop("at", "0s"), f"{where}.at")
            what = next((name for name in RECORDS if name in values), None)
            if what is None:
                self.problems.append(f"{where}: name what it is of: {', '.join(RECORDS)}")
                continue
            of, values = values[what], {name: value for name, value in values.items() if name != what}
            values |= of if isinstance(of, Mapping) else {}
            if what in known and of not in known[what]:
                self.problems.append(f"{where}: there is no {what} {of}")
                continue
            sound = {name: self._value(name, value, where) for name, value in values.items()}
            if self._fits(RECORDS[what], sound, where):
                yield Setting(at_ms, what, str(of), sound)

    def _fits(self, kind: type, values: Mapping[str, Any], where: str) -> bool:
        hints = _hints(kind)
        faults = [f"{where}: {kind.__name__} has no {name}" for name in values if name not in hints]
        for name in values.keys() & hints.keys():
            try:
                _converted(hints[name], {} if isinstance(values[name], Mapping) else None, values[name])
            except (msgspec.ValidationError, TypeError) as error:
                if not isinstance(values[name], Mapping) or get_origin(hints[name]) is Mapping:
                    faults.append(f"{where}.{name}: {error}")
        self.problems += faults
        return not faults

    def _value(self, name: str, value: object, where: str) -> Any:
        """A value with its moments and spans as milliseconds, however deep."""
        if isinstance(value, Mapping):
            return {str(key): self._value(str(key), one, f"{where}.{name}") for key, one in value.items()}
        if isinstance(value, list):
            return [self._value(name, one, where) for one in value]
        if not name.endswith("_ms") or not isinstance(value, str):
            return value
        sign = -1 if value.startswith("-") else 1
        span_ms = sign * self._span(value.removeprefix("-"), f"{where}.{name}")
        is_moment = name.endswith(MOMENTS) or name == "at_ms"
        return START_MS + span_ms if is_moment else span_ms

    def _limits(self, given: object) -> Limits:
        try:
            return limits.parse(given)
        except SettingError as error:
            self.problems += str(error).splitlines()
            return Limits()

    def _expectations(self, given: object) -> Iterator[Saying]:
        for place, one in enumerate(self._list(given, "expect")):
            where = f"expect[{place}]"
            expected = self._known(one, where, {"at", "say", "key", "severity"})
            say, severity = str(expected.get("say")), expected.get("severity")
            if say not in list(Reason):
                self.problems.append(f"{where}: say is one of {', '.join(Reason)}, not {say}")
            if severity is not None and severity not in list(Severity):
                self.problems.append(f"{where}: severity is one of {', '.join(Severity)}, not {severity}")
            at_ms = self._span(expected.get("at"), f"{where}.at")
            yield Saying(at_ms, say, str(expected.get("key")), None if severity is None else str(severity))

    def _patience(self, given: object) -> Patience:
        names = {f.name.removesuffix("_ms") for f in fields(Patience) if f.name.endswith("_ms")}
        spans = self._known(given or {}, "patience", names)
        return Patience(**{f"{k}_ms": self._span(v, f"patience.{k}") for k, v in spans.items() if k in names})

    def _strip(self, given: object) -> str:
        return "".join(self._tokens(given, STRIP_TOKEN, f'letters of "{LETTERS}", such as "s*7 a*12"'))

    def _others(self, given: object) -> tuple[int, ...]:
        tokens = self._tokens(given, PERCENT_TOKEN, 'per cents, such as "100*20 60*5"', divider=" ")
        return tuple(int(percent) for percent in "".join(tokens).split()) or (FULL_PERCENT,)

    def _tokens(self, given: object, token: re.Pattern[str], wanted: str, divider: str = "") -> Iterator[str]:
        for part in str(given).split():
            match = token.fullmatch(part)
            if match is None:
                self.problems.append(f"{part!r} is not understood: write {wanted}")
            else:
                yield (match[1] + divider) * int(match[2] or 1)

    def _span(self, given: object, where: str) -> int:
        match = SPAN.fullmatch(str(given))
        if match is None or not any(match.groups()):
            self.problems.append(f"{where}: write a time as 90s, 5m or 1h30m, not {given}")
            return 0
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((hours * 60 + minutes) * 60 + seconds) * 1000

    def _known(self, given: object, where: str, names: set[str]) -> dict[str, Any]:
        mapping = self._mapping(given, where)
        for name in sorted(map(str, mapping.keys() - names)):
            self.problems.append(f"{where}: unknown name {name} (known: {', '.join(sorted(names))})")
        return mapping

    def _mapping(self, given: object, where: str) -> dict[str, Any]:
        if given is None or isinstance(given, Mapping):
            return dict(given or {})
        self.problems.append(f"{where} must be names with values")
        return {}

    def _list(self, given: object, where: str) -> list[Any]:
        if given is None or isinstance(given, list):
            return given or []
        self.problems.append(f"{where} must be a list")
        return []
