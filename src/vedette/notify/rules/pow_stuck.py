"""What is said of a node whose PoW stands still while others move on."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "PoW stuck",
    "why": "A node answers while its PoW stands still: its answers are old, and its PoS soon stops too.",
    "title": "node {name} stands still on the PoW chain",
    "still": "Its newest PoW epoch has not risen for {still_span}, while others move on.",
    "lag": "It is {lag} epochs behind.",
    "votes": "Its validator holds {votes} in the committee, and signs only while PoW moves.",
    "hint": (
        "look at its disk and at the end of conflux.log, then restart it once with SIGTERM. If it stops at "
        "the same epoch again, replace its data by a snapshot: it does not get over a broken checkpoint."
    ),
    "ended": "node {name} is no longer found standing still on the PoW chain",
    "ended.moves": "node {name} moves again on the PoW chain",
    "ended.stopped": "node {name} was stopped or started anew while it stood still",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "PoW 停滞",
    "why": "节点能够应答，但它的 PoW 停滞不前：它的应答已过时，PoS 很快也会停下。",
    "title": "节点 {name} 的 PoW 链停滞不前",
    "still": "它最新的 PoW 纪元已有 {still_span} 没有上升，而其他节点仍在前进。",
    "lag": "它落后 {lag} 个纪元。",
    "votes": "它的验证者在委员会中有 {votes}，只有 PoW 前进时才能签名。",
    "hint": (
        "请查看磁盘和 conflux.log 的末尾，然后用 SIGTERM 重启一次。"
        "如果又停在同一个纪元，请用快照替换它的数据：损坏的检查点无法自行恢复。"
    ),
    "ended": "节点 {name} 的 PoW 链不再停滞",
    "ended.moves": "节点 {name} 的 PoW 链恢复前进",
    "ended.stopped": "节点 {name} 在停滞期间已停止或重新启动",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="pow_stuck",
    en=EN,
    zh=ZH,
    lines=(Line("still", ("still_seconds",)), Line("lag", ("lag",)), Line("votes", ("votes",))),
    public=(Line("title"),),
    well_ended=frozenset({"moves"}),
)
