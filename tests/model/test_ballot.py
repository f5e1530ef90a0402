"""The strip's letters accuse nobody without evidence."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.model.ballot import Ballot, ballot, known_count, signed_count
from vedette.model.pos import Committee, PosAddress

alice, bob, carol = (PosAddress(f"0x{n:064x}") for n in (1, 2, 3))
BOTH = Committee(epoch=1, quorum_votes=3, total_votes=4, votes={alice: 2, bob: 2})


@pytest.mark.parametrize(
    ("signers", "proposer", "committee", "validator", "letter"),
    [
        ({alice: 2, bob: 2}, bob, BOTH, alice, "s"),
        ({alice: 2, bob: 2}, alice, BOTH, alice, "l"),
        ({bob: 2}, bob, BOTH, alice, "a"),
        ({bob: 2}, alice, BOTH, alice, "a"),  # it led, yet its own signature is in no certificate
        ({}, bob, BOTH, alice, "?"),  # no certificate reached us
        ({}, bob, BOTH, carol, "-"),
        ({alice: 2}, None, BOTH, carol, "-"),
        ({alice: 2}, None, None, alice, "?"),  # who may vote is not known yet
    ],
)
def test_one_block_one_letter(
    signers: Mapping[PosAddress, int],
    proposer: PosAddress | None,
    committee: Committee | None,
    validator: PosAddress,
    letter: str,
) -> None:
    assert ballot(signers, proposer, committee, validator) == Ballot(letter)


@given(st.text(alphabet="sla-?"))
def test_what_is_known_is_what_was_signed_or_missed(strip: str) -> None:
    assert 0 <= signed_count(strip) <= known_count(strip) <= len(strip)
    assert known_count(strip) == len(strip) - strip.count("?") - strip.count("-")
