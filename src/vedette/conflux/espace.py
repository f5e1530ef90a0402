"""What a node says on its eSpace port, translated once, at the door.

An eSpace block is a PoW epoch: its number is the epoch's, its hash that of the epoch's pivot block.
"""

from dataclasses import dataclass
from typing import Any, Final

from vedette.conflux.fields import Field

CHAIN_ID: Final = "eth_chainId"
BLOCK: Final = "eth_getBlockByNumber"
BLOCK_NUMBER: Final = "eth_blockNumber"
VERSION: Final = "web3_clientVersion"
BALANCE: Final = "eth_getBalance"
LOGS: Final = "eth_getLogs"
CONFIRMED: Final = "safe"
"""The tag that eSpace has for `latest_confirmed`."""


@dataclass(frozen=True, slots=True)
class EspaceBlock:
    """As much of an eSpace block as tells where the chain is."""

    epoch: int
    hash: str
    miner: str


def number(raw: Any, method: str) -> int:
    """A reply that is one number (`eth_chainId`, `eth_blockNumber`)."""
    return Field(raw, method).number()


def block(raw: Any) -> EspaceBlock | None:
    """A block without its transactions; None: the node has no such block."""
    if raw is None:
        return None
    told = Field(raw, BLOCK)
    return EspaceBlock(told["number"].number(), told["hash"].hash(), told["miner"].text(42))


def version(raw: Any) -> str:
    """The node's own words (`web3_clientVersion`)."""
    return Field(raw, VERSION).text(200)


def chain_id_beside(raw_status: Any) -> int | None:
    """The eSpace chain of a Core node (`cfx_getStatus`); None: a node too old to tell."""
    return Field(raw_status, "cfx_getStatus").get("ethereumSpaceChainId").maybe(Field.number)
