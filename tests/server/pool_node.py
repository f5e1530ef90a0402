"""A stub node with pools on it: contracts made of a few lines, the register, and what addresses hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.conflux.test_contracts import string, words
from tests.stub_node import StubNode
from vedette.conflux import contracts, pools
from vedette.conflux.address import decode, encode, simple
from vedette.conflux.contracts import View, pos_register
from vedette.model.pos import PosAddress

VOTE_DRIP = 1_000 * 10**18
NOBODY = words(0, 0, 0, 0, 0, 0)


class RevertedError(Exception):
    """What a contract does that has no such function."""


@dataclass
class Contract:
    """A contract of the kind that we know, as far as it is not told otherwise."""

    name: str = "Stub pool"
    share: int = 9_000
    votes: int = 70
    own_drip: int = 8
    total_drip: int = 9
    claims: PosAddress | None = None
    stakers: Mapping[str, str] = field(default_factory=dict)  # wallet -> what userSummary answers
    lacks: Sequence[str] = ()
    slots: Mapping[str, str] = field(default_factory=dict)

    def answer(self, selector: str, argument: bytes, network_id: int) -> str:
        ways: dict[View[Any], str | None] = {
            contracts.POOL_NAME: string(self.name),
            contracts.POOL_POS_ADDRESS: self.claims,
            contracts.POOL_OWNER: words(1 << 156),
            contracts.POOL_USER_SHARE: words(self.share),
            contracts.POOL_SUMMARY: words(self.votes, self.own_drip, self.total_drip),
            contracts.POOL_APY: words(512),
            contracts.POOL_STAKERS: words(66),
            contracts.POOL_LOCK_PERIOD: words(2_250_000),
            contracts.POOL_UNLOCK_PERIOD: words(176_400),
            contracts.USER_SUMMARY: self.stakers.get(encode(argument[-20:], network_id), NOBODY)
            if argument
            else None,
            contracts.USER_INTEREST: words(5),
            contracts.USER_IN_QUEUE: words(32, 1, 2, 300),
            contracts.USER_OUT_QUEUE: words(32, 0),
        }
        for view, answer in ways.items():
            name = view.signature.partition("(")[0]
            if view.selector == selector and answer is not None and name not in self.lacks:
                return answer
        raise RevertedError


@dataclass
class PoolNode(StubNode):
    """Also answers cfx_call, cfx_getAccount and cfx_getStorageAt."""

    contracts: dict[str, Contract] = field(default_factory=dict)  # by address, simple form
    registered: dict[str, PosAddress] = field(default_factory=dict)
    refuses: bool = False  # as a node does whose state is not there yet

    def pool_calls(self) -> list[tuple[str, str]]:
        """What was asked about pools: the method, and the function if it was a call."""
        return [
            (method, params[0]["data"][2:10] if method == "cfx_call" else "")
            for method, params in self.asked
            if method in {"cfx_call", pools.ACCOUNT_METHOD, pools.STORAGE_METHOD}
        ]

    def result(self, method: str, params: Sequence[Any]) -> Any:
        if method == "cfx_call":
            return self.called(simple(params[0]["to"]), bytes.fromhex(params[0]["data"][2:]))
        if method == pools.STORAGE_METHOD:
            contract = self.contracts.get(simple(params[0]))
            return contract.slots.get(params[1]) if contract else None
        if method == pools.ACCOUNT_METHOD:
            code = "0x" + "c0" * 32 if simple(params[0]) in self.contracts else pools.NO_CODE
            return {"balance": "0x64", "stakingBalance": hex(72 * VOTE_DRIP), "codeHash": code}
        return super().result(method, params)

    def called(self, to: str, data: bytes) -> str:
        if self.refuses:
            raise RevertedError
        selector, argument = data[:4].hex(), data[4:]
        if to == pos_register(self.chain_id):
            if selector == contracts.ADDRESS_TO_IDENTIFIER.selector:
                found = self.registered.get(encode(argument[-20:], self.chain_id))
                return found or words(0)
            return words(90, 20)
        contract = self.contracts.get(to)
        return contract.answer(selector, argument, decode(to).network_id) if contract else "0x"

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            return super().answer(question)
        except RevertedError:
            code, message = (-32016, "Epoch not executed") if self.refuses else (-32015, "reverted")
            return {"jsonrpc": "2.0", "id": question["id"], "error": {"code": code, "message": message}}
