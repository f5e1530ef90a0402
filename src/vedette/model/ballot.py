"""What is known of one validator and one block, and the strip of letters that spells many of them."""

from collections.abc import Collection
from enum import StrEnum

from vedette.model.pos import Committee, PosAddress


class Ballot(StrEnum):
    """The letters of a vote strip."""

    SIGNED = "s"  # its signature is in a certificate that a witness saw
    LED = "l"  # it proposed the block, and signed it
    ABSENT = "a"  # elected, yet in no certificate that any witness saw
    IDLE = "-"  # not elected, so nothing was expected
    UNSEEN = "?"  # no certificate reached us, or the committee is not known: we do not guess


def ballot(
    signers: Collection[PosAddress],
    proposer: PosAddress | None,
    committee: Committee | None,
    validator: PosAddress,
) -> Ballot:
    """Judge one validator's part in one block by the union of what the witnesses saw."""
    if committee is None or not signers:
        return Ballot.UNSEEN if committee is None or validator in committee.votes else Ballot.IDLE
    if validator not in committee.votes:
        return Ballot.IDLE
    if validator not in signers:
        return Ballot.ABSENT
    return Ballot.LED if validator == proposer else Ballot.SIGNED


def signed_count(strip: str) -> int:
    """Blocks of the strip that the validator is known to have signed."""
    return strip.count(Ballot.SIGNED) + strip.count(Ballot.LED)


def known_count(strip: str) -> int:
    """Blocks of the strip where a signature was expected and a certificate was seen."""
    return signed_count(strip) + strip.count(Ballot.ABSENT)
