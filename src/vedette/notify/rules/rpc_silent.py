"""What is said of a node that runs and does not answer."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "RPC silent",
    "why": "A node's process lives and its RPC does not answer.",
    "title": "node {name} runs and does not answer",
    "since": "It has answered nothing since {began_at}.",
    "depended_on": "Others depend on its answers.",
    "votes": "Its validator holds {votes} in the committee; whether it signs, the chain shows.",
    "hint": (
        "ask it by hand: `conflux rpc local sync-phase`. Read the end of conflux.log: a node that recovers "
        "says so there, and needs only time. If the log stands still too, restart it with SIGTERM."
    ),
    "ended": "node {name} is no longer found without an answer",
    "ended.answers": "node {name} answers again",
    "ended.restarting": "node {name} was started anew and recovers",
    "ended.stopped": "node {name} has ended, having not answered",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "RPC 无应答",
    "why": "节点的进程还在，但它的 RPC 没有应答。",
    "title": "节点 {name} 在运行，但没有应答",
    "since": "自 {began_at} 起没有任何应答。",
    "depended_on": "有其他用户依赖它的应答。",
    "votes": "它的验证者在委员会中有 {votes}；是否在签名，以链上为准。",
    "hint": (
        "请手动询问：`conflux rpc local sync-phase`。请查看 conflux.log 的末尾：正在恢复的节点会写在那里，"
        "只需等待。如果日志也没有进展，请用 SIGTERM 重启。"
    ),
    "ended": "节点 {name} 不再无应答",
    "ended.answers": "节点 {name} 已恢复应答",
    "ended.restarting": "节点 {name} 已重新启动，正在恢复",
    "ended.stopped": "节点 {name} 已结束运行，此前没有恢复应答",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="rpc_silent",
    en=EN,
    zh=ZH,
    lines=(
        Line("since", ("began_at_ms",)),
        Line("depended_on", ("depended_on",)),
        Line("votes", ("votes",)),
    ),
    public=(Line("title"),),
    well_ended=frozenset({"answers"}),
)
