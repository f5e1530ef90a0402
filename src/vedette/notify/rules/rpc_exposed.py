"""What is said of a node that strangers may command."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "RPC exposed",
    "why": "A port that strangers reach answers what only the operator should ask: they may stop the node.",
    "title": "strangers may command node {name}",
    "groups": "Its public port answers methods of: {groups}.",
    "local_port": "Its local port, which answers everything, is not bound to loopback.",
    "hint": (
        "close the port in the firewall now. Then set public_rpc_apis to safe,pos (never all) in the node's "
        "configuration, leave the local ports on 127.0.0.1, and restart the node. See in its log whether "
        "somebody used it. The agent looks again at the node's start and each hour."
    ),
    "ended": "node {name} is no longer found open to strangers",
    "ended.closed": "node {name} refuses strangers what only its operator should ask",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "RPC 暴露",
    "why": "外人可达的端口会应答只有运营者才应调用的方法：他们可以停止节点。",
    "title": "外人可以操纵节点 {name}",
    "groups": "它的公共端口会应答以下各组的方法：{groups}。",
    "local_port": "它的本地端口（应答一切方法）没有绑定在回环地址上。",
    "hint": (
        "请立即在防火墙上关闭该端口。然后在节点配置中把 public_rpc_apis 设为 safe,pos（切勿设为 all），"
        "让本地端口只监听 127.0.0.1，并重启节点。请在日志中查看是否已有人使用过。"
        "代理会在节点启动时以及每小时再次检查。"
    ),
    "ended": "节点 {name} 不再对外人开放",
    "ended.closed": "节点 {name} 已拒绝外人调用只有运营者才应调用的方法",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="rpc_exposed",
    en=EN,
    zh=ZH,
    lines=(Line("groups", ("groups",)), Line("local_port", ("local_port",))),
    private="it invites to the open door",
    well_ended=frozenset({"closed"}),
)
