"""Lists over a real port: their order, pages, tags and tables; how long they are kept, and who sees what."""

import asyncio
import csv
from collections.abc import Iterable
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from tests.server.conftest import STRANGER, Api
from tests.server.history import COUNTED, EPOCHS, HEAD, TERM, Past, by_address
from tests.server.stage import TOKEN, Agent, bearer
from vedette.conflux import pos
from vedette.model.performance import Figure, performance
from vedette.model.spans import Span
from vedette.server import standings
from vedette.server.api import history_shapes as h
from vedette.server.api import ordering, sheets
from vedette.server.api.ordering import VALUES
from vedette.server.api.sent import has
from vedette.server.api.shapes import Block, QueuedVotes, Shape, Validator
from vedette.server.app import openapi_document
from vedette.server.problems import ProblemError
from vedette.server.standings import KEEP_MS, standing
from vedette.store import epochs, summing, votes
from vedette.store import tables as t

SORTS = sorted(VALUES)


def value_of(one: dict[str, Any], sort: str) -> int | None:
    """What a row is sorted by, read off the JSON."""
    did = one["performance"]
    found = {
        "address": int(one["address"], 16),
        "score": did["score"],
        "apy": did["apy_ppm"],
        "vote_rate": did["vote_rate_ppm"],
        "reward": did["reward_gdrip"],
        "paid_over_expected": did["paid_over_expected_ppm"],
        "seats": did["seats"],
        "served": did["served_epochs"],
        "silent": did["silent_epochs"],
        "led": did["led_blocks"],
        "loss_silent": did["loss_silent_gdrip"],
        "votes": one["committee_votes"],
        "stake": one["stake"] and one["stake"]["available_votes"],
        "last_signed": one["last_signed_height"],
    }[sort]
    return None if found is None else int(found)


# --- order and pages


async def test_a_leaderboard_has_the_best_first_and_the_unknown_last(api: Api, past: Past) -> None:
    whole = (await api.get("/validators"))["validators"]
    assert len(whole) == len(past.people)
    for sort in SORTS:
        for sign in (1, -1):
            told = await api.get(f"/validators?sort={'-' if sign < 0 else ''}{sort}")
            values = [value_of(one, sort) for one in told["validators"]]
            known = [value for value in values if value is not None]
            assert values == [*known, *[None] * (len(values) - len(known))]
            assert known == sorted(known, reverse=sign < 0)
            assert by_address(told["validators"]) == by_address(whole)


async def test_pages_of_a_leaderboard_walk_over_each_once(api: Api) -> None:
    for sort in ("-score", "silent", "-apy", "address"):
        whole = (await api.get(f"/validators?sort={sort}"))["validators"]
        for limit in (1, 7, len(whole)):
            found, cursor = [], ""
            while True:
                page = await api.get(f"/validators?sort={sort}&limit={limit}{cursor}")
                found += page["validators"]
                assert page["total"] == len(whole)
                if page["next_cursor"] is None:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            assert found == whole


async def test_a_yield_of_less_than_a_day_stands_behind_those_of_a_day(api: Api) -> None:
    """Nobody is ranked by the luck of a single epoch, neither at the top nor at the bottom."""
    found = [Validator.model_validate(one) for one in (await api.get("/validators"))["validators"][:6]]
    given = [(50_000, 24), (900_000, 1), (None, 0), (10, 23), (40_000, 700), (60_000, 24)]
    rows = [
        one.model_copy(
            update={
                "performance": one.performance.model_copy(update={"apy_ppm": apy, "staked_epochs": count})
            }
        )
        for one, (apy, count) in zip(found, given, strict=True)
    ]

    def yields(sort: str) -> list[int | None]:
        placed, cursor, walked = ordering.ordered(rows, sort), None, []
        while True:
            (one,), cursor = ordering.page(placed, cursor, 1)
            walked.append(one.performance.apy_ppm)
            if cursor is None:
                return walked

    assert yields("-apy") == [60_000, 50_000, 40_000, 900_000, 10, None]
    assert yields("apy") == [40_000, 50_000, 60_000, 10, 900_000, None]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 5), st.integers(0, 99)), unique_by=lambda p: p[2]),
    st.integers(1, 9),
)
def test_any_pages_are_the_whole_in_pieces(rows: list[tuple[int, int, int]], limit: int) -> None:
    placed = sorted(
        ((tier, 0 if tier == ordering.UNKNOWN else value, f"0x{number:064x}"), (value, number))
        for tier, value, number in rows
    )
    found: list[Any] = []
    cursor: str | None = None
    while True:
        page, cursor = ordering.page(placed, cursor, limit)  # type: ignore[arg-type]
        found += page
        if cursor is None:
            break
    assert found == [row for _, row in placed]


