"""A whole history, asked as a node is asked: the JSON of every reply, and the truth behind it for tests.

Nothing here knows how far an endpoint has come or what it has forgotten: that is `node`'s business. Where a
reply depends on "now", the height of the newest block is an argument; None is the last finished epoch's end.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, Final

import msgspec
import numpy as np

from vedette.conflux import address
from vedette.model.history import EpochCounts
from vedette.model.pos import PosAddress, Queued
from vedette.replay import elections, pages
from vedette.replay.dice import BLOCK_HASH
from vedette.replay.growth import POW_FIRST_EPOCH, Growth, pow_epoch
from vedette.replay.leaves import Ints
from vedette.replay.money import DRIP_PER_VOTE, Money
from vedette.replay.options import ReplayOptions
from vedette.replay.pages import HONEST, Lens, Page
from vedette.replay.powchain import PowChain
from vedette.replay.stake import Stake

Json = dict[str, Any]

PAGES_HELD: Final = 32  # about a megabyte each
VOTED_AHEAD: Final = 2


class Network:
    """One history. Two of the same options answer alike, byte for byte."""

    def __init__(self, growth: Growth) -> None:
        self.growth = growth
        self.options = growth.options
        self.dice = growth.dice
        self.money = Money(growth, lambda: self.pow)
        self._page = lru_cache(PAGES_HELD)(self._made_page)
        self._numbers: dict[str, int] = {}  # accounts by PoS address and by PoW address

    @classmethod
    def grown(cls, options: ReplayOptions, tell: Callable[[int], None] = lambda _: None) -> "Network":
        """The history of these options. 41,000 epochs take some twenty seconds; `tell` hears each epoch."""
        growth = Growth(options)
        growth.grow(options.epochs, tell)
        return cls(growth)

    @property
    def head(self) -> int:
        """The last block of the finished epochs."""
        return self.growth.last_height(self.options.epochs)

    @cached_property
    def start_us(self) -> int:
        """When the history began, unix time."""
        if self.options.end_s is None:
            return self.options.start_s * 1_000_000
        lasted_us = int(self.growth.leaves(self.options.epochs).at_us[-1])
        return (self.options.end_s * 1_000_000 - lasted_us) // 1_000_000 * 1_000_000

    @cached_property
    def pow(self) -> PowChain:
        return PowChain(self.dice, self.options.chain_id, self.start_us)

    # --- blocks and transactions

    def block(self, height: int) -> Json | None:
        """`pos_getBlockByNumber`."""
        raw = self.block_json(height)
        return None if raw is None else msgspec.json.decode(raw)

    def block_json(self, height: int, lens: Lens = HONEST) -> bytes | None:
        """The same as bytes; None for height 0."""
        if height <= 1:
            return pages.genesis(self.pow.hash(POW_FIRST_EPOCH)) if height == 1 else None
        return self.page(height).block(height, lens)

    def height_of(self, block_hash: str) -> int | None:
        """The height of a block's hash; None for any other 32 bytes."""
        return self.dice.number_of(BLOCK_HASH, block_hash)

    def page(self, height: int) -> Page:
        """The epoch in which that block stands."""
        return self._page(self.growth.epoch_of(height))

    def _made_page(self, epoch: int) -> Page:
        return Page(self.growth, epoch, self.start_us, self.growth.leaves(epoch))

    def at_us(self, height: int) -> int:
        """When that block was made, unix time."""
        return self.page(height).at_us(height)

    def last_number(self, height: int) -> int:
        """The number of that block's last transaction."""
        page = self.page(height)
        return page.last_numbers[page.row(height)]

    def transaction(self, number: int) -> Json | None:
        """`pos_getTransactionByNumber`; None for number 0, and for one in no epoch that was made so far."""
        rows = self.growth.rows
        epoch = bisect_right(rows, number, key=lambda row: row.first_transaction)
        if not epoch or number >= rows[epoch - 1].first_transaction + rows[epoch - 1].transactions:
            return None
        return self._page(epoch).transaction(number)

    # --- epochs

    def epoch_state(self, epoch: int) -> Json | None:
        """`pos_getEpochState`; None for epoch 0."""
        if epoch < 1:
            return None
        state = {"epoch": hex(epoch), "verifier": self._page(epoch).verifier()}
        return state | {"vrfSeed": self.dice.hash("vrf-seed", epoch)}

    def rewards(self, epoch: int, percent: int = 100) -> Json | None:
        """`pos_getRewardsByEpoch` once they are paid; None for epoch 0. `percent` is for liars."""
        return self.money.rewards(epoch, percent) if epoch >= 1 else None

    def paid_epochs(self, height: int | None = None) -> int:
        """How many epochs, from the first, are paid when that block is the newest."""
        height = self._or_head(height)
        return self.money.paid_epochs(self.growth.epoch_of(height), self._now_us(height))

    # --- accounts

    def account(self, pos_address: str, height: int | None = None) -> Json:
        """`pos_getAccount` at a height; an address that nobody registered holds zeros."""
        height = self._or_head(height)
        number = self._number_of(pos_address)
        held = Stake() if number is None else self.growth.stake(number, height)
        retired = held.force_retired_height
        status = {
            "availableVotes": hex(held.available),
            "forceRetired": None if retired is None else hex(retired),
            "forfeited": "0x0",
            "inQueue": _queue(held.in_queue),
            "locked": hex(held.locked),
            "outQueue": _queue(held.out_queue),
            "unlocked": hex(held.unlocked),
        }
        return {"address": pos_address, "blockNumber": hex(height), "status": status}

    def owner_of(self, pos_address: str) -> str | None:
        """The PoW address, in the simple form, to which a PoS account's rewards go."""
        number = self._number_of(pos_address)
        return None if number is None else address.simple(self.growth.people[number].pow_address)

    def pos_address_of(self, pow_address: str) -> PosAddress | None:
        """The PoS account of an owner, given in either form. Raises AddressError."""
        number = self._number_of(address.simple(pow_address))
        return None if number is None else self.growth.people[number].address

    def balance(self, pow_address: str, height: int | None = None) -> int:
        """`cfx_getBalance` in Drip: what the owner began with and all rewards paid. Raises AddressError."""
        number = self._number_of(address.simple(pow_address))
        return 0 if number is None else self.money.balance_drip(number, self.paid_epochs(height))

    def staking_balance(self, pow_address: str, height: int | None = None) -> int:
        """`cfx_getStakingBalance` in Drip: nobody withdraws what was unlocked. Raises AddressError."""
        number = self._number_of(address.simple(pow_address))
        height = self._or_head(height)
        return 0 if number is None else self.growth.stake(number, height).owned * DRIP_PER_VOTE

    def _number_of(self, address_: str) -> int | None:
        """An account by its PoS address or its PoW address in the simple form."""
        for person in self.growth.people[len(self._numbers) // 2 :]:
            self._numbers[person.address] = person.number
            self._numbers[address.simple(person.pow_address)] = person.number
        return self._numbers.get(address_)

    # --- where the chains stand

    def committee_now(self, height: int | None = None) -> Json:
        """`pos_getCommittee`: the acting committee and the next two elections."""
        height = self._or_head(height)
        return elections.committee_now(self.growth, self.page(height), height)

    def status(self, height: int | None = None) -> Json:
        """`pos_getStatus`."""
        height = self._or_head(height)
        page, voted = self.page(height), self.voted_height(height)
        pivot = page.pivots[page.row(height)]
        return {
            "epoch": hex(page.epoch),
            "latestCommitted": hex(height),
            "latestTxNumber": hex(self.last_number(height)),
            "latestVoted": None if voted is None else hex(voted),
            "pivotDecision": {"blockHash": self.pow.hash(pivot), "height": hex(pivot)},
        }

    def voted_height(self, head: int) -> int | None:
        """The newest block that has a certificate; none when an epoch has just ended."""
        voted = head + VOTED_AHEAD
        return voted if self.growth.epoch_of(voted) == self.growth.epoch_of(head) else None

    def pow_head(self, height: int | None = None) -> int:
        """The newest PoW epoch when that block was made."""
        return pow_epoch(self._now_us(self._or_head(height)))

    def pow_status(self, height: int | None = None) -> Json:
        """`cfx_getStatus`."""
        height = self._or_head(height)
        page = self.page(height)
        return self.pow.status(self.pow_head(height), page.pivots[page.row(height)])

    def pow_block(self, epoch: int) -> Json:
        """`cfx_getBlockByHash` and `cfx_getBlockByEpochNumber`, of a pivot block."""
        return self.pow.block(epoch, self.dice.numbered_hash(BLOCK_HASH, self._pos_height(epoch)))

    def _pos_height(self, epoch: int) -> int:
        """The newest PoS block when a PoW block was made; the first one for those before."""
        at_us = self.pow.at_s(epoch) * 1_000_000 - self.start_us
        pos_epoch = max(1, bisect_right(self.growth.rows, at_us, key=lambda row: row.start_us))
        page = self._page(pos_epoch)
        before = int(np.searchsorted(page.leaves.at_us, at_us, side="right")) - 1
        return page.leaves.setting.first_height + max(0, before)

    # --- money

    def economics(self, height: int | None = None) -> Json:
        """`cfx_getPoSEconomics`."""
        height = self._or_head(height)
        return self.money.economics(height, self.growth.epoch_of(height), self._now_us(height))

    def params(self) -> Json:
        """`cfx_getParamsFromVote`."""
        return self.money.params()

    def supply(self, height: int | None = None) -> Json:
        """`cfx_getSupplyInfo`."""
        return self.money.supply(self._or_head(height))

    # --- the truth

    def interest_drip(self, epoch: int) -> int:
        """What there is to distribute for an epoch."""
        return self.money.interest_drip(epoch)

    def truth(self, epoch: int) -> EpochCounts:
        """What a perfect observer of an epoch's blocks counts: nobody saw more than the certificates show."""
        return self._page(epoch).counts()

    def term(self, epoch: int) -> Mapping[PosAddress, int]:
        """Seats of the term that begins to serve in that epoch."""
        return self._by_address(self.growth.term(epoch))

    def candidates(self, epoch: int) -> Mapping[PosAddress, int]:
        """Votes kept of the election that was decided in that epoch: what its election reward is paid for."""
        return self._by_address(np.frombuffer(self.growth.row(epoch).kept, np.uint16).astype(np.int64))

    def points(self, epoch: int) -> Mapping[PosAddress, int]:
        """Each account's points, of 6,000,000. They follow the chain's own certificates, known or not."""
        return self._by_address(np.frombuffer(self.growth.row(epoch).points, np.int32).astype(np.int64))

    def addresses(self) -> list[PosAddress]:
        """Everybody who ever registered, in that order."""
        return [person.address for person in self.growth.people]

    def _by_address(self, column: Ints) -> dict[PosAddress, int]:
        return {self.growth.people[a].address: int(column[a]) for a in np.flatnonzero(column).tolist()}

    def _or_head(self, height: int | None) -> int:
        return self.head if height is None else height

    def _now_us(self, height: int) -> int:
        """The time of a block since the history's start."""
        return self.at_us(height) - self.start_us


def _queue(queue: tuple[Queued, ...]) -> list[dict[str, str]]:
    return [{"endBlockNumber": hex(item.end_height), "power": hex(item.votes)} for item in queue]
