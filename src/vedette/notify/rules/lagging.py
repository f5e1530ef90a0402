"""What is said of a node that is behind the others."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Behind the others",
    "why": "A node that has started is behind the others, on the PoW chain or the PoS chain.",
    "title": "node {name} is behind the others",
    "epochs": "It is {lag_epochs} PoW epochs behind.",
    "blocks": "It is {lag_blocks} PoS blocks behind.",
    "eta": "At its present pace it is back in {eta_span}.",
    "votes": "Its validator holds {votes} in the committee: votes that come too late do not count.",
    "hint": (
        "look at its peers, its disk and its processor in that order. A node that is far behind for "
        "hours catches up sooner from a snapshot."
    ),
    "ended": "node {name} is no longer found behind",
    "ended.near": "node {name} has caught up with the others",
    "ended.stopped": "node {name} was stopped or started anew",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "落后于其他节点",
    "why": "已完成启动的节点在 PoW 链或 PoS 链上落后于其他节点。",
    "title": "节点 {name} 落后于其他节点",
    "epochs": "它落后 {lag_epochs} 个 PoW 纪元。",
    "blocks": "它落后 {lag_blocks} 个 PoS 区块。",
    "eta": "按目前的速度，还需 {eta_span} 才能追上。",
    "votes": "它的验证者在委员会中有 {votes}：来得太晚的票不算数。",
    "hint": "请依次检查它的对等节点、磁盘和处理器。如果长时间大幅落后，用快照恢复会更快。",
    "ended": "节点 {name} 不再落后",
    "ended.near": "节点 {name} 已追上其他节点",
    "ended.stopped": "节点 {name} 已被停止或重新启动",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="lagging",
    en=EN,
    zh=ZH,
    lines=(
        Line("epochs", ("lag_epochs",)),
        Line("blocks", ("lag_blocks",)),
        Line("eta", ("eta_seconds",)),
        Line("votes", ("votes",)),
    ),
    well_ended=frozenset({"near"}),
)
