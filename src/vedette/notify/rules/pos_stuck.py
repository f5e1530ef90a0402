"""What is said of a node whose PoS chain stands still."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "PoS chain stuck",
    "why": "A node answers, and its PoS chain stands still while others move on.",
    "title": "node {name} answers, but its PoS chain stands still",
    "still": "Its newest PoS height has not risen for {still_span}.",
    "lag": "Others are {lag} further.",
    "votes": "Its validator holds {votes} in the committee, and cannot sign what it does not see.",
    "hint": (
        'read stderr and the end of pos.log for "panicked", and keep them. Stop the node with SIGTERM, '
        "wait until it has ended, and start it again: nothing else brings the thread back."
    ),
    "ended": "the PoS chain of node {name} is no longer found still",
    "ended.moves": "the PoS chain of node {name} moves again",
    "ended.stopped": "node {name} was stopped or started anew",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "PoS 链停滞",
    "why": "节点有应答，但它的 PoS 链停滞不前，而其他节点仍在前进。",
    "title": "节点 {name} 有应答，但它的 PoS 链停滞不前",
    "still": "它最新的 PoS 高度已有 {still_span} 没有上升。",
    "lag": "其他节点已领先 {lag}。",
    "votes": "它的验证者在委员会中有 {votes}，看不到区块就无法签名。",
    "hint": (
        "请查看 stderr 和 pos.log 末尾是否有 “panicked” 并保留日志。用 SIGTERM 停止节点，等它完全结束后再"
        "启动：没有别的办法能让该线程恢复。"
    ),
    "ended": "节点 {name} 的 PoS 链不再停滞",
    "ended.moves": "节点 {name} 的 PoS 链恢复前进",
    "ended.stopped": "节点 {name} 已被停止或重新启动",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="pos_stuck",
    en=EN,
    zh=ZH,
    lines=(
        Line("still", ("still_seconds",)),
        Line("lag", ("lag",)),
        Line("votes", ("votes",)),
    ),
    well_ended=frozenset({"moves"}),
)
