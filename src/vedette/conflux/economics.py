"""The parameters on which the yield rests, translated once, at the door. Anything odd is Garbled."""

from typing import Any, Final

from vedette.conflux.fields import Field
from vedette.model.economics import Economics

POS_ECONOMICS: Final = "cfx_getPoSEconomics"
PARAMS: Final = "cfx_getParamsFromVote"
SUPPLY: Final = "cfx_getSupplyInfo"


def economics(pos_economics_raw: Any, params_raw: Any, supply_raw: Any) -> Economics:
    """One record of three replies, best asked together. Before the PoS chain begins its amounts are zero."""
    pos = Field(pos_economics_raw, POS_ECONOMICS)
    params = Field(params_raw, PARAMS)
    supply = Field(supply_raw, SUPPLY)
    return Economics(
        pos_staking_drip=pos["totalPosStakingTokens"].amount(),
        distributable_drip=pos["distributablePosInterest"].amount(),
        last_distribute_block=pos["lastDistributeBlock"].number(),
        interest_rate=params["interestRate"].number(),
        circulating_drip=supply["totalCirculating"].amount(),
        staking_drip=supply["totalStaking"].amount(),
    )
