"""What may be wrong with an endpoint. All of it can be switched while it serves."""

from dataclasses import dataclass

import numpy as np

from vedette.replay.dice import Stream
from vedette.replay.leaves import Flags
from vedette.replay.pages import HONEST, Lens, Page


@dataclass(slots=True)
class Faults:
    """One endpoint's. As it is made, nothing is wrong."""

    latency_ms: int = 0  # before each answer
    lag_blocks: int = 0  # its newest block is so far behind the network's
    calls_per_s: float | None = None  # more are refused with HTTP 429, as by a public gateway
    batch_max: int | None = None  # larger batches are refused
    cut_every: int = 0  # each answer of that number breaks off in the middle of its body; 0: none
    lost_below_height: int = 0  # it has forgotten whatever ended before that height
    missing_percent: int = 0  # of the signers, left out of each certificate as long as a quorum stands
    missing_salt: int = 0  # endpoints with different ones leave out different signers
    lying_signers_from: int | None = None  # from that height on, one signer is exchanged for an absent member
    lying_hashes_from: int | None = None  # from that height on, its blocks are of another chain
    rewards_percent: int = 100  # of the true ones
    lying_pivots_from: int | None = None  # from that epoch on, its PoW blocks are of another chain
    lost_state_below_epoch: int = 0  # balances and logs of older epochs are gone, as on any but an archive
    lying_state: bool = False  # each balance is a Drip too much
    no_pos: bool = False  # public_rpc_apis leaves out pos, as it does by default
    silent_heads: bool = False  # its WebSocket takes subscriptions, and tells of no head

    def lens(self, page: Page, height: int) -> Lens:
        """How it sees that block."""
        signed = page.signed[page.row(height)]
        seen = self._lied(self._partial(signed, page, height), height)
        forked = self.lying_hashes_from is not None and height >= self.lying_hashes_from
        if seen is signed and not forked:
            return HONEST
        return Lens(seen, self.lying_hashes_from if forked else None)

    def _partial(self, signed: Flags, page: Page, height: int) -> Flags:
        """The certificate without some late votes; a quorum is always in it."""
        if not self.missing_percent or not signed.any():
            return signed
        rng = page.growth.dice.rng(Stream.FAULTS, height << 16 | self.missing_salt)
        seen, votes = signed.copy(), np.array(page.seat_votes)
        present = rng.permutation(np.flatnonzero(signed))
        for seat in present[: len(present) * self.missing_percent // 100].tolist():
            seen[seat] = False
            if votes[seen].sum() < page.leaves.setting.quorum:
                seen[seat] = True
                break
        return seen

    def _lied(self, signed: Flags, height: int) -> Flags:
        if self.lying_signers_from is None or height < self.lying_signers_from or not signed.any():
            return signed
        told, present, absent = signed.copy(), np.flatnonzero(signed), np.flatnonzero(~signed)
        told[present[height % len(present)]] = False
        if len(absent):
            told[absent[height % len(absent)]] = True
        return told
