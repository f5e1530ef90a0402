"""The network's parameters on which the official yield rests. Amounts are integer Drip."""

from dataclasses import dataclass
from math import isqrt

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Economics:
    """Sources: `cfx_getPoSEconomics`, `cfx_getParamsFromVote`, `cfx_getSupplyInfo`, all at latest state."""

    pos_staking_drip: int  # totalPosStakingTokens
    distributable_drip: int  # distributablePosInterest: gathered since the last distribution
    last_distribute_block: int  # PoW block number
    interest_rate: int  # 40,000 is 4 % base
    circulating_drip: int  # totalCirculating
    staking_drip: int  # totalStaking


def official_apy_ppm(economics: Economics) -> int | None:
    """The yield that ConfluxScan shows, in millionths, before any pool's fee; None while nothing is staked.

    APY = interestRate / 1,000,000 * sqrt(circulating / staked). Source: conflux-scan-backend,
    stat/service/pos/PosQuery.ts.
    """
    if economics.pos_staking_drip <= 0:
        return None
    return (
        economics.interest_rate
        * isqrt(economics.circulating_drip * PPM * PPM // economics.pos_staking_drip)
        // PPM
    )
