"""What will happen in an epoch beyond its blocks: outages, storms, and what owners do with their stake.

A few things happen at fixed epochs early on, so that a short history has some of everything; all the others
come by chance.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np

from vedette.replay.leaves import Flags, Ints, Outage, Storm

SHARE_MAX: Final = 0.05  # larger accounts have careful owners: they neither vanish for long nor leave
OFFLINE_SHARE_MAX: Final = 0.15  # so that a quorum of those who run remains
TERMS_TO_RETIRE: Final = 3
FIRM_SEATS: Final = 3  # with fewer a member may be out of the committee before it is retired
RESTART_BLOCKS_MAX: Final = 60
LONG_RESTART: Final = 0.2  # so many of all restarts take up to an epoch


class DeedKind(IntEnum):
    """In the order in which they stand in a block."""

    REGISTER = 2
    UPDATE_VOTING_POWER = 3
    RETIRE = 4
    DISPUTE = 6


class Deed(NamedTuple):
    """One transaction that changes somebody's stake."""

    height: int
    kind: DeedKind
    account: int
    votes: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known when an epoch begins."""

    first: int  # heights
    last: int
    available: Ints  # votes by account
    power: Ints  # votes in this epoch's committee, by account
    fresh: Flags  # members that signed nothing in the two epochs before: newly elected, as a rule
    online: Flags  # accounts without an outage, present or to come

    @property
    def share(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return self.available / max(1, int(self.available.sum()))

    @property
    def modest(self) -> Flags:
        """Accounts that run and have a stake, but not too much of it."""
        return (self.available > 0) & (self.share < SHARE_MAX) & self.online


@dataclass(slots=True)
class Plan:
    """What was drawn for an epoch."""

    deeds: list[Deed] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    storm: Storm | None = None

    @property
    def busy(self) -> set[int]:
        """Accounts to which something happens already: one thing at a time."""
        return {deed.account for deed in self.deeds} | {outage.account for outage in self.outages}


Happening = Callable[[np.random.Generator, Scene, Plan], None]


def drawn(rng: np.random.Generator, epoch: int, scene: Scene) -> Plan:
    """What happens in that epoch."""
    plan = Plan()
    for happening in _happenings(rng, epoch):
        happening(rng, scene, plan)
    return plan


def _happenings(rng: np.random.Generator, epoch: int) -> Iterator[Happening]:
    draws = rng.random(len(_CHANCES))
    for draw, (happening, chance) in zip(draws, _CHANCES.items(), strict=True):
        if draw < chance or happening in _SCRIPT.get(epoch, ()):
            yield happening


def _outage(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    """Somebody restarts, or has a bad night."""
    account = _one_of(rng, plan, scene.online & (scene.available > 0))
    longest = scene.last - scene.first + 1 if rng.random() < LONG_RESTART else RESTART_BLOCKS_MAX
    _take_off(plan, scene, account, _height(rng, scene), int(rng.integers(3, max(4, longest))))


def _long_outage(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    """A member is away for so long that it will be retired."""
    account = _one_of(rng, plan, scene.modest & (scene.power >= FIRM_SEATS))
    epoch_blocks = scene.last - scene.first + 1
    least = (TERMS_TO_RETIRE + 1) * epoch_blocks
    _take_off(plan, scene, account, _height(rng, scene), least + int(rng.integers(0, 10 * epoch_blocks)))


def _gone_when_elected(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    """A new member never shows up: it is retired after one silent epoch, not three."""
    account = _one_of(rng, plan, scene.modest & scene.fresh)
    blocks = scene.last - scene.first + 1
    _take_off(plan, scene, account, scene.first, blocks + int(rng.integers(0, 2 * blocks)))


def _take_off(plan: Plan, scene: Scene, account: int | None, first: int, blocks: int) -> None:
    if account is None:
        return
    offline = ~scene.online
    offline[[account, *(outage.account for outage in plan.outages)]] = True
    if scene.share[offline].sum() < OFFLINE_SHARE_MAX and (scene.power[~offline] > 0).any():
        plan.outages.append(Outage(account, first, first + blocks - 1))


def _storm(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    """The whole network signs less for some hours."""
    first = _height(rng, scene)
    plan.storm = Storm(first, first + int(rng.integers(60, 300)), int(rng.integers(720_000, 880_000)))


def _increase(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    account = _one_of(rng, plan, scene.available > 0)
    if account is not None:
        votes = 1 + int(scene.available[account] * rng.uniform(0.05, 0.30))
        plan.deeds.append(Deed(_height(rng, scene), DeedKind.UPDATE_VOTING_POWER, account, votes))


def _retire_some(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    account = _one_of(rng, plan, scene.available > 1)
    if account is not None:
        votes = 1 + int((scene.available[account] - 1) * rng.uniform(0.1, 0.6))
        plan.deeds.append(Deed(_height(rng, scene), DeedKind.RETIRE, account, votes))


def _retire_all(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    account = _one_of(rng, plan, scene.modest)
    if account is not None and (scene.available > 0).sum() > TERMS_TO_RETIRE:
        votes = int(scene.available[account])
        plan.deeds.append(Deed(_height(rng, scene), DeedKind.RETIRE, account, votes))


def _newcomer(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    """Somebody registers: two transactions, as the contract has two events."""
    account = len(scene.available)
    held = scene.available[scene.available > 0]
    votes = max(1, int(np.median(held) * rng.lognormal(0.5, 1.0))) if len(held) else 1
    height = _height(rng, scene)
    plan.deeds.append(Deed(height, DeedKind.REGISTER, account))
    plan.deeds.append(Deed(height, DeedKind.UPDATE_VOTING_POWER, account, votes))


def _dispute(rng: np.random.Generator, scene: Scene, plan: Plan) -> None:
    """Two copies of a key vote. Several members tell; the first to be heard locks the stake."""
    account = _one_of(rng, plan, scene.modest & (scene.power > 0))
    if account is None or (scene.power > 0).sum() <= TERMS_TO_RETIRE:
        return
    first = _height(rng, scene)
    told = int(rng.integers(2, 8))
    heights = range(first, min(first + told, scene.last + 1))
    plan.deeds += [Deed(height, DeedKind.DISPUTE, account) for height in heights]


_CHANCES: Final[Mapping[Happening, float]] = {
    _outage: 0.05,
    _long_outage: 0.006,
    _gone_when_elected: 1 / 400,
    _storm: 1 / 1_500,
    _increase: 0.04,
    _retire_some: 0.02,
    _retire_all: 0.004,
    _newcomer: 0.006,
    _dispute: 1 / 8_000,
}
"""How often in an epoch. An epoch is about an hour."""

_SCRIPT: Final[Mapping[int, tuple[Happening, ...]]] = {
    4: (_outage,),
    6: (_newcomer,),
    8: (_long_outage,),
    10: (_increase,),
    12: (_retire_some,),
    16: (_storm,),
    20: (_dispute,),
    24: (_retire_all,),
    28: (_long_outage,),
    32: (_newcomer,),
    36: (_gone_when_elected,),
}


def _height(rng: np.random.Generator, scene: Scene) -> int:
    return int(rng.integers(scene.first, scene.last + 1))


def _one_of(rng: np.random.Generator, plan: Plan, mask: Flags) -> int | None:
    free = mask.copy()
    free[[account for account in plan.busy if account < len(mask)]] = False
    accounts = np.flatnonzero(free)
    return int(rng.choice(accounts)) if len(accounts) else None
