"""The PoW chain as far as anybody asks for it here: one block an epoch, at a steady pace."""

from dataclasses import dataclass
from typing import Any, Final

from vedette.conflux import address
from vedette.replay.dice import POW_HASH, Dice
from vedette.replay.growth import POW_EPOCHS_EACH_6_S, POW_FIRST_EPOCH

STATE_LAG: Final = 5
CONFIRMED_LAG: Final = 75
CHECKPOINT_EACH: Final = 20_000
BLOCKS_EACH_100_EPOCHS: Final = 236
"""Some 72,000 epochs and 170,000 blocks a day, as on mainnet."""

ZERO_HASHES: Final = {
    "deferredLogsBloomHash": "0xd397b3b043d87fcd6fad1291ff0bfd16401c274896d8c63a923727f077b8e0b5",
    "deferredReceiptsRoot": "0x09f8709ea9f344a810811a373b30861568f5686e649d6177fd92ea2db7477508",
    "transactionsRoot": "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
}
"""Of no logs, no receipts, no transactions."""


@dataclass(frozen=True, slots=True)
class PowChain:
    """Epochs by number, from the time when the PoS history began."""

    dice: Dice
    chain_id: int
    start_us: int

    def hash(self, epoch: int) -> str:
        """The epoch's pivot block."""
        return self.dice.numbered_hash(POW_HASH, epoch)

    def epoch_of(self, hash_: str) -> int | None:
        """The epoch of a pivot block."""
        return self.dice.number_of(POW_HASH, hash_)

    def at_s(self, epoch: int) -> int:
        """When its pivot block was made."""
        return self.start_us // 1_000_000 + -(-(epoch - POW_FIRST_EPOCH) * 6 // POW_EPOCHS_EACH_6_S)

    def block_number(self, epoch: int) -> int:
        return epoch * BLOCKS_EACH_100_EPOCHS // 100

    def status(self, latest: int, finalized: int) -> dict[str, Any]:
        """`cfx_getStatus` of a node whose newest epoch that is."""
        return {
            "bestHash": self.hash(latest),
            "blockNumber": hex(self.block_number(latest)),
            "chainId": hex(self.chain_id),
            "epochNumber": hex(latest),
            "ethereumSpaceChainId": hex(self.chain_id + 1),
            "latestCheckpoint": hex(latest // CHECKPOINT_EACH * CHECKPOINT_EACH),
            "latestConfirmed": hex(latest - CONFIRMED_LAG),
            "latestFinalized": hex(finalized),
            "latestState": hex(latest - STATE_LAG),
            "networkId": hex(self.chain_id),
            "pendingTxNumber": "0x0",
        }

    def block(self, epoch: int, pos_reference: str) -> dict[str, Any]:
        """An epoch's pivot block."""
        miner = address.encode(bytes(20), self.chain_id, verbose=True)
        return ZERO_HASHES | {
            "adaptive": False,
            "blame": "0x0",
            "blockNumber": hex(self.block_number(epoch)),
            "custom": ["0x03"],
            "deferredStateRoot": self.dice.hash("state", epoch),
            "difficulty": "0x2540be400",
            "epochNumber": hex(epoch),
            "gasLimit": "0x3938700",
            "gasUsed": "0x0",
            "hash": self.hash(epoch),
            "height": hex(epoch),
            "miner": miner,
            "nonce": hex(self.dice.integer("nonce", epoch, 2**64)),
            "parentHash": self.hash(epoch - 1),
            "posReference": pos_reference,
            "powQuality": "0x2540be400",
            "refereeHashes": [],
            "size": "0x0",
            "timestamp": hex(self.at_s(epoch)),
            "transactions": [],
        }
