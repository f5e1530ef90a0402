"""A past for the API's tests: a replayed history in a real store, with holes, and the truth beside it.

Of epochs 1 to 29 everything was read, but for block 70 (so epoch 4 is not counted), the certificates of epoch
6's blocks 104 to 115 and what was paid for epoch 9. Stakes were seen from epoch 15 on. Epoch 30 is under way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from vedette.conflux import pos
from vedette.model import sums
from vedette.model.economics import Economics
from vedette.model.election import CommitteeNow, Election
from vedette.model.history import EpochCounts, MemberCounts, Window
from vedette.model.pos import Account, Committee, PosAddress, PosBlock
from vedette.model.reward import DRIP_PER_CFX, VOTE_CFX
from vedette.model.spans import Span
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.store import accounts, economics, elections, epochs, events, rewards, stakes, summing, votes
from vedette.store.database import Conn, Database

TERM, EPOCHS = 20, 30
HEAD = (EPOCHS - 1) * TERM + 12
NEVER_READ = 70
UNSEEN = range(104, 116)
UNPAID = 9
FIRST_STAKED = 15
COUNTED = [epoch for epoch in range(1, EPOCHS) if epoch != 4]
PAID = [epoch for epoch in range(1, EPOCHS) if epoch != UNPAID]
NETWORK_VOTES = 9_000


@dataclass(frozen=True)
class Past:
    """What was told to the store."""

    network: Network

    @cached_property
    def people(self) -> list[PosAddress]:
        return self.network.addresses()

    @cached_property
    def blocks(self) -> dict[int, PosBlock]:
        """By height, as they were witnessed."""
        told = [pos.pos_block(self.network.block(height)) for height in range(2, HEAD + 1)]
        seen = {one.height: one for one in told if one is not None and one.height != NEVER_READ}
        return {h: replace(one, signers={}) if h in UNSEEN else one for h, one in seen.items()}

    @cached_property
    def committees(self) -> dict[int, Committee]:
        told = (pos.committee(epoch, self.network.epoch_state(epoch)) for epoch in range(1, EPOCHS + 1))
        return {one.epoch: one for one in told if one is not None}

    @cached_property
    def drips(self) -> dict[int, dict[PosAddress, int]]:
        """What was paid, by epoch."""
        told = {epoch: pos.epoch_rewards(epoch, self.network.rewards(epoch)) for epoch in PAID}
        return {epoch: {r.account: r.drip for r in one.rewards} for epoch, one in told.items() if one}

    @cached_property
    def stakes(self) -> dict[int, dict[PosAddress, int]]:
        return {epoch: {who: one.available_votes for who, one in self.accounts(epoch).items() if one.exists}
                for epoch in range(FIRST_STAKED, EPOCHS)}  # fmt: skip

    def accounts(self, epoch: int) -> dict[PosAddress, Account]:
        """Everybody as that epoch ended."""
        height = self.network.growth.last_height(epoch)
        return {who: pos.account(self.network.account(who, height)) for who in self.people}

    @cached_property
    def transactions(self) -> list[PosTransaction]:
        last = self.network.last_number(HEAD)
        told = [pos.transaction(self.network.transaction(number)) for number in range(1, last + 1)]
        return [one for one in told if one is not None]

    def end_ms(self, epoch: int) -> int:
        """When its last block was made."""
        return max(one.at_us for one in self.blocks.values() if one.epoch == epoch) // 1000

    def economics(self, epoch: int) -> Economics:
        staked = NETWORK_VOTES * VOTE_CFX * DRIP_PER_CFX
        return Economics(staked, 1, epoch, 40_000, 12 * staked + epoch, 2 * staked)

    def held(self, epoch: int) -> tuple[int, int]:
        """Balance and staking balance, in Drip, of the first account's owner as the epoch ended."""
        owner = self.network.owner_of(self.people[0])
        assert owner is not None
        height = self.network.growth.last_height(epoch)
        return self.network.balance(owner, height), self.network.staking_balance(owner, height)

    # --- counted the plain way

    @cached_property
    def counts(self) -> dict[int, EpochCounts]:
        return {epoch: self._counted(epoch) for epoch in COUNTED}

    def _counted(self, epoch: int) -> EpochCounts:
        committee = self.committees[epoch]
        own = [one for one in self.blocks.values() if one.epoch == epoch]
        bonus: dict[PosAddress, int] = {}
        for sooner, later in pairwise(own):
            if later.proposer is not None and later.proposer in committee.votes and sooner.signers:
                above = max(0, sum(sooner.signers.values()) - committee.quorum_votes)
                bonus[later.proposer] = bonus.get(later.proposer, 0) + above
        return EpochCounts(
            epoch=epoch,
            first_height=own[0].height,
            last_height=own[-1].height,
            first_at_us=own[0].at_us,
            last_at_us=own[-1].at_us,
            blocks=len(own),
            known_blocks=sum(1 for one in own if one.signers),
            nil_blocks=sum(1 for one in own if one.proposer is None),
            timeout_rounds=own[-1].round - len(own),
            quorum_votes=committee.quorum_votes,
            total_votes=committee.total_votes,
            bonus_votes={who: held for who, held in bonus.items() if held},
            members={
                who: MemberCounts(
                    held,
                    sum(1 for one in own if who in one.signers),
                    sum(1 for one in own if one.proposer == who),
                    int(who in own[-1].signers),
                )
                for who, held in committee.votes.items()
            },
        )

    def window(self, first: int, last: int) -> Window:
        """The sums of these epochs, added up one by one."""
        following = {epoch - 1: one.first_at_us for epoch, one in self.counts.items()}
        # Of the epoch under way nothing is counted, so how long the one before it took is reckoned.
        return sums.window(
            first,
            last,
            (
                sums.contribution(
                    one,
                    self.drips.get(epoch),
                    self.stakes.get(epoch),
                    NETWORK_VOTES if epoch in self.stakes else None,
                    next_first_at_us=following.get(epoch),
                )
                for epoch, one in self.counts.items()
                if first <= epoch <= last
            ),
        )

    def letter(self, who: PosAddress, height: int) -> str:
        """Its part in one block, as a strip spells it."""
        one = self.blocks.get(height)
        if one is None:
            return "?"
        if who not in self.committees[one.epoch].votes:
            return "-"
        if not one.signers:
            return "?"
        return ("l" if one.proposer == who else "s") if who in one.signers else "a"


