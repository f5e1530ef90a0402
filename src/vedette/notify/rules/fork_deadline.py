"""What is said of a node that is too old for the fork that is coming."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Fork deadline",
    "why": "A node's release does not follow the fork that is coming: it would leave the chain there.",
    "title": "node {name} must be upgraded before {deadline}",
    "title.urgent": "node {name} must be upgraded now: the fork comes about {deadline}",
    "public": "node {name} is not ready for the next fork yet",
    "versions": "It runs {release}; fork {fork} needs {first_version} or newer.",
    "deadline": "The fork comes about {deadline}, in {deadline_in}.",
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "read the release notes (a release may want new configuration files), install a release that "
        "follows the fork, and restart the node in a planned stop. Upgrade a backup first. A node that goes "
        "past the fork with an old release must usually be synced anew."
    ),
    "hint.agentless": "tell its operator, or choose another endpoint before the fork.",
    "ended": "node {name} is no longer found too old for a fork",
    "ended.upgraded": "node {name} runs a release that follows the fork",
    "ended.passed": "the fork has come, and node {name} was not upgraded",
    "ended.farther": "the fork that node {name} is too old for comes later than it was thought",
    "ended.not_watched": "node {name} is no longer watched",
    "ending.passed": (
        "Upgrade it and look whether it still follows the others' chain; it may have to be synced anew."
    ),
}

ZH = {
    "name": "分叉期限",
    "why": "节点的版本不支持即将到来的分叉：到时它会离开这条链。",
    "title": "节点 {name} 必须在 {deadline} 之前升级",
    "title.urgent": "节点 {name} 必须立即升级：分叉约在 {deadline} 到来",
    "public": "节点 {name} 尚未为下一次分叉做好准备",
    "versions": "它运行 {release}；分叉 {fork} 需要 {first_version} 或更新的版本。",
    "deadline": "分叉约在 {deadline} 到来，还有 {deadline_in}。",
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": (
        "请先阅读发布说明（新版本可能需要新的配置文件），安装支持该分叉的版本，并在计划停机中重启节点。"
        "请先升级备用节点。用旧版本越过分叉的节点通常必须重新同步。"
    ),
    "hint.agentless": "请通知其运营者，或在分叉之前改用其他端点。",
    "ended": "节点 {name} 的版本不再落后于分叉",
    "ended.upgraded": "节点 {name} 的版本已支持该分叉",
    "ended.passed": "分叉已经到来，而节点 {name} 没有升级",
    "ended.farther": "节点 {name} 尚不支持的分叉比原先估计的来得晚",
    "ended.not_watched": "节点 {name} 已不在监控之列",
    "ending.passed": "请升级它，并检查它是否仍跟随其他节点的链；它可能必须重新同步。",
}
saying = Saying(
    rule="fork_deadline",
    en=EN,
    zh=ZH,
    titles=(Line("title.urgent", ("urgent", "deadline_ms")), Line("title", ("deadline_ms",))),
    lines=(
        Line("versions", ("release", "fork", "first_version")),
        Line("deadline", ("deadline_ms",)),
        Line("votes", ("votes",)),
    ),
    public=(Line("public"),),
    well_ended=frozenset({"upgraded"}),
)
