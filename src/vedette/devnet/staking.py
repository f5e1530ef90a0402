"""What becomes of a validator's stake: registered, increased and retired by transactions of its PoW account.

PoS hears of each with the next PoW epoch that it finalizes.
"""

from typing import Any

from vedette.conflux import address
from vedette.devnet import abi
from vedette.devnet.config import MINER
from vedette.devnet.corespace import Transaction, signed
from vedette.devnet.keys import ValidatorKeys, pow_address, registration
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
GAS = 6_000_000  # of which a retirement needs the most; with a sixth of it, it runs out
RECEIPT_DEADLINE_S = 120.0
FINALITY_DEADLINE_S = 300.0


def register(net: Devnet, index: int, votes: int | None = None, tell: Tell = quiet) -> None:
    """Make a validator of a node. It enters the committee some terms later, as the chain's rules have it."""
    node, keys, votes = net.node(index), net.keys(index), votes or net.options.votes
    if node.in_genesis or _has_registered(net, node.pos_address):
        raise SettingError(f"node {index} is a validator already")
    _stake(net, keys, votes, registration(keys, votes), f"registering {votes} votes of node {index}", tell)


def increase(net: Devnet, index: int, votes: int, tell: Tell = quiet) -> None:
    """Add votes to a validator's stake. They may be elected at once, and leave when the in queue ends."""
    _refuse_too_few(votes)
    _refuse_stranger(net, index)
    data = abi.call("increaseStake(uint64)", abi.uint(votes))
    _stake(net, net.keys(index), votes, data, f"adding {votes} votes to node {index}", tell)


def retire(net: Devnet, index: int, votes: int, tell: Tell = quiet) -> None:
    """Take votes out of a validator's stake. They serve no longer, and are free when the out queue ends."""
    _refuse_too_few(votes)
    _refuse_stranger(net, index)
    available = _available(net, net.node(index).pos_address)
    if votes > available:
        raise SettingError(f"node {index} cannot retire {votes} votes: it has {available}")
    _wait_first_decision(net, tell)
    keys = net.keys(index)
    _fund(net, keys, FEES_CFX)
    tell(f"retiring {votes} votes of node {index}")
    data = abi.call("retire(uint64)", abi.uint(votes))
    _wait_executed(net, _Sender(net, keys.pow_secret).send(POS_REGISTER, data))


def _refuse_too_few(votes: int) -> None:
    if votes < 1:
        raise SettingError(f"{votes} votes: choose 1 or more")


def _refuse_stranger(net: Devnet, index: int) -> None:
    if not net.node(index).in_genesis and not _has_registered(net, net.node(index).pos_address):
        raise SettingError(f"node {index} is no validator: vedette devnet register {index} makes it one")


def _refuse_without_miner(net: Devnet) -> None:
    if net.node(MINER).pid is None:
        raise SettingError(f"node {MINER} is down and makes no PoW blocks: vedette devnet start {MINER}")


def _has_registered(net: Devnet, pos_address: str) -> bool:
    """A node answers zeros for an address it never heard of."""
    _refuse_without_miner(net)
    status = net.ask(MINER, "pos_getAccount", pos_address)["status"]
    return any(int(status[kind], 16) for kind in ("locked", "availableVotes", "unlocked")) or bool(
        status["inQueue"] or status["outQueue"]
    )


def _available(net: Devnet, pos_address: str) -> int:
    _refuse_without_miner(net)
    return int(net.ask(MINER, "pos_getAccount", pos_address)["status"]["availableVotes"], 16)


def _stake(net: Devnet, keys: ValidatorKeys, votes: int, data: bytes, deed: str, tell: Tell) -> None:
    """Give the account what the votes cost, let it stake that, and tell the PoS register."""
    _refuse_without_miner(net)
    _wait_first_decision(net, tell)
    tell(deed)
    _fund(net, keys, votes * VOTE_CFX + FEES_CFX)
    sender = _Sender(net, keys.pow_secret)
    deposit = sender.send(STAKING, abi.call("deposit(uint256)", abi.uint(votes * VOTE_CFX * CFX)))
    for sent in (deposit, sender.send(POS_REGISTER, data)):
        _wait_executed(net, sent)


def _fund(net: Devnet, keys: ValidatorKeys, cfx: int) -> None:
    _wait_executed(net, _Sender(net, FAUCET_SECRET).send(keys.pow_address, value=cfx * CFX))


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
            gas=GAS,
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
