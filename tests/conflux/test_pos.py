import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conflux.odd import ANY_JSON, broken, survives
from vedette.conflux import pos
from vedette.conflux.wire import Garbled
from vedette.model.pos import AccountState, account_states

TAPE = json.loads((Path(__file__).parents[1] / "tapes" / "node.json").read_text())

Decoder = Callable[[Any], Any]


def taped(method: str) -> list[dict[str, Any]]:
    return [each for each in TAPE if each["method"] == method and "result" in each]


def a_block() -> dict[str, Any]:
    block: dict[str, Any] = deepcopy(
        next(each["result"] for each in taped(pos.BLOCK) if each["params"] == ["0x3"])
    )
    return block


def a_committee() -> dict[str, Any]:
    state: dict[str, Any] = deepcopy(
        next(each["result"] for each in taped(pos.EPOCH_STATE) if each["params"] == ["0x1"])
    )
    return state


def an_account() -> dict[str, Any]:
    account: dict[str, Any] = deepcopy(taped(pos.ACCOUNT)[0]["result"])
    return account


def test_every_recorded_block_is_understood() -> None:
    blocks = [(each["params"][0], pos.pos_block(each["result"])) for each in taped(pos.BLOCK)]
    told = {asked: block for asked, block in blocks if block is not None and asked != "latest_voted"}
    assert all(block.height == int(asked, 16) for asked, block in told.items())
    assert any(len(block.signers) >= 3 and block.proposer in block.signers for block in told.values())


def test_the_genesis_says_height_1_and_the_first_block_is_2() -> None:
    by_height = {each["params"][0]: pos.pos_block(each["result"]) for each in taped(pos.BLOCK)}
    genesis, first = by_height["0x1"], by_height["0x2"]
    assert by_height["0x0"] is None
    assert genesis is not None
    assert (genesis.height, genesis.epoch, genesis.proposer, dict(genesis.signers)) == (1, 0, None, {})
    assert first is not None
    assert (first.height, first.epoch) == (pos.FIRST_HEIGHT, 1)


def test_a_voted_block_has_no_signatures_yet() -> None:
    voted = next(each["result"] for each in taped(pos.BLOCK) if each["params"] == ["latest_voted"])
    block = pos.pos_block(voted)
    assert block is not None
    assert block.signers == {}


def test_a_committee_is_only_read_when_its_sums_are_right() -> None:
    committee = pos.committee(1, a_committee())
    assert committee is not None
    assert sum(committee.votes.values()) == committee.total_votes
    assert committee.quorum_votes == committee.total_votes * 2 // 3 + 1


def test_a_quorum_of_nought_is_reckoned_by_the_rule_of_the_chain() -> None:
    state = a_committee()
    honest = pos.committee(1, state)
    state["verifier"]["quorumVotingPower"] = "0x0"
    assert pos.committee(1, state) == honest


def test_nobody_is_no_committee_whatever_its_quorum() -> None:
    state = a_committee()
    state["verifier"] = {
        "addressToValidatorInfo": {},
        "totalVotingPower": "0x0",
        "quorumVotingPower": "0x0",
    }
    with pytest.raises(Garbled, match="quorumVotingPower should be above 0"):
        pos.committee(1, state)


def test_an_epoch_that_is_not_there_yet_has_no_committee() -> None:
    assert pos.committee(78, None) is None


def test_an_address_that_nobody_registered_holds_zeros() -> None:
    nobody = next(each["result"] for each in taped(pos.ACCOUNT) if each["params"] == ["0x" + "11" * 32])
    assert account_states(pos.account(nobody)) == (AccountState.NOT_FOUND,)


def test_an_account_with_queues_and_a_retirement_is_understood() -> None:
    raw = an_account()
    raw["status"] |= {
        "inQueue": [{"endBlockNumber": "0x44", "power": "0x32"}],
        "outQueue": [{"endBlockNumber": 70, "power": 5}],  # before v2.2.5 numbers were plain
        "forceRetired": "0x0",
    }
    account = pos.account(raw)
    assert [(each.end_height, each.votes) for each in account.in_queue] == [(68, 50)]
    assert [(each.end_height, each.votes) for each in account.out_queue] == [(70, 5)]
    assert account.force_retired_height == 0


def test_a_status_is_understood_with_and_without_its_optional_parts() -> None:
    raw = taped(pos.STATUS)[0]["result"]
    status = pos.pos_status(raw)
    assert (status.voted_height or 0) >= status.committed_height > 0
    bare = pos.pos_status({**raw, "latestVoted": None, "pivotDecision": None})
    assert (bare.voted_height, bare.pivot_height) == (None, None)


