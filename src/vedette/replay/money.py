"""What the history's epochs pay, to whom, and when. Times are microseconds since the history's start."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import numpy as np

from vedette.model.economics import Economics, official_apy_ppm
from vedette.model.reward import DRIP_PER_CFX, EPOCH_POINTS, VOTE_CFX
from vedette.replay.growth import Growth, pow_epoch
from vedette.replay.people import PPM, Person
from vedette.replay.powchain import PowChain

Json = dict[str, Any]

REWARDS_HELD: Final = 64
DRIP_PER_VOTE: Final = VOTE_CFX * DRIP_PER_CFX
CIRCULATING_DRIP: Final = 5_100_000_000 * DRIP_PER_CFX
INTEREST_RATE: Final = 40_000  # 4 % base
INTEREST_SWING_PPM: Final = 15_000
EPOCH_S: Final = 3_720
YEAR_S: Final = 31_557_600
PAY_DELAY_S: Final = (150, 420)  # the PoW chain refers to a PoS block some minutes after it was made
POINTS_BYTES: Final = 4


class Money:
    """Rewards and balances. `now_us` is always the time of the newest block that is known."""

    def __init__(self, growth: Growth, pow_chain: Callable[[], PowChain]) -> None:
        self._growth = growth
        self._pow = pow_chain
        self._made = lru_cache(REWARDS_HELD)(self._made_rewards)
        self._interest: list[int] = []  # drip by epoch
        self._paid: dict[int, tuple[int, int]] = {}  # account -> epochs, their drip

    def interest_drip(self, epoch: int) -> int:
        """What is there to distribute for an epoch: the official yield of the stake, with a small swing."""
        while len(self._interest) < epoch:
            self._interest.append(self._made_interest(len(self._interest) + 1))
        return self._interest[epoch - 1]

    def _made_interest(self, epoch: int) -> int:
        staked = self._growth.row(epoch).staked_votes * DRIP_PER_VOTE
        apy_ppm = official_apy_ppm(Economics(staked, 0, 0, INTEREST_RATE, CIRCULATING_DRIP, staked)) or 0
        swing = self._growth.dice.integer("interest", epoch, 2 * INTEREST_SWING_PPM) - INTEREST_SWING_PPM
        return staked * apy_ppm * EPOCH_S * (PPM + swing) // (YEAR_S * PPM * PPM)

    def paid_at_us(self, epoch: int) -> int:
        """When an epoch's rewards are paid: some minutes into the next epoch."""
        least, most = PAY_DELAY_S
        delay_s = least + self._growth.dice.integer("delay", epoch, most - least)
        return self._growth.row(epoch + 1).start_us + delay_s * 1_000_000

    def paid_epochs(self, epoch: int, now_us: int) -> int:
        """How many epochs, from the first, are paid by then; `epoch` is the present one."""
        last = epoch - 1
        return last if last < 1 or now_us >= self.paid_at_us(last) else last - 1

    def rewards(self, epoch: int, percent: int = 100) -> Json:
        """`pos_getRewardsByEpoch` of a paid epoch. `percent` is for liars."""
        return self._made(epoch, percent)

    def _made_rewards(self, epoch: int, percent: int) -> Json:
        paid = [
            {
                "posAddress": person.address,
                "powAddress": person.pow_address,
                "reward": hex(self.reward_drip(epoch, person.number) * percent // 100),
            }
            for person in self._rewarded(epoch)
        ]
        return {"accountRewards": paid, "powEpochHash": self._pow().hash(pow_epoch(self.paid_at_us(epoch)))}

    def _rewarded(self, epoch: int) -> Iterable[Person]:
        for account in np.flatnonzero(np.frombuffer(self._growth.row(epoch).points, np.int32)).tolist():
            yield self._growth.people[account]

    def reward_drip(self, epoch: int, account: int) -> int:
        """An account's reward: its part of the points, rounded down."""
        at = POINTS_BYTES * account
        points = int.from_bytes(self._growth.row(epoch).points[at : at + POINTS_BYTES], "little")
        return self.interest_drip(epoch) * points // EPOCH_POINTS if points else 0

    def balance_drip(self, account: int, paid_epochs: int) -> int:
        """What its owner began with, and all rewards up to that epoch.

        It walks from where it was asked last, in either direction.
        """
        known, drip = self._paid.get(account, (0, self._growth.people[account].pocket_drip))
        for epoch in range(known + 1, paid_epochs + 1):
            drip += self.reward_drip(epoch, account)
        for epoch in range(known, paid_epochs, -1):
            drip -= self.reward_drip(epoch, account)
        self._paid[account] = (paid_epochs, drip)
        return drip

    def staked_drip(self, height: int) -> int:
        """Everybody's available votes."""
        growth = self._growth
        votes = sum(growth.stake(person.number, height).available for person in growth.people)
        return votes * DRIP_PER_VOTE

    def economics(self, height: int, epoch: int, now_us: int) -> Json:
        """`cfx_getPoSEconomics`."""
        paid = self.paid_epochs(epoch, now_us)
        since_us = self.paid_at_us(paid) if paid > 0 else 0
        last = self._pow().block_number(pow_epoch(since_us)) if paid > 0 else 0
        gathered = self.interest_drip(epoch) * (now_us - since_us) // (EPOCH_S * 1_000_000)
        return {
            "distributablePosInterest": hex(gathered),
            "lastDistributeBlock": hex(last),
            "totalPosStakingTokens": hex(self.staked_drip(height)),
        }

    def params(self) -> Json:
        """`cfx_getParamsFromVote`."""
        params = dict.fromkeys(("baseFeeShareProp", "powBaseReward", "storagePointProp"), hex(DRIP_PER_CFX))
        return params | {"interestRate": hex(INTEREST_RATE)}

    def supply(self, height: int) -> Json:
        """`cfx_getSupplyInfo`."""
        staked = self.staked_drip(height)
        return {
            "totalCirculating": hex(CIRCULATING_DRIP),
            "totalCollateral": hex(CIRCULATING_DRIP // 50),
            "totalEspaceTokens": hex(CIRCULATING_DRIP // 10),
            "totalIssued": hex(CIRCULATING_DRIP + CIRCULATING_DRIP // 10),
            "totalStaking": hex(staked + staked // 4),
        }
