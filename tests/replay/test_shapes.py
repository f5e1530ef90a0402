"""What the history answers has the shape of what real nodes answered (recorded in tests/tapes/rpc)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.replay.shapes import differences
from vedette.conflux import economics, pos
from vedette.conflux.pow import pow_status
from vedette.model.transaction import TransactionKind
from vedette.replay.network import Network
from vedette.replay.node import Node, Refusal

TAPES = Path(__file__).parents[1] / "tapes" / "rpc"


def tape(name: str) -> dict[str, Any]:
    return dict(json.loads((TAPES / f"{name}.json").read_text()))


@pytest.fixture(scope="module")
def node(network: Network) -> Node:
    """Some blocks before an epoch's end, where there is a voted block."""
    return Node(network, lambda: network.head - 30)


def asked(node: Node, method: str, *params: Any) -> Any:
    return json.loads(node.answer(method, params))


def number_of_kind(network: Network, kind: str) -> str:
    for number in range(1, network.last_number(network.head - 30)):
        told = network.transaction(number)
        if told and told["type"] == kind:
            return hex(number)
    raise AssertionError(kind)


# The tape, and the parameters that ask the same of the history.
SAME: dict[str, Callable[[Network], tuple[Any, ...]]] = {
    "pos_getStatus": lambda _: (),
    "pos_getBlockByNumber": lambda _: (hex(700),),
    "pos_getBlockByNumber.earliest": lambda _: ("earliest",),
    "pos_getBlockByNumber.genesis": lambda _: ("0x0",),
    "pos_getBlockByNumber.future": lambda network: (hex(network.head + 1),),
    "pos_getBlockByNumber.latest_voted": lambda _: ("latest_voted",),
    "pos_getBlockByHash": lambda network: ((network.block(700) or {})["hash"],),
    "pos_getBlockByHash.not_exist": lambda _: ("0x" + "22" * 32,),
    "pos_getEpochState": lambda _: ("0x7",),
    "pos_getEpochState.future": lambda _: ("0x99",),
    "pos_getAccount": lambda network: (network.addresses()[3],),
    "pos_getAccount.not_exist": lambda _: ("0x" + "11" * 32,),
    "pos_getAccountByPowAddress": lambda network: (network.owner_of(network.addresses()[3]),),
    "pos_getCommittee": lambda _: (),
    "pos_getRewardsByEpoch": lambda _: ("0x7",),
    "pos_getRewardsByEpoch.current_epoch": lambda network: (hex(network.options.epochs),),
    "pos_getTransactionByNumber.BlockMetadata": lambda network: (number_of_kind(network, "BlockMetadata"),),
    "pos_getTransactionByNumber.Election": lambda network: (number_of_kind(network, "Election"),),
    "pos_getTransactionByNumber.PivotDecision": lambda network: (number_of_kind(network, "PivotDecision"),),
    "pos_getTransactionByNumber.Dispute": lambda network: (number_of_kind(network, "Dispute"),),
    "pos_getTransactionByNumber.future": lambda _: ("0xffffff",),
    "cfx_getStatus": lambda _: (),
    "cfx_clientVersion": lambda _: (),
    "cfx_epochNumber": lambda _: (),
    "cfx_getPoSEconomics": lambda _: (),
    "cfx_getParamsFromVote": lambda _: (),
    "cfx_getSupplyInfo": lambda _: (),
    "cfx_getBlockByEpochNumber": lambda _: ("latest_mined", False),
    "cfx_getBlockByHash": lambda network: (network.pow.hash(network.pow_head(700)), False),
    "cfx_getBalance": lambda network: (network.owner_of(network.addresses()[3]),),
    "cfx_getStakingBalance": lambda network: (network.owner_of(network.addresses()[3]),),
}


@pytest.mark.parametrize("name", SAME)
def test_a_reply_has_the_shape_of_a_recorded_one(name: str, node: Node) -> None:
    taped = tape(name)
    told = asked(node, taped["method"], *SAME[name](node.network))
    assert list(differences(told, taped["result"])) == []


REFUSED: dict[str, Callable[[Network], tuple[Any, ...]]] = {
    "error.unknown_method": lambda _: (),
    "error.missing_params": lambda _: (),
    "error.wrong_type": lambda _: ("abc",),
    "pos_getAccount.bad_param": lambda _: ("0x1234",),
    "pos_getAccount.at_block": lambda network: (network.addresses()[3], "0x9e"),
    "pos_getAccount.future_view": lambda network: (network.addresses()[3], "0x18743"),
    "pos_getCommittee.at_block": lambda _: ("0x94",),
    "pos_getCommittee.future": lambda _: ("0x18743",),
    "pos_getAccountByPowAddress.hex_rejected": lambda _: ("0x1f4cad0cb5cbdbe0b9ceddc4242fcf4a613f39f1",),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_worded_as_a_recorded_one(name: str, node: Node) -> None:
    taped = tape(name)
    with pytest.raises(Refusal) as refusal:
        node.answer(taped["method"], REFUSED[name](node.network))
    assert refusal.value.code == taped["error"]["code"]
    # The recorded node's newest block was 163.
    assert refusal.value.message == taped["error"]["message"].replace("is 163", f"is {node.head}")


def test_our_decoders_read_everything(node: Node) -> None:
    network = node.network
    who = network.addresses()[3]
    assert pos.pos_block(asked(node, "pos_getBlockByNumber", "0x100")) is not None
    state = pos.committee(7, asked(node, "pos_getEpochState", "0x7"))
    assert state is not None
    assert state.total_votes == 300
    assert pos.account(asked(node, "pos_getAccount", who)).available_votes > 0
    assert len(pos.committee_now(asked(node, "pos_getCommittee")).elections) == 2
    rewards = pos.epoch_rewards(7, asked(node, "pos_getRewardsByEpoch", "0x7"))
    assert rewards is not None
    owners = {reward.account: reward.pow_address for reward in rewards.rewards}
    assert all(network.owner_of(each) == owner for each, owner in owners.items())
    assert pos.pos_status(asked(node, "pos_getStatus")).committed_height == node.head
    assert pow_status(asked(node, "cfx_getStatus")).chain_id == 4242
    parts = [
        asked(node, name) for name in ("cfx_getPoSEconomics", "cfx_getParamsFromVote", "cfx_getSupplyInfo")
    ]
    assert economics.economics(*parts).interest_rate == 40_000


def test_our_decoders_read_every_kind_of_transaction(network: Network) -> None:
    """Register, Retire and UpdateVotingPower were never recorded: their shapes are from the node's source."""
    found: dict[TransactionKind, list[str | None]] = {}
    for number in range(1, network.last_number(network.head) + 1):
        told = pos.transaction(network.transaction(number))
        assert told is not None
        found.setdefault(told.kind, []).append(told.account)
    assert found.keys() == set(TransactionKind) - {TransactionKind.OTHER}
    registered = network.addresses()[network.options.accounts :]
    assert found[TransactionKind.REGISTER] == registered
    everybody: set[str | None] = {*network.addresses()}
    for kind in (TransactionKind.RETIRE, TransactionKind.UPDATE_VOTING_POWER, TransactionKind.DISPUTE):
        assert set(found[kind]) <= everybody
