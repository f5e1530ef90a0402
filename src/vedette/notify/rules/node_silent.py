"""What is said of a node whose agent is silent, or of an endpoint that does not answer."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Node not heard",
    "why": "A node's agent, or an endpoint without one, has not been heard of for longer than it promised.",
    "title": "node {name} is silent",
    "title.absent": "node {name} is silent and its validator does not sign",
    "title.agentless": "endpoint {name} does not answer",
    "heard.agentless": (
        "It last answered at {heard_at}, {heard_at_ago} ago; this server asks it from outside."
    ),
    "heard": (
        "Its agent was last heard of at {heard_at}, {heard_at_ago} ago. Whether the node itself runs is "
        "not known."
    ),
    "absent": (
        "Its validator, with {votes}, is missing from the newest block as well: the host is probably gone. "
        "How long a restart can still save the epoch is told with the missing votes."
    ),
    "hint.agentless": "its page in Vedette says why the last rounds failed.",
    "hint": (
        "look at the host first: is it up, and does it reach this server? Then at the agent's log. If the "
        "host stays lost, make sure that it cannot come back voting before its key is started elsewhere."
    ),
    "ended": "node {name} is no longer found silent",
    "ended.heard": "node {name} is heard of again",
    "ended.planned": "node {name} is in a planned stop after all",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "节点失联",
    "why": "节点的代理（或没有代理的端点）超过约定时间没有消息。",
    "title": "节点 {name} 失去联系",
    "title.absent": "节点 {name} 失去联系，且它的验证者没有签名",
    "title.agentless": "端点 {name} 没有应答",
    "heard.agentless": ("它最后一次应答是在 {heard_at}（{heard_at_ago}前）；本服务器从外部对它进行询问。"),
    "heard": (
        "最后一次收到它的代理的消息是在 {heard_at}（{heard_at_ago}前）。节点本身是否在运行，目前不清楚。"
    ),
    "absent": (
        "它的验证者有 {votes}，也没有出现在最新区块的签名中：主机很可能已经失联。"
        "重启还来得及保住本纪元的时间，会随漏签一并告知。"
    ),
    "hint.agentless": "它在 Vedette 中的页面写明了最近几轮失败的原因。",
    "hint": (
        "请先检查主机：是否开机，能否连到本服务器？然后查看代理的日志。"
        "如果主机无法找回，在别处启用它的密钥之前，务必确保原主机不会再恢复投票。"
    ),
    "ended": "节点 {name} 不再失联",
    "ended.heard": "节点 {name} 已恢复联系",
    "ended.planned": "节点 {name} 已登记为计划停机",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="node_silent",
    en=EN,
    zh=ZH,
    titles=(
        Line("title.absent", ("validator_absent",)),
        Line("title.agentless", ("agentless",)),
        Line("title"),
    ),
    lines=(
        Line("heard", ("heard_at_ms",), lacks=("agentless",)),
        Line("heard.agentless", ("heard_at_ms", "agentless")),
        Line("absent", ("validator_absent", "votes")),
    ),
    endings=(),
    public=(Line("title.agentless", ("agentless",)), Line("title")),
    well_ended=frozenset({"heard"}),
)
