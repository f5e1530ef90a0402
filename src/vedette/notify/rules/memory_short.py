"""What is said of a node that runs short of memory."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Memory short",
    "why": "A node's memory is nearly used up, or the kernel has killed a process for want of it.",
    "title": "node {name} uses {used_percent} of the memory that it may have",
    "title.oom": "a process was killed for want of memory beside node {name}",
    "title.oom_hit": "node {name} ran out of memory",
    "kills": "Processes that the kernel killed for want of memory in the last half hour: {oom_kills}.",
    "restarts": "Starts of the node's process in that time: {restarts}.",
    "used": "The node's process holds {rss_size} of {bound_size} now ({used_percent}).",
    "hint": (
        "see what else runs on the machine (ps aux --sort=-rss) and what the kernel wrote (dmesg -T | grep "
        "-i oom). A full node needs 16 GB, an archive 32 GB; raise the limit of its container or unit if "
        "that is less. If it rises day by day, restart the node in a planned stop and keep the chart."
    ),
    "ended": "node {name} is no longer found short of memory",
    "ended.eased": "node {name} has memory to spare again",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "内存不足",
    "why": "节点的内存即将用尽，或内核因内存不足终止了进程。",
    "title": "节点 {name} 已用去可用内存的 {used_percent}",
    "title.oom": "节点 {name} 所在的机器因内存不足终止了一个进程",
    "title.oom_hit": "节点 {name} 内存耗尽",
    "kills": "最近半小时内核因内存不足终止的进程数：{oom_kills}。",
    "restarts": "其间节点进程重新启动的次数：{restarts}。",
    "used": "节点进程目前占用 {rss_size}，上限 {bound_size}（{used_percent}）。",
    "hint": (
        "请查看机器上还运行着什么（ps aux --sort=-rss），以及内核的记录（dmesg -T | grep -i oom）。"
        "全节点需要 16 GB，归档节点需要 32 GB；如果容器或服务的上限更低，请调高。"
        "如果占用逐日上升，请在计划停机中重启节点，并保留图表。"
    ),
    "ended": "节点 {name} 的内存不再紧张",
    "ended.eased": "节点 {name} 的内存又有余量了",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="memory_short",
    en=EN,
    zh=ZH,
    titles=(
        Line("title.oom_hit", ("oom_kills", "hit")),
        Line("title.oom", ("oom_kills",)),
        Line("title", ("used_ratio",)),
    ),
    lines=(
        Line("kills", ("oom_kills",)),
        Line("restarts", ("oom_kills", "restarts")),
        Line("used", ("rss_bytes", "bound_bytes", "used_ratio")),
    ),
    private="it says with what the machine can be brought down",
    well_ended=frozenset({"eased"}),
)
