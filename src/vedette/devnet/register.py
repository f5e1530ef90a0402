"""A node that was no validator in the genesis becomes one: funded, staked and registered by transactions."""

from typing import Any

from vedette.conflux import address
from vedette.devnet import abi
from vedette.devnet.config import MINER
from vedette.devnet.corespace import Transaction, signed
from vedette.devnet.keys import pow_address, registration
from vedette.devnet.net import Devnet, patience
from vedette.devnet.options import CHAIN_ID
from vedette.devnet.tell import Tell, quiet
from vedette.model.errors import SettingError, VedetteError

# The account that a node in dev mode finds rich in its genesis; its key is published with the node.
FAUCET_SECRET = 0x46B9E861B63D3509C88B7817275A30D22D62C8CD8FA6486DDEE35EF0D8E0495F

STAKING = bytes.fromhex("0888000000000000000000000000000000000002")
POS_REGISTER = bytes.fromhex("0888000000000000000000000000000000000005")

CFX = 10**18
VOTE_CFX = 1000
FEES_CFX = 100
RECEIPT_DEADLINE_S = 120.0
FINALITY_DEADLINE_S = 300.0


def register(net: Devnet, index: int, votes: int | None = None, tell: Tell = quiet) -> None:
    """Make a validator of a node. It enters the committee some terms later, as the chain's rules have it."""
    node, keys, votes = net.node(index), net.keys(index), votes or net.options.votes
    if node.in_genesis or _has_registered(net, node.pos_address):
        raise SettingError(f"node {index} is a validator already")
    if net.node(MINER).pid is None:
        raise SettingError(f"node {MINER} is down and makes no PoW blocks: vedette devnet start {MINER}")
    _wait_first_decision(net, tell)
    tell(f"sending {votes * VOTE_CFX} CFX to the account of node {index}")
    fund = _Sender(net, FAUCET_SECRET).send(keys.pow_address, value=(votes * VOTE_CFX + FEES_CFX) * CFX)
    _wait_executed(net, fund)
    tell(f"staking and registering {votes} votes of node {index}")
    sender = _Sender(net, keys.pow_secret)
    deposit = sender.send(STAKING, abi.call("deposit(uint256)", abi.uint(votes * VOTE_CFX * CFX)))
    registered = sender.send(POS_REGISTER, registration(keys, votes))
    for sent in (deposit, registered):
        _wait_executed(net, sent)


def _has_registered(net: Devnet, pos_address: str) -> bool:
    """A node answers zeros for an address it never heard of."""
    status = net.ask(MINER, "pos_getAccount", pos_address)["status"]
    return bool(int(status["locked"], 16) or int(status["availableVotes"], 16) or status["inQueue"])


def _wait_first_decision(net: Devnet, tell: Tell) -> None:
    """PoS overlooks whatever happened on the PoW chain before the first epoch that it finalized."""
    for _ in patience(FINALITY_DEADLINE_S, f"PoS finalized nothing in {FINALITY_DEADLINE_S:g} s"):
        if int(net.ask(MINER, "pos_getStatus")["pivotDecision"]["height"], 16):
            return
        tell("waiting for the first finalized PoW epoch")


class _Sender:
    """Sends transactions of one account, and counts them itself: the chain counts only executed ones."""

    def __init__(self, net: Devnet, secret: int) -> None:
        self._net = net
        self._secret = secret
        self._nonce = self._number("cfx_getNextNonce", address.encode(pow_address(secret), CHAIN_ID))

    def send(self, to: bytes, data: bytes = b"", *, value: int = 0) -> str:
        """Returns the transaction's hash."""
        transaction = Transaction(
            nonce=self._nonce,
            gas_price=2 * max(self._number("cfx_gasPrice"), 10**9),
            gas=1_000_000,
            to=to,
            value=value,
            storage_limit=16_000,
            epoch_height=self._number("cfx_epochNumber", "latest_mined"),
            chain_id=CHAIN_ID,
            data=data,
        )
        raw = "0x" + signed(transaction, self._secret).hex()
        self._nonce += 1
        return str(self._net.ask(MINER, "cfx_sendRawTransaction", raw))

    def _number(self, method: str, *params: Any) -> int:
        return int(self._net.ask(MINER, method, *params), 16)


def _wait_executed(net: Devnet, sent: str) -> None:
    complaint = f"transaction {sent} was not executed in {RECEIPT_DEADLINE_S:g} s; is node {MINER} up?"
    for _ in patience(RECEIPT_DEADLINE_S, complaint):
        receipt = net.ask(MINER, "cfx_getTransactionReceipt", sent)
        if receipt is not None:
            break
    if int(receipt["outcomeStatus"], 16):
        raise VedetteError(f"the chain refused transaction {sent}: {receipt.get('txExecErrorMsg')}")