def test_addresses_become_lower_case() -> None:
    raw = a_block()
    raw["signatures"] = [{"account": "0x" + "AB" * 32, "votes": "0x1"}]
    raw["miner"] = "0x" + "AB" * 32
    block = pos.pos_block(raw)
    assert block is not None
    assert list(block.signers) == ["0x" + "ab" * 32] == [block.proposer]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"height": None}, r"pos_getBlockByNumber\.height"),
        ({"height": "12"}, r"pos_getBlockByNumber\.height"),
        ({"height": "0x"}, r"pos_getBlockByNumber\.height"),
        ({"height": "0x_1"}, r"pos_getBlockByNumber\.height"),
        ({"height": "0x1\n"}, r"pos_getBlockByNumber\.height"),
        ({"height": "0x\u0663"}, r"pos_getBlockByNumber\.height"),
        ({"height": -1}, r"pos_getBlockByNumber\.height"),
        ({"height": True}, r"pos_getBlockByNumber\.height"),
        ({"height": 1.0}, r"pos_getBlockByNumber\.height"),
        ({"height": "0x8000000000000000"}, r"pos_getBlockByNumber\.height"),
        ({"height": 2**63}, r"pos_getBlockByNumber\.height"),
        ({"height": "0x" + "0" * 500 + "1"}, r"pos_getBlockByNumber\.height"),
        ({"hash": "0x12"}, r"pos_getBlockByNumber\.hash"),
        ({"hash": "12" * 33}, r"pos_getBlockByNumber\.hash"),
        ({"miner": "nobody"}, r"pos_getBlockByNumber\.miner"),
        ({"pivotDecision": []}, r"pos_getBlockByNumber\.pivotDecision"),
        ({"pivotDecision": {"height": "x"}}, r"pos_getBlockByNumber\.pivotDecision\.height"),
        ({"signatures": None}, r"pos_getBlockByNumber\.signatures"),
        ({"signatures": {}}, r"pos_getBlockByNumber\.signatures"),
        ({"signatures": "0x1"}, r"pos_getBlockByNumber\.signatures"),
        ({"signatures": [7]}, r"pos_getBlockByNumber\.signatures\[0\]"),
        ({"signatures": [{"account": "0x" + "ab" * 32}]}, r"signatures\[0\]\.votes is missing"),
        ({"signatures": [{"account": [], "votes": "0x1"}]}, r"signatures\[0\]\.account"),
        ({"signatures": [{"account": "0x" + "ab" * 32, "votes": True}]}, r"signatures\[0\]\.votes"),
        (
            {"signatures": [{"account": "0x" + x * 32, "votes": "0x1"} for x in ("ab", "AB")]},
            "has an account twice",
        ),
        ({"signatures": [{"account": "0x1", "votes": "0x1"}] * 10_001}, "a list of at most 10000"),
    ],
)
def test_an_odd_field_of_a_block_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Garbled, match=words):
        pos.pos_block(a_block() | change)


@pytest.mark.parametrize(
    "field", ["height", "hash", "epoch", "round", "timestamp", "lastTxNumber", "signatures"]
)
def test_a_missing_field_of_a_block_is_named(field: str) -> None:
    block = a_block()
    del block[field]
    with pytest.raises(Garbled, match=rf"pos_getBlockByNumber\.{field} is missing"):
        pos.pos_block(block)


def test_a_committee_of_another_epoch_is_refused() -> None:
    with pytest.raises(Garbled, match=r"pos_getEpochState\.epoch should be 2"):
        pos.committee(2, a_committee())


@pytest.mark.parametrize(
    "change, words",
    [
        ({"totalVotingPower": "0x1"}, "totalVotingPower should be [0-9]+, the sum"),
        ({"quorumVotingPower": "0xffff"}, "quorumVotingPower should be above 0"),
        ({"addressToValidatorInfo": []}, "addressToValidatorInfo should be an object"),
        ({"addressToValidatorInfo": {"0x1": {"votingPower": "0x1"}}}, "a key of"),
        ({"addressToValidatorInfo": {"0x" + "ab" * 32: {}}}, "votingPower is missing"),
        (
            {
                "addressToValidatorInfo": {
                    "0x" + "ab" * 32: {"votingPower": "0x1"},
                    "0x" + "AB" * 32: {"votingPower": "0x1"},
                }
            },
            "has an account twice",
        ),
    ],
)
def test_an_odd_committee_is_refused(change: dict[str, Any], words: str) -> None:
    state = a_committee()
    state["verifier"] |= change
    with pytest.raises(Garbled, match=words):
        pos.committee(1, state)


def _committee_of_one(raw: Any) -> Any:
    return pos.committee(1, raw)


DECODERS: list[Decoder] = [pos.pos_block, _committee_of_one, pos.account, pos.pos_status]


@pytest.mark.parametrize("decode", DECODERS)
@settings(deadline=None)
@given(raw=ANY_JSON)
def test_no_json_raises_anything_but_garbled(decode: Decoder, raw: Any) -> None:
    survives(decode, raw)


@pytest.mark.parametrize(
    "decode, good",
    [
        (pos.pos_block, a_block()),
        (_committee_of_one, a_committee()),
        (pos.account, an_account()),
        (pos.pos_status, taped(pos.STATUS)[0]["result"]),
    ],
)
@settings(deadline=None)
@given(data=st.data())
def test_no_broken_reply_raises_anything_but_garbled(decode: Decoder, good: Any, data: st.DataObject) -> None:
    survives(decode, broken(deepcopy(good), data))
