"""One endpoint on a history: which methods it answers, what it knows by now, and how it says no.

Errors are those of a real node (v3.0.2, recorded): -32601 for an unknown method, -32602 for a parameter,
-32016 for what the PoS chain cannot tell; HTTP stays 200.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from vedette.conflux import address
from vedette.model.pos import PosAddress
from vedette.replay import pages
from vedette.replay.faults import Faults
from vedette.replay.growth import POW_FIRST_EPOCH
from vedette.replay.network import Network

METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
PROCESSING: Final = -32016
CLIENT_VERSION: Final = "conflux-rust/v3.0.2-fd68efe-20260110/x86_64-linux-gnu/rustc1.86.0"
FIRST_HEIGHT: Final = 2
HASH_DIGITS: Final = 64
NULL: Final = b"null"
ZERO_ADDRESS: Final = PosAddress("0x" + "00" * 32)

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}")
_HASH = re.compile(r"(0x)?[0-9a-fA-F]{64}")


class Refusal(Exception):  # noqa: N818  what the node says, no fault of ours
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class Node:
    """An endpoint. `newest` tells the height of the network's newest block; faults may change at any time."""

    network: Network
    newest: Callable[[], int]
    faults: Faults = field(default_factory=Faults)

    @property
    def head(self) -> int:
        """The newest block that it knows."""
        return max(FIRST_HEIGHT, self.newest() - self.faults.lag_blocks)

    def answer(self, method: str, params: Sequence[Any]) -> bytes:
        """The result as JSON. Raises Refusal."""
        way = _METHODS.get(method)
        if way is None or (self.faults.no_pos and method.startswith("pos_")):
            raise Refusal(METHOD_NOT_FOUND, "Method not found")
        return way(self, params)

    # --- the PoS chain

    def status(self, _: Sequence[Any]) -> bytes:
        return _json(self.network.status(self.head))

    def block(self, params: Sequence[Any]) -> bytes:
        asked, head = _first(params), self.head
        if asked == "latest_voted":
            voted = self.network.voted_height(head)
            return NULL if voted is None else self.network.page(voted).voted(voted)
        named = {"latest_committed": head, "earliest": 1}
        height = named[asked] if asked in named else _quantity(asked)
        return self._block(height, head)

    def block_by_hash(self, params: Sequence[Any]) -> bytes:
        height = self.network.height_of(_hash(_first(params)))
        return NULL if height is None else self._block(height, self.head)

    def _block(self, height: int, head: int) -> bytes:
        if not 1 <= height <= head or height < self.faults.lost_below_height:
            return NULL
        if height == 1:
            return pages.genesis(self.network.pow.hash(POW_FIRST_EPOCH))
        page = self.network.page(height)
        return page.block(height, self.faults.lens(page, height))

    def transaction(self, params: Sequence[Any]) -> bytes:
        number, head = _quantity(_first(params)), self.head
        if number > self.network.last_number(head):
            return NULL
        told = self.network.transaction(number)
        lost = told is not None and int(told["blockNumber"], 16) < self.faults.lost_below_height
        return NULL if lost else _json(told)

    def epoch_state(self, params: Sequence[Any]) -> bytes:
        epoch = _quantity(_first(params))
        if epoch > self.network.growth.epoch_of(self.head):
            return NULL
        if epoch and self._has_lost(epoch):
            raise _not_found(self.network.growth.first_height(epoch) - 1)
        return _json(self.network.epoch_state(epoch))

    def rewards(self, params: Sequence[Any]) -> bytes:
        epoch = _quantity(_first(params))
        if not 1 <= epoch <= self.network.paid_epochs(self.head) or self._has_lost(epoch):
            return NULL
        return _json(self.network.rewards(epoch, self.faults.rewards_percent))

    def _has_lost(self, epoch: int) -> bool:
        return self.network.growth.last_height(epoch) < self.faults.lost_below_height

    def account(self, params: Sequence[Any]) -> bytes:
        return _json(self.network.account(_hash(_first(params)), self._latest(params, 1)))

    def account_by_owner(self, params: Sequence[Any]) -> bytes:
        owner = _owner(_first(params))
        who = self.network.pos_address_of(owner) or ZERO_ADDRESS
        return _json(self.network.account(who, self._latest(params, 1)))

    def committee(self, params: Sequence[Any]) -> bytes:
        return _json(self.network.committee_now(self._latest(params, 0)))

    def _latest(self, params: Sequence[Any], at: int) -> int:
        """The head, which is the only height whose state is kept (`delete_pos_state_by_block`)."""
        head = self.head
        asked = head if len(params) <= at or params[at] is None else _quantity(params[at])
        if asked > head:
            executed = f"Specified block {asked} is not executed, the latest block number is {head}"
            raise Refusal(PROCESSING, f"Error processing request: Msg error detail: {executed}")
        if asked < head:
            raise _not_found(asked)
        return head

    # --- the PoW chain

    def pow_status(self, _: Sequence[Any]) -> bytes:
        return _json(self.network.pow_status(self.head))

    def version(self, _: Sequence[Any]) -> bytes:
        return _json(CLIENT_VERSION)

    def pow_epoch(self, params: Sequence[Any]) -> bytes:
        return _json(hex(self._pow_epoch(params[0] if params else "latest_mined")))

    def pow_block(self, params: Sequence[Any]) -> bytes:
        epoch = self._pow_epoch(_first(params))
        if epoch > self.network.pow_head(self.head):
            raise Refusal(INVALID_PARAMS, "Invalid parameters: epoch parameter")
        return _json(self._told_block(epoch))

    def _told_block(self, epoch: int) -> dict[str, Any]:
        lies_from = self.faults.lying_pivots_from
        block = self.network.pow_block(epoch)
        if lies_from is not None and epoch >= lies_from:
            block |= {"hash": self.network.dice.hash("another chain", epoch)}
        return block

    def pow_block_by_hash(self, params: Sequence[Any]) -> bytes:
        epoch = self.network.pow.epoch_of(_hash(_first(params)))
        known = epoch is not None and epoch <= self.network.pow_head(self.head)
        return _json(self.network.pow_block(epoch)) if epoch is not None and known else NULL

    def _pow_epoch(self, asked: Any) -> int:
        status = self.network.pow_status(self.head)
        named = {
            "latest_mined": "epochNumber",
            "latest_state": "latestState",
            "latest_confirmed": "latestConfirmed",
            "latest_finalized": "latestFinalized",
            "latest_checkpoint": "latestCheckpoint",
        }
        if asked == "earliest":
            return 0
        asked = _ESPACE_TAGS.get(asked, asked) if isinstance(asked, str) else asked
        return int(status[named[asked]], 16) if asked in named else _quantity(asked)

    def balance(self, params: Sequence[Any]) -> bytes:
        self._has_state(params[1] if len(params) > 1 else "latest_state")
        held = self.network.balance(_owner(_first(params)), self.head)
        return _json(hex(held + self.faults.lying_state))

    def logs(self, params: Sequence[Any]) -> bytes:
        """Nothing here makes any."""
        asked = _first(params)
        self._has_state(asked.get("fromEpoch", asked.get("fromBlock", "earliest")))
        return b"[]"

    def _has_state(self, asked: Any) -> None:
        epoch = self._pow_epoch(asked)
        if epoch < self.faults.lost_state_below_epoch:
            lost = f"State for epoch (number={epoch} hash={self.network.pow.hash(epoch)}) does not exist"
            raise Refusal(PROCESSING, f"Error processing request: {lost}")

    # --- eSpace, which has no port of its own here

    def espace_chain_id(self, _: Sequence[Any]) -> bytes:
        return _json(self.network.pow_status(self.head)["ethereumSpaceChainId"])

    def espace_number(self, _: Sequence[Any]) -> bytes:
        return _json(hex(self.network.pow_head(self.head)))

    def espace_block(self, params: Sequence[Any]) -> bytes:
        epoch = self._pow_epoch(_first(params))
        if epoch > self.network.pow_head(self.head):
            return NULL
        block = self._told_block(epoch)
        parts = ("hash", "parentHash", "timestamp", "gasLimit", "gasUsed", "size", "nonce", "transactions")
        told = {name: block[name] for name in parts}
        return _json(told | {"number": hex(epoch), "miner": "0x" + "00" * 20})

    def espace_balance(self, params: Sequence[Any]) -> bytes:
        self._has_state(params[1] if len(params) > 1 else "latest")
        return _json(hex(int(self.faults.lying_state)))

    def staking_balance(self, params: Sequence[Any]) -> bytes:
        return _json(hex(self.network.staking_balance(_owner(_first(params)), self.head)))

    def economics(self, _: Sequence[Any]) -> bytes:
        return _json(self.network.economics(self.head))

    def params(self, _: Sequence[Any]) -> bytes:
        return _json(self.network.params())

    def supply(self, _: Sequence[Any]) -> bytes:
        return _json(self.network.supply(self.head))


