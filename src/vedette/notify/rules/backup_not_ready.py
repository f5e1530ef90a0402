"""What is said of a backup that could not take over."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Backup not ready",
    "why": "A backup could not take over if it had to, or would begin to vote when it must not.",
    "title": "backup {name} is not ready to take over",
    "syncing": "It is still catching up.",
    "behind_execution": "Its execution is not in step with its own chain.",
    "behind_pow": "Its PoW chain is not in step with the others.",
    "behind_pos": "Its PoS chain is not in step with the others.",
    "release_differs": "It runs {release}, the node that votes runs {active_release}.",
    "votes_too": "It votes, while another node votes with the same key.",
    "guard_stale": "Its guard file (secure_storage.json) is {guard_epochs} epochs old.",
    "starts_voting": "It would vote after any restart: pos_started_as_voter is not false.",
    "hint": (
        "take away each reason above, one at a time. If it votes beside another: call test_posStopVoting on "
        "its local port first. Set pos_started_as_voter to false in its configuration; install the release "
        "of the node that votes; let it catch up. Then see that its voting status is false."
    ),
    "ended": "backup {name} is no longer found unready",
    "ended.ready": "backup {name} is ready to take over",
    "ended.took_over": "backup {name} has taken over",
    "ended.role_changed": "node {name} is no backup any more",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "备用节点未就绪",
    "why": "备用节点在需要时无法接替，或会在不该投票时开始投票。",
    "title": "备用节点 {name} 尚不能接替",
    "syncing": "它仍在同步。",
    "behind_execution": "它的执行落后于自己的链。",
    "behind_pow": "它的 PoW 链与其他节点不同步。",
    "behind_pos": "它的 PoS 链与其他节点不同步。",
    "release_differs": "它运行 {release}，而正在投票的节点运行 {active_release}。",
    "votes_too": "它正在投票，而另一个节点也用同一把密钥投票。",
    "guard_stale": "它的防重复投票文件（secure_storage.json）已落后 {guard_epochs} 个纪元。",
    "starts_voting": "它在任何一次重启后都会投票：pos_started_as_voter 没有设为 false。",
    "hint": (
        "请逐一排除以上原因。如果它与另一个节点同时投票：请先在它的本地端口调用 test_posStopVoting。"
        "请在配置中把 pos_started_as_voter 设为 false，安装与投票节点相同的版本，并等它同步完成。"
        "最后确认它的投票状态为 false。"
    ),
    "ended": "备用节点 {name} 不再处于未就绪状态",
    "ended.ready": "备用节点 {name} 已可随时接替",
    "ended.took_over": "备用节点 {name} 已经接替",
    "ended.role_changed": "节点 {name} 不再是备用节点",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="backup_not_ready",
    en=EN,
    zh=ZH,
    lines=(
        Line("votes_too", ("votes_too",)),
        Line("starts_voting", ("starts_voting",)),
        Line("syncing", ("syncing",)),
        Line("behind_execution", ("behind_execution",)),
        Line("behind_pow", ("behind_pow",)),
        Line("behind_pos", ("behind_pos",)),
        Line("release_differs", ("release_differs", "release", "active_release")),
        Line("guard_stale", ("guard_stale", "guard_epochs")),
    ),
    private="it says which node is the backup, and that it cannot help now",
    well_ended=frozenset({"ready"}),
)
