"""What is said of a node whose RPC does not answer."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "RPC silent",
    "why": "A node's process lives, and its RPC does not answer.",
    "title": "node {name} runs, but its RPC does not answer",
    "error": "The agent's last question ended so: {error}.",
    "votes": "Its validator holds {votes} in the committee; whether it signs is seen on the chain.",
    "hint": (
        "see whether it has just been started: while it rebuilds its state, RPC is silent, and its log "
        'tells how far it is. Otherwise read stderr for "panicked", look at memory and disk, and '
        "restart it with SIGTERM."
    ),
    "hint.rpc": (
        'send whoever asks it to another endpoint; then read stderr for "panicked", look at memory and '
        "disk, and restart it with SIGTERM."
    ),
    "ended": "the RPC of node {name} is no longer found silent",
    "ended.answers": "the RPC of node {name} answers again",
    "ended.gone": "node {name} has ended",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "RPC 无应答",
    "why": "节点的进程在运行，但 RPC 没有应答。",
    "title": "节点 {name} 在运行，但 RPC 没有应答",
    "error": "代理最近一次询问的结果：{error}。",
    "votes": "它的验证者在委员会中有 {votes}；它是否签名可以从链上看到。",
    "hint": (
        "请先看它是否刚刚启动：重建状态期间 RPC 没有应答，日志会显示进度。否则请查看 stderr 中是否有 “"
        "panicked”，检查内存和磁盘，并用 SIGTERM 重启。"
    ),
    "hint.rpc": (
        "请先把请求转到其他端点；然后查看 stderr 中是否有 “panicked”，检查内存和磁盘，并用 SIGTERM 重启。"
    ),
    "ended": "节点 {name} 的 RPC 不再无应答",
    "ended.answers": "节点 {name} 的 RPC 已恢复应答",
    "ended.gone": "节点 {name} 的进程已结束",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="rpc_silent",
    en=EN,
    zh=ZH,
    lines=(Line("error", ("error",)), Line("votes", ("votes",))),
    well_ended=frozenset({"answers"}),
)
