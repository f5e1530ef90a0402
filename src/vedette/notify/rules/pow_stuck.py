"""What is said of a node whose PoW chain stands still."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "PoW chain stuck",
    "why": "A node answers, and its PoW chain stands still while others move on.",
    "title": "node {name} answers, but its PoW chain stands still",
    "still": "Its newest PoW height has not risen for {still_span}.",
    "lag": "Others are {lag} further.",
    "votes": "Its validator holds {votes} in the committee, and cannot sign what it does not see.",
    "hint": (
        "restart it: stop it with SIGTERM, wait until it has ended, start it again. If it stands at the "
        "same epoch after that, its data around a checkpoint is bad: replace it by a snapshot."
    ),
    "ended": "the PoW chain of node {name} is no longer found still",
    "ended.moves": "the PoW chain of node {name} moves again",
    "ended.stopped": "node {name} was stopped or started anew",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "PoW 链停滞",
    "why": "节点有应答，但它的 PoW 链停滞不前，而其他节点仍在前进。",
    "title": "节点 {name} 有应答，但它的 PoW 链停滞不前",
    "still": "它最新的 PoW 高度已有 {still_span} 没有上升。",
    "lag": "其他节点已领先 {lag}。",
    "votes": "它的验证者在委员会中有 {votes}，看不到区块就无法签名。",
    "hint": (
        "请重启节点：用 SIGTERM 停止，等它完全结束后再启动。如果之后仍停在同一纪元，说明检查点附近的数据"
        "已损坏，请用快照替换。"
    ),
    "ended": "节点 {name} 的 PoW 链不再停滞",
    "ended.moves": "节点 {name} 的 PoW 链恢复前进",
    "ended.stopped": "节点 {name} 已被停止或重新启动",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="pow_stuck",
    en=EN,
    zh=ZH,
    lines=(
        Line("still", ("still_seconds",)),
        Line("lag", ("lag",)),
        Line("votes", ("votes",)),
    ),
    well_ended=frozenset({"moves"}),
)
