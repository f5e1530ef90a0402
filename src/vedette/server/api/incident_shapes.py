"""One incident in full, what may be done with it, and what a signed link of a message offers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from vedette.model.timeline import Happening
from vedette.server.api.shapes import Acked, IncidentShape, InLanguages, Shape

MINUTES_MAX = 7 * 24 * 60
COMMENT_CHARS_MAX = 1_000


def _lines(text: str) -> str:
    """Lines for people to read: no other control characters, no blanks around them."""
    sound = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return sound.strip()


Words = Annotated[str, AfterValidator(_lines)]


class IncidentTold(Shape):
    """What is said of it at this moment."""

    title: str
    lines: list[str]
    hint: str | None = Field(description="what to do")
    why: str | None = Field(description="why anybody should care")


class IncidentTexts(Shape):
    en: IncidentTold
    zh: IncidentTold


class IncidentEvent(Shape):
    at_ms: int
    kind: Happening
    detail: dict[str, Any] = Field(description="plain facts of that kind")


class EvidenceMark(Shape):
    at_ms: int
    what: Literal["opened", "escalated", "resolved"]


class IncidentActions(Shape):
    """What the reader may do with it."""

    can_close: bool


class WholeIncident(IncidentShape):
    texts: IncidentTexts
    timeline: list[IncidentEvent] = Field(description="what became of it, the oldest first")
    evidence: list[EvidenceMark] = Field(description="when what was seen was kept")
    actions: IncidentActions
    hidden: list[int] = Field(description="ids of incidents that tell nobody because of this one")


class Evidence(EvidenceMark):
    """What was seen at that moment."""

    bundle: dict[str, Any] = Field(description="facts, figures, votes and sources, as they were")


class IncidentEvidence(Shape):
    incident: IncidentShape
    evidence: list[Evidence] = Field(description="the oldest first")


class AcknowledgeWish(Shape):
    minutes: int | None = Field(
        None, ge=1, le=MINUTES_MAX, description="for how long; null: until it is over, or grows worse"
    )
    comment: Words = Field("", max_length=COMMENT_CHARS_MAX)


class CloseWish(Shape):
    comment: Words = Field("", max_length=COMMENT_CHARS_MAX)


class CommentWish(Shape):
    text: Words = Field(min_length=1, max_length=COMMENT_CHARS_MAX)


class AcknowledgementOffer(Shape):
    """What a signed link would do, and for which incident."""

    incident_id: int
    titles: InLanguages
    severity: Literal["info", "warning", "critical"]
    state: Literal["pending", "open", "resolved"]
    opened_at_ms: int
    acked: Acked | None
    expires_at_ms: int