_METHODS: Final[Mapping[str, Callable[[Node, Sequence[Any]], bytes]]] = {
    "pos_getStatus": Node.status,
    "pos_getBlockByNumber": Node.block,
    "pos_getBlockByHash": Node.block_by_hash,
    "pos_getTransactionByNumber": Node.transaction,
    "pos_getEpochState": Node.epoch_state,
    "pos_getRewardsByEpoch": Node.rewards,
    "pos_getAccount": Node.account,
    "pos_getAccountByPowAddress": Node.account_by_owner,
    "pos_getCommittee": Node.committee,
    "cfx_getStatus": Node.pow_status,
    "cfx_clientVersion": Node.version,
    "cfx_epochNumber": Node.pow_epoch,
    "cfx_getBlockByEpochNumber": Node.pow_block,
    "cfx_getBlockByHash": Node.pow_block_by_hash,
    "cfx_getBalance": Node.balance,
    "cfx_getStakingBalance": Node.staking_balance,
    "cfx_getPoSEconomics": Node.economics,
    "cfx_getParamsFromVote": Node.params,
    "cfx_getSupplyInfo": Node.supply,
    "cfx_getLogs": Node.logs,
    "eth_chainId": Node.espace_chain_id,
    "eth_blockNumber": Node.espace_number,
    "eth_getBlockByNumber": Node.espace_block,
    "eth_getBalance": Node.espace_balance,
    "eth_getLogs": Node.logs,
    "web3_clientVersion": Node.version,
}

