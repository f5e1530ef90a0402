"""Who is ready for which fork: heights, releases, and seats that count once."""

import pytest

from tests.server.stage import START_MS
from vedette.conflux.networks import Fork, brought
from vedette.model.pos import PosAddress
from vedette.server.api.nodes import release_of
from vedette.server.readiness import (
    Heights,
    Runner,
    activates_at_ms,
    newest_first,
    seats_once,
    split,
    states,
)

MAINNET = brought().networks[0].forks
NEXT = MAINNET[-1]


def runner(release: str | None) -> Runner:
    return Runner(release or "?", release or "?", release, votes=True, seats=1)


def test_a_release_follows_a_fork_from_its_version_on_and_an_unknown_one_is_on_neither_side() -> None:
    releases = ["3.0.2", "3.0.3-fix", "3.1.0", "3.1.0-testnet", "10.0.0", None, "odd"]
    sides = split([runner(one) for one in releases], NEXT)
    assert NEXT.version == "3.1.0"
    assert [one.release for one in sides.ready] == ["3.1.0", "3.1.0-testnet", "10.0.0"]
    assert [one.release for one in sides.not_ready] == ["3.0.2", "3.0.3-fix"]
    assert [one.release for one in sides.unknown] == [None, "odd"]
    assert newest_first(["3.0.2", "10.0.0", "3.0.10"]) == ["10.0.0", "3.0.10", "3.0.2"]


def test_forks_are_past_when_all_their_heights_are_and_one_is_next() -> None:
    assert NEXT.pos_height is not None
    assert NEXT.pow_epoch is not None
    now = Heights(NEXT.pow_epoch - 1, NEXT.pos_height)
    assert states(MAINNET, now) == ["past"] * (len(MAINNET) - 1) + ["next"]
    assert states(MAINNET, Heights(NEXT.pow_epoch, NEXT.pos_height)) == ["past"] * len(MAINNET)
    early = states(MAINNET, Heights(50_000_000, 100))
    assert early == ["past", "next"] + ["later"] * (len(MAINNET) - 2)


def test_what_lies_before_a_fork_that_was_reached_is_past_though_its_own_height_cannot_be_compared() -> None:
    forks = [
        Fork("a", "1.0.0", pow_epoch=5),
        Fork("b", "1.1.0", pos_height=10),
        Fork("c", "1.2.0", pow_epoch=9),
    ]
    assert states(forks, Heights(None, 10)) == ["past", "past", "next"]
    assert states(forks, Heights(None, None)) == ["next", "later", "later"]


def test_a_fork_comes_when_its_blocks_have_at_the_pace_of_the_last_ones() -> None:
    fork = Fork("x", "9.0.0", pos_height=1_100)
    assert activates_at_ms(fork, Heights(None, 1_000, START_MS, 30_900)) == START_MS + 3_090_000
    for unknown in (Heights(None, None), Heights(None, 1_000, START_MS), Heights(None, 1_100, START_MS, 9)):
        assert activates_at_ms(fork, unknown) is None
    assert activates_at_ms(Fork("x", "9.0.0", pow_epoch=7), Heights(1, 1, START_MS, 9)) is None


def test_a_voter_and_its_backup_carry_the_same_seats_once() -> None:
    a, b = PosAddress("0xa"), PosAddress("0xb")
    carriers = [
        ("backup", a, False),
        ("voter", a, True),
        ("other", b, False),
        ("full", PosAddress(""), False),
    ]
    assert seats_once(carriers, {a: 40, b: 2}) == {"voter": 40, "other": 2}
    assert seats_once(carriers[::-1], {a: 40}) == {"voter": 40}


@pytest.mark.parametrize(
    ("states", "release"),
    [
        ({"node.release": "3.0.2-fix", "node.version": "whatever"}, "3.0.2-fix"),
        ({"node.release": "unknown", "node.version": "conflux-rust/v3.0.2-fd68efe-20260110/x/y"}, "3.0.2"),
        ({"node.version": "conflux-rust/v2.4.0-testnet-abcdef0-20240801/x"}, "2.4.0-testnet"),
        ({"node.version": "conflux-rust/v3.1.0"}, "3.1.0"),
        ({"node.version": "Geth/v1.13.0"}, None),
        ({"node.release": "<b>3.0.2</b>"}, None),
        ({}, None),
    ],
)
def test_a_release_is_what_the_agent_found_else_what_the_nodes_words_say(
    states: dict[str, str], release: str | None
) -> None:
    assert release_of(states) == release
