"""One epoch's blocks, drawn: who led, who signed, when. Drawn anew each time, and always alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOBODY = -1

ROUND_US = 30_050_000
JITTER_US = 350_000
ROUND_US_MIN = 27_000_000
TIMEOUT_US = 36_000_000  # a failed round waits a fifth longer than the base time
EMPTY_ROUNDS = (2, 4)  # two or three rounds without height commit an epoch's last block
"""Together they make about 2,790 blocks a day, as seen on mainnet."""

TIMEOUT_CHANCE = 0.010
NIL_CHANCE = 0.002
STORMY_TIMEOUT_CHANCE = 0.20
STORMY_NIL_CHANCE = 0.03
UNCERTIFIED_CHANCE = 1 / 30_000
UNCERTIFIED_LAST_CHANCE = 1 / 40
"""A node that was catching up knows no certificate for an epoch's last block (domain of the RPC)."""

DRAW = 1 << 16


class Outage(NamedTuple):
    """Heights at which an account does not run, both ends included."""

    account: int
    first: int
    last: int


class Storm(NamedTuple):
    """Heights at which the whole network hears each other badly."""

    first: int
    last: int
    heard_ppm: int  # of the signatures that would be there otherwise


@dataclass(frozen=True, slots=True)
class Setting:
    """What an epoch begins with."""

    first_height: int
    last_height: int
    start_us: int  # since the history's start
    members: Ints  # account numbers
    votes: Ints  # theirs in this epoch
    diligence: NDArray[np.uint16]  # of DRAW
    outages: Sequence[Outage]
    storm: Storm | None

    @property
    def blocks(self) -> int:
        return self.last_height - self.first_height + 1

    @property
    def quorum(self) -> int:
        return int(self.votes.sum()) * 2 // 3 + 1


@dataclass(frozen=True, slots=True)
class Leaves:
    """Row i is block `first_height + i`, column j is member j."""

    setting: Setting
    rounds: Ints
    at_us: Ints  # since the history's start
    leaders: Ints  # columns, or NOBODY
    signed: Flags  # what the chain itself counts
    certified: Flags  # whether nodes still know the block's certificate
    next_start_us: int

    @property
    def voted(self) -> Ints:
        """Votes in each certificate."""
        return _weighed(self.signed, self.setting.votes)

    @property
    def bonus(self) -> Ints:
        """Votes above the quorum that each block brings its leader: those of the certificate that it carries.

        That is the certificate of the block before; the first block of an epoch carries none of it.
        Recomputed from the payments of real validators (v3.0.2), exactly.
        """
        return np.append(0, (self.voted - self.setting.quorum)[:-1])

    @property
    def counted(self) -> Flags:
        """Who signed something that the chain counts: the last block's certificate comes too late."""
        counted: Flags = np.any(self.signed[:-1], axis=0)
        return counted

    def by_leader(self, amounts: Ints) -> Ints:
        """The sum of a number of each block over the blocks that each member led."""
        led = self.leaders != NOBODY
        sums = np.bincount(self.leaders[led], weights=amounts[led], minlength=len(self.setting.members))
        return sums.astype(np.int64)


def drawn(rng: np.random.Generator, setting: Setting) -> Leaves:
    """The epoch's blocks. There must be a member."""
    stormy = _stormy(setting)
    rounds, at_us = _times(rng, setting, stormy)
    online = _online(setting)
    signed = _signed(rng, setting, online)
    leaders = _leaders(rng, setting, online, stormy)
    led = np.flatnonzero(leaders != NOBODY)
    signed[led, leaders[led]] = True  # whoever proposes a block votes for it
    _complete(signed, online, setting)
    chances = np.full(setting.blocks, UNCERTIFIED_CHANCE)
    chances[-1] = UNCERTIFIED_LAST_CHANCE
    certified = rng.random(setting.blocks) >= chances
    gap_us = int(rng.integers(*EMPTY_ROUNDS)) * ROUND_US
    return Leaves(setting, rounds, at_us, leaders, signed, certified, int(at_us[-1]) + gap_us)


def _stormy(setting: Setting) -> Flags:
    stormy = np.zeros(setting.blocks, np.bool_)
    if setting.storm:
        stormy[_rows(setting, setting.storm.first, setting.storm.last)] = True
    return stormy


def _rows(setting: Setting, first: int, last: int) -> slice:
    return slice(max(0, first - setting.first_height), max(0, last - setting.first_height + 1))


def _times(rng: np.random.Generator, setting: Setting, stormy: Flags) -> tuple[Ints, Ints]:
    """Rounds and times. A round that timed out leaves a gap in the rounds and its length in the times."""
    draws = rng.random(setting.blocks)
    chance = np.where(stormy, STORMY_TIMEOUT_CHANCE, TIMEOUT_CHANCE)
    failed = (draws < chance).astype(np.int64) + (draws < chance * chance)
    failed[0] = 0
    rounds = 1 + np.arange(setting.blocks, dtype=np.int64) + np.cumsum(failed)
    jitter = (rng.standard_normal(setting.blocks) * JITTER_US).astype(np.int64)
    lengths = np.maximum(ROUND_US + jitter, ROUND_US_MIN) + failed * TIMEOUT_US
    return rounds, setting.start_us + np.cumsum(lengths)


def _online(setting: Setting) -> Flags:
    online = np.ones((setting.blocks, len(setting.members)), np.bool_)
    for outage in setting.outages:
        online[_rows(setting, outage.first, outage.last), setting.members == outage.account] = False
    return online


def _signed(rng: np.random.Generator, setting: Setting, online: Flags) -> Flags:
    signed: Flags = rng.integers(0, DRAW, size=online.shape, dtype=np.uint16) < setting.diligence
    if setting.storm:
        rows = _rows(setting, setting.storm.first, setting.storm.last)
        heard = rng.integers(0, 1_000_000, size=signed[rows].shape) < setting.storm.heard_ppm
        signed[rows] &= heard
    return signed & online if setting.outages else signed


def _leaders(rng: np.random.Generator, setting: Setting, online: Flags, stormy: Flags) -> Ints:
    """By lot among the votes; one that does not run leaves its turn to another that does."""
    ends = np.cumsum(setting.votes)
    leaders = np.searchsorted(ends, rng.integers(0, ends[-1], setting.blocks), side="right")
    if setting.outages:
        absent = np.flatnonzero(~online[np.arange(setting.blocks), leaders])
        for row, turn in zip(absent, rng.integers(0, DRAW, len(absent)), strict=True):
            running = np.flatnonzero(online[row])
            leaders[row] = running[turn % len(running)] if len(running) else NOBODY
    nil = rng.random(setting.blocks) < np.where(stormy, STORMY_NIL_CHANCE, NIL_CHANCE)
    leaders[nil] = NOBODY
    return leaders


def _complete(signed: Flags, online: Flags, setting: Setting) -> None:
    """No block without a quorum: where one lacks, the largest of those who run sign after all."""
    largest_first = np.argsort(-setting.votes, kind="stable")
    for row in np.flatnonzero(_weighed(signed, setting.votes) < setting.quorum):
        missing = setting.quorum - int(setting.votes[signed[row]].sum())
        willing = sorted(largest_first.tolist(), key=lambda column: not online[row, column])
        for column in willing:
            if missing > 0 and not signed[row, column]:
                signed[row, column] = True
                missing -= int(setting.votes[column])


def _weighed(signed: Flags, votes: Ints) -> Ints:
    # Sums stay far below 2^24, where single floats are exact, and are four times as fast as integers.
    return (signed.astype(np.float32) @ votes.astype(np.float32)).astype(np.int64)