_ESPACE_TAGS: Final = {
    "latest": "latest_state",
    "safe": "latest_confirmed",
    "finalized": "latest_finalized",
}

_json = msgspec.json.encode


def _not_found(height: int) -> Refusal:
    detail = f"PoS state of {height} not found"
    return Refusal(PROCESSING, f"Error processing request: Msg error detail: {detail}")


def _first(params: Sequence[Any]) -> Any:
    if not params:
        raise Refusal(INVALID_PARAMS, "`params` should have at least 1 argument(s)")
    return params[0]


def _quantity(asked: Any) -> int:
    if not isinstance(asked, str):
        raise Refusal(
            INVALID_PARAMS, f"Invalid params: invalid type: {_kind(asked)}, expected a block number."
        )
    if not asked.startswith("0x"):
        raise Refusal(INVALID_PARAMS, "Invalid params: Invalid block number: missing 0x prefix.")
    if not _QUANTITY.fullmatch(asked):
        raise Refusal(INVALID_PARAMS, "Invalid params: Invalid block number: invalid digit found in string.")
    return int(asked, 16)


def _hash(asked: Any) -> str:
    if not isinstance(asked, str):
        expected = "a (both 0x-prefixed or not) hex string with length of 64"
        raise Refusal(INVALID_PARAMS, f"Invalid params: invalid type: {_kind(asked)}, expected {expected}.")
    if not _HASH.fullmatch(asked):
        raise Refusal(
            INVALID_PARAMS,
            f"Invalid params: invalid length {len(asked.removeprefix('0x'))}, "
            f"expected a (both 0x-prefixed or not) hex string with length of {HASH_DIGITS}.",
        )
    return "0x" + asked.removeprefix("0x").lower()


def _owner(asked: Any) -> str:
    try:
        return address.simple(str(asked))
    except address.AddressError as error:
        why = "zero or multiple prefixes" if str(asked).startswith("0x") else "invalid address"
        message = f"Invalid params: Invalid base32 address: input {asked} error {why}."
        raise Refusal(INVALID_PARAMS, message) from error


def _kind(asked: Any) -> str:
    return {bool: "boolean", int: "integer", float: "floating point"}.get(type(asked), type(asked).__name__)
