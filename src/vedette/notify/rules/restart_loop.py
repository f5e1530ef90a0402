"""What is said of a node that is started again and again."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Restart loop",
    "why": "A node's process is started again and again, or two processes want one database.",
    "title": "node {name} is started again and again",
    "title.locked": "two processes want the database of node {name}",
    "restarts": "Starts in the last half hour: {restarts}.",
    "locked": (
        "Its log says that another process holds the database: find it (pgrep -a conflux) and leave one "
        "running, never two."
    ),
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "stop whatever restarts it (systemctl stop, docker update --restart=no), then read the end of "
        "stderr and of both logs: a wrong configuration, a full disk and too little memory are the usual "
        "reasons. Start it by hand once the reason is gone."
    ),
    "ended": "node {name} is no longer found restarting",
    "ended.steady": "node {name} runs steadily again",
    "ended.planned": "node {name} is in a planned stop",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "反复重启",
    "why": "节点的进程反复启动，或有两个进程争用同一个数据库。",
    "title": "节点 {name} 在反复重启",
    "title.locked": "有两个进程争用节点 {name} 的数据库",
    "restarts": "最近半小时内的启动次数：{restarts}。",
    "locked": "日志表明数据库被另一个进程占用：请找到它（pgrep -a conflux），只留一个，切勿两个同时运行。",
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": (
        "请先停掉重启它的机制（systemctl stop，docker update --restart=no），再查看 stderr 和两份日志的末尾："
        "常见原因是配置错误、磁盘写满或内存不足。原因排除后再手动启动。"
    ),
    "ended": "节点 {name} 不再反复重启",
    "ended.steady": "节点 {name} 已恢复稳定运行",
    "ended.planned": "节点 {name} 处于计划停机中",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="restart_loop",
    en=EN,
    zh=ZH,
    titles=(Line("title.locked", ("locked",)), Line("title")),
    lines=(Line("restarts", ("restarts",)), Line("locked", ("locked",)), Line("votes", ("votes",))),
    public=(Line("title"),),
    well_ended=frozenset({"steady"}),
)
