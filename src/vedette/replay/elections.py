"""`pos_getCommittee`: the acting committee and the two coming terms, as they stand at a height."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from vedette.model.election import TERMS_SERVING
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
    """The next term: open in the epoch's first half; then the next committee is told, all six terms."""
    epoch, finalized = page.epoch, height >= growth.middle(page.epoch)
    if finalized:
        votes = _next_committee(growth, epoch, height)
    else:
        before = _accounts(growth.early(epoch - 1))
        votes = _elected(growth.term(epoch + 1), before | page.stood_by(height, term=epoch))
    return _election(growth, growth.last_height(epoch), votes, finalized=finalized)


def _next_committee(growth: Growth, epoch: int, height: int) -> dict[int, int]:
    """Nobody has more votes than are available now."""
    seats = added(growth.term(each) for each in range(epoch + 2 - TERMS_SERVING, epoch + 2))
    return {
        account: min(int(seats[account]), growth.stake(account, height).available)
        for account in np.flatnonzero(seats).tolist()
    }


def _after(growth: Growth, page: Page, height: int) -> Json:
    """The term after the next: nobody until its election opens."""
    stood = page.stood_by(height, term=page.epoch + 1)
    votes = _elected(growth.term(page.epoch + 2), stood) if stood else {}
    return _election(growth, growth.last_height(page.epoch + 1), votes, finalized=False)


def _elected(seats: Ints, stood: set[int]) -> dict[int, int]:
    """Those who win in the end, as far as they have stood already."""
    return {account: int(seats[account]) for account in np.flatnonzero(seats).tolist() if account in stood}


def _election(growth: Growth, start: int, votes: Mapping[int, int], *, finalized: bool) -> Json:
    nodes = _nodes(growth, {account: each for account, each in votes.items() if each})
    return {"isFinalized": finalized, "startBlockNumber": hex(start), "topElectingNodes": nodes}


def _nodes(growth: Growth, votes: Mapping[int, int]) -> list[Json]:
    """By address, as nodes list them."""
    people = sorted((growth.people[account].address, each) for account, each in votes.items())
    return [{"address": each, "votingPower": hex(power)} for each, power in people]


def _accounts(bits: bytes) -> set[int]:
    return set(np.flatnonzero(flags(bits)).tolist())


def added(terms: Iterable[Ints]) -> Ints:
    """Terms of different lengths added: who registered later has no seat in the earlier ones."""
    terms = list(terms)
    total = np.zeros(max(map(len, terms)), np.int64)
    for term in terms:
        total[: len(term)] += term
    return total
