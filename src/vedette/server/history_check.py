"""Asking a node about a part of a history that came in a file, before any of it is kept.

Which part is drawn anew for each import, so that whoever wrote the file cannot know it. Compared is what a
node can still be asked for: blocks, committees, rewards, and signers as far as two nodes agree on them.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vedette.conflux import pos
from vedette.conflux.pow import pow_status
from vedette.conflux.rpc import Rpc, open_session
from vedette.conflux.wire import Call, Refused, RpcError
from vedette.model.pos import PosAddress, PosBlock
from vedette.server.feed import Endpoint, rate_of
from vedette.store.carry import blocks, records
from vedette.store.carry.arrive import Tell
from vedette.store.carry.blocks import Carried
from vedette.store.carry.file import CarryError
from vedette.store.carry.reading import Item, drips_of
from vedette.store.carry.records import NOBODY

EPOCHS: Final = 24
BLOCKS: Final = 4
"""So many blocks of each epoch. All together is half a minute of a public gateway's budget."""
DIFFERING_MIN: Final = 3
DIFFERING_PART: Final = 5
"""Certificates of two nodes may differ by late votes; not for one account in every fifth block and more."""


@dataclass(slots=True)
class SpotCheck:
    """What was drawn of one file, and what a node says of it."""

    endpoint: Endpoint
    chain_id: int | None = None
    drawn: list[Carried] = field(default_factory=list)
    paid: dict[int, dict[PosAddress, int]] = field(default_factory=dict)
    told: int = 0
    chance: random.Random = field(default_factory=random.SystemRandom)
    _seen: int = 0
    _sat: Counter[PosAddress] = field(default_factory=Counter)
    _differing: Counter[PosAddress] = field(default_factory=Counter)

    def see(self, items: Sequence[Item]) -> None:
        """Draw from what is read once: each epoch of the file with the same chance."""
        for item in items:
            if isinstance(item, records.Head):
                self.chain_id = item.chain_id
            elif isinstance(item, Carried):
                self._draw(item)
            elif isinstance(item, records.Payments) and any(one.epoch == item.epoch for one in self.drawn):
                self.paid[item.epoch] = drips_of(item)

    def _draw(self, epoch: Carried) -> None:
        self._seen += 1
        if len(self.drawn) < EPOCHS:
            self.drawn.append(epoch)
        elif (at := self.chance.randrange(self._seen)) < EPOCHS:
            self.paid.pop(self.drawn[at].epoch, None)
            self.drawn[at] = epoch

    @property
    def line(self) -> str:
        """What was compared, in one line."""
        return (
            f"{self.told} of its epochs were compared with {self.endpoint.name}, {BLOCKS} blocks of each:"
            f" {self._differing.total():,} of {self._sat.total():,} votes differ, as late ones may,"
            " and nothing else"
        )

    async def ask(self, tell: Tell) -> None:
        """Compare with the node. Raises CarryError at a contradiction, or if it tells nothing."""
        name = self.endpoint.name
        try:
            async with open_session() as session:
                rpc = Rpc(self.endpoint.url, session=session, calls_per_s=rate_of(self.endpoint))
                chain_id = pow_status(await rpc.ask("cfx_getStatus")).chain_id
                if self.chain_id not in {None, chain_id}:
                    raise CarryError(
                        f"the file is of another chain than {name}:"
                        f" its chain id is {self.chain_id}, and not {chain_id}"
                    )
                for done, epoch in enumerate(self.drawn, 1):
                    self.told += await self._is_told(rpc, epoch)
                    tell("asking", done, len(self.drawn))
        except RpcError as error:
            raise CarryError(f"the file cannot be compared with {name}: {error}") from error
        if not self.told:
            raise CarryError(f"the file cannot be compared with {name}: it has forgotten these epochs")
        self._compare_signers()

    async def _is_told(self, rpc: Rpc, epoch: Carried) -> bool:
        """Whether the node knows all that is asked about this epoch."""
        heights = sorted(self.chance.sample(range(len(epoch.blocks)), min(BLOCKS, len(epoch.blocks))))
        calls: list[Call] = [(pos.BLOCK, (hex(epoch.first_height + at),)) for at in heights]
        calls += [(pos.EPOCH_STATE, (hex(epoch.epoch),)), (pos.REWARDS, (hex(epoch.epoch),))]
        *found, state, rewards = [_known(answer) for answer in await rpc.batch(calls)]
        for at, raw in zip(heights, found, strict=True):
            block = pos.pos_block(raw)
            if block is not None:
                self._compare_block(epoch, at, block)
        committee = pos.committee(epoch.epoch, state)
        if committee is not None and committee != blocks.as_committee(epoch.committee):
            raise self._differs(epoch, "its committee differs")
        told, paid = pos.epoch_rewards(epoch.epoch, rewards), self.paid.get(epoch.epoch)
        if told is not None and paid is not None and {one.account: one.drip for one in told.rewards} != paid:
            raise self._differs(epoch, "its rewards differ")
        return state is not None and None not in found and (paid is None or told is not None)

    def _compare_block(self, epoch: Carried, at: int, told: PosBlock) -> None:
        ours, height = epoch.blocks[at], epoch.first_height + at
        leader = None if ours.proposer == NOBODY else epoch.people[ours.proposer]
        pivot = None if ours.pivot_height == NOBODY else ours.pivot_height
        said = (height, epoch.epoch, "0x" + ours.hash.hex(), ours.round, ours.at_us, leader, pivot)
        fact = (told.height, told.epoch, told.hash, told.round, told.at_us, told.proposer, told.pivot_height)
        if (*said, ours.last_tx_number) != (*fact, told.last_tx_number):
            raise self._differs(epoch, f"its block {height} differs")
        signers = epoch.signers(at)
        if signers and told.signers:
            self._sat.update(epoch.members)
            self._differing.update(signers ^ told.signers.keys())

    def _compare_signers(self) -> None:
        for account, count in sorted(self._differing.items()):
            sat = self._sat[account]
            if count >= DIFFERING_MIN and count * DIFFERING_PART > sat:
                raise CarryError(
                    f"the file is not what {self.endpoint.name} tells: of {sat} blocks in which"
                    f" {account} could sign, they differ about it in {count}"
                )

    def _differs(self, epoch: Carried, what: str) -> CarryError:
        return CarryError(f"the file is not what {self.endpoint.name} tells: in epoch {epoch.epoch} {what}")


def _known(answer: Any | RpcError) -> Any:
    """What a node answers; None what it has forgotten. Raises RpcError when it does not answer at all."""
    if isinstance(answer, RpcError):
        if not isinstance(answer, Refused):
            raise answer
        return None
    return answer
