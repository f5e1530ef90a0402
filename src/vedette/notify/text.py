"""What a message says: pure, total, the same facts in every language.

Nothing is dumped: a fact is shown only where a sentence names it, so no message can carry what a sentence
was not written for (an IP address, say).
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import escape
from typing import Any, Final, Literal

from vedette.model.incident import Incident, Reason, Severity
from vedette.notify.rules import CATALOGUE, SAYINGS
from vedette.notify.rules.saying import PUBLIC_FACTS, Line, Saying
from vedette.notify.words import Lang

NAME_LENGTH_MAX = 80
LATE_MS = 300_000
"""What comes so long after it was decided says since when it is so."""


MessageKind = Literal["incident", "test", "digest", "notice", "summary"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that whoever reads the message may do: a link."""

    name: str  # "acknowledge"
    label: str
    url: str = field(repr=False)  # signed: whoever holds it may do it


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that only mail shows, in place of `cid:NAME` of the HTML."""

    name: str
    png: bytes = field(repr=False)
    alt: str


@dataclass(frozen=True, slots=True)
class Message:
    """Something said for one reason; every channel takes from it what it can show."""

    key: str  # idempotency key: the same on every attempt
    reason: Reason
    severity: Severity
    title: str  # one line
    body_text: str  # its first line is the title
    body_html: str
    incident: Mapping[str, Any]  # plain data, as webhooks carry it; empty unless it is about one
    url: str | None
    team_id: int  # whose it is
    kind: MessageKind = "incident"
    lang: Lang = "en"
    lines: tuple[str, ...] = ()  # below the title, without advice
    hint: str | None = None  # what to do, as a whole sentence
    actions: tuple[Action, ...] = ()
    rings_anew: bool = False  # somebody had it, and that no longer counts
    images: tuple[Image, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.reason is Reason.RESOLVED


PUBLIC_RULES: Final = frozenset(saying.rule for saying in SAYINGS.values() if saying.public)
"""Whose incidents everybody may read of, where their team shows them."""

NOTHING = Saying(rule="other", en={}, zh={}, titles=())
"""Of a rule that is no more."""


def incident_title(incident: Incident, lang: Lang = "en") -> str:
    """The trouble in one line, as the API and the page show it: 'Node n1 is down'."""
    what = _what(incident, lang)
    return what[:1].upper() + what[1:]


def public_title(incident: Incident, lang: Lang = "en") -> str:
    """The same for everybody, made of what may be told. Its rule is one of PUBLIC_RULES."""
    facts = {name: fact for name, fact in incident.facts.items() if name in PUBLIC_FACTS}
    bare = replace(incident, facts=facts)
    what = _titled(bare, _saying(bare).public, lang)
    return what[:1].upper() + what[1:]


def message_title(incident: Incident, reason: Reason, lang: Lang, now_ms: int) -> str:
    """The first line of a message: how bad, what and where."""
    if reason is Reason.RESOLVED:
        ended = incident.facts.get("ended")
        well = ended is None or ended in _saying(incident).well_ended
        kind = "resolved" if well else "closed"
        return _say(lang, f"title.{kind}", what=_how_ended(incident, lang))
    severity = _say(lang, f"severity.{incident.severity}")
    return _say(
        lang,
        f"title.{reason}",
        severity=severity,
        severity_lower=severity.lower(),
        what=_what(incident, lang),
        duration=duration(now_ms - incident.opened_at_ms, lang),
    )


def message_lines(incident: Incident, reason: Reason, lang: Lang, now_ms: int) -> tuple[str, ...]:
    """What a message says below its title, without advice: that is for whoever runs the node."""
    return _parts(incident, reason, lang, now_ms).lines


def render(
    incident: Incident,
    reason: Reason,
    lang: Lang,
    public_url: str | None,
    key: str,
    now_ms: int,
    ack_url: str | None = None,
) -> Message:
    """One message. `public_url` is where the page stands; `now_ms` is what 'ago' is counted from.

    `ack_url`: the signed link by which its reader takes the incident on; needless when it is over or taken.
    """
    title = message_title(incident, reason, lang, now_ms)
    url = None if public_url is None else f"{public_url.rstrip('/')}/incidents/{incident.id}"
    parts = _parts(incident, reason, lang, now_ms)
    if ack_url is not None and reason not in {Reason.RESOLVED, Reason.ACKNOWLEDGED}:
        parts = replace(parts, actions=(Action("acknowledge", _say(lang, "action.acknowledge"), ack_url),))
    return Message(
        key=key,
        reason=reason,
        severity=incident.severity,
        title=title,
        body_text=_plain(title, parts, url, lang),
        body_html=_html(title, parts, url, lang),
        incident=plain_incident(incident, lang),
        url=url,
        team_id=incident.team_id,
        lang=lang,
        lines=parts.lines,
        hint=parts.hint,
        actions=parts.actions,
        rings_anew=_rings_anew(incident, reason),
    )


def bare(told: Sequence[tuple[Incident, Reason]], lang: Lang, public_url: str | None, key: str) -> Message:
    """What and where, and not one fact: for when the words about the facts have a bug. A line each."""
    (incident, reason), titles = told[0], tuple(_bare_title(one, why, lang) for one, why in told)
    url = None if public_url is None else f"{public_url.rstrip('/')}/incidents/{incident.id}"
    parts = _Parts(titles[1:], None)
    return Message(
        key=key,
        reason=reason,
        severity=max((one.severity for one, _ in told), key=lambda severity: severity.rank),
        title=titles[0],
        body_text=_plain(titles[0], parts, url, lang),
        body_html=_html(titles[0], parts, url, lang),
        incident=plain_incident(replace(incident, facts={}), lang),
        url=url,
        team_id=incident.team_id,
        lang=lang,
        lines=parts.lines,
    )


def _bare_title(incident: Incident, reason: Reason, lang: Lang) -> str:
    what = _say(lang, "other.title", rule=rule_title(incident.rule, lang), name=clean(incident.subject.name))
    severity = _say(lang, f"severity.{incident.severity}")
    return _say(
        lang,
        "title.resolved" if reason is Reason.RESOLVED else "title.opened",
        severity=severity,
        severity_lower=severity.lower(),
        what=what,
    )


def _rings_anew(incident: Incident, reason: Reason) -> bool:
    """Whoever had it gave it back; or it grew worse than what he took."""
    return reason is Reason.TAKEN_BACK or (reason is Reason.ESCALATED and incident.acked is not None)


def trial(contact: str, lang: Lang, public_url: str | None, key: str, team_id: int) -> Message:
    """What the test button sends to a contact point: as loud as a warning, and about nothing."""
    title = _say(lang, "test.title", name=clean(contact))
    parts = _Parts((_say(lang, "test.line"),), None)
    return Message(
        key=key,
        reason=Reason.OPENED,
        severity=Severity.WARNING,
        title=title,
        body_text=_plain(title, parts, public_url, lang),
        body_html=_html(title, parts, public_url, lang),
        incident={},
        url=public_url,
        team_id=team_id,
        kind="test",
        lang=lang,
        lines=parts.lines,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An incident as a page shows it, in one language."""

    title: str
    lines: tuple[str, ...]
    hint: str | None  # what to do, as a sentence without "What to do:"
    why: str | None  # of its rule: why anybody should care


