"""What is said of a disk that fills up."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Disk filling",
    "why": "A file system under a node's data or logs is filling up; a full one stops the node mid-write.",
    "title": "a disk of node {name} has {free_size} left",
    "title.trend": "a disk of node {name} will be full about {deadline}",
    "room": "{free_size} of {total_size} are free.",
    "path": "It is the file system of {path}.",
    "trend": "As it fills now, it is full about {deadline}, in {deadline_in}.",
    "pos_log": "pos.log alone holds {pos_log_size}; nobody rotates it by default.",
    "hint": (
        "see what grows (du -xsh on the folders of the node). Rotate pos.log with copytruncate, delete old "
        "conflux.log files, move snapshots and backups away, or enlarge the disk. Never delete anything "
        "below blockchain_data or pos_db while the node runs, and never pos_config/pos_key or "
        "pos_db/secure_storage.json at all."
    ),
    "ended": "the disks of node {name} are no longer found filling up",
    "ended.room_again": "the disks of node {name} have room again",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "磁盘将满",
    "why": "节点数据或日志所在的文件系统正在写满；磁盘写满会让节点在写入途中停下。",
    "title": "节点 {name} 的一块磁盘只剩 {free_size}",
    "title.trend": "节点 {name} 的一块磁盘约在 {deadline} 写满",
    "room": "共 {total_size}，剩余 {free_size}。",
    "path": "这是 {path} 所在的文件系统。",
    "trend": "按目前的速度，约在 {deadline} 写满，还有 {deadline_in}。",
    "pos_log": "仅 pos.log 就占 {pos_log_size}；默认情况下没有程序轮转它。",
    "hint": (
        "请查看是什么在增长（对节点的各个目录执行 du -xsh）。用 copytruncate 方式轮转 pos.log，删除旧的 "
        "conflux.log 文件，把快照和备份移走，或扩大磁盘。节点运行时切勿删除 blockchain_data 或 pos_db "
        "下的任何内容；pos_config/pos_key 和 pos_db/secure_storage.json 在任何时候都不能删除。"
    ),
    "ended": "节点 {name} 的磁盘不再趋于写满",
    "ended.room_again": "节点 {name} 的磁盘又有空间了",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="disk_filling",
    en=EN,
    zh=ZH,
    titles=(Line("title.trend", ("by_trend", "deadline_ms")), Line("title", ("free_bytes",))),
    lines=(
        Line("room", ("free_bytes", "total_bytes")),
        Line("path", ("path",)),
        Line("trend", ("deadline_ms",)),
        Line("pos_log", ("pos_log_bytes",)),
    ),
    private="it says with what the machine can be brought down",
    well_ended=frozenset({"room_again"}),
)
