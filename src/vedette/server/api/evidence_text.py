"""The evidence of an incident as a text: what it was, what was seen, who was told, who did what.

It is in English only, like the field names of the API: it goes into reports and to whoever mends the node.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vedette.notify.text import clean, moment
from vedette.server.api.incident_shapes import Evidence, IncidentEvent, WholeIncident
from vedette.server.api.shapes import NoticeShape

INDENT = "  "
NOTHING = "(nothing)"
SURELY_A_MOMENT_MS = 1_000_000_000_000  # 2001; as a time that something took it would be thirty years


def page(whole: WholeIncident, evidence: Sequence[Evidence], link: str) -> str:
    """All of it. What people or nodes wrote stays in its line."""
    sections = [
        _section("INCIDENT", _about(whole, link)),
        _section("SAID", [whole.texts.en.title, *whole.texts.en.lines]),
        _section("TIMELINE", map(_event, whole.timeline)),
        _section("MESSAGES", map(_notice, whole.notices)),
        *(_section(f"SEEN WHEN IT {one.what.upper()}", _seen(one)) for one in evidence),
    ]
    return "\n\n".join(sections) + "\n"


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([title, *(list(lines) or [NOTHING])])


def _about(whole: WholeIncident, link: str) -> Iterator[str]:
    yield f"{whole.severity}: {whole.titles.en}"
    yield f"number {whole.id}, {clean(whole.key)}, {link}"
    yield f"opened {moment(whole.opened_at_ms)}"
    if whole.resolved_at_ms is not None:
        yield f"over {moment(whole.resolved_at_ms)}"
    if whole.acked is not None:
        yield f"taken on by {clean(whole.acked.by)} at {moment(whole.acked.at_ms)}"
    if whole.closed_by is not None:
        yield f"closed by {clean(whole.closed_by)}"


def _event(event: IncidentEvent) -> str:
    told = ((name, value) for name, value in event.detail.items() if value not in (None, "", []))
    words = " ".join(f"{name}={_said(name, value)}" for name, value in told)
    return f"{moment(event.at_ms)}  {event.kind.value}  {words}".rstrip()


def _notice(notice: NoticeShape) -> str:
    sent = "not sent" if notice.sent_at_ms is None else f"sent {moment(notice.sent_at_ms)}"
    more = [f"receipt {_word(notice.receipt)}"] if notice.receipt else []
    more += [f"error: {_word(notice.error)}"] if notice.error else []
    parts = [notice.reason.value, notice.channel, notice.state, sent, f"{notice.attempts} attempts", *more]
    return f"{moment(notice.created_at_ms)}  {', '.join(parts)}"


def _seen(one: Evidence) -> Iterator[str]:
    yield f"at {moment(one.at_ms)}"
    for name, value in one.bundle.items():
        if name == "blocks":
            yield from _blocks(value)
        elif name == "witnesses":
            yield "what each witness told of the newest blocks:"
            yield from (f"{INDENT}{strip}  {clean(witness)}" for witness, strip in value.items())
        elif name != "at_ms":
            yield from _lines(name, value, "")


def _blocks(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "blocks:"
    for block in blocks:
        signed, total = block["signed_votes"], block["total_votes"]
        votes = "no certificate was seen" if signed is None else f"{signed} of {_word(total)} votes"
        yield f"{INDENT}{block['height']}  epoch {block['epoch']}  {votes}"


def _lines(name: str, value: Any, indent: str) -> Iterator[str]:
    """A value and all that is in it, a line each."""
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        inner = dict(enumerate(value, 1)).items()
    else:
        yield f"{indent}{_word(name)}: {_said(name, value)}"
        return
    yield f"{indent}{_word(name)}:{'' if inner else ' none'}"
    for each, one in inner:
        yield from _lines(str(each), one, indent + INDENT)


def _said(name: str, value: Any) -> str:
    """A moment as people read it; a time that something took stays a number."""
    is_moment = name.endswith("_ms") and isinstance(value, int) and value >= SURELY_A_MOMENT_MS
    return moment(value) if is_moment else _word(value)


def _word(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, list):
        return ", ".join(map(_word, value)) or "none"
    return " ".join("".join(char if char.isprintable() else " " for char in str(value)).split())
