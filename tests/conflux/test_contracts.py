"""Questions to contracts as others encode them, and answers of any kind."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conflux.odd import ANY_JSON, survives
from vedette.conflux import contracts
from vedette.conflux.contracts import WORD, View
from vedette.conflux.keccak import keccak256
from vedette.conflux.wire import Garbled
from vedette.model.pool import PoolQueued, PoolSummary, RegisteredVotes, UserSummary
from vedette.model.pos import PosAddress

VIEWS: list[View[Any]] = [each for each in vars(contracts).values() if isinstance(each, View)]
ALICE = PosAddress("0x" + "a1" * 32)
POOL = "cfx:achduvbt35zb7ge3fwsjm6ryc6gk76ab5uk4nsc8u9"
USER = "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg"
USER_RAW = bytes.fromhex("1a2f80341409639ea6a35bbcab8299066109aa55")


def words(*values: int | bytes) -> str:
    """An answer of whole words: numbers to the right, bytes to the left, as the ABI has it."""
    return "0x" + b"".join(map(_word, values)).hex()


def _word(value: int | bytes) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(WORD, "big")
    return value + bytes(-len(value) % WORD)


def string(text: str) -> str:
    return words(32, len(text.encode()), text.encode())


# --- questions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.signature)
def test_a_selector_is_the_hash_of_its_signature(view: View[Any]) -> None:
    assert view.selector == keccak256(view.signature.encode())[:4].hex()


def test_no_view_is_left_out() -> None:
    assert len(VIEWS) == len({view.selector for view in VIEWS}) == 21


def test_a_question_names_the_contract_the_function_and_its_arguments() -> None:
    method, params = contracts.POOL_NAME.call(POOL)
    assert (method, params) == ("cfx_call", ({"to": POOL, "data": "0xf3466dfa"}, "latest_state"))
    _, params = contracts.USER_SUMMARY.call(POOL, contracts.pow_argument(USER.upper()))
    assert params[0]["data"] == "0xe3d5b233" + "00" * 12 + USER_RAW.hex()
    _, params = contracts.GET_VOTES.call(contracts.pos_register(1029), contracts.pos_argument(ALICE))
    assert params[0] == {
        "to": "cfx:aaejuaaaaaaaaaaaaaaaaaaaaaaaaaaaayf993ufd7",
        "data": "0x4c051100" + "a1" * 32,
    }
    _, params = contracts.POOL_STAKER.call(POOL, contracts.number_argument(258))
    assert params[0]["data"] == "0x94067045" + "00" * 30 + "0102"


def test_the_register_is_at_home_on_every_network() -> None:
    assert contracts.pos_register(1) == "cfxtest:aaejuaaaaaaaaaaaaaaaaaaaaaaaaaaaaytypk0th1"
    assert contracts.pos_register(1234).startswith("net1234:aaejuaaaaaaaaaaaaaaaaaaaaaaaaaaaa")


# --- answers ----------------------------------------------------------------------------------------------


def test_the_register_s_answers_are_read() -> None:
    assert contracts.IDENTIFIER_TO_ADDRESS.read(words(int.from_bytes(USER_RAW, "big"))) == USER_RAW
    assert contracts.ADDRESS_TO_IDENTIFIER.read("0x" + "A1" * 32) == ALICE
    assert contracts.GET_VOTES.read(words(70, 20)) == RegisteredVotes(70, 20)


def test_nobody_is_none() -> None:
    assert contracts.IDENTIFIER_TO_ADDRESS.read(words(0)) is None
    assert contracts.ADDRESS_TO_IDENTIFIER.read(words(0)) is None


@pytest.mark.parametrize("name", ["", "PHX V1", "web-o-matic", "水龙头 🚰", "x" * 200])
def test_a_name_is_read_whole(name: str) -> None:
    assert contracts.POOL_NAME.read(string(name)) == name


def test_summaries_are_read_to_the_last_drip() -> None:
    assert contracts.POOL_SUMMARY.read(words(7, 2**100, 2**101)) == PoolSummary(7, 2**100, 2**101)
    assert contracts.USER_SUMMARY.read(words(1, 2, 3, 4, 2**90, 6)) == UserSummary(1, 2, 3, 4, 2**90, 6)
    assert contracts.USER_INTEREST.read(words(2**128 - 1)) == 2**128 - 1


def test_queues_are_read_in_order() -> None:
    assert contracts.USER_IN_QUEUE.read(words(32, 0)) == ()
    answer = words(32, 2, 5, 176_400, 7, 200_000)
    assert contracts.USER_OUT_QUEUE.read(answer) == (PoolQueued(5, 176_400), PoolQueued(7, 200_000))


@pytest.mark.parametrize(
    "view, raw, complaint",
    [
        (contracts.POOL_APY, None, "poolAPY should answer hex, not None"),
        (contracts.POOL_APY, "0x0", "should answer hex"),
        (contracts.POOL_APY, "00" * 32, "should answer hex"),
        (contracts.POOL_APY, words(7) + "\n", "should answer hex"),
        (contracts.POOL_APY, "0x" + "00" * (contracts.ANSWER_BYTES_MAX + 1), "should answer hex"),
        (contracts.POOL_APY, "0x", "is there such a contract"),
        (contracts.POOL_APY, "0x" + "00" * 31, "at least 1 words, not 31 bytes"),
        (contracts.POOL_APY, words(2**63), "at most 63 bits as word 0"),
        (contracts.POOL_USER_SHARE, words(10_001), "a share of at most 10000, not 10001"),
        (contracts.USER_INTEREST, words(2**128), "at most 128 bits"),
        (contracts.POOL_SUMMARY, words(1, 2), "poolSummary should answer at least 3 words"),
        (contracts.POOL_OWNER, words(2**160), "an address as word 0"),
        (contracts.POOL_NAME, words(32, 201, b"x" * 201), "a text of at most 200 bytes"),
        (contracts.POOL_NAME, words(32, 33, b"x" * 32), "a text of at most 200 bytes"),
        (contracts.POOL_NAME, words(32, 2, b"\xff\xfe"), "a text in UTF-8"),
        (contracts.POOL_NAME, string("two\nlines"), "a printable text"),
        (contracts.POOL_NAME, words(33, 0), "a whole number of words as the offset"),
        (contracts.POOL_NAME, words(2**62), "at least"),
        (contracts.USER_IN_QUEUE, words(32, 10_001), "a list of at most 10000"),
        (contracts.USER_IN_QUEUE, words(32, 2, 1, 1, 1), "at least"),
    ],
)
def test_an_odd_answer_names_its_function(view: View[Any], raw: Any, complaint: str) -> None:
    with pytest.raises(Garbled, match=complaint) as caught:
        view.read(raw)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


ANSWERS = st.lists(st.integers(0, 70) | st.just(2**63) | st.just(2**255), max_size=8).map(lambda n: words(*n))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.signature)
@given(raw=ANY_JSON | ANSWERS | st.binary(max_size=300).map(lambda data: "0x" + data.hex()))
def test_no_answer_raises_anything_but_garbled(view: View[Any], raw: Any) -> None:
    survives(view.read, raw)


@given(st.text().filter(lambda text: text.isprintable() and len(text.encode()) <= 200))
def test_every_printable_name_comes_back(name: str) -> None:
    assert contracts.POOL_NAME.read(string(name)) == name