def grown() -> Past:
    return Past(
        Network.grown(ReplayOptions(epochs=EPOCHS + 1, accounts=24, stake_votes=9_000, term_blocks=TERM))
    )


async def filled(past: Past, place: Path | str) -> None:
    """Tell a new database all of it."""
    database = await Database.open(str(place))
    try:
        await database.write(partial(_tell_chain, past=past))
        await database.write(partial(_tell_beside, past=past))
        while await database.write(lambda conn: epochs.fold(conn, 8)):
            pass
        await summing.refresh(database)
    finally:
        await database.close()


async def _tell_chain(conn: Conn, past: Past) -> None:
    await accounts.intern(conn, past.people)
    for committee in past.committees.values():
        await votes.remember_committee(conn, committee)
    await votes.witness_blocks(conn, "mine", list(past.blocks.values()), Span(2, HEAD))
    for one in past.transactions:
        if one.kind is TransactionKind.ELECTION and one.status is TransactionStatus.EXECUTED and one.account:
            await elections.remember_candidates(conn, one.target_term or 0, [one.account])
    await events.remember_events(conn, past.transactions)
    await events.mark_read(conn, "transactions", 1, past.transactions[-1].number)


async def _tell_beside(conn: Conn, past: Past) -> None:
    for epoch in PAID:
        told = pos.epoch_rewards(epoch, past.network.rewards(epoch))
        if told is not None:
            await rewards.remember_rewards(conn, told, epoch * 1_000, past.end_ms(epoch) // 1000 + 60)
    for epoch in range(FIRST_STAKED, EPOCHS):
        await stakes.remember_stakes(conn, epoch, past.stakes[epoch], NETWORK_VOTES)
        await accounts.remember_accounts(conn, list(past.accounts(epoch).values()), past.end_ms(epoch))
        await economics.remember_economics(conn, past.economics(epoch), past.end_ms(epoch) - 1, epoch * 10)
        await economics.remember_balance(conn, past.people[0], *past.held(epoch), past.end_ms(epoch))
        await elections.remember_elections(conn, elections_at(past, epoch), past.end_ms(epoch))
    await elections.remember_elections(conn, elections_at(past, EPOCHS), past.end_ms(EPOCHS))


def elections_at(past: Past, epoch: int) -> CommitteeNow:
    """As that epoch ends: the next term is decided, of the one after some are elected."""
    end = past.network.growth.last_height
    nearer = Election(end(epoch), True, past.network.term(epoch + 1))
    later = Election(end(epoch + 1), False, dict(list(past.network.term(epoch + 2).items())[:2]))
    return CommitteeNow(past.committees[epoch], (nearer, later))


def by_address(rows: list[dict[str, Any]]) -> Mapping[PosAddress, dict[str, Any]]:
    return {PosAddress(row["address"]): row for row in rows}
