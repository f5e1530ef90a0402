"""What is said of an owner that cannot pay for a transaction."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Low gas",
    "why": "The account that would have to act for a validator holds too little CFX to pay for a "
    "transaction.",
    "title": "the owner of validator {name} has only {balance_cfx} CFX for gas",
    "why_it_matters": "At least {least_cfx} CFX should be there: to stake anew after a forced "
    "retirement, or "
    "to retire votes, it must send a transaction.",
    "address": "Its account is {pow_address}.",
    "hint": "send a few CFX to that account. Rewards arrive at the address that is bound to the validator; "
    "a pool's owner gets them only when he claims them.",
    "ended": "the owner of validator {name} is no longer found short of gas",
    "ended.enough": "the owner of validator {name} has enough for gas again",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "手续费不足",
    "why": "需要为验证者操作的账户没有足够的 CFX 支付交易手续费。",
    "title": "验证者 {name} 的所有者仅有 {balance_cfx} CFX 可支付手续费",
    "why_it_matters": "至少应有 {least_cfx} CFX：强制退出后重新质押，或取消质押，都需要由它发送交易。",
    "address": "其账户为 {pow_address}。",
    "hint": "请向该账户转入少量 CFX。奖励会发放到验证者绑定的地址；矿池所有者只有在领取之后才会得到。",
    "ended": "验证者 {name} 的所有者不再缺少手续费",
    "ended.enough": "验证者 {name} 的所有者已有足够的手续费",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="low_gas",
    en=EN,
    zh=ZH,
    lines=(Line("why_it_matters", ("least_cfx",)), Line("address", ("pow_address",))),
    private="it says whose wallet stands behind the validator, and what is in it",
    well_ended=frozenset({"enough"}),
)