def told_now(incident: Incident, lang: Lang, now_ms: int) -> Told:
    """What is to be said of the incident at this moment, whether or not anybody was told."""
    known, over = CATALOGUE[lang], incident.resolved_at_ms is not None
    parts = _parts(incident, Reason.RESOLVED if over else Reason.REMINDED, lang, now_ms)
    lines, hint = parts.lines, _hint(incident, lang)
    if over:
        lines = (message_title(incident, Reason.RESOLVED, lang, now_ms), *lines)
    return Told(
        title=incident_title(incident, lang),
        lines=lines,
        hint=None if over or hint is None else hint[:1].upper() + hint[1:],
        why=known.get(f"{incident.rule}.why"),
    )


def rule_title(rule: str, lang: Lang) -> str:
    """What a rule is called."""
    return CATALOGUE[lang].get(f"{rule}.name", rule)


def rule_why(rule: str, lang: Lang) -> str:
    """Why anybody should care for what a rule finds, in one sentence."""
    return CATALOGUE[lang].get(f"{rule}.why", "")


def plain_incident(incident: Incident, lang: Lang) -> dict[str, Any]:
    """The incident as webhooks carry it."""
    subject = incident.subject
    return {
        "id": incident.id,
        "key": incident.key,
        "rule": incident.rule,
        "severity": str(incident.severity),
        "state": str(incident.state),
        "subject": {"kind": str(subject.kind), "id": subject.id, "name": clean(subject.name)},
        "title": incident_title(incident, lang),
        "facts": dict(incident.facts),
        "opened_at_ms": incident.opened_at_ms,
        "resolved_at_ms": incident.resolved_at_ms,
    }


UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def duration(span_ms: int, lang: Lang) -> str:
    """A span in words, its two largest units: '2 h 5 min'."""
    rest, parts = max(span_ms, 0) // 1000, []
    for place, (unit, seconds) in enumerate(UNITS):
        if rest >= seconds:
            parts = [(unit, rest // seconds)]
            rest %= seconds
            parts += [(small, rest // size) for small, size in UNITS[place + 1 : place + 2] if rest >= size]
            break
    words = [_say(lang, f"unit.{unit}", n=n) for unit, n in parts]
    return _say(lang, "unit.join").join(words) if words else _say(lang, "unit.none")


def moment(at_ms: int) -> str:
    """A date and time that needs no guessing: '2026-11-22 14:03:05 UTC'."""
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return str(at_ms)


def clean(name: str) -> str:
    """A name that stays in its line: no control, format or line characters, and not endless."""
    safe = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in name)
    line = " ".join(safe.split())
    return line if len(line) <= NAME_LENGTH_MAX else f"{line[: NAME_LENGTH_MAX - 1]}…"


class _Known(dict[str, object]):
    """What a sentence may name; a fact that is not there is shown as unknown rather than failing."""

    def __missing__(self, name: str) -> str:
        return "?"


def _say(lang: Lang, key: str, /, **values: object) -> str:
    return CATALOGUE[lang][key].format_map(_Known(values))


def _what(incident: Incident, lang: Lang) -> str:
    return _titled(incident, _saying(incident).titles, lang)


def _titled(incident: Incident, titles: tuple[Line, ...], lang: Lang) -> str:
    values = _values(incident, lang, incident.opened_at_ms)
    line = next((title for title in titles if title.fits(incident.facts)), None)
    return _say(lang, "other.title" if line is None else f"{incident.rule}.{line.key}", **values)


def _how_ended(incident: Incident, lang: Lang) -> str:
    known = CATALOGUE[lang]
    wanted = (f"{incident.rule}.ended.{incident.facts.get('ended')}", f"{incident.rule}.ended")
    key = next((key for key in wanted if key in known), "other.ended")
    return _say(lang, key, **_values(incident, lang, incident.opened_at_ms))


@dataclass(frozen=True, slots=True)
class _Parts:
    lines: tuple[str, ...]
    hint: str | None
    actions: tuple[Action, ...] = ()


def _parts(incident: Incident, reason: Reason, lang: Lang, now_ms: int) -> _Parts:
    values = _values(incident, lang, now_ms)
    known = CATALOGUE[lang]
    if reason is Reason.RESOLVED:
        keys = ["line.lasted", *_fitting(_saying(incident).endings, incident)]
        keys += [k for k in [f"{incident.rule}.ending.{incident.facts.get('ended')}"] if k in known]
        return _Parts(tuple(_say(lang, key, **values) for key in keys), None)
    flaps = ("line.flaps",) if "flaps" in incident.facts else ()
    since = () if reason is Reason.OPENED and not _comes_late(incident, now_ms) else ("line.since",)
    keys = [*_fitting(_saying(incident).lines, incident), *flaps, *since]
    hint = _hint(incident, lang)
    lines = tuple(_say(lang, key, **values) for key in keys)
    return _Parts(lines, None if hint is None else _say(lang, "line.hint", hint=hint))


def _comes_late(incident: Incident, now_ms: int) -> bool:
    """Its channel was dead when it was to be told: it is no news of this moment."""
    return incident.told_at_ms is not None and now_ms - incident.told_at_ms >= LATE_MS


def _hint(incident: Incident, lang: Lang) -> str | None:
    known = CATALOGUE[lang]
    return next((words for key in _hints(incident) if (words := known.get(key)) is not None), None)


def _hints(incident: Incident) -> Iterator[str]:
    """Keys of what to do, the most fitting first: an endpoint has no agent, and a role its own runbook."""
    facts = incident.facts
    if facts.get("agentless"):
        yield f"{incident.rule}.hint.agentless"
    if not facts.get("votes"):  # a node that votes is a voter, whatever it is called
        yield f"{incident.rule}.hint.{facts.get('role')}"
    yield f"{incident.rule}.hint"


def _fitting(lines: tuple[Line, ...], incident: Incident) -> list[str]:
    return [f"{incident.rule}.{line.key}" for line in lines if line.fits(incident.facts)]


def _saying(incident: Incident) -> Saying:
    return SAYINGS.get(incident.rule, NOTHING)


def _values(incident: Incident, lang: Lang, now_ms: int) -> dict[str, object]:
    """Everything that a sentence may name, ready to be read by a person."""
    facts = incident.facts
    end_ms = now_ms if incident.resolved_at_ms is None else incident.resolved_at_ms
    values: dict[str, object] = {name: clean(str(value)) for name, value in facts.items()}
    for name, value in facts.items():
        if name.endswith("_ms"):
            values |= _moments(name[:-3], value, lang, now_ms)
        elif not isinstance(value, str):
            values |= _measured(name, value, lang)
    return values | {
        "rule": incident.rule,
        "name": clean(incident.subject.name),
        "blocks": _count(facts.get("absent_blocks"), "block", lang, more="begun_before_window" in facts),
        "votes": _count(facts.get("votes"), "vote", lang),
        "opened_at": moment(incident.opened_at_ms),
        "resolved_at": moment(end_ms),
        "duration": duration(end_ms - incident.opened_at_ms, lang),
    }


def _moments(name: str, value: str | float, lang: Lang, now_ms: int) -> dict[str, object]:
    if isinstance(value, str):  # no fact of ours: shown as it is rather than failing
        return dict.fromkeys((name, f"{name}_ago", f"{name}_in"), clean(value))
    at_ms = int(value)
    return {
        name: moment(at_ms),
        f"{name}_ago": duration(now_ms - at_ms, lang),
        f"{name}_in": duration(at_ms - now_ms, lang),
    }


def _measured(name: str, value: float, lang: Lang) -> dict[str, object]:
    """`x_bytes` as x_size, `x_ratio` as x_percent, `x_seconds` as x_span, said as people say them."""
    who, _, unit = name.rpartition("_")
    match unit:
        case "bytes":
            return {f"{who}_size": size(value)}
        case "ratio":
            return {f"{who}_percent": f"{value * 100:.0f} %"}
        case "seconds":
            return {f"{who}_span": duration(int(value) * 1000, lang)}
    return {}


def size(value_bytes: float) -> str:
    """Bytes in the largest decimal unit that fits, as disks are sold: '1.5 TB'."""
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if abs(value_bytes) >= 1000**power:
            return f"{value_bytes / 1000**power:.1f} {unit}"
    return f"{value_bytes:.0f} B"


def _count(n: str | float | None, noun: str, lang: Lang, more: bool = False) -> str:
    form = "more" if more else "one" if n == 1 else "many"
    return _say(lang, f"count.{noun}.{form}", n=0 if n is None else clean(str(n)))


def _plain(title: str, parts: _Parts, url: str | None, lang: Lang) -> str:
    blocks = [title, "\n".join(parts.lines)]
    if parts.hint is not None:
        blocks.append(parts.hint)
    blocks += [_say(lang, "line.action", label=action.label, url=action.url) for action in parts.actions]
    if url is not None:
        blocks.append(_say(lang, "line.link", url=url))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _html(title: str, parts: _Parts, url: str | None, lang: Lang) -> str:
    paragraphs = [f"<p><strong>{escape(title)}</strong></p>"]
    paragraphs += [f"<p>{'<br>'.join(escape(line) for line in parts.lines)}</p>"] if parts.lines else []
    if parts.hint is not None:
        paragraphs.append(f"<p>{escape(parts.hint)}</p>")
    for action in parts.actions:
        paragraphs.append(f'<p><a href="{escape(action.url)}">{escape(action.label)}</a></p>')
    if url is not None:
        link = f'<a href="{escape(url)}">{escape(url)}</a>'
        paragraphs.append(f"<p>{_say(lang, 'line.link', url=link)}</p>")
    body = "\n".join(paragraphs)
    code = "zh-CN" if lang == "zh" else lang
    head = f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8"></head>'
    return f"{head}\n<body>\n{body}\n</body></html>\n"
