"""One epoch's blocks as the bytes that a node would send: drawn and written when they are first asked for."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from typing import Any

import msgspec
import numpy as np

from vedette.model.history import EpochCounts, MemberCounts
from vedette.model.pos import PosAddress
from vedette.replay import transactions
from vedette.replay.dice import BLOCK_HASH, FORK_HASH, POW_HASH
from vedette.replay.growth import Growth, pivot_heights
from vedette.replay.leaves import NOBODY, Flags, Leaves


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """How one endpoint sees a block, where that is not how it was."""

    signed: Flags | None = None  # by seat, instead of those who did
    forked_from: int | None = None  # blocks from this height on have hashes of another chain


HONEST = Lens()


@dataclass(eq=False)
class Page:
    """The blocks and transactions of one epoch. Seats are its members in the order of their addresses."""

    growth: Growth
    epoch: int
    start_us: int  # unix, of the whole history
    leaves: Leaves
    _blocks: dict[int, bytes] = field(default_factory=dict)

    @cached_property
    def members(self) -> list[PosAddress]:
        """The members, by column of the leaves."""
        return [self.growth.people[account].address for account in self.leaves.setting.members.tolist()]

    @cached_property
    def seats(self) -> list[int]:
        """Columns in the order of addresses, in which nodes list signers."""
        return sorted(range(len(self.members)), key=self.members.__getitem__)

    @cached_property
    def signed(self) -> Flags:
        """The signers that nodes show, by row and seat: none where the certificate is unknown."""
        return self.leaves.signed[:, self.seats] & self.leaves.certified[:, np.newaxis]

    @cached_property
    def seat_votes(self) -> list[int]:
        votes: list[int] = self.leaves.setting.votes[self.seats].tolist()
        return votes

    @cached_property
    def _signatures(self) -> list[bytes]:
        return [
            f'{{"account":"{self.members[column]}","votes":"{votes:#x}"}}'.encode()
            for column, votes in zip(self.seats, self.seat_votes, strict=True)
        ]

    @cached_property
    def _ledger(self) -> transactions.Ledger:
        return transactions.ledger(self.growth, self.epoch, self.leaves)

    @cached_property
    def last_numbers(self) -> list[int]:
        """The number of the last transaction in each block, by row."""
        setting = self.leaves.setting
        numbers: list[int] = self._ledger.last_numbers(setting.first_height, setting.blocks).tolist()
        return numbers

    @cached_property
    def pivots(self) -> list[int]:
        """The newest pivot decision that each block knows, by row."""
        pivots: list[int] = pivot_heights(self.leaves.at_us).tolist()
        return pivots

    def row(self, height: int) -> int:
        return height - self.leaves.setting.first_height

    def at_us(self, height: int) -> int:
        return self.start_us + int(self.leaves.at_us[self.row(height)])

    def block(self, height: int, lens: Lens = HONEST) -> bytes:
        """A block's JSON. Only what honest nodes say is kept."""
        if lens is not HONEST:
            return self._written(height, lens)
        if height not in self._blocks:
            self._blocks[height] = self._written(height, lens)
        return self._blocks[height]

    def transaction(self, number: int) -> dict[str, Any]:
        """A transaction of this epoch by its number."""
        entry = self._ledger.entries[number - self._ledger.first_number]
        return transactions.told(self.growth, self.leaves, number, entry, self.at_us(entry.height))

    def stood_by(self, height: int, term: int) -> set[int]:
        """The accounts whose candidacy for that term stands in this epoch's blocks up to a height."""
        return {
            entry.account
            for entry in self._ledger.entries
            if entry.place == transactions.Place.ELECTION and entry.about == term and entry.height <= height
        }

    def verifier(self) -> dict[str, Any]:
        """The committee, as the epoch's state has it."""
        setting = self.leaves.setting
        people = [self.growth.people[account] for account in setting.members.tolist()]
        infos = {
            people[column].address: {
                "publicKey": people[column].public_key,
                "votingPower": hex(votes),
                "vrfPublicKey": people[column].vrf_public_key,
            }
            for column, votes in zip(self.seats, self.seat_votes, strict=True)
        }
        return {
            "addressToValidatorInfo": infos,
            "quorumVotingPower": hex(setting.quorum),
            "totalVotingPower": hex(int(setting.votes.sum())),
        }

    def voted(self, height: int) -> bytes:
        """A block that was voted on and not committed yet: nodes tell no signers of it."""
        return self._written(height, Lens(signed=np.zeros(len(self.seats), np.bool_)))

    def _written(self, height: int, lens: Lens) -> bytes:
        row = self.row(height)
        signed = self.signed[row] if lens.signed is None else lens.signed
        leader = int(self.leaves.leaders[row])
        miner = "null" if leader == NOBODY else f'"{self.members[leader]}"'
        pivot_hash = self.growth.dice.numbered_hash(POW_HASH, self.pivots[row])
        head = (
            f'{{"epoch":"{self.epoch:#x}","hash":"{self._hash(height, lens)}","height":"{height:#x}",'
            f'"lastTxNumber":"{self.last_numbers[row]:#x}","miner":{miner},'
            f'"parentHash":"{self._parent(height, lens)}",'
            f'"pivotDecision":{{"blockHash":"{pivot_hash}","height":"{self.pivots[row]:#x}"}},'
            f'"round":"{self.leaves.rounds[row]:#x}","signatures":['
        )
        tail = f'],"timestamp":"{self.at_us(height):#x}"}}'
        return head.encode() + b",".join(compress(self._signatures, signed.tolist())) + tail.encode()

    def _hash(self, height: int, lens: Lens) -> str:
        forked = lens.forked_from is not None and height >= lens.forked_from
        return self.growth.dice.numbered_hash(FORK_HASH if forked else BLOCK_HASH, height)

    def _parent(self, height: int, lens: Lens) -> str:
        """An epoch begins with a virtual block of its own: its first block's parent is no block of ours."""
        if self.row(height) == 0:
            return self.growth.dice.hash("virtual", self.epoch)
        return self._hash(height - 1, lens)

    def counts(self) -> EpochCounts:
        """What a perfect observer of this epoch's blocks counts."""
        drawn, setting = self.leaves, self.leaves.setting
        known = drawn.certified
        signed = drawn.signed[known].sum(axis=0).tolist()
        led = drawn.by_leader(np.ones(setting.blocks, np.int64)).tolist()
        bonus = drawn.by_leader(np.where(np.append(False, known[:-1]), drawn.bonus, 0)).tolist()
        late = (drawn.signed[-1] & known[-1]).astype(int).tolist()
        return EpochCounts(
            epoch=self.epoch,
            first_height=setting.first_height,
            last_height=setting.last_height,
            first_at_us=self.at_us(setting.first_height),
            last_at_us=self.at_us(setting.last_height),
            blocks=setting.blocks,
            known_blocks=int(known.sum()),
            nil_blocks=int((drawn.leaders == NOBODY).sum()),
            timeout_rounds=int(drawn.rounds[-1]) - setting.blocks,
            quorum_votes=setting.quorum,
            total_votes=int(setting.votes.sum()),
            bonus_votes={who: votes for who, votes in zip(self.members, bonus, strict=True) if votes},
            members={
                who: MemberCounts(*counts)
                for who, *counts in zip(self.members, setting.votes.tolist(), signed, led, late, strict=True)
            },
        )


def genesis(pivot_hash: str) -> bytes:
    """What nodes say of height 1: an epoch and a round 0, and hashes of zeros (seen on v3.0.2)."""
    zeros = "0x" + "00" * 32
    return msgspec.json.encode(
        {
            "epoch": "0x0",
            "hash": zeros,
            "height": "0x1",
            "lastTxNumber": "0x0",
            "miner": None,
            "parentHash": zeros,
            "pivotDecision": {"blockHash": pivot_hash, "height": "0x0"},
            "round": "0x0",
            "signatures": [],
            "timestamp": "0x0",
        }
    )
