"""What is said of a node whose PoS stands still while others move on."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "PoS stuck",
    "why": "A node answers while its PoS stands still: its process lives, and it signs nothing.",
    "title": "node {name} stands still on the PoS chain",
    "still": "Its newest committed PoS block is {still_span} old, while others move on.",
    "lag": "It is {lag} blocks behind.",
    "votes": "Its validator holds {votes} in the committee and cannot sign.",
    "hint": (
        "read the end of its stderr and pos.log: `grep -a panicked pos.log stderr.txt`. A thread that ended "
        "does not come back: stop the node with SIGTERM, wait until it has ended (it may take minutes), and "
        "start it again. Never kill it with -9 while it may still write."
    ),
    "ended": "node {name} is no longer found standing still on the PoS chain",
    "ended.moves": "node {name} moves again on the PoS chain",
    "ended.stopped": "node {name} was stopped or started anew while it stood still",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "PoS 停滞",
    "why": "节点能够应答，但它的 PoS 停滞不前：进程还在，却不再签名。",
    "title": "节点 {name} 的 PoS 链停滞不前",
    "still": "它最新的已提交 PoS 区块已有 {still_span} 没有变化，而其他节点仍在前进。",
    "lag": "它落后 {lag} 个区块。",
    "votes": "它的验证者在委员会中有 {votes}，目前无法签名。",
    "hint": (
        "请查看 stderr 和 pos.log 的末尾：`grep -a panicked pos.log stderr.txt`。已结束的线程不会自行恢复："
        "请用 SIGTERM 停止节点，等它退出（可能需要几分钟），再重新启动。"
        "在它可能还在写入时，切勿用 kill -9。"
    ),
    "ended": "节点 {name} 的 PoS 链不再停滞",
    "ended.moves": "节点 {name} 的 PoS 链恢复前进",
    "ended.stopped": "节点 {name} 在停滞期间已停止或重新启动",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="pos_stuck",
    en=EN,
    zh=ZH,
    lines=(Line("still", ("still_seconds",)), Line("lag", ("lag",)), Line("votes", ("votes",))),
    public=(Line("title"),),
    well_ended=frozenset({"moves"}),
)
