"""What is said of a node that is behind others."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Node behind",
    "why": "A node is behind others: what it signs and answers is too late.",
    "title": "node {name} is behind others",
    "title.too_late": "node {name} comes back too late for its validator",
    "pow": "It is {pow_lag} PoW epochs behind.",
    "pos": "It is {pos_lag} PoS blocks behind.",
    "too_late": (
        "It is there at about {eta}, in {eta_in}; its validator is retired by force at about {deadline}, in "
        "{deadline_in}."
    ),
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "look at its peers (port 32323, TCP and UDP), its disk and its processors. If it comes nearer by "
        "itself, wait. If it will not be there in time, bring a backup into service, and be sure first that "
        "this one does not vote."
    ),
    "ended": "node {name} is no longer found behind",
    "ended.near": "node {name} is level with others again",
    "ended.in_time": "node {name} comes back in time after all",
    "ended.restarting": "node {name} was started anew and catches up",
    "ended.stopped": "node {name} was stopped while it was behind",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "节点落后",
    "why": "节点落后于其他节点：它的签名和应答都太晚。",
    "title": "节点 {name} 落后于其他节点",
    "title.too_late": "节点 {name} 来不及为它的验证者恢复",
    "pow": "它落后 {pow_lag} 个 PoW 纪元。",
    "pos": "它落后 {pos_lag} 个 PoS 区块。",
    "too_late": (
        "预计它在 {eta} 左右（还有 {eta_in}）恢复；它的验证者将在 {deadline} 左右（还有 "
        "{deadline_in}）被强制退出。"
    ),
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": (
        "请检查它的对等节点（端口 32323，TCP 和 UDP）、磁盘和处理器。如果它在自行追赶，等待即可。"
        "如果来不及，请启用备用节点，但要先确认这个节点不会投票。"
    ),
    "ended": "节点 {name} 不再落后",
    "ended.near": "节点 {name} 已与其他节点同步",
    "ended.in_time": "节点 {name} 来得及恢复",
    "ended.restarting": "节点 {name} 已重新启动，正在追赶",
    "ended.stopped": "节点 {name} 在落后期间已停止",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="lagging",
    en=EN,
    zh=ZH,
    titles=(Line("title.too_late", ("too_late",)), Line("title")),
    lines=(
        Line("pow", ("pow_lag",), lacks=("too_late",)),
        Line("pos", ("pos_lag",), lacks=("too_late",)),
        Line("too_late", ("too_late", "eta_ms", "deadline_ms")),
        Line("votes", ("votes",)),
    ),
    public=(Line("title"),),
    well_ended=frozenset({"near", "in_time"}),
)
