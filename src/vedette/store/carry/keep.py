"""Keeping the items of a carried history beside what a database holds. To keep one twice is harmless."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select, update

from vedette.model import election
from vedette.model.pos import PosAddress
from vedette.model.spans import Spans, spans
from vedette.store import chain, elections, epochs, events, rewards, stakes, votes
from vedette.store import tables as t
from vedette.store.carry import blocks, records
from vedette.store.carry.blocks import Carried
from vedette.store.carry.reading import HistoryFile, Item, drips_of, maybe
from vedette.store.carry.records import BY_TRANSACTION
from vedette.store.codec import pack_drips, pack_ints
from vedette.store.database import Conn, insert_into
from vedette.store.epochs import OpenEpoch
from vedette.store.rosters import Roster, rosters
from vedette.store.tally import KeptBlock, Tally, kept_block


@dataclass(frozen=True, slots=True)
class Keeper:
    """What one transaction keeps. `numbers` has everybody of whom the file speaks."""

    conn: Conn
    file: HistoryFile
    numbers: Mapping[PosAddress, int]

    async def keep(self, items: Sequence[Item]) -> None:
        """All of them; what belongs to epochs goes together."""
        await self.keep_committees([item for item in items if isinstance(item, records.Committee)])
        await self.keep_epochs([item for item in items if isinstance(item, Carried)])
        for item in items:
            way = _WAYS.get(type(item))
            if way is not None:
                await way(self, item)
        await self.keep_payments([item for item in items if isinstance(item, records.Payments)])
        await self.keep_stakes([item for item in items if isinstance(item, records.Stakes)])

    async def keep_head(self, record: records.Head) -> None:
        if record.chain_id is not None:
            await chain.remember_chain_id(self.conn, record.chain_id)

    async def _keep_new(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Those of the rows that are not held."""
        if rows:
            await self.conn.execute(insert_into(self.conn, table).on_conflict_do_nothing(), rows)

    # --- accounts

    async def keep_people(self, record: records.People) -> None:
        """An account can be bound anew: whoever knows the newer rewards knows where they go."""
        newest = (await self.conn.execute(select(func.max(t.pos_rewards.c.epoch)))).scalar()
        is_newer = newest is None or (self.file.head.newest_paid or 0) > newest
        columns = t.pos_accounts.c
        for address, bound_to in zip(records.parted(record.addresses), record.bound_to, strict=True):
            where = columns.id == self.numbers[address]
            where = where if is_newer else where & columns.pow_address.is_(None)
            await self.conn.execute(update(t.pos_accounts).where(where).values(pow_address=bound_to))

    def _stake(self, row: records.Stake) -> dict[str, Any]:
        kept: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
        queues = {
            name: [{"end_height": end, "votes": votes} for end, votes in kept[name]]
            for name in ("in_queue", "out_queue")
        }
        return kept | queues | {"account": self.numbers[records.parted(row.account)[0]]}

    async def keep_stake_history(self, record: records.StakeHistory) -> None:
        await self._keep_new(t.pos_stake_history, [self._stake(row) for row in record.rows])

    async def keep_newer(self, record: records.StakesNow) -> None:
        columns = t.pos_stakes.c
        held = {
            row.account: row.at_ms for row in await self.conn.execute(select(columns.account, columns.at_ms))
        }
        rows = [self._stake(row) for row in record.rows]
        newer = [row for row in rows if held.get(row["account"], -1) < row["at_ms"]]
        if newer:
            add = insert_into(self.conn, t.pos_stakes)
            told = {name: add.excluded[name] for name in newer[0] if name != "account"}
            await self.conn.execute(add.on_conflict_do_update(index_elements=["account"], set_=told), newer)

    # --- epochs

    async def keep_committees(self, told: Sequence[records.Committee]) -> None:
        """Signers that were told before a committee take their seats as if a node had told of it."""
        wanted = [one.epoch for one in told]
        known = set((await rosters(self.conn, wanted)).keys())
        in_rows = await self._epochs_in_rows(wanted)
        for one in told:
            if one.epoch in in_rows - known:
                await votes.remember_committee(self.conn, blocks.as_committee(one))
        fresh = [self._committee(one) for one in told if one.epoch not in in_rows | known]
        await self._keep_new(t.pos_committees, fresh)

    async def _epochs_in_rows(self, wanted: Sequence[int]) -> set[int]:
        column = t.pos_blocks.c.epoch
        return set((await self.conn.execute(select(column).where(column.in_(wanted)).distinct())).scalars())

    def _committee(self, told: records.Committee) -> dict[str, Any]:
        seats = sorted(
            (self.numbers[member], votes)
            for member, votes in zip(records.parted(told.members), told.votes, strict=True)
        )
        return {
            "epoch": told.epoch,
            "quorum_votes": told.quorum_votes,
            "total_votes": told.total_votes,
            "members": pack_ints([number for number, _ in seats]),
            "votes": pack_ints([votes for _, votes in seats]),
        }

    async def _witnesses(self, carried: Iterable[Carried]) -> dict[str, int]:
        """The numbers of those who told of these epochs; what was read from them grows.

        Here they are others than witnesses of the same name whom we heard ourselves.
        """
        read: dict[str, Spans] = {}
        for one in carried:
            for told in one.told:
                read[told.witness] = spans([*read.get(told.witness, ()), *told.read])
        return {
            name: await votes.note_read(self.conn, _heard_elsewhere(name), spans)
            for name, spans in sorted(read.items())
        }

    async def _twins(self, witnesses: Mapping[str, int]) -> dict[int, int]:
        """Of witnesses whom we heard ourselves, too: the number of what was imported, and of our own."""
        columns = t.pos_witnesses.c
        query = select(columns.name, columns.id).where(columns.name.in_(witnesses))
        return {
            witnesses[row.name]: row.id
            for row in await self.conn.execute(query)
            if row.id != witnesses[row.name]
        }

    async def keep_epochs(self, carried: Sequence[Carried]) -> None:
        """As packs, whatever they were; what was told here and there adds up."""
        witnesses = await self._witnesses(carried)
        twins = await self._twins(witnesses)
        wanted = [one.epoch for one in carried]
        known, held = await rosters(self.conn, wanted), await epochs.holding_epochs(self.conn, wanted)
        in_rows = await self._epochs_in_rows(wanted)
        changed: list[OpenEpoch] = []
        signed: dict[PosAddress, int] = {}
        for one in carried:
            told = blocks.kept_blocks(one, known[one.epoch], self.numbers, witnesses)
            if one.epoch in held:
                _forget_known(told, held[one.epoch].blocks, twins)
                if _merged(held[one.epoch].blocks, told):
                    changed.append(held[one.epoch])
            else:
                if one.epoch in in_rows:
                    rows = await self._rows(one, known[one.epoch])
                    _forget_known(told, rows, twins)
                    _merged(told, rows)
                changed.append(OpenEpoch(known[one.epoch], told))
            signed |= blocks.last_signed(one, told)  # they ascend
        await epochs.keep_wholes(self.conn, changed)
        await votes.note_signed(self.conn, signed)

    async def _rows(self, carried: Carried, roster: Roster) -> list[KeptBlock]:
        """Blocks of this epoch that are held one by one."""
        query = select(t.pos_blocks).where(t.pos_blocks.c.height.between(*carried.heights))
        rows = [kept_block(row, roster) for row in await self.conn.execute(query)]
        for row in rows:
            if row.tally.roster is None:
                row.tally = row.tally.seated(roster)
        return rows

    async def keep_payments(self, told: Sequence[records.Payments]) -> None:
        held = await self._kept_epochs(t.pos_rewards, told)
        untimed = await self._kept_epochs(t.pos_rewards, told, t.pos_rewards.c.paid_at_s.is_(None))
        fresh = [self._payments(one) for one in told if one.epoch not in held]
        await self._keep_new(t.pos_rewards, fresh)
        await epochs.dirty_epochs(self.conn, {row["epoch"] for row in fresh})
        for one in told:
            if one.epoch in untimed and one.pow_epoch is not None and one.paid_at_s is not None:
                pow_hash = "0x" + one.pow_hash.hex()
                await rewards.time_payment(self.conn, one.epoch, pow_hash, one.pow_epoch, one.paid_at_s)

    def _payments(self, told: records.Payments) -> dict[str, Any]:
        paid = sorted((self.numbers[address], drip) for address, drip in drips_of(told).items())
        return {
            "epoch": told.epoch,
            "pow_hash": told.pow_hash,
            "pow_epoch": told.pow_epoch,
            "paid_at_s": told.paid_at_s,
            "accounts": pack_ints([number for number, _ in paid]),
            "drips": pack_drips([drip for _, drip in paid]),
        }

    async def keep_stakes(self, told: Sequence[records.Stakes]) -> None:
        held = await self._kept_epochs(t.pos_epoch_stakes, told)
        for one in told:
            if one.epoch not in held:
                votes = dict(zip(records.parted(one.accounts), one.votes, strict=True))
                await stakes.remember_stakes(self.conn, one.epoch, votes, one.network_votes)

    async def _kept_epochs(
        self, table: Table, told: Sequence[records.Payments | records.Stakes], *where: ColumnElement[bool]
    ) -> set[int]:
        query = select(table.c.epoch).where(table.c.epoch.in_([one.epoch for one in told]), *where)
        return set((await self.conn.execute(query)).scalars()) if told else set()

    # --- the rest

    async def keep_election(self, record: records.Election) -> None:
        if record.candidates is not None:
            await elections.remember_candidates(self.conn, record.term, records.parted(record.candidates))
        told = record.elected
        if told is not None:
            elected = dict(zip(records.parted(told.accounts), told.votes, strict=True))
            seen = election.Election(told.start_height, told.is_finalized, elected)
            await elections.remember_election(self.conn, record.term, seen, told.seen_at_ms)

    async def keep_events(self, record: records.Events) -> None:
        await self._keep_new(t.pos_events, [self._event(row) for row in record.rows])

    async def keep_economics(self, record: records.Economics) -> None:
        names = records.Moment.__struct_fields__
        rows = [{name: getattr(row, name) for name in names} for row in record.rows]
        await self._keep_new(t.pos_economics, rows)

    async def keep_reading(self, record: records.Reading) -> None:
        """Nothing counts as read beyond what the file holds: we would never ask for it."""
        file = self.file
        newest = file.newest_transaction if record.what == BY_TRANSACTION else file.newest_epoch
        for first, last in record.read:
            if first <= newest:
                await events.mark_read(self.conn, record.what, first, min(last, newest))

    def _event(self, row: records.Event) -> dict[str, Any]:
        kept: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
        who = {name: maybe(kept[name]) for name in ("account", "sender")}
        return kept | {name: self.numbers[found[0]] if found else None for name, found in who.items()}


