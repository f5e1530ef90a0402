"""The history obeys the chain's rules: each is computed here again, from what the history answers."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from tests.replay.conftest import EPOCHS
from vedette.conflux import pos
from vedette.model.pos import Account, AccountState, Committee, PosAddress, PosBlock, account_states
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions

TERM = 120


def blocks_of(network: Network, epoch: int) -> Iterator[PosBlock]:
    for height in range(max(2, (epoch - 1) * TERM + 1), epoch * TERM + 1):
        block = pos.pos_block(network.block(height))
        assert block is not None
        yield block


def committee_of(network: Network, epoch: int) -> Committee:
    committee = pos.committee(epoch, network.epoch_state(epoch))
    assert committee is not None
    return committee


def account_at(network: Network, who: PosAddress, height: int) -> Account:
    return pos.account(network.account(who, height))


def transactions(network: Network) -> list[dict[str, Any]]:
    told = [network.transaction(number) for number in range(1, network.last_number(network.head) + 1)]
    return [each for each in told if each is not None]


# --- the same, and more of the same


def everything(network: Network, epoch: int) -> list[Any]:
    height = epoch * TERM
    who = network.addresses()[7]
    return [
        *(network.block_json(each) for each in range(height - TERM + 1, height + 1)),
        network.epoch_state(epoch),
        network.rewards(epoch),
        network.committee_now(height),
        network.committee_now(height - TERM // 2 - 1),
        network.account(who, height),
        network.status(height),
        network.pow_status(height),
        network.transaction(network.last_number(height) - 5),
        network.truth(epoch),
        network.balance(network.owner_of(who) or "", height),
    ]


def test_the_same_seed_makes_the_same_history_in_any_order() -> None:
    one, other = (Network.grown(ReplayOptions(epochs=30, seed="x")) for _ in range(2))
    asked = [30, 1, 17]
    assert [everything(one, epoch) for epoch in asked] == [
        everything(other, epoch) for epoch in reversed(asked)
    ][::-1]


def test_a_longer_history_begins_with_the_shorter(network: Network) -> None:
    shorter = Network.grown(ReplayOptions(epochs=12))
    assert everything(shorter, 12) == everything(network, 12)
    assert everything(shorter, 20) == everything(network, 20)  # made when it was asked for


def test_another_seed_makes_another_history(network: Network) -> None:
    other = Network.grown(ReplayOptions(epochs=3, seed="other"))
    assert other.block(200) != network.block(200)
    assert not set(other.addresses()) & set(network.addresses())


# --- blocks


def test_the_truth_is_what_the_blocks_show(network: Network) -> None:
    for epoch in (1, 9, 17, 40):
        blocks, committee, truth = (
            list(blocks_of(network, epoch)),
            committee_of(network, epoch),
            network.truth(epoch),
        )
        known = [block for block in blocks if block.signers]
        signed = Counter(who for block in known for who in block.signers)
        led = Counter(block.proposer for block in blocks)
        assert (truth.blocks, truth.known_blocks, truth.nil_blocks) == (len(blocks), len(known), led[None])
        assert truth.timeout_rounds == blocks[-1].round - len(blocks)
        assert (truth.first_at_us, truth.last_at_us) == (blocks[0].at_us, blocks[-1].at_us)
        assert (truth.quorum_votes, truth.total_votes) == (committee.quorum_votes, committee.total_votes)
        assert {who: one.votes for who, one in truth.members.items()} == committee.votes
        assert {who: one.signed_blocks for who, one in truth.members.items() if one.signed_blocks} == signed
        late = {who for who, one in truth.members.items() if one.late_blocks}
        assert late == set(blocks[-1].signers)
        assert {who: one.led_blocks for who, one in truth.members.items() if one.led_blocks} == {
            who: count for who, count in led.items() if who
        }


def test_every_known_certificate_has_a_quorum_of_members_with_their_votes(network: Network) -> None:
    for epoch in range(1, EPOCHS + 1):
        committee = committee_of(network, epoch)
        assert committee.quorum_votes == committee.total_votes * 2 // 3 + 1
        for block in blocks_of(network, epoch):
            assert block.signers.items() <= committee.votes.items()
            assert not block.signers or sum(block.signers.values()) >= committee.quorum_votes
            assert block.proposer is None or not block.signers or block.proposer in block.signers


def test_heights_never_skip_rounds_sometimes_do_and_time_goes_forward(network: Network) -> None:
    blocks = [block for epoch in range(1, EPOCHS + 1) for block in blocks_of(network, epoch)]
    assert [block.height for block in blocks] == list(range(2, EPOCHS * TERM + 1))
    assert all(a.at_us < b.at_us for a, b in pairwise(blocks))
    within = [b.round - a.round for a, b in pairwise(blocks) if a.epoch == b.epoch]
    assert min(within) == 1
    assert max(within) > 1
    days = (blocks[-1].at_us - blocks[0].at_us) / 86_400_000_000
    assert len(blocks) / days == pytest.approx(2_790, rel=0.02)


def test_hashes_chain_the_blocks_of_an_epoch(network: Network) -> None:
    for a, b in pairwise(network.block(height) or {} for height in range(3 * TERM + 1, 5 * TERM + 1)):
        same_epoch = a["epoch"] == b["epoch"]
        assert (a["hash"] == b["parentHash"]) is same_epoch
        assert network.height_of(a["hash"]) == int(a["height"], 16)
    assert network.height_of("0x" + "ab" * 32) is None


def test_healthy_members_sign_nearly_all_blocks(network: Network) -> None:
    rates = []
    for epoch in range(40, EPOCHS + 1):
        truth = network.truth(epoch)
        rates += [one.signed_blocks / truth.known_blocks for one in truth.members.values()]
    rates.sort()
    assert rates[len(rates) // 2] > 0.99
    assert sum(0.85 < rate < 0.98 for rate in rates) > len(rates) // 50  # the sloppy ones


def test_a_storm_lowers_everybodys_participation_for_a_while(network: Network) -> None:
    shares = {epoch: network.truth(epoch) for epoch in range(1, EPOCHS + 1)}
    low = [epoch for epoch, truth in shares.items() if truth.cast_votes < 0.93 * truth.expected_votes]
    assert low
    assert set(low) <= set(range(16, 20))  # scripted at 16


# --- elections


def seats(network: Network, epoch: int) -> dict[PosAddress, int]:
    total: Counter[PosAddress] = Counter()
    for term in range(epoch - 5, epoch + 1):
        total.update(network.term(term))
    return dict(total)


def test_a_committee_is_the_sum_of_six_terms_capped_by_what_is_available(network: Network) -> None:
    capped = 0  # ... and this many times it had to be
    for epoch in range(2, EPOCHS + 1):
        began = (epoch - 1) * TERM
        expected = {}
        for who, won in seats(network, epoch).items():
            # Whoever is retired at that very moment still stands in the committee that begins.
            retired = account_at(network, who, began).force_retired_height == began
            available = account_at(network, who, began - retired).available_votes
            capped += available < won
            expected[who] = min(won, available)
        assert committee_of(network, epoch).votes == {who: votes for who, votes in expected.items() if votes}
    assert capped


def test_a_term_elects_fifty_of_the_ten_thousand_votes_kept(network: Network) -> None:
    for epoch in range(2, EPOCHS + 1):
        won, kept = network.term(epoch), network.candidates(epoch - 1)
        assert (sum(won.values()), sum(kept.values())) == (50, 10_000)
        assert all(votes <= kept[who] for who, votes in won.items())


def test_nobody_stands_with_votes_that_serve_already(network: Network) -> None:
    for epoch in range(1, EPOCHS):
        serving: Counter[PosAddress] = Counter()
        for term in range(epoch - 4, epoch + 1):
            serving.update(network.term(term))
        for who, kept in network.candidates(epoch).items():
            middle = account_at(network, who, epoch * TERM - TERM // 2)
            assert kept <= middle.available_votes - serving[who]


def test_whoever_wins_has_sent_one_election_transaction_in_its_time(network: Network) -> None:
    sent: dict[int, dict[str, int]] = {}
    for told in transactions(network):
        if told["type"] == "Election":
            term, height = int(told["payload"]["targetTerm"], 16), int(told["blockNumber"], 16)
            assert term * TERM - 180 < height <= term * TERM - 60
            assert told["from"] not in sent.setdefault(term, {})
            sent[term][told["from"]] = height
    for term in range(3, EPOCHS):
        assert network.candidates(term).keys() <= sent[term].keys()


def test_an_open_election_fills_and_a_finalized_one_tells_its_own_seats(network: Network) -> None:
    epoch = 41
    for height in range((epoch - 1) * TERM + 1, epoch * TERM + 1, 7):
        now = pos.committee_now(network.committee_now(height))
        assert now.committee == committee_of(network, epoch)
        assert [each.start_height for each in now.elections] == [epoch * TERM, (epoch + 1) * TERM]
        late = height >= epoch * TERM - 60
        assert [each.is_finalized for each in now.elections] == [late, False]
        assert bool(now.elections[1].votes) is (height > epoch * TERM - 60)
        assert not late or now.elections[0].votes == network.term(epoch + 1)
    ended = pos.committee_now(network.committee_now(epoch * TERM))
    assert sum(ended.elections[0].votes.values()) == 50
    assert ended.elections[0].votes.items() != committee_of(network, epoch + 1).votes.items()
    assert 45 <= sum(ended.elections[1].votes.values()) <= 50


# --- rewards


def points_of(network: Network, epoch: int) -> Mapping[PosAddress, int]:
    """The formula of the domain, from nothing but blocks, the committee and the kept candidate votes."""
    committee = committee_of(network, epoch)
    points: Counter[PosAddress] = Counter()
    for who, kept in network.candidates(epoch).items():
        points[who] += 120 * kept
    blocks = list(blocks_of(network, epoch))
    signed = {who for block in blocks[:-1] for who in block.signers}
    for before, block in zip([None, *blocks], blocks, strict=False):
        if block.proposer in signed:
            carried = sum(before.signers.values()) - committee.quorum_votes if before else 0
            points[block.proposer] += 1_500 + 10 * carried
    for who in signed:
        points[who] += 15_000 * committee.votes[who]
    return points


def test_rewards_are_the_formulas(network: Network) -> None:
    checked = 0
    for epoch in range(2, EPOCHS):
        if network.truth(epoch).known_blocks < TERM:
            continue  # the chain counted a certificate that nobody can see any more
        rewards = pos.epoch_rewards(epoch, network.rewards(epoch))
        assert rewards is not None
        interest = network.interest_drip(epoch)
        expected = {who: interest * points // 6_000_000 for who, points in points_of(network, epoch).items()}
        assert {reward.account: reward.drip for reward in rewards.rewards} == expected
        assert 0.9 * interest < rewards.total_drip <= interest
        checked += 1
    assert checked > EPOCHS * 3 // 4


def test_a_silent_member_earns_nothing_for_its_seats(network: Network) -> None:
    silent = [
        (epoch, who)
        for epoch in range(1, EPOCHS)
        for who, one in network.truth(epoch).members.items()
        if one.counted_blocks == 0
    ]
    assert silent
    for epoch, who in silent:
        assert network.points(epoch).get(who, 0) == 120 * network.candidates(epoch).get(who, 0)


def test_the_interest_is_near_the_official_yield(network: Network) -> None:
    """4 % * sqrt(circulating / staked), some 13 % a year, give or take the swing."""
    day = sum(network.interest_drip(epoch) for epoch in range(20, 43)) * 24 / 23.2
    staked = int(network.economics(30 * TERM)["totalPosStakingTokens"], 16)
    official = 0.04 * (5.1e9 * 1e18 / staked) ** 0.5
    assert day * 365 / staked == pytest.approx(official, rel=0.03)


def test_balances_grow_by_the_rewards_paid(network: Network) -> None:
    who = network.addresses()[7]
    owner = network.owner_of(who)
    assert owner
    paid = Counter[int]()
    for epoch in range(1, EPOCHS):
        rewards = network.rewards(epoch) or {}
        paid[epoch] = sum(
            int(each["reward"], 16) for each in rewards["accountRewards"] if each["posAddress"] == who
        )
    last, early = network.head, 20 * TERM
    assert (network.paid_epochs(last), network.paid_epochs(early)) == (EPOCHS - 1, 19)
    gained = network.balance(owner, last) - network.balance(owner, early)
    assert gained == sum(paid[epoch] for epoch in range(20, EPOCHS))
    assert gained > 0
    assert network.balance(owner) == network.balance(owner, last)


def test_rewards_are_paid_some_minutes_into_the_next_epoch(network: Network) -> None:
    for epoch in (1, 20, 40):
        heights = range(epoch * TERM + 1, epoch * TERM + TERM)
        first = next(height for height in heights if network.paid_epochs(height) == epoch)
        assert 4 <= first - epoch * TERM <= 20
        paid = network.rewards(epoch) or {}
        pow_epoch = network.pow.epoch_of(paid["powEpochHash"])
        assert pow_epoch is not None
        told = network.pow_block(pow_epoch)
        assert int(told["timestamp"], 16) * 1_000_000 <= network.at_us(first)
        reference = network.height_of(told["posReference"])
        assert reference is not None
        assert epoch * TERM < reference <= first


# --- forced retirement, disputes, and what owners do


def test_members_are_retired_for_three_silent_epochs_and_for_nothing_else(network: Network) -> None:
    """A member without a vote in the epoch that ends and in the two before; a flagged one is left alone."""
    signed = {
        epoch: {who for block in list(blocks_of(network, epoch))[:-1] for who in block.signers}
        for epoch in range(1, EPOCHS + 1)
    }
    retired = 0
    for epoch in range(1, EPOCHS + 1):
        ended = epoch * TERM
        for who in committee_of(network, epoch).votes:
            before, after = account_at(network, who, ended - 1), account_at(network, who, ended)
            silent = not any(who in signed.get(each, ()) for each in range(epoch - 2, epoch + 1))
            flagged = before.force_retired_height is not None
            assert (after.force_retired_height == ended) is (silent and not flagged)
            if after.force_retired_height == ended:
                retired += 1
                assert after.available_votes == 0
                assert sum(item.votes for item in after.out_queue) >= before.available_votes
                assert who not in committee_of(network, epoch + 2).votes
    assert retired >= 2


def test_a_new_member_that_never_signs_is_retired_after_one_epoch(network: Network) -> None:
    """The chain asks only whether it voted in the two epochs before, not whether it could."""
    surprised = 0
    for epoch in range(4, EPOCHS + 1):
        members = [committee_of(network, each).votes for each in range(epoch - 2, epoch + 1)]
        for who in members[2].keys() - members[1].keys() - members[0].keys():
            surprised += account_at(network, who, epoch * TERM).force_retired_height == epoch * TERM
    assert surprised


def test_the_retired_are_free_after_1440_blocks_and_come_back(network: Network) -> None:
    whole = Network.grown(ReplayOptions(epochs=90))
    restaked = 0
    for who in whole.addresses():
        states = [account_at(whole, who, epoch * TERM) for epoch in range(1, 91)]
        flags = [each.force_retired_height for each in states if each.force_retired_height]
        for at in set(flags):
            assert account_at(whole, who, at + 1_439).force_retired_height == at
            freed = account_at(whole, who, at + 1_440)
            assert freed.force_retired_height is None
            assert freed.unlocked_votes > 0
            restaked += states[-1].available_votes > 0
    assert restaked


def test_a_dispute_locks_a_stake_for_half_a_year(network: Network) -> None:
    disputes = [told for told in transactions(network) if told["type"] == "Dispute"]
    assert len(disputes) >= 2
    accused = PosAddress(disputes[0]["payload"]["address"])
    at = int(disputes[0]["blockNumber"], 16)
    assert account_at(network, accused, at - 1).available_votes > 0
    after = account_at(network, accused, at)
    assert account_states(after)[0] is AccountState.DISPUTE_LOCKED
    assert after.out_queue[0].end_height == at + 518_400
    epoch = (at - 1) // TERM + 1
    assert accused in committee_of(network, epoch).votes  # to the epoch's end
    assert accused not in committee_of(network, epoch + 1).votes
    assert all(told["from"] != accused for told in disputes)


def test_each_deed_of_an_owner_changes_the_stake_by_what_its_transaction_says(network: Network) -> None:
    kinds = Counter(told["type"] for told in transactions(network))
    assert min(kinds["Register"], kinds["Retire"], kinds["UpdateVotingPower"]) >= 1
    for told in transactions(network):
        if told["type"] not in {"Retire", "UpdateVotingPower"}:
            continue
        who, height = PosAddress(told["payload"]["address"]), int(told["blockNumber"], 16)
        votes = int(told["payload"]["votingPower"], 16)
        change = votes if told["type"] == "UpdateVotingPower" else -votes
        before, after = account_at(network, who, height - 1), account_at(network, who, height)
        assert after.available_votes - before.available_votes == change


def test_a_newcomer_is_nobody_before_it_registers(network: Network) -> None:
    newcomer = network.addresses()[network.options.accounts]
    at = next(
        int(told["blockNumber"], 16)
        for told in transactions(network)
        if told["type"] == "UpdateVotingPower" and told["payload"]["address"] == newcomer
    )
    assert not account_at(network, newcomer, at - 1).exists
    assert account_states(account_at(network, newcomer, at))[0] is AccountState.LOCKING


def test_the_staking_balance_holds_every_vote(network: Network) -> None:
    for who in network.addresses()[:20]:
        held = account_at(network, who, network.head)
        votes = held.available_votes + sum(item.votes for item in held.out_queue)
        assert network.staking_balance(network.owner_of(who) or "") >= votes * 1_000 * 10**18


# --- transactions


def test_transactions_are_numbered_without_a_gap_and_stand_in_their_blocks(network: Network) -> None:
    at = 1
    for height in range(2, 6 * TERM + 1):
        block = network.block(height) or {}
        last = int(block["lastTxNumber"], 16)
        assert last >= at  # at least the block's own
        for number in range(at, last + 1):
            told = network.transaction(number) or {}
            assert (told["number"], told["blockHash"]) == (hex(number), block["hash"])
            assert (told["blockNumber"], told["timestamp"]) == (hex(height), block["timestamp"])
            assert (told["type"] == "BlockMetadata") is (number == at)
        at = last + 1
    assert network.transaction(0) is None


def test_pivot_decisions_go_up_by_sixty_and_stand_where_they_are_first_known(network: Network) -> None:
    decided = {
        told["blockNumber"]: int(told["payload"]["height"], 16)
        for told in transactions(network)
        if told["type"] == "PivotDecision"
    }
    before = None
    for height in range(2, 5 * TERM + 1):
        block = network.block(height) or {}
        pivot = int(block["pivotDecision"]["height"], 16)
        assert pivot % 60 == 0
        assert network.pow.epoch_of(block["pivotDecision"]["blockHash"]) == pivot
        if before is not None:
            assert (hex(height) in decided) is (pivot > before)
        before = pivot


def test_some_certificates_are_unknown_and_some_blocks_are_nobodys() -> None:
    long = Network.grown(ReplayOptions(epochs=200))
    unknown = [epoch for epoch in range(1, 201) if long.truth(epoch).known_blocks < long.truth(epoch).blocks]
    assert 1 <= len(unknown) <= 20
    nil = sum(long.truth(epoch).nil_blocks for epoch in range(1, 201))
    assert 20 <= nil <= 200
