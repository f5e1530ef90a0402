"""Which teams want a digest and when, what it tells of them, and its messages on their way."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec
from sqlalchemy import select

from vedette.model.ballot import known_count, signed_count
from vedette.model.digest import DigestMatter, DigestPlan, Row
from vedette.model.incident import Reason
from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.store import audit, epochs, people, strips
from vedette.store import tables as t
from vedette.store.database import Conn, insert_into, visible_to
from vedette.store.epochs import EpochSpan
from vedette.store.strips import Strip

PPM: Final = 1_000_000
EPOCHS_A_BAR: Final = 8
"""Epochs are about an hour long; a week has bars of a third of a day."""


async def plan(conn: Conn, who: Who) -> DigestPlan:
    """The reader's own team's."""
    columns = t.alert_policies.c
    query = select(columns.digest).where(visible_to(who, t.alert_policies))
    return _plan((await conn.execute(query)).scalar())


async def plans(conn: Conn) -> dict[int, DigestPlan]:
    """Of every team that wants one."""
    columns = t.alert_policies.c
    rows = await conn.execute(select(columns.team_id, columns.digest).where(columns.digest.is_not(None)))
    return {row.team_id: _plan(row.digest) for row in rows}


async def keep(conn: Conn, who: Who, wish: DigestPlan, now_ms: int) -> None:
    """From now on the team is told so."""
    assert who.team_id is not None
    await _put(conn, who.team_id, {"digest": asdict(wish), "changed_at_ms": now_ms})
    detail = {"every": wish.every, "contacts": len(wish.contacts)}
    await audit.note(conn, now_ms, who, "alerts.digest", f"team:{who.team_id}", detail)


async def tell(
    conn: Conn, team_id: int, wish: DigestPlan, channels: Sequence[str], matter: DigestMatter, now_ms: int
) -> None:
    """Put the messages on their way and note up to when was told: both, or neither."""
    rows = [
        {
            "team_id": team_id,
            "kind": "digest",
            "incident": msgspec.to_builtins(matter),
            "channel": channel,
            "reason": Reason.OPENED.value,
            "key": f"digest/{team_id}/{matter.until_ms}/{channel}",
            "state": "waiting",
            "created_at_ms": now_ms,
            "next_at_ms": now_ms,
            "attempts": 0,
        }
        for channel in channels
    ]
    if rows:
        await conn.execute(insert_into(conn, t.outbox).on_conflict_do_nothing(), rows)
    told = asdict(wish) | {"told_until_ms": matter.until_ms}
    await conn.execute(
        t.alert_policies.update().where(t.alert_policies.c.team_id == team_id).values(digest=told)
    )


async def watched(conn: Conn, team_id: int) -> list[PosAddress]:
    """The validators that the team watches."""
    return sorted((await people.watched_by(conn)).get(team_id, set()))


async def signed(conn: Conn, address: PosAddress, name: str, from_ms: int, until_ms: int, days: int) -> Row:
    """What a validator signed in the finished epochs that ended in this period."""
    first = await epochs.epoch_after(conn, from_ms * 1000)
    after = await epochs.epoch_after(conn, until_ms * 1000)
    newest = await epochs.span_before(conn, after if after is not None else 1 << 62)
    if first is None or newest is None or newest.epoch < first:
        return Row(name=name, ppm=None)
    spans = await epochs.spans_between(conn, first, newest.epoch)
    strip = await strips.of_epochs(conn, address, first, newest.epoch)
    of_epoch = [_letters(strip, spans.get(epoch)) for epoch in range(first, newest.epoch + 1)]
    width = 1 if days == 1 else EPOCHS_A_BAR
    grouped = ["".join(of_epoch[at : at + width]) for at in range(0, len(of_epoch), width)]
    share = _share(strip.letters)
    return Row(
        name=name,
        ppm=None if share is None else int(share * PPM),
        parts=tuple(_share(letters) for letters in grouped),
        lost=sum(1 for letters in of_epoch if known_count(letters) and not signed_count(letters)),
    )


def _letters(strip: Strip, span: EpochSpan | None) -> str:
    """An epoch's part of the strip; nothing of one that was not read."""
    if span is None:
        return ""
    return strip.letters[span.first_height - strip.first : span.last_height - strip.first + 1]


def _share(letters: str) -> float | None:
    known = known_count(letters)
    return signed_count(letters) / known if known else None


def _plan(kept: Any) -> DigestPlan:
    return DigestPlan() if kept is None else msgspec.convert(kept, DigestPlan)


async def _put(conn: Conn, team_id: int, values: dict[str, Any]) -> None:
    add = insert_into(conn, t.alert_policies).values(team_id=team_id, **values)
    await conn.execute(add.on_conflict_do_update(index_elements=["team_id"], set_=values))


# --- the token of the calendar ----------------------------------------------------------------------------


async def keep_feed_token(conn: Conn, who: Who, token_hash: bytes, now_ms: int) -> None:
    """The team's calendar opens with this token, and with no older one."""
    assert who.team_id is not None
    await _put(conn, who.team_id, {"feed_token_hash": token_hash, "changed_at_ms": now_ms})
    await audit.note(conn, now_ms, who, "alerts.feed_token", f"team:{who.team_id}")


async def team_of_feed(conn: Conn, token_hash: bytes) -> int | None:
    columns = t.alert_policies.c
    query = select(columns.team_id).where(columns.feed_token_hash == token_hash)
    found: int | None = (await conn.execute(query)).scalar()
    return found
