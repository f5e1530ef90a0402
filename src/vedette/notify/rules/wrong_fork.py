"""What is said of a node that follows another chain."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Wrong fork",
    "why": "A node follows another chain than the others, so all that it says and signs is worthless.",
    "title": "node {name} is on another chain than the others",
    "title.log": "node {name} refuses the chain's state as invalid",
    "public": "node {name} is not on the chain of the others",
    "pivot": "At an epoch that all have confirmed, most others, two at least, have another pivot block.",
    "lines": "Lines about an invalid state or blame in its log, in the last hour: {invalid_state_lines}.",
    "release": "It runs release {release}.",
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "stop its voting first (test_posStopVoting on its local port). Compare its release with the fork "
        "list: an old one is replaced by the right one, and its data by a snapshot, for a node that went "
        "past a fork rarely comes back by itself. If the release is right, the data is corrupt: restart it "
        "once, then sync it anew. Keep the log."
    ),
    "hint.agentless": (
        "send whoever asks this endpoint to another one, and tell its operator; if it is yours, compare its "
        "release with the fork list and sync it anew."
    ),
    "ended": "node {name} is no longer found on another chain",
    "ended.agrees": "node {name} is no longer seen to differ from the others",
    "ended.log_quiet": "node {name} has refused nothing as invalid for an hour",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "走错分叉",
    "why": "节点跟随的链与其他节点不同，因此它所说和所签的都没有价值。",
    "title": "节点 {name} 所在的链与其他节点不同",
    "title.log": "节点 {name} 把链的状态判为无效",
    "public": "节点 {name} 与其他节点不在同一条链上",
    "pivot": "在各方都已确认的纪元上，多数其他节点（至少两个）的枢轴区块与它不同。",
    "lines": "最近一小时内，它的日志有 {invalid_state_lines} 行提到状态或 blame 无效。",
    "release": "它运行的版本是 {release}。",
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": (
        "请先停止它的投票（在本地端口调用 test_posStopVoting）。然后把它的版本与分叉列表对照："
        "版本过旧就换成正确的版本，并用快照替换数据，因为错过分叉的节点很少能自己恢复。"
        "如果版本正确，说明数据已损坏：先重启一次，不行就重新同步。请保留日志。"
    ),
    "hint.agentless": "请把对该端点的请求转到其他端点，并通知其运营者；如果是自己的，请核对版本并重新同步。",
    "ended": "节点 {name} 不再处于另一条链上",
    "ended.agrees": "节点 {name} 不再与其他节点不同",
    "ended.log_quiet": "节点 {name} 一小时内没有再判定任何状态无效",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="wrong_fork",
    en=EN,
    zh=ZH,
    titles=(Line("title", ("pivot_differs",)), Line("title.log")),
    lines=(
        Line("pivot", ("pivot_differs",)),
        Line("lines", ("invalid_state_lines",)),
        Line("release", ("release",)),
        Line("votes", ("votes",)),
    ),
    public=(Line("public"),),
    well_ended=frozenset({"agrees", "log_quiet"}),
)