@pytest.mark.parametrize(
    "cursor",
    ["", "~", "-~0x" + "a" * 64, "1~0x12", "1~0x" + "A" * 64, "x~0x" + "a" * 64, "thin~0x" + "a" * 64],
)
def test_a_broken_cursor_is_refused_in_one_line(cursor: str) -> None:
    with pytest.raises(ProblemError, match="next_cursor"):
        ordering.page([], cursor, 5)


async def test_search_finds_any_part_of_an_address(api: Api, past: Past) -> None:
    who = past.people[5]
    for part in (who[:10], who[20:40].upper(), f"  {who}  "):
        told = await api.get(f"/validators?q={part}")
        assert [one["address"] for one in told["validators"]] == [who]
        assert told["total"] == 1
    assert (await api.get("/validators?q=zzz"))["validators"] == []


# --- what the rows say


async def test_rows_say_what_the_model_says(api: Api, past: Past) -> None:
    told = await api.get("/validators?window=30d")
    window = past.window(1, EPOCHS - 1)
    header = told["window"]
    assert header == {
        "name": "30d",
        "first_epoch": 1,
        "last_epoch": EPOCHS - 1,
        "asked_epochs": EPOCHS - 1,
        "known_epochs": len(COUNTED),
        "rewarded_epochs": len(COUNTED) - 1,
        "through_ms": past.end_ms(EPOCHS - 1),
    }
    for who, one in by_address(told["validators"]).items():
        true, did = performance(window, who, first_live_epoch=15), one["performance"]
        assert (did["score"], did["reason"]) == (true.figures[Figure.SCORE], true.unknown.get(Figure.SCORE))
        reward = sum(past.drips[e].get(who, 0) // 10**9 for e in COUNTED if e in past.drips)
        assert did["reward_gdrip"] == str(reward)
        served = [epoch for epoch in COUNTED if who in past.committees[epoch].votes]
        assert did["served_epochs"] == len(served)
        letters = "".join(past.letter(who, height) for height in past.blocks)
        inside = [
            h for e in served for h in range(past.counts[e].first_height, past.counts[e].last_height + 1)
        ]
        strip = "".join(past.letter(who, height) for height in inside)
        signed, known = strip.count("s") + strip.count("l"), len(strip) - strip.count("?")
        assert did["vote_rate_ppm"] == (1_000_000 * signed // known if known else None)
        assert one["votes"]["strip"] == letters[-100:]
        assert set(did["unknown"]) >= {
            name for name, value in did.items() if value is None and name.endswith("ppm")
        }


async def test_one_validator_says_the_same_as_its_row(api: Api, past: Past) -> None:
    for span in ("24h", "all"):
        rows = by_address((await api.get(f"/validators?window={span}"))["validators"])
        for who in past.people[:4]:
            assert await api.get(f"/validators/{who}?window={span}") == rows[who]


# --- windows


async def test_a_window_begins_in_the_epoch_that_held_its_first_moment(
    api: Api, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_us = past.end_ms(EPOCHS - 1) * 1_000
    for epoch in range(1, EPOCHS):
        middle = past.blocks[(epoch - 1) * TERM + TERM // 2 + 2].at_us
        monkeypatch.setitem(standings.WINDOWS, "some", end_us - middle)
        async with api.house.database.read() as conn:
            found = await standing(conn, "some")
        assert found.window.first_epoch == epoch, "also of epoch 4, which is not known"


async def test_where_the_beginning_was_not_read_it_is_reckoned(
    api: Api, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.house.database.write(
        lambda conn: conn.execute(delete(t.pos_epochs).where(t.pos_epochs.c.epoch < 20))
    )
    end_us = past.end_ms(EPOCHS - 1) * 1_000
    for epoch in (3, 10, 18, 22):
        middle = past.blocks[(epoch - 1) * TERM + TERM // 2 + 2].at_us
        monkeypatch.setitem(standings.WINDOWS, "some", end_us - middle)
        async with api.house.database.read() as conn:
            found = await standing(conn, "some")
        assert abs(found.window.first_epoch - epoch) <= (1 if epoch < 20 else 0)
    monkeypatch.setitem(standings.WINDOWS, "some", end_us)  # since 1970
    async with api.house.database.read() as conn:
        assert (await standing(conn, "some")).window.first_epoch == 1


async def test_an_empty_store_has_empty_lists(api: Api) -> None:
    for table in (t.pos_epochs, t.pos_sums, t.pos_segments, t.pos_blocks, t.pos_rewards):
        await api.house.database.write(lambda conn, table=table: conn.execute(delete(table)))  # type: ignore[misc]
    api.house.tips.forget()  # somebody may have looked a moment ago
    told = await api.get("/validators")
    assert (told["height"], told["window"]["first_epoch"], told["window"]["through_ms"]) == (None, None, None)
    assert {one["performance"]["reason"] for one in told["validators"]} == {"no_epochs"}
    who = told["validators"][0]["address"]
    for path, rows in (("epochs", "epochs"), ("rewards", "rewards")):
        told = await api.get(f"/validators/{who}/{path}")
        assert (told[rows], told["next_before"]) == ([], None)
    assert (await api.get("/epochs")) == {"epochs": [], "next_before": None}
    assert (await api.get("/network/history"))["times"] == []
    assert (await api.get("/history"))["epochs"] == {"known": 0, "of": None}
    assert (await api.problem(f"/validators/{who}/outlook"))[0] == 503
    assert (await api.problem("/committee"))[0] == 404
    assert await api.table(f"/validators/{who}/epochs?format=csv") == []


# --- tables


def flat(value: Any) -> str:
    """A value of the JSON as a table spells it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(
            ":".join(map(flat, one.values())) if isinstance(one, dict) else flat(one) for one in value
        )
    if isinstance(value, dict):
        return " ".join(f"{key}={flat(one)}" for key, one in value.items())
    return str(value)


def flat_row(row: dict[str, Any], kind: type[Shape]) -> dict[str, str]:
    cells = {}
    for name, field in kind.model_fields.items():
        inner = sheets.inner(field.annotation)
        if inner is None:
            cells[name] = flat(row[name])
        else:
            part = row[name] or dict.fromkeys(inner.model_fields)
            cells |= {f"{name}_{key}": value for key, value in flat_row(part, inner).items()}
    return cells


def lists(past: Past) -> Iterable[tuple[str, str, type[Shape]]]:
    """Every list that may be had as a table, where its rows are in the JSON, and what they are."""
    who = next(one.account for one in past.transactions if one.conflict)
    yield "/validators?sort=-score&limit=9", "validators", Validator
    yield f"/validators/{who}/epochs?limit=1000", "epochs", h.ValidatorEpoch
    yield f"/validators/{who}/rewards?limit=1000", "rewards", h.RewardLine
    yield f"/validators/{who}/elections?limit=1000", "terms", h.TermLine
    yield f"/validators/{who}/events?limit=1000", "events", h.EventLine
    yield "/committee?", "members", h.CommitteeMember
    yield "/committee/6?", "members", h.CommitteeMember
    yield "/epochs?limit=1000", "epochs", h.EpochLine
    yield "/epochs/6?", "accounts", h.EpochMember
    yield "/blocks?limit=300", "blocks", Block
    yield "/blocks/333?", "signed", h.ElectedVotes


async def test_a_table_has_the_values_of_the_json(api: Api, past: Past) -> None:
    for path, rows, kind in lists(past):
        told = (await api.get(path))[rows]
        assert told
        assert await api.table(f"{path}&format=csv") == [flat_row(row, kind) for row in told], path


async def test_a_table_without_a_limit_has_every_page(api: Api, past: Past) -> None:
    who = past.people[0]
    for path, rows in (("/blocks", "blocks"), ("/epochs", "epochs"), (f"/validators/{who}/epochs", "epochs")):
        whole = await api.pages(path, rows, 50)
        table = await api.table(f"{path}?format=csv")
        key = "height" if rows == "blocks" else "epoch"
        assert [row[key] for row in table] == [str(one[key]) for one in whole]
    part = await api.table("/blocks?format=csv&limit=250&before=400")
    assert [int(row["height"]) for row in part] == list(range(399, 149, -1))


async def test_charts_and_balances_are_tables_too(api: Api, past: Past) -> None:
    told, table = (
        await api.get("/network/history?window=all"),
        await api.table("/network/history?window=all&format=csv"),
    )
    for name in ("epoch", "participation_ppm", "reward_gdrip", "staked_votes", "finality_gap_epochs"):
        assert [row[name] for row in table] == [flat(value) for value in told[name]]
    assert [row["at_s"] for row in table] == [str(at) for at in told["times"]]
    span = f"from_ms={past.end_ms(2)}&to_ms={past.end_ms(EPOCHS - 1)}"
    held = await api.get(f"/validators/{past.people[0]}/balance?{span}")
    rows = await api.table(f"/validators/{past.people[0]}/balance?{span}&format=csv")
    assert [row["pow_balance_drip"] for row in rows if row["pow_at_ms"]] == [
        p["balance_drip"] for p in held["pow"]
    ]
    assert [row["stake_height"] for row in rows if row["stake_at_ms"]] == [
        str(p["height"]) for p in held["stake"]
    ]
    assert [int(row["at_ms"]) for row in rows] == sorted(int(row["at_ms"]) for row in rows)


class Odd(Shape):
    name: str
    queued: QueuedVotes | None
    many: list[QueuedVotes]
    words: dict[str, int]
    flag: bool | None


@given(st.text(max_size=20), st.booleans(), st.one_of(st.none(), st.booleans()))
def test_any_text_survives_a_table(name: str, queued: bool, flag: bool | None) -> None:
    vote = QueuedVotes(end_height=1, votes=2)
    row = Odd(name=name, queued=vote if queued else None, many=[vote, vote], words={"a": 1}, flag=flag)
    text = sheets.table(Odd, [row])
    head, cells = csv.reader(StringIO(text, newline=""))
    assert head == ["name", "queued_end_height", "queued_votes", "many", "words", "flag"]
    assert cells[0].removeprefix("'") == name.removeprefix("'") or not name
    assert not cells[0].startswith(("=", "+", "-", "@", "\t", "\r")), "a spreadsheet would run it"
    assert cells[1:] == [*(["1", "2"] if queued else ["", ""]), "1:2 1:2", "a=1", flat(flag)]


# --- tags


def every_route(past: Past) -> list[str]:
    who = past.people[0]
    span = f"from_ms={past.end_ms(1)}&to_ms={past.end_ms(EPOCHS)}"
    own = ("performance", "epochs", "rewards", "elections", "events", "outlook", f"balance?{span}", "votes",
           "votes?first_epoch=1&last_epoch=9")  # fmt: skip
    chain = ("/validators", f"/validators/{who}", "/committee", "/committee/6", "/epochs", "/epochs/6",
             "/blocks", "/blocks/333", "/network/history", "/validators?format=csv",
             "/epochs/6?format=csv")  # fmt: skip
    return [*chain, *(f"/validators/{who}/{path}" for path in own)]


async def test_whoever_has_a_reply_is_not_sent_it_again(api: Api, past: Past) -> None:
    for path in every_route(past):
        status, headers, body = await api.raw(path, **{"Accept-Encoding": "identity"})
        tag = headers["etag"]
        assert (status, tag.startswith('"')) == (200, True), path
        for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await api.raw(path, **{"If-None-Match": held, "Accept-Encoding": "identity"})
            assert (again[0], again[2]) == (304, b""), (path, held)
            assert again[1]["etag"] == tag
            assert "cache-control" in again[1]
        other = await api.raw(path, **{"If-None-Match": '"other"', "Accept-Encoding": "identity"})
        assert (other[0], other[2]) == (200, body), path


async def test_the_compressed_form_has_a_tag_of_its_own(api: Api) -> None:
    _, plain, body = await api.raw("/validators", **{"Accept-Encoding": "identity"})
    _, zipped, unpacked = await api.raw("/validators", **{"Accept-Encoding": "gzip"})
    assert (zipped["content-encoding"], "content-encoding" in plain) == ("gzip", False)
    assert "Accept-Encoding" in zipped["vary"]
    assert unpacked == body
    tag = zipped["etag"]
    assert tag != plain["etag"]
    assert (await api.raw("/validators", **{"If-None-Match": tag, "Accept-Encoding": "identity"}))[0] == 304


def test_which_tags_name_a_body() -> None:
    assert has('"ab"', "ab")
    assert has(' W/"x" ,"ab-gzip"', "ab")
    assert not has('"abc"', "ab")
    assert not has("", "ab")


async def test_only_what_is_settled_may_be_kept_unasked(api: Api) -> None:
    async def cache(path: str) -> str:
        return str((await api.raw(path))[1]["cache-control"])

    assert "max-age=300" in await cache("/epochs/25")
    assert await cache("/epochs/6") == "no-cache", "certificates are missing"
    assert await cache("/epochs/9") == "no-cache", "it is not paid"
    assert "max-age=300" in await cache("/committee/9")
    assert await cache("/committee/4") == "no-cache", "it was not read"
    for path in ("/validators", "/committee", "/blocks", "/epochs", "/network/history"):
        assert "no-cache" in await cache(path)


# --- what is kept, and for whom


async def test_a_new_block_and_a_new_sum_are_in_the_next_list(api: Api, past: Past) -> None:
    before = await api.get("/validators?window=all")
    told = pos.pos_block(past.network.block(HEAD + 1))
    assert told is not None
    await api.house.database.write(
        lambda conn: votes.witness_blocks(conn, "mine", [told], Span(HEAD + 1, HEAD + 1))
    )
    api.house.news.blocks_changed([HEAD + 1])
    after = await api.get("/validators?window=all")
    assert (before["height"], after["height"]) == (HEAD, HEAD + 1)
    await api.house.database.write(lambda conn: epochs.unfold(conn, EPOCHS - 1))
    await summing.refresh(api.house.database)
    await asyncio.sleep(KEEP_MS / 1000)
    assert (await api.get("/validators?window=all"))["window"]["last_epoch"] == EPOCHS - 2


async def test_the_public_sees_nothing_of_a_team_in_any_list(api: Api, past: Past) -> None:
    who = past.people[3]
    agent = Agent(name="our-secret-node", states={"node.pos_address": who})
    for path, body, headers in (
        ("agents", agent.enrolment(), bearer(TOKEN)),
        ("reports", *agent.post(agent.envelope(api.house.ears.now_ms()))),
    ):
        async with api.http.post(f"{api.url}/api/v1/{path}", data=body, headers=headers) as reply:
            assert reply.status == 200
    ours = await api.get("/validators?q=SECRET")
    assert [one["address"] for one in ours["validators"]] == [who]
    assert (await api.raw("/validators"))[1]["cache-control"] == "private, no-cache"
    assert (await api.get("/validators?q=secret", **STRANGER))["validators"] == []
    for path in every_route(past):
        _, headers, body = await api.raw(path, **STRANGER)
        assert b"secret" not in body, path
        assert agent.node_id.encode() not in body, path
        assert "private" not in headers["cache-control"], path
    table = await api.table("/validators?q=secret&format=csv")
    assert [row["name"] for row in table] == ["our-secret-node"]


async def test_bad_questions_get_one_line(api: Api) -> None:
    for query, says in (
        ("sort=best", "sort: Input should be 'address'"),
        ("window=1y", "window: Input should be '24h'"),
        ("limit=0", "limit: Input should be greater"),
        ("limit=1001", "limit: Input should be less"),
        ("cursor=7", "cursor: give the `next_cursor`"),
        ("q=" + "x" * 81, "q: String should have at most 80"),
        ("format=xls", "format: Input should be 'json', 'csv' or 'parquet'"),
    ):
        status, detail = await api.problem(f"/validators?{query}")
        assert status == 422
        assert says in detail


def test_every_list_says_in_the_document_that_it_may_be_a_table() -> None:
    for path, route in openapi_document()["paths"].items():
        operation = route.get("get", {})
        takes = {one["name"]: one for one in operation.get("parameters", [])}
        kinds = operation.get("responses", {}).get("200", {}).get("content", {})
        if "embeds" in operation.get("tags", ()):
            continue  # oEmbed has a format of its own
        assert ("format" in takes) == ("text/csv" in kinds), path
