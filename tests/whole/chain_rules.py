"""The chain's own rules, computed from raw replies: an opinion of our code's from outside.

The rules are those of conflux-rust 3.0: term_state in crates/pos/types, the end of an epoch in the executor
of crates/pos/consensus, and distribute_pos_interest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt

from tests.whole.recorder import NOBODY, Raw, number

MAX_POINTS = 6_000_000
COMMITTEE_POINTS = 15_000  # a vote in the committee
ELECTION_POINTS = 120  # a candidate's vote
LEADER_POINTS = MAX_POINTS * 3 // 100  # shared by the blocks of a term
BONUS_POINTS = MAX_POINTS * 2 // 100 // 100  # ... for each vote above the quorum, at most 100
TERMS_SERVING = 6
BLOCKS_PER_YEAR = 63_072_000
INITIAL_RATE = 40_000  # 4 %


@dataclass(frozen=True)
class Span:
    """Between two numbers: nodes may differ about a late vote, and nobody tells whose list counts."""

    least: int
    most: int

    def __contains__(self, value: int) -> bool:
        return self.least <= value <= self.most


class Stake:
    """The status of pos_getAccount, in numbers. Queues are lists of (end height, votes)."""

    def __init__(self, raw: Raw) -> None:
        self.available = number(raw["availableVotes"])
        self.locked = number(raw["locked"])
        self.in_queue = [(number(each["endBlockNumber"]), number(each["power"])) for each in raw["inQueue"]]
        self.out_queue = [(number(each["endBlockNumber"]), number(each["power"])) for each in raw["outQueue"]]
        self.unlocked = number(raw["unlocked"])
        self.forfeited = number(raw["forfeited"])
        self.force_retired = None if raw["forceRetired"] is None else number(raw["forceRetired"])


class Chain:
    """A recording, asked in numbers. Validators are named by their index."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.index = {node["pos"]: index for index, node in enumerate(raw["nodes"])}
        self.term_blocks: int = raw["options"]["term_rounds"]

    @cached_property
    def lists(self) -> Mapping[int, Sequence[Mapping[int, int]]]:
        """height -> the signers in every node's list, with their votes; empty lists are left out."""
        lists: dict[int, list[Mapping[int, int]]] = {}
        for blocks in self.raw["blocks"].values():
            for height, block in blocks.items():
                signers = {self.index[s["account"]]: number(s["votes"]) for s in block["signatures"]}
                lists.setdefault(int(height), []).append(signers)
        return {height: [signers for signers in each if signers] for height, each in sorted(lists.items())}

    def signers(self, height: int) -> set[int]:
        """Whoever stands in any node's list."""
        return set().union(*self.lists[height])

    def leader(self, height: int) -> int | None:
        miner = self.block(height)["miner"]
        return None if miner is None else self.index[miner]

    def block(self, height: int) -> Raw:
        block: Raw = self.raw["blocks"]["0"][str(height)]
        return block

    @cached_property
    def heights(self) -> Mapping[int, list[int]]:
        """epoch -> its blocks; the last epoch may be unfinished."""
        heights: dict[int, list[int]] = {}
        for height in map(int, self.raw["blocks"]["0"]):
            heights.setdefault(number(self.block(height)["epoch"]), []).append(height)
        return heights

    def powers(self, epoch: int) -> Mapping[int, int]:
        members = self.raw["states"][str(epoch)]["verifier"]["addressToValidatorInfo"]
        return {self.index[address]: number(info["votingPower"]) for address, info in members.items()}

    def quorum(self, epoch: int) -> int:
        return number(self.raw["states"][str(epoch)]["verifier"]["quorumVotingPower"])

    @cached_property
    def stakes(self) -> Sequence[Mapping[int, "Stake"]]:
        """What each validator had, at each height that a poll met."""
        accounts = self.raw["accounts"]
        return [
            {number(each["blockNumber"]): Stake(each["status"]) for each in accounts[str(index)]}
            for index in range(len(accounts))
        ]

    def stake(self, validator: int, height: int) -> "Stake":
        """What a validator had at a height, or at the nearest known one below."""
        known = self.stakes[validator]
        return known[max(each for each in known if each <= height)]

    def stake_since(self, validator: int, height: int) -> "Stake":
        """... or at the nearest known one above."""
        known = self.stakes[validator]
        return known[min(each for each in known if each >= height)]

    def transactions(self, kind: str) -> list[Raw]:
        return [each for each in self.raw["transactions"].values() if each["type"] == kind]

    @cached_property
    def seats(self) -> Mapping[int, Mapping[int, int]]:
        """term -> its seats; the genesis committee sits in the first term, and the next five are empty."""
        seats: dict[int, Mapping[int, int]] = {
            0: self.powers(1),
            **{term: {} for term in range(1, TERMS_SERVING)},
        }
        for committee in self.raw["committees"]:
            for election in committee["elections"]:
                if election["isFinalized"]:
                    seats[number(election["startBlockNumber"]) // self.term_blocks] = {
                        self.index[node["address"]]: number(node["votingPower"])
                        for node in election["topElectingNodes"]
                    }
        return seats

    def seats_of(self, validator: int, terms: range) -> int:
        return sum(self.seats[term].get(validator, 0) for term in terms)

    def candidates(self, epoch: int) -> Mapping[int, int]:
        """Votes that stood in the election that ended in an epoch: those that did not serve yet."""
        if epoch == 1:
            return self.powers(1)
        elections = [each for each in self.transactions("Election") if each["status"] == "Executed"]
        return {
            self.index[each["from"]]: self._free_votes(
                self.index[each["from"]], epoch, number(each["blockNumber"])
            )
            for each in elections
            if number(each["payload"]["targetTerm"]) == epoch  # terms are counted from 0, epochs from 1
        }

    def _free_votes(self, validator: int, term: int, height: int) -> int:
        return self.stake(validator, height).available - self.seats_of(
            validator, range(term - TERMS_SERVING + 1, term)
        )

    def last_signed_epoch(self, validator: int, before: int) -> int:
        """The last epoch below `before` in which its signature counted."""
        return max(epoch for epoch in self.heights if epoch < before and self.has_signed(validator, epoch))

    def has_signed(self, validator: int, epoch: int) -> bool:
        """Certificates count where they stand in a child block; that of an epoch's last block has none."""
        return any(validator in self.signers(height) for height in self.heights[epoch][:-1])

    def untold_blocks(self, epoch: int) -> int:
        """Blocks behind the last one that count for their leaders though they have no height: seldom any.

        An epoch ends with its last block, unless a round right behind that failed: then with an empty one.
        """
        last = number(self.block(self.heights[epoch][-1])["round"])
        return number(self.raw["ends"][str(epoch)]["round"]) - last

    def committee_points(self, validator: int, epoch: int) -> Span:
        """What a member earned by its seats, by leading, and by the votes that it collected as a leader."""
        if not self.has_signed(validator, epoch):
            return Span(0, 0)
        heights, untold = self.heights[epoch], self.untold_blocks(epoch)
        led = [height for height in heights if self.leader(height) == validator]
        certified = [self.extra_votes(height - 1, epoch) for height in led if height > heights[0]]
        least = self.leader_points(len(led), sum(each.least for each in certified))
        most = self.leader_points(len(led) + untold, sum(each.most for each in certified))
        most += self.leader_points(0, sum(self.powers(epoch).values()) * untold)
        seats = COMMITTEE_POINTS * self.powers(epoch)[validator]
        return Span(seats + least, seats + most)

    def leader_points(self, blocks: int, extra_votes: int) -> int:
        return LEADER_POINTS // self.term_blocks * blocks + BONUS_POINTS // self.term_blocks * extra_votes

    def extra_votes(self, height: int, epoch: int) -> Span:
        """Votes above the quorum in a block's certificate."""
        powers, quorum = self.powers(epoch), self.quorum(epoch)
        least = min(sum(each.values()) for each in self.lists[height])
        most = sum(powers[signer] for signer in self.signers(height))
        return Span(max(0, least - quorum), max(0, most - quorum))

    def rewards(self, epoch: int) -> Mapping[int, int]:
        """Drip paid to each."""
        entries = self.raw["rewards"][str(epoch)]["accountRewards"]
        rewards = {self.index[each["posAddress"]]: number(each["reward"]) for each in entries}
        assert len(rewards) == len(entries), "one entry an account"
        return rewards

    def interest(self, epoch: int) -> int:
        """Drip that could be paid for an epoch: what had gathered, and what the paying block added first."""
        before = self.raw["payments"][str(epoch)]["before"]
        economics, supply = before["cfx_getPoSEconomics"], before["cfx_getSupplyInfo"]
        circulating = number(supply["totalCirculating"]) - number(before["cfx_getBalance"][NOBODY])
        staked, rate = number(economics["totalPosStakingTokens"]), number(before["cfx_getInterestRate"])
        yearly = isqrt(circulating * staked * (rate // BLOCKS_PER_YEAR) ** 2)
        added = yearly // (BLOCKS_PER_YEAR * 25 * INITIAL_RATE)
        return number(economics["distributablePosInterest"]) + added * len(
            self.raw["payments"][str(epoch)]["blocks"]
        )

    def expected_reward(self, validator: int, epoch: int) -> Span:
        drip, member = self.interest(epoch), validator in self.powers(epoch)
        points = self.committee_points(validator, epoch) if member else Span(0, 0)
        election = drip * ELECTION_POINTS * self.candidates(epoch).get(validator, 0) // MAX_POINTS
        return Span(drip * points.least // MAX_POINTS + election, drip * points.most // MAX_POINTS + election)
