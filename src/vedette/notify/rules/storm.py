"""What is said when most of what is watched failed at once."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Many nodes at once",
    "why": "Many nodes failed within minutes of each other: one message instead of many.",
    "title": "{out_count} of {total_count} nodes went down within minutes of each other",
    "title.blind": (
        "{out_count} of {total_count} nodes are not heard of at once: it may be this server's own line"
    ),
    "since": "It began at {since}, {since_ago} ago.",
    "gone": "Of {gone_count} of them the agent saw the process end.",
    "silent": "{silent_count} of them are only not heard of: whether they run is not known.",
    "names": "They are: {names}.",
    "names.more": "Among them: {names}; and {more_count} more.",
    "votes": "Together they carry {votes} of the committee.",
    "alone": "Until this is over, nothing is said of each of them.",
    "hint": (
        "look first at this server: can it reach the internet? If it can, look for what the nodes share: a "
        "host, a network, a power line, an upgrade that was rolled out to all. Start no key a second time."
    ),
    "ended": "most of the nodes that failed together are back",
    "ended.back": "most of the nodes that failed together are back",
}

ZH = {
    "name": "大量节点同时异常",
    "why": "大量节点在几分钟内相继异常：合并为一条消息，而不是逐个通知。",
    "title": "{total_count} 个节点中有 {out_count} 个在几分钟内相继停止",
    "title.blind": "{total_count} 个节点中有 {out_count} 个同时失联：可能是本服务器自己的线路有问题",
    "since": "始于 {since}（{since_ago}前）。",
    "gone": "其中 {gone_count} 个的代理确认进程已经结束。",
    "silent": "其中 {silent_count} 个只是没有消息：它们是否在运行，目前不清楚。",
    "names": "涉及：{names}。",
    "names.more": "其中包括：{names}；另有 {more_count} 个。",
    "votes": "它们在委员会中共有 {votes}。",
    "alone": "在此事件结束之前，不再逐个通知。",
    "hint": (
        "请先检查本服务器能否访问互联网。如果可以，再查找这些节点的共同之处：同一主机、同一网络、同一电源，"
        "或同时推送的升级。切勿在别处再次启用任何密钥。"
    ),
    "ended": "多数节点已恢复",
    "ended.back": "多数节点已恢复",
}

saying = Saying(
    rule="storm",
    en=EN,
    zh=ZH,
    titles=(Line("title.blind", ("blind",)), Line("title")),
    lines=(
        Line("since", ("since_ms",)),
        Line("gone", ("gone_count",)),
        Line("silent", ("silent_count",)),
        Line("names", ("names",), ("more_count",)),
        Line("names.more", ("names", "more_count")),
        Line("votes", ("votes",)),
        Line("alone"),
    ),
    well_ended=frozenset({"back"}),
)
