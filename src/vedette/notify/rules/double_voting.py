"""What is said when two nodes vote with one key."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Double voting",
    "why": (
        "Two nodes vote with one key: within minutes the chain locks the whole stake for about half a year."
    ),
    "title": "two nodes vote with the key of validator {name}",
    "title.log": "a log has seen two different votes of validator {name}",
    "voters": "These say now that they vote: {voters}.",
    "witnesses": "Seen in the log of: {witnesses}.",
    "votes": "It holds {votes} in the committee; all of its stake is at risk, and within minutes.",
    "hint": (
        "stop the backup's voting at once (conflux rpc local pos stop_voting), and see that its status "
        "says false. Restart neither node before that: a node that starts votes by itself unless its "
        "configuration says pos_started_as_voter = false. Then find out who started the second one."
    ),
    "ended": "validator {name} is no longer found voting twice",
    "ended.one_votes": "only one node votes with the key of validator {name}",
    "ended.not_watched": "validator {name} is no longer watched",
    "ending.one_votes": "Watch its account for a day: a dispute may be on its way already.",
}

ZH = {
    "name": "双重投票",
    "why": "两个节点用同一把密钥投票：几分钟之内，链就会把全部质押锁定约半年。",
    "title": "有两个节点正用验证者 {name} 的密钥投票",
    "title.log": "日志中出现了验证者 {name} 的两张不同的票",
    "voters": "目前表示正在投票的节点：{voters}。",
    "witnesses": "在以下节点的日志中看到：{witnesses}。",
    "votes": "它在委员会中有 {votes}；全部质押都有危险，而且只有几分钟。",
    "hint": (
        "请立即停止备用节点的投票（conflux rpc local pos stop_voting），并确认它的投票状态为 false。在此"
        "之前两个节点都不要重启：除非配置了 pos_started_as_voter = false，节点一启动就会自己投票。然后查"
        "清是谁启动了第二个节点。"
    ),
    "ended": "验证者 {name} 不再双重投票",
    "ended.one_votes": "验证者 {name} 的密钥只剩一个节点在投票",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
    "ending.one_votes": "请再观察它的账户一天：争议交易可能已经发出。",
}

saying = Saying(
    rule="double_voting",
    en=EN,
    zh=ZH,
    titles=(Line("title", ("voters",)), Line("title.log")),
    lines=(
        Line("voters", ("voters",)),
        Line("witnesses", ("witnesses",)),
        Line("votes", ("votes",)),
    ),
    well_ended=frozenset({"one_votes"}),
)
