"""What is said of a key with which two nodes vote."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Double voting",
    "why": "Two nodes vote with one key: the chain locks the whole stake for half a year within minutes.",
    "title": "validator {name} votes twice",
    "voters": "These nodes say now that they vote with its key: {voters}.",
    "witnesses": "The log of {witnesses} has seen two different votes of it within the last hour.",
    "votes": "It holds {votes} in the committee.",
    "hint": (
        "stop voting on the backup at once: `conflux rpc local pos stop_voting` (test_posStopVoting on its "
        "local port 12539). Restart neither of the two before its unit is masked, for a restart may vote "
        "again; set pos_started_as_voter = false on the backup. Then look at the stake: a dispute shows as "
        "votes that are locked for half a year."
    ),
    "ended": "validator {name} is no longer found voting twice",
    "ended.one_votes": "validator {name} is voted for by one node at most",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "双重投票",
    "why": "两个节点用同一把密钥投票：几分钟之内，链就会把全部质押锁定约半年。",
    "title": "验证者 {name} 正在双重投票",
    "voters": "以下节点目前都表示在用它的密钥投票：{voters}。",
    "witnesses": "{witnesses} 的日志在最近一小时内见到了它的两个不同的投票。",
    "votes": "它在委员会中有 {votes}。",
    "hint": (
        "请立即在备用节点上停止投票：`conflux rpc local pos stop_voting`"
        "（在其本地端口 12539 上调用 test_posStopVoting）。在屏蔽其服务单元之前，不要重启这两个节点，"
        "因为重启后可能再次投票；请在备用节点上设置 pos_started_as_voter = false。"
        "然后查看质押：若已发生争议，票数会被锁定约半年。"
    ),
    "ended": "验证者 {name} 不再双重投票",
    "ended.one_votes": "验证者 {name} 现在最多只有一个节点投票",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="double_voting",
    en=EN,
    zh=ZH,
    lines=(Line("voters", ("voters",)), Line("witnesses", ("witnesses",)), Line("votes", ("votes",))),
    public=(Line("title"),),
    well_ended=frozenset({"one_votes"}),
)