_WAYS: Mapping[type, Callable[[Keeper, Any], Awaitable[None]]] = {
    records.Head: Keeper.keep_head,
    records.People: Keeper.keep_people,
    records.Election: Keeper.keep_election,
    records.Events: Keeper.keep_events,
    records.Economics: Keeper.keep_economics,
    records.StakeHistory: Keeper.keep_stake_history,
    records.StakesNow: Keeper.keep_newer,
    records.Reading: Keeper.keep_reading,
}


def _heard_elsewhere(name: str) -> str:
    return name if name.endswith(votes.IMPORTED) else name + votes.IMPORTED


def _forget_known(told: Sequence[KeptBlock], held: Sequence[KeptBlock], twins: Mapping[int, int]) -> None:
    """One witness has one voice: what we heard ourselves is not told a second time by a file."""
    ours = {block.height: block.tally for block in held}
    for block in told:
        tally, own = block.tally, ours.get(block.height, Tally(None))
        for imported, heard in twins.items():
            same = imported in tally.told and heard in own.told
            if same and tally.signers(tally.told[imported]) == own.signers(own.told[heard]):
                del tally.told[imported]


def _merged(into: Sequence[KeptBlock], others: Sequence[KeptBlock]) -> bool:
    """Add what the others were told to blocks of the same heights; tells whether anything was new."""
    held = {block.height: block.tally for block in into}
    return sum(_added(held[block.height], block.tally) for block in others) > 0


def _added(tally: Tally, other: Tally) -> bool:
    if tally.extra or other.extra:  # signers without a seat stand in an order of their own
        return sum(tally.hear(witness, other.signers(bitmap)) for witness, bitmap in other.told.items()) > 0
    before = dict(tally.told)
    tally.told |= {witness: before.get(witness, 0) | bitmap for witness, bitmap in other.told.items()}
    return tally.told != before
