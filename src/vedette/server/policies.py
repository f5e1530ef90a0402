"""What every team set of its alerts, at hand for each round of the judge."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vedette.alerts import limits as limits_of
from vedette.alerts.limits import Limits
from vedette.model import policy as policy_of
from vedette.model.errors import SettingError
from vedette.model.people import FIRST_TEAM
from vedette.model.policy import CONTACT, MEMBERS, SETTINGS, Contact, Maintenance, Policy, Routing, Silence
from vedette.notify.kinds import KINDS
from vedette.server.ears import Ears
from vedette.store import maintenances, policies, silences
from vedette.store.database import Conn, Database
from vedette.store.policies import Kept

log = logging.getLogger(__name__)

REREAD_MS: Final = 2_000
"""Another server on the same database may have changed it: so long we may not know."""


MAIL_CHANNEL: Final = "email"
FOR_PEOPLE: Final = frozenset({MAIL_CHANNEL, MEMBERS})
"""The settings' channels that people read: a webhook is told of each incident by itself."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A team's limits and policy."""

    limits: Limits
    policy: Policy


@dataclass(frozen=True, slots=True)
class _Parsed:
    version: int
    limits: Limits
    routing: Routing


class Policies:
    """Reads again what changed, and parses only that."""

    def __init__(
        self,
        base: Limits,
        channels: tuple[Sequence[str], Sequence[str]],
        ears: Ears,
    ) -> None:
        first, others = channels  # of the settings: the first team's, and everyone else's
        self.base = base
        self._usual = {True: [_settings(name) for name in first], False: [_settings(name) for name in others]}
        self._ears = ears
        self._parsed: dict[int, _Parsed] = {}
        self._teams: dict[int, Ours] = {}
        self._changes = 0
        self._read = (-1, 0)  # after how many changes it was read, and when (steady clock)

    def forget(self) -> None:
        """Something changed, and is on disk: the next look reads it."""
        self._changes += 1

    async def look(self, database: Database) -> None:
        """Read what may have changed since; in a transaction of its own: an older one may not see it."""
        changes, steady_ms = self._changes, self._ears.steady_ms()
        known, read_at_ms = self._read
        if changes <= known and steady_ms - read_at_ms < REREAD_MS:
            return
        async with database.read() as conn:
            parsed = await self._parse_changed(conn)
            now_ms = self._ears.now_ms()
            quiet, work = await silences.standing(conn, now_ms), await maintenances.standing(conn, now_ms)
            points = await policies.contacts(conn)
        if changes < self._read[0]:
            return  # who began later was done sooner, and knows more
        self._read, self._parsed = (changes, steady_ms), parsed
        self._teams = {
            team_id: self._ours(
                team_id, points.get(team_id, ()), quiet.get(team_id, ()), work.get(team_id, ())
            )
            for team_id in {*parsed, *quiet, *work, *points}
        }

    def of(self, team_id: int) -> Ours:
        """As it was read last; of a team that set nothing, everybody is told by the settings' limits."""
        known = self._teams.get(team_id)
        if known is None:
            known = self._teams[team_id] = self._ours(team_id, (), (), ())
        return known

    def _ours(
        self, team_id: int, points: Sequence[Contact], quiet: Sequence[Silence], work: Sequence[Maintenance]
    ) -> Ours:
        parsed = self._parsed.get(team_id, _Parsed(0, self.base, Routing()))
        contacts = [*self._usual[team_id == FIRST_TEAM], *points]
        policy = Policy(
            routing=parsed.routing,
            silences=tuple(quiet),
            maintenances=tuple(work),
            contacts={one.ref: one for one in contacts},
            version=parsed.version,
        )
        return Ours(parsed.limits, policy)

    async def _parse_changed(self, conn: Conn) -> dict[int, _Parsed]:
        versions = await policies.versions(conn)
        parsed = {
            team_id: one for team_id, one in self._parsed.items() if versions.get(team_id) == one.version
        }
        changed = [team_id for team_id in versions if team_id not in parsed]
        for kept in await policies.kept_of(conn, changed) if changed else ():
            parsed[kept.team_id] = _parsed(kept, self.base)
        return parsed


def ref_of(name: str) -> str:
    """The reference of a channel, by the outbox's name for it."""
    return name if name == MEMBERS or name.startswith(CONTACT) else SETTINGS + name


def channel_to(ref: str) -> str:
    """The outbox's name for whom a reference names."""
    return ref.removeprefix(SETTINGS)


def _settings(name: str) -> Contact:
    return Contact(ref_of(name), name, kind="email" if name in FOR_PEOPLE else "webhook")


def is_for_people(contact: Contact) -> bool:
    """Whether several incidents may be told there in one message, and only once."""
    kind = KINDS.get(contact.kind)
    return kind is not None and kind.for_people


def _parsed(kept: Kept, base: Limits) -> _Parsed:
    """What can no longer be read (a rule was taken out since) is told in the log; the rest holds."""
    limits, routing = base, Routing()
    try:
        limits = base if kept.limits is None else limits_of.parse(kept.limits).over(base)
    except SettingError as error:
        log.warning("the limits of team %s cannot be read, the settings' hold: %s", kept.team_id, error)
    try:
        routing = policy_of.parse(kept.routing)
    except SettingError as error:
        log.warning("the routes of team %s cannot be read, all are told: %s", kept.team_id, error)
    return _Parsed(kept.version, limits, routing)
