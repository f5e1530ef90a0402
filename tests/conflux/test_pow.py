"""A node's own words become records, or Garbled with the name of the field."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.stand_ins import NODE_ANSWERS
from vedette.conflux import pow  # noqa: A004
from vedette.conflux.wire import Garbled

STATUS = NODE_ANSWERS["cfx_getStatus"]
DECODERS: tuple[Callable[[Any], Any], ...] = (
    pow.pow_status,
    pow.version,
    pow.sync_phase,
    pow.voting,
    pow.peer_counts,
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
    assert pow.peer_counts(NODE_ANSWERS["debug_getNetSessions"]) == pow.PeerCounts(all=2, outgoing=1)


@pytest.mark.parametrize("prefix", ["", "0x"])
def test_the_own_address_comes_with_and_without_its_prefix(prefix: str) -> None:
    assert pow.own_address(["0xcalldata", prefix + "AB" * 32]) == "0x" + "ab" * 32


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("0x1"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*STATUS, "status", "originated"]) | st.text(max_size=4), inner)
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
