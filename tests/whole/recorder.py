"""What real validators answered all along, word for word: JSON-RPC over urllib, by no client of ours.

A recording is one JSON file, so that what is computed from it can be computed again without a devnet. Numbers
stay as nodes spell them; keys are plain decimal numbers.

    nodes        [{pos, pow, url}], by index; the other parts name a node by its index
    options      what the devnet was made with
    deeds        [{at_ms, height, what}]: what the story did
    blocks       {node: {height: pos_getBlockByNumber}}, of every node that answers, once it is settled there
    states       {epoch: pos_getEpochState}
    ends         {epoch: commitInfo of pos_getLedgerInfoByEpoch}: where the epoch ended
    committees   [pos_getCommittee and height, at_ms]: each that differs from the one before
    accounts     {node: [pos_getAccount]}: one for each height that a poll met
    transactions {number: pos_getTransactionByNumber}
    rewards      {epoch: pos_getRewardsByEpoch}, once it is not null
    asked        {epoch: [epoch, height]}: where the chain was when the rewards were last null
    payments     {epoch: {block, blocks, paid, before, after}}: the PoW epoch that paid, the money around it
"""

import json
import threading
import time
from pathlib import Path
from typing import Any, Self

from tests.whole.outside import NOT_YET, ask, get
from vedette.conflux.address import encode
from vedette.devnet.net import Devnet
from vedette.devnet.options import CHAIN_ID

Raw = dict[str, Any]

POLL_S = 0.5
SETTLED = 3  # blocks below the newest committed one, where a signature list no longer changes
FIRST = 2  # block 1 is the genesis
NOBODY = encode(bytes(20), CHAIN_ID)
"""The zero address. It gets what node 0 mines; what it holds is not in circulation."""

MAPS = ("blocks", "states", "ends", "accounts", "transactions", "rewards", "asked", "payments")


def number(text: str) -> int:
    """A quantity as nodes spell it."""
    return int(text, 16)


