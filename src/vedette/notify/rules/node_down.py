"""What is said of a node whose process ended."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Node down",
    "why": "A node's process ended and nobody planned it.",
    "title": "node {name} is down",
    "title.overrun": "node {name} has not returned from its planned stop",
    "died": "Its process ended at {died_at}, {died_at_ago} ago.",
    "overrun": "The stop was planned until {planned_stop_until}, {planned_stop_until_ago} ago.",
    "votes": ("Its validator holds {votes} in the committee: each block that it does not sign costs reward."),
    "no_votes": "No committee vote depends on it now.",
    "hint": (
        "read the end of its log, then start it again. Do not start its key anywhere else: two voters with "
        "one key are punished."
    ),
    "hint.rpc": (
        "send whoever asks it to another endpoint, then read the end of its log and start it again."
    ),
    "hint.backup": (
        "start it again with voting off. Its key votes elsewhere, and two voters with one key are punished."
    ),
    "hint.archive": (
        "read the end of its log and look at its disk, then start it again. While an archive recovers, which "
        "takes long, it answers nothing."
    ),
    "ended": "node {name} is no longer found down",
    "ended.running": "node {name} runs again",
    "ended.planned": "node {name} is in a planned stop after all",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "节点停止",
    "why": "节点的进程结束了，而没有人安排停机。",
    "title": "节点 {name} 已停止运行",
    "title.overrun": "节点 {name} 在计划停机结束后没有恢复",
    "died": "它的进程于 {died_at} 结束（{died_at_ago}前）。",
    "overrun": "计划停机应于 {planned_stop_until} 结束（{planned_stop_until_ago}前）。",
    "votes": "它的验证者在委员会中有 {votes}：每漏签一个区块都会损失奖励。",
    "no_votes": "目前没有委员会的票数依赖它。",
    "hint": (
        "请先查看日志的末尾，再重新启动节点。不要在别处启用它的密钥：同一把密钥有两个投票者会受到惩罚。"
    ),
    "hint.rpc": "请先把请求转到其他端点，再查看日志的末尾并重新启动节点。",
    "hint.backup": ("请在关闭投票的情况下重新启动。它的密钥在别处投票，同一把密钥有两个投票者会受到惩罚。"),
    "hint.archive": ("请先查看日志的末尾和磁盘空间，再重新启动节点。归档节点恢复需要很久，其间不会应答。"),
    "ended": "节点 {name} 不再处于停止状态",
    "ended.running": "节点 {name} 已恢复运行",
    "ended.planned": "节点 {name} 已登记为计划停机",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="node_down",
    en=EN,
    zh=ZH,
    titles=(Line("title.overrun", ("planned_stop_overrun",)), Line("title")),
    lines=(
        Line("died", ("died_at_ms",)),
        Line("overrun", ("planned_stop_until_ms",)),
        Line("votes", ("votes",)),
        Line("no_votes", lacks=("votes",)),
    ),
    endings=(),
    public=(Line("title.overrun", ("planned_stop_overrun",)), Line("title")),
    well_ended=frozenset({"running"}),
)
