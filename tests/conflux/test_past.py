"""Transactions, elections, rewards and the chain's parameters, as a real node told them."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conflux.odd import ANY_JSON, broken, survives
from vedette.conflux import pos, pow  # noqa: A004
from vedette.conflux.economics import PARAMS, POS_ECONOMICS, SUPPLY, economics
from vedette.conflux.wire import Garbled
from vedette.model.economics import official_apy_ppm
from vedette.model.pos import PosAddress
from vedette.model.transaction import PosTransaction, TransactionKind, TransactionStatus

TAPE = json.loads((Path(__file__).parents[1] / "tapes" / "past.json").read_text())

ONE = PosAddress("0x6007bc490dbce46f11a4b194e1eff3d6e6159a9d11d32d563b693c343784077e")
TWO = PosAddress("0x63a384e79d0541d12e524cf904211d4c369108a0f6ec2f2d8e443c680f4f0883")
THREE = PosAddress("0x679eec2ef19aa8e30ff308147c9c37212057d16cb607160537b72551cb6fee90")
DISPUTED = PosAddress("0xdfd13d112ccd36dd2694cb379166294209998dca9acfea63ef0f0508af6ae79a")


def taped(method: str) -> list[Any]:
    return [deepcopy(each["result"]) for each in TAPE if each["method"] == method]


def taped_transaction(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in taped(pos.TRANSACTION) if each and each["type"] == kind)
    return found


def read(raw: Any) -> PosTransaction:
    found = pos.transaction(raw)
    assert found is not None
    return found


# --- transactions -----------------------------------------------------------------------------------------


def test_an_election_is_its_sender_s_candidacy_for_a_term() -> None:
    told = read(taped_transaction("Election"))
    assert (told.kind, told.status) == (TransactionKind.ELECTION, TransactionStatus.EXECUTED)
    assert (told.number, told.height, told.target_term) == (0xCC, 0x9F, 17)
    assert told.sender == told.account == TWO
    assert told.at_us == 0x660DC6FAD7B3B
    assert (told.votes, told.conflict) == (None, None)


def test_a_dispute_is_about_the_accused_and_sent_by_the_accuser() -> None:
    told = read(taped_transaction("Dispute"))
    assert (told.kind, told.sender, told.account) == (TransactionKind.DISPUTE, ONE, DISPUTED)
    assert (told.conflict, told.votes, told.target_term) == ("vote", None, None)


def test_what_the_chain_does_by_itself_has_no_sender() -> None:
    told = read(taped_transaction("BlockMetadata"))
    assert (told.kind, told.sender, told.account) == (TransactionKind.BLOCK_METADATA, None, None)


def test_a_pivot_decision_is_about_nobody() -> None:
    told = read(taped_transaction("PivotDecision"))
    assert (told.kind, told.sender, told.account) == (TransactionKind.PIVOT_DECISION, THREE, None)


def test_a_number_that_is_not_reached_yet_is_nothing() -> None:
    assert pos.transaction(None) is None


def test_a_register_names_keys_and_is_about_the_account_that_they_make() -> None:
    keys = taped_transaction("Election")["payload"]  # of the account TWO
    payload = {"publicKey": keys["publicKey"], "vrfPublicKey": keys["vrfPublicKey"]}
    told = read(taped_transaction("Election") | {"type": "Register", "from": ONE, "payload": payload})
    assert (told.kind, told.sender, told.account) == (TransactionKind.REGISTER, ONE, TWO)
    assert (told.votes, told.target_term) == (None, None)


@pytest.mark.parametrize("kind", ["UpdateVotingPower", "Retire"])
def test_moved_votes_are_told_with_their_account(kind: str) -> None:
    payload = {"address": THREE.upper().replace("X", "x"), "votingPower": "0x32"}
    told = read(taped_transaction("Election") | {"type": kind, "payload": payload})
    assert (told.kind.value, told.account, told.votes) == (kind, THREE, 50)
    assert told.sender == TWO


@pytest.mark.parametrize("kind", ["Other", "other", "Genesis", "Slash of tomorrow"])
def test_a_kind_of_tomorrow_is_other_whatever_it_carries(kind: str) -> None:
    told = read(taped_transaction("Election") | {"type": kind, "payload": ["what", "ever"]})
    assert (told.kind, told.account, told.target_term) == (TransactionKind.OTHER, None, None)


def test_a_transaction_outside_a_committed_block_is_pending() -> None:
    raw = taped_transaction("Election") | dict.fromkeys(["status", "blockNumber", "timestamp", "blockHash"])
    told = read(raw)
    assert (told.status, told.height, told.at_us) == (TransactionStatus.PENDING, None, None)


@pytest.mark.parametrize("kind", [kind.value for kind in TransactionKind])
@pytest.mark.parametrize("payload", [None, {}])
def test_a_payload_that_tells_nothing_leaves_its_parts_unknown(kind: str, payload: Any) -> None:
    told = read(taped_transaction("Election") | {"type": kind, "payload": payload})
    assert (told.target_term, told.votes, told.conflict) == (None, None, None)
    assert told.account == (TWO if told.kind is TransactionKind.ELECTION else None)


def test_a_payload_may_be_left_out() -> None:
    raw = taped_transaction("Election") | {"type": "Other"}
    del raw["payload"]
    assert read(raw).account is None


@pytest.mark.parametrize(
    "change, words",
    [
        ({"type": None}, r"Number\.type"),
        ({"type": 7}, r"Number\.type"),
        ({"from": None}, r"Number\.from"),
        ({"number": "204"}, r"Number\.number"),
        ({"hash": "0x"}, r"Number\.hash"),
        ({"status": "pending"}, r"Number\.status should be one of Executed, Failed, Discard"),
        ({"status": True}, r"Number\.status"),
        ({"blockNumber": "x"}, r"Number\.blockNumber"),
        ({"timestamp": -1}, r"Number\.timestamp"),
        ({"payload": 7}, r"Number\.payload should be an object"),
        ({"payload": {"targetTerm": "x"}}, r"payload\.targetTerm"),
        ({"type": "Retire", "payload": {"address": "0x1"}}, r"payload\.address"),
        ({"type": "Retire", "payload": {"votingPower": "0x"}}, r"payload\.votingPower"),
        (
            {"type": "Register", "payload": {"publicKey": "0xzz"}},
            r"payload\.publicKey should be a key in hex",
        ),
        ({"type": "Register", "payload": {"publicKey": "0x" + "1" * 500}}, r"payload\.publicKey"),
        ({"type": "Dispute", "payload": {"conflictingVotes": {}}}, r"conflictVoteType is missing"),
        ({"type": "Dispute", "payload": {"conflictingVotes": []}}, r"payload\.conflictingVotes should be"),
    ],
)
def test_an_odd_field_of_a_transaction_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Garbled, match=words):
        pos.transaction(taped_transaction("Election") | change)


# --- elections --------------------------------------------------------------------------------------------


def test_the_acting_committee_and_the_two_coming_terms_are_read() -> None:
    now = pos.committee_now(taped(pos.COMMITTEE)[0])
    assert (now.committee.epoch, now.committee.quorum_votes, now.committee.total_votes) == (17, 201, 300)
    assert dict(now.committee.votes) == {ONE: 118, TWO: 91, THREE: 91}
    assert [each.start_height for each in now.elections] == [170, 180]  # terms of ten blocks
    assert now.first_term == 17
    assert [each.is_finalized for each in now.elections] == [False, False]
    assert [sum(each.votes.values()) for each in now.elections] == [50, 0]


@pytest.mark.parametrize(
    "part, change, words",
    [
        (
            "currentCommittee",
            {"totalVotingPower": "0x1"},
            r"currentCommittee\.totalVotingPower should be 300",
        ),
        ("currentCommittee", {"quorumVotingPower": "0x12d"}, r"currentCommittee\.quorumVotingPower"),
        ("currentCommittee", {"epochNumber": None}, r"currentCommittee\.epochNumber"),
        ("currentCommittee", {"nodes": None}, r"currentCommittee\.nodes"),
        (
            "currentCommittee",
            {"nodes": [{"address": ONE, "votingPower": "0x96"}] * 2},
            "nodes has an account twice",
        ),
        (0, {"isFinalized": "yes"}, r"elections\[0\]\.isFinalized"),
        (1, {"startBlockNumber": None}, r"elections\[1\]\.startBlockNumber"),
        (1, {"topElectingNodes": [{}]}, r"elections\[1\]\.topElectingNodes\[0\]\.address is missing"),
    ],
)
def test_an_odd_part_of_an_election_is_named(part: str | int, change: dict[str, Any], words: str) -> None:
    raw = taped(pos.COMMITTEE)[0]
    (raw["elections"][part] if isinstance(part, int) else raw[part]).update(change)
    with pytest.raises(Garbled, match=words):
        pos.committee_now(raw)


def test_a_quorum_of_nought_is_reckoned_here_too() -> None:
    raw = taped(pos.COMMITTEE)[0]
    raw["currentCommittee"]["quorumVotingPower"] = "0x0"
    assert pos.committee_now(raw).committee.quorum_votes == 201


# --- rewards ----------------------------------------------------------------------------------------------


def test_rewards_are_read_to_the_last_drip_with_simple_addresses() -> None:
    paid = pos.epoch_rewards(15, taped(pos.REWARDS)[0])
    assert paid is not None
    assert (paid.epoch, paid.pow_hash[:10]) == (15, "0xffbc976a")
    assert {each.account: each.drip for each in paid.rewards} == {
        TWO: 0x17F57E66DA4D4AB9A0,
        THREE: 0x19EE4C6C5EB9CFC69B,
        ONE: 0x1F07263EBDD4AB376E,
    }
    homes = {each.account: each.pow_address for each in paid.rewards}
    assert homes[TWO] == "net1234:aas42ej3wnehsr695aw807ccj751mpmw361xwss7r1"
    assert paid.total_drip == 1_492_668_858_122_973_329_321


def test_payments_in_another_order_are_the_same_payments() -> None:
    raw = taped(pos.REWARDS)[0]
    turned = {**raw, "accountRewards": raw["accountRewards"][::-1]}
    assert turned != raw
    assert pos.epoch_rewards(15, turned) == pos.epoch_rewards(15, raw)


def test_an_epoch_that_was_not_paid_yet_has_no_rewards() -> None:
    assert pos.epoch_rewards(17, taped(pos.REWARDS)[1]) is None


@pytest.mark.parametrize(
    "change, words",
    [
        ({"reward": "0x" + "f" * 33}, r"accountRewards\[0\]\.reward should be an amount of Drip"),
        ({"reward": 7}, r"accountRewards\[0\]\.reward"),
        ({"reward": "0x"}, r"accountRewards\[0\]\.reward"),
        ({"powAddress": None}, r"accountRewards\[0\]\.powAddress"),
        ({"powAddress": "cfx:aa"}, r"accountRewards\[0\]\.powAddress: 'cfx:aa' is no address"),
        ({"posAddress": THREE}, "accountRewards has an account twice"),
    ],
)
def test_an_odd_reward_is_refused(change: dict[str, Any], words: str) -> None:
    raw = taped(pos.REWARDS)[0]
    raw["accountRewards"][0] |= change
    with pytest.raises(Garbled, match=words):
        pos.epoch_rewards(15, raw)


# --- the PoW side -----------------------------------------------------------------------------------------


def test_the_parameters_of_a_network_make_its_yield() -> None:
    told = economics(taped(POS_ECONOMICS)[0], taped(PARAMS)[0], taped(SUPPLY)[0])
    assert told.pos_staking_drip == told.staking_drip == 800_000 * 10**18
    assert (told.distributable_drip, told.last_distribute_block, told.interest_rate) == (0, 443, 40_000)
    assert official_apy_ppm(told) == 6_324_555_320  # 0.04 * sqrt(2e34 / 8e23)


def test_before_pos_begins_there_is_no_yield() -> None:
    nothing = dict.fromkeys(
        ["distributablePosInterest", "lastDistributeBlock", "totalPosStakingTokens"], "0x0"
    )
    assert official_apy_ppm(economics(nothing, taped(PARAMS)[0], taped(SUPPLY)[0])) is None


@pytest.mark.parametrize(
    "which, change, words",
    [
        (0, {"totalPosStakingTokens": 1}, r"cfx_getPoSEconomics\.totalPosStakingTokens"),
        (1, {"interestRate": None}, r"cfx_getParamsFromVote\.interestRate"),
        (2, {"totalCirculating": "0x" + "f" * 64}, r"cfx_getSupplyInfo\.totalCirculating"),
    ],
)
def test_an_odd_parameter_is_named(which: int, change: dict[str, Any], words: str) -> None:
    raws = [taped(POS_ECONOMICS)[0], taped(PARAMS)[0], taped(SUPPLY)[0]]
    raws[which] |= change
    with pytest.raises(Garbled, match=words):
        economics(*raws)


def test_balances_are_read_whole() -> None:
    assert pow.balance(taped(pow.BALANCE)[0]) == 0x1669382D3D884B55315
    assert pow.balance(taped(pow.STAKING_BALANCE)[0], pow.STAKING_BALANCE) == 200_000 * 10**18
    with pytest.raises(Garbled, match=r"^cfx_getStakingBalance should be an amount of Drip"):
        pow.balance(None, pow.STAKING_BALANCE)


def test_a_pow_block_tells_its_epoch_and_its_moment() -> None:
    raw = taped(pow.BLOCK)[0]
    block = pow.pow_block(raw)
    assert block is not None
    assert (block.hash, block.epoch, block.at_s) == (raw["hash"], 447, 0x6B02DCF9)
    assert block.pos_hash == raw["posReference"]
    assert pow.pow_block(None) is None


def test_a_pow_block_that_no_epoch_took_in_yet_has_none() -> None:
    block = pow.pow_block(taped(pow.BLOCK)[0] | {"epochNumber": None, "posReference": None})
    assert block is not None
    assert (block.epoch, block.pos_hash) == (None, None)


# --- anything ---------------------------------------------------------------------------------------------

Decoder = Callable[[Any], Any]


def _paid(raw: Any) -> Any:
    return pos.epoch_rewards(15, raw)


def _parameters(raw: Any) -> Any:
    return economics(*(raw if isinstance(raw, list) and len(raw) == 3 else (raw, raw, raw)))


DECODERS: list[Decoder] = [
    pos.transaction,
    pos.committee_now,
    _paid,
    _parameters,
    pow.pow_block,
    pow.balance,
]


@pytest.mark.parametrize("decode", DECODERS)
@settings(deadline=None)
@given(raw=ANY_JSON)
def test_no_json_raises_anything_but_garbled(decode: Decoder, raw: Any) -> None:
    survives(decode, raw)


@pytest.mark.parametrize(
    "decode, good",
    [
        *((pos.transaction, taped_transaction(kind)) for kind in ("Election", "Dispute", "PivotDecision")),
        (
            pos.transaction,
            taped_transaction("Election") | {"type": "Register"},
        ),
        (
            pos.transaction,
            taped_transaction("Election")
            | {"type": "Retire", "payload": {"address": ONE, "votingPower": "0x1"}},
        ),
        (pos.committee_now, taped(pos.COMMITTEE)[0]),
        (_paid, taped(pos.REWARDS)[0]),
        (_parameters, [taped(POS_ECONOMICS)[0], taped(PARAMS)[0], taped(SUPPLY)[0]]),
        (pow.pow_block, taped(pow.BLOCK)[0]),
    ],
)
@settings(deadline=None)
@given(data=st.data())
def test_no_broken_reply_raises_anything_but_garbled(decode: Decoder, good: Any, data: st.DataObject) -> None:
    survives(decode, broken(deepcopy(good), data))
