"""`pos_getCommittee`: the acting committee and the two coming terms, as they stand at a height."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vedette.replay.growth import Growth, flags
from vedette.replay.leaves import Ints
from vedette.replay.pages import Page

Json = dict[str, Any]


def committee_now(growth: Growth, page: Page, height: int) -> Json:
    """The reply of a node whose newest block that is; `page` is its epoch."""
    setting = page.leaves.setting
    votes = dict(zip(setting.members.tolist(), setting.votes.tolist(), strict=True))
    acting = {
        "epochNumber": hex(page.epoch),
        "nodes": _nodes(growth, votes),
        "quorumVotingPower": hex(setting.quorum),
        "totalVotingPower": hex(int(setting.votes.sum())),
    }
    return {
        "currentCommittee": acting,
        "elections": [_next(growth, page, height), _after(growth, page, height)],
    }


def _next(growth: Growth, page: Page, height: int) -> Json:
    """The next term: open in the epoch's first half, then decided; its own seats, not those it sits beside.

    Source: `committee_by_block_number` in conflux-rust crates/client/src/rpc/impls/pos.rs.
    """
    epoch, finalized = page.epoch, height >= growth.middle(page.epoch)
    before = _accounts(growth.early(epoch - 1))
    stood = None if finalized else before | page.stood_by(height, term=epoch)
    votes = _elected(growth.term(epoch + 1), stood)
    return _election(growth, growth.last_height(epoch), votes, finalized=finalized)


def _after(growth: Growth, page: Page, height: int) -> Json:
    """The term after the next: nobody until its election opens."""
    stood = page.stood_by(height, term=page.epoch + 1)
    votes = _elected(growth.term(page.epoch + 2), stood) if stood else {}
    return _election(growth, growth.last_height(page.epoch + 1), votes, finalized=False)


def _elected(seats: Ints, stood: set[int] | None) -> dict[int, int]:
    """Those who win in the end, as far as they have stood already; None: it is the end."""
    winners = np.flatnonzero(seats).tolist()
    return {account: int(seats[account]) for account in winners if stood is None or account in stood}


def _election(growth: Growth, start: int, votes: Mapping[int, int], *, finalized: bool) -> Json:
    nodes = _nodes(growth, {account: each for account, each in votes.items() if each})
    return {"isFinalized": finalized, "startBlockNumber": hex(start), "topElectingNodes": nodes}


def _nodes(growth: Growth, votes: Mapping[int, int]) -> list[Json]:
    """By address, as nodes list them."""
    people = sorted((growth.people[account].address, each) for account, each in votes.items())
    return [{"address": each, "votingPower": hex(power)} for each, power in people]


def _accounts(bits: bytes) -> set[int]:
    return set(np.flatnonzero(flags(bits)).tolist())
