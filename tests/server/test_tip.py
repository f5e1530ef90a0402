"""The newest blocks are read once for all readers of a moment, and never kept from before a change."""

from pathlib import Path

import pytest

from tests.server.stage import HandClock, quiet_house, settings
from tests.store.doubles import committee
from vedette.model.pos import PosAddress
from vedette.server.tip import KEEP_MS, Tip
from vedette.store import votes
from vedette.store.database import Conn

ALICE = PosAddress("0x" + "a1" * 32)


async def test_what_was_read_before_a_change_is_not_kept_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    async with quiet_house(settings(tmp_path), clock) as house:
        read = house.tips._read

        async def overtaken(conn: Conn) -> Tip:
            tip = await read(conn)
            await house.database.write(lambda c: votes.remember_committee(c, committee(1, {ALICE: 10})))
            house.tips.forget()
            return tip

        monkeypatch.setattr(house.tips, "_read", overtaken)
        assert ALICE not in (await house.tips.now()).strips
        monkeypatch.setattr(house.tips, "_read", read)
        kept = await house.tips.now()
        assert ALICE in kept.strips
        assert await house.tips.now() is kept
        clock.pass_ms(KEEP_MS)
        assert await house.tips.now() is not kept
        await house.contacts.close()
