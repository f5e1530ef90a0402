"""A node's own words become records, or Garbled with the name of the field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.stand_ins import NODE_ANSWERS
from vedette.conflux import pow  # noqa: A004
from vedette.conflux.fields import Field
from vedette.conflux.wire import Garbled

TAPES = Path(__file__).parents[1] / "tapes/rpc"

STATUS = NODE_ANSWERS["cfx_getStatus"]
DECODERS: tuple[Callable[[Any], Any], ...] = (
    pow.pow_status,
    pow.version,
    pow.sync_phase,
    pow.voting,
    pow.peer_counts,
    pow.pool_counts,
    pow.epoch_number,
    pow.pow_block_of_epoch,
    pow.own_address,
)


def test_a_status_is_read_whole() -> None:
    status = pow.pow_status(STATUS)
    assert (status.latest_epoch, status.state_epoch, status.finalized_epoch) == (447, 443, 300)


@pytest.mark.parametrize(
    "value",
    ["", "0x", "447", "0xg", "0x" + "f" * 16, "0x" + "f" * 10_000, -1, 2**63, 1.5, True, None, {}, []],
)
def test_a_wrong_height_names_its_field(value: Any) -> None:
    with pytest.raises(Garbled, match=r"^cfx_getStatus\.epochNumber should be a number") as caught:
        pow.pow_status(STATUS | {"epochNumber": value})
    assert len(str(caught.value)) < 200


def test_a_missing_height_is_named() -> None:
    with pytest.raises(Garbled, match=r"cfx_getStatus\.latestState is missing"):
        pow.pow_status({name: value for name, value in STATUS.items() if name != "latestState"})


def test_only_peers_that_talk_count() -> None:
    assert pow.peer_counts(NODE_ANSWERS["debug_getNetSessions"]) == pow.PeerCounts(
        all=2, outgoing=1, unready=1, deaf=1
    )


def test_a_recorded_session_is_neither_deaf_nor_unready() -> None:
    told = json.loads((TAPES / "debug_getNetSessions.json").read_text())["result"]
    assert pow.peer_counts(told) == pow.PeerCounts(all=2, outgoing=1, unready=0, deaf=0)


def test_who_cannot_tell_when_it_heard_of_a_peer_calls_none_deaf() -> None:
    talking = [{"originated": True, "status": "communicating (1s)", "lastRead": None}]
    assert pow.peer_counts(talking).deaf is None


@pytest.mark.parametrize(
    "told, seconds", [("98.149984ms", 0.098149984), ("224.7s", 224.7), ("12.5µs", 12.5e-6), ("3ns", 3e-9)]
)
def test_a_duration_as_rust_prints_it(told: str, seconds: float) -> None:
    assert pow.seconds(Field(told, "lastRead")) == pytest.approx(seconds)


def test_the_recorded_pool_of_a_quiet_chain_is_empty() -> None:
    told = json.loads((TAPES / "txpool_status.json").read_text())["result"]
    assert pow.pool_counts(told) == pow.PoolCounts(0, 0, 0, 0)


@pytest.mark.parametrize("prefix", ["", "0x"])
def test_the_own_address_comes_with_and_without_its_prefix(prefix: str) -> None:
    assert pow.own_address(["0xcalldata", prefix + "AB" * 32]) == "0x" + "ab" * 32


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("0x1"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*STATUS, "status", "originated", "lastRead"]) | st.text(max_size=4), inner
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_a_decoder_returns_or_says_garbled(value: Any) -> None:
    for decode in DECODERS:
        try:
            decode(value)
        except Garbled as error:
            assert str(error).isprintable()  # noqa: PT017
