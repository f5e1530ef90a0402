"""What is said of rewards that did not come."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Missing reward",
    "why": "The rewards of a finished epoch are not known hours later, or a validator's was far too small.",
    "title": "validator {name} was paid only {value} % of what epoch {epoch} earned",
    "title.network": "the rewards of epoch {epoch} have not come",
    "public": "the rewards of validator {name} are short or late",
    "short": "It got {reward_cfx} CFX; its seats alone earn {due_cfx} CFX in such an epoch.",
    "ended_line": "The epoch ended {ended_at_ago} ago ({ended_at}).",
    "network": "No endpoint of ours tells of them, for anybody: the chain has distributed nothing, or the "
    "endpoints do not keep it.",
    "hint": "look up the epoch at another endpoint (pos_getRewardsByEpoch) and on ConfluxScan. If others "
    "were paid there and this validator was not, compare the PoW address that it is bound to with its "
    "owner's.",
    "ended": "the rewards of {name} are no longer found missing",
    "ended.paid": "the rewards of {name} have come",
    "ended.not_serving": "validator {name} serves in no committee now",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "奖励缺失",
    "why": "已结束纪元的奖励数小时后仍然未知，或某个验证者的奖励过少。",
    "title": "验证者 {name} 在纪元 {epoch} 只得到应得奖励的 {value} %",
    "title.network": "纪元 {epoch} 的奖励尚未发放",
    "public": "验证者 {name} 的奖励不足或尚未到账",
    "short": "它得到 {reward_cfx} CFX；仅其席位在这样一个纪元就应得 {due_cfx} CFX。",
    "ended_line": "该纪元结束于 {ended_at_ago}前（{ended_at}）。",
    "network": "我们的端点没有任何人的奖励数据：可能该链没有分配奖励，或端点没有保存。",
    "hint": "请在另一个端点（pos_getRewardsByEpoch）和 ConfluxScan 上查询该纪元。"
    "如果其他验证者已获得奖励而它没有，请将其绑定的 PoW 地址与所有者的地址进行比较。",
    "ended": "{name} 的奖励不再缺失",
    "ended.paid": "{name} 的奖励已发放",
    "ended.not_serving": "验证者 {name} 目前不在委员会中",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="reward_missing",
    en=EN,
    zh=ZH,
    titles=(Line("title", ("due_cfx",)), Line("title.network")),
    lines=(
        Line("short", ("due_cfx",)),
        Line("network", lacks=("due_cfx",)),
        Line("ended_line", ("ended_at_ms",)),
    ),
    public=(Line("public"),),
    well_ended=frozenset({"paid"}),
)
