"""So many votes of the whole committee are missing that it is nobody's own fault, or nothing becomes final.

The committee needs two thirds of its votes for each block. When fewer than four fifths sign, releases, lines
or the chain itself have a trouble; single absences say nothing then, and nobody is told of them. It wakes
nobody: an operator can do little about it. When PoW epochs are final ever later, by all endpoints, the two
chains wait for each other (conflux-rust signs a pivot decision for each 60 epochs).

Where one watched validator alone makes the difference (it may hold a quarter of the votes), it is that one's
trouble, and other rules tell of it.

What is usual is measured: where the network usually signs less, the limit follows down to ten per cent below
it. Until the chain has been followed for two days that is not known, and the message says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.ballot import Ballot
from vedette.model.incident import Finding, Incident, Severity, Subject, SubjectKind
from vedette.model.view import NetworkView, ValidatorView, View

NAME = "network_participation"
PARTICIPATION = Subject(SubjectKind.NETWORK, "participation", "network")
FINALITY = Subject(SubjectKind.NETWORK, "finality", "network")
PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkParticipationLimit(Limit):
    """How much of the committee must sign, and how soon PoW epochs must be final."""

    participation_percent: int = 80  # fewer votes than these are a trouble
    quorum_near_percent: int = 70  # fewer than these, and soon no block can be made
    below_usual_percent: int = 10  # where less is usual, so far below it
    over_percent: int = 3  # so far above the limit: over
    blocks: int = 10  # the newest that are judged together
    finality_gap_epochs: int = 900
    finality_gap_far_epochs: int = 2_000
    calibrate_ms: int = 172_800_000  # the chain must have been seen for so long to know what is usual


def judge(view: View, ask: Ask[NetworkParticipationLimit]) -> Iterator[Finding]:
    """Too few of the network's votes are cast, or its epochs are final too late: for who has a part in it."""
    if not view.validators:
        return
    limit = ask(PARTICIPATION.id)
    share = participation(view, limit.blocks)
    least = least_percent(view.network, view.now_ms, limit)
    if share is not None and share.without_one < least:
        yield _too_few(view, share.percent, least, limit)
    limit = ask(FINALITY.id)
    gap = view.network.finality_gap_epochs
    if gap is not None and gap > limit.finality_gap_epochs:
        yield _too_late(view, gap, limit)


def ending(incident: Incident, view: View, limit: NetworkParticipationLimit) -> str | None:
    """Enough sign again, or epochs are final in time; None: not known."""
    if incident.subject.id == FINALITY.id:
        gap = view.network.finality_gap_epochs
        return "final" if gap is not None and gap * 10 <= limit.finality_gap_epochs * 9 else None
    share = participation(view, limit.blocks)
    least = least_percent(view.network, view.now_ms, limit)
    return "signs" if share is not None and share.without_one >= least + limit.over_percent else None


@dataclass(frozen=True, slots=True)
class Participation:
    """Votes cast, of all that there were; and of those that there were without the worst absentee we know."""

    percent: float
    without_one: float


def participation(view: View, count: int) -> Participation | None:
    """Over the newest blocks of which both are known; None: those are too few."""
    known: list[tuple[int, int, int]] = []
    count = max(count, 1)
    newest = len(view.blocks)
    for back, block in enumerate(reversed(view.blocks[-2 * count :]), 1):
        if block.signed_votes is not None and block.total_votes:
            known.append((newest - back, block.signed_votes, block.total_votes))
    if len(known) < count:
        return None
    places = [place for place, _, _ in known[:count]]
    cast, total = sum(one for _, one, _ in known[:count]), sum(one for _, _, one in known[:count])
    absent = max((_absent_votes(one, places, newest) for one in view.validators.values()), default=0)
    return Participation(100 * cast / total, 100 * cast / max(1, total - absent))


def _absent_votes(validator: ValidatorView, places: Sequence[int], newest: int) -> int:
    """Votes that it did not cast in these blocks."""
    strip = validator.strip
    if len(strip) != newest or not validator.votes:
        return 0
    return validator.votes * sum(strip[place] == Ballot.ABSENT for place in places)


def least_percent(network: NetworkView, now_ms: int, limit: NetworkParticipationLimit) -> float:
    """The limit as it was set, or lower where less is usual."""
    usual = network.usual_participation_ppm
    if usual is None or is_new(network, now_ms, limit.calibrate_ms):
        return limit.participation_percent
    lowest = max(limit.quorum_near_percent, 100 * usual / PPM - limit.below_usual_percent)
    return min(limit.participation_percent, lowest)


def is_new(network: NetworkView, now_ms: int, calibrate_ms: int) -> bool:
    """The chain has not been followed for long enough to know what is usual."""
    since_ms = network.followed_since_ms
    return since_ms is None or now_ms - since_ms < calibrate_ms


def _too_few(view: View, share: float, least: float, limit: NetworkParticipationLimit) -> Finding:
    facts: dict[str, str | int | float] = {
        "height": view.blocks[-1].height,
        "value": round(share, 1),
        "limit": round(least, 1),
        "measure": "percent",
    }
    if share < limit.quorum_near_percent:
        facts["quorum_near"] = 1
    if is_new(view.network, view.now_ms, limit.calibrate_ms):
        facts["calibrating"] = 1
    return _finding(view, PARTICIPATION, facts)


def _too_late(view: View, gap: int, limit: NetworkParticipationLimit) -> Finding:
    facts: dict[str, str | int | float] = {
        "gap_epochs": gap,
        "value": gap,
        "limit": limit.finality_gap_epochs,
        "measure": "epochs",
    }
    if gap > limit.finality_gap_far_epochs:
        facts["far"] = 1
    return _finding(view, FINALITY, facts, hold_ms=120_000)


def _finding(view: View, subject: Subject, facts: dict[str, str | int | float], hold_ms: int = 0) -> Finding:
    return Finding(
        key=f"{NAME}/{subject.id}",
        rule=NAME,
        team_id=view.team_id,
        severity=Severity.WARNING,
        subject=subject,
        facts=facts,
        hold_ms=hold_ms,
    )


rule = Rule(
    name=NAME,
    about=SubjectKind.NETWORK,
    limit=NetworkParticipationLimit,
    judge=judge,
    ending=ending,
    quiet={"participation_percent": 70},
)
