"""What is said of a node that executes too slowly."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Execution behind",
    "why": "A node follows the chain, and executes it more slowly than it grows.",
    "title": "node {name} has {lag_epochs} epochs that it has not executed",
    "iowait": "Its machine waits for its disk {iowait_percent} of the time.",
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "look at the disk's speed first (an NVMe disk is needed), then at the memory. If neither is "
        "short, restart the node; if that does not help, take a snapshot."
    ),
    "ended": "node {name} is no longer found behind in execution",
    "ended.near": "node {name} executes as fast as the chain grows again",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "执行落后",
    "why": "节点跟上了链，但执行的速度赶不上链的增长。",
    "title": "节点 {name} 有 {lag_epochs} 个纪元尚未执行",
    "iowait": "它的机器有 {iowait_percent} 的时间在等待磁盘。",
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": "请先检查磁盘速度（需要 NVMe 磁盘），再检查内存。如果都不缺，请重启节点；仍无改善则使用快照。",
    "ended": "节点 {name} 的执行不再落后",
    "ended.near": "节点 {name} 的执行已重新跟上链的增长",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="execution_behind",
    en=EN,
    zh=ZH,
    titles=(Line("title", ("lag_epochs",)),),
    lines=(Line("iowait", ("iowait_ratio",)), Line("votes", ("votes",))),
    well_ended=frozenset({"near"}),
)
