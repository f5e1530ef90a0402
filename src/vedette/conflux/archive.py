"""What only an archive node can tell: state and logs of an epoch long ago, in a form that can be compared."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from vedette.conflux import address
from vedette.conflux.fields import Field

BLOCK: Final = "cfx_getBlockByEpochNumber"
BALANCE: Final = "cfx_getBalance"
LOGS: Final = "cfx_getLogs"


@dataclass(frozen=True, slots=True)
class OldBlock:
    """A pivot block, and the account whose balance at that epoch is asked for: its miner."""

    hash: str
    miner: str


@dataclass(frozen=True, slots=True)
class OldState:
    """What an endpoint tells of one old epoch. Two that hold the same past tell the same."""

    hash: str
    miner_drip: int
    logs: str  # a fingerprint of all logs of the epoch


def old_block(raw: Any) -> OldBlock | None:
    """The pivot block of an epoch (`cfx_getBlockByEpochNumber`); None: the endpoint does not have it."""
    if raw is None:
        return None
    told = Field(raw, BLOCK)
    return OldBlock(told["hash"].hash(), told["miner"].text(address.TEXT_CHARS_MAX))


def logs_fingerprint(raw: Any, method: str = LOGS) -> str:
    """What tells one list of logs from another, however addresses are written in it."""
    logs = [
        (
            log["transactionHash"].hash(),
            log["logIndex"].number(),
            str(log["data"].raw).lower(),
            [str(topic.raw).lower() for topic in log["topics"].items()],
        )
        for log in Field(raw, method).items()
    ]
    return hashlib.sha256(msgspec.json.encode(sorted(logs))).hexdigest()