class Recorder:
    """Asks all nodes in a thread of its own, twice a second. Node 0 must always answer; others may be dead.

    With the address of an API, `told` holds what that said of each validator's stake: by node, one for each
    height that it spoke of; `unheard` says when it did not answer.
    """

    def __init__(self, net: Devnet, api: str | None = None) -> None:
        self.raw: Raw = {part: {} for part in MAPS} | {"committees": [], "deeds": []}
        self.raw["nodes"] = [
            {"pos": node.pos_address, "pow": node.pow_address, "url": node.urls.local} for node in net.nodes
        ]
        self.raw["options"] = {name: getattr(net.options, name) for name in net.options.__struct_fields__}
        for index in range(len(net.nodes)):
            self.raw["blocks"][str(index)] = {}
            self.raw["accounts"][str(index)] = []
        self.told: dict[int, dict[int, Raw]] = {index: {} for index in range(len(net.nodes))}
        self.outlooks: dict[int, Raw] = {}
        self.unheard: list[str] = []
        self._urls = [node.urls.local for node in net.nodes]
        self._api = api
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.check()

    def check(self) -> None:
        """Raises what the thread could not cope with."""
        if self._failure is not None:
            raise self._failure

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.raw))

    @property
    def height(self) -> int:
        """The newest block that node 0 has committed."""
        return number(self._ask("pos_getStatus")["latestCommitted"])

    def did(self, what: str) -> None:
        self.raw["deeds"].append({"at_ms": _now_ms(), "height": self.height, "what": what})

    def account(self, index: int) -> Raw:
        """What is known of a validator's stake at this moment."""
        account: Raw = self._ask("pos_getAccount", self.raw["nodes"][index]["pos"])
        return account

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._poll()
                self._stop.wait(POLL_S)
        except Exception as error:  # noqa: BLE001  # the story's thread raises it
            self._failure = error

    def _poll(self) -> None:
        status = self._ask("pos_getStatus")
        height, epoch = number(status["latestCommitted"]), number(status["epoch"])
        self._keep_accounts()
        self._keep_committee(height)
        for index in range(len(self._urls)):
            self._keep_blocks(index)
        self._keep_epochs(epoch, height)
        self._keep_transactions()
        if self._api:
            self._keep_told(self._api)

    def _keep_accounts(self) -> None:
        for index, kept in self.raw["accounts"].items():
            account = self.account(int(index))
            if not kept or kept[-1]["blockNumber"] != account["blockNumber"]:
                kept.append(account)

    def _keep_committee(self, height: int) -> None:
        committee, kept = self._ask("pos_getCommittee"), self.raw["committees"]
        if not kept or any(kept[-1][key] != value for key, value in committee.items()):
            kept.append({**committee, "height": height, "at_ms": _now_ms()})

    def _keep_blocks(self, index: int) -> None:
        """A node that is dead, or does not know its own chain for a moment, is asked again next time."""
        kept = self.raw["blocks"][str(index)]
        try:
            newest = number(self._ask("pos_getStatus", node=index)["latestCommitted"]) - SETTLED
            for height in range(max(map(int, kept), default=FIRST - 1) + 1, newest + 1):
                kept[str(height)] = self._ask("pos_getBlockByNumber", hex(height), node=index)
        except (*NOT_YET, AssertionError):
            if index == 0:
                raise

    def _keep_epochs(self, epoch: int, height: int) -> None:
        states = self.raw["states"]
        for each in range(len(states) + 1, epoch + 1):
            states[str(each)] = self._ask("pos_getEpochState", hex(each))
        for each in range(len(self.raw["ends"]) + 1, epoch):
            ledger = self._ask("pos_getLedgerInfoByEpoch", hex(each))["ledgerInfo"]
            self.raw["ends"][str(each)] = ledger["commitInfo"]
        for each in range(1, epoch):
            if str(each) not in self.raw["rewards"]:
                self._keep_reward(each, epoch, height)

    def _keep_reward(self, each: int, epoch: int, height: int) -> None:
        reward = self._ask("pos_getRewardsByEpoch", hex(each))
        if reward is None:
            self.raw["asked"][str(each)] = [epoch, height]
            return
        block = self._ask("cfx_getBlockByHash", reward["powEpochHash"], True)
        at = number(block["epochNumber"])
        # A node tells of a payment as soon as it has executed it, which is before one may ask for the state.
        if at <= number(self._ask("cfx_epochNumber", "latest_state")):
            self.raw["payments"][str(each)] = self._payment(block, at)
            self.raw["rewards"][str(each)] = reward

    def _payment(self, block: Raw, at: int) -> Raw:
        return {
            "block": block,
            "blocks": self._ask("cfx_getBlocksByEpoch", hex(at)),
            "paid": self._ask("cfx_getPoSRewardByEpoch", hex(at)),
            "before": self._money(hex(at - 1)),
            "after": self._money(hex(at)),
        }

    def _money(self, at: str) -> Raw:
        """What the chain and the PoW accounts of the validators hold after a PoW epoch."""
        whole = ("cfx_getPoSEconomics", "cfx_getSupplyInfo", "cfx_getInterestRate", "cfx_getParamsFromVote")
        holders = [*(node["pow"] for node in self.raw["nodes"]), NOBODY]
        return {
            **{method: self._ask(method, at) for method in whole},
            **{
                method: {holder: self._ask(method, holder, at) for holder in holders}
                for method in ("cfx_getBalance", "cfx_getStakingBalance")
            },
        }

    def _keep_transactions(self) -> None:
        blocks, kept = self.raw["blocks"]["0"], self.raw["transactions"]
        if not blocks:
            return
        newest = number(blocks[str(max(map(int, blocks)))]["lastTxNumber"])
        for each in range(len(kept) + 1, newest + 1):
            kept[str(each)] = self._ask("pos_getTransactionByNumber", hex(each))

    def _keep_told(self, api: str) -> None:
        indexes = {node["pos"]: index for index, node in enumerate(self.raw["nodes"])}
        try:
            validators = get(f"{api}/validators")["validators"]
        except NOT_YET as error:
            self.unheard.append(f"at {self.height}: {error}")
            return
        for validator in validators:
            if validator["stake"] is not None:
                self.told[indexes[validator["address"]]][validator["stake"]["height"]] = validator["stake"]

    def look(self, validator: int) -> None:
        """Keep what our API says is ahead of a validator at this moment."""
        if self._api is not None:
            self.outlooks[validator] = get(
                f"{self._api}/validators/{self.raw['nodes'][validator]['pos']}/outlook"
            )

    def _ask(self, method: str, *params: Any, node: int = 0) -> Any:
        return ask(self._urls[node], method, *params)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
