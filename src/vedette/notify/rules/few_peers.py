"""What is said of a node with hardly any peers."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Few peers",
    "why": "A node has hardly any peers: it hears of blocks late, and its votes reach nobody in time.",
    "title": "node {name} has hardly any peers: {peers}",
    "title.none": "node {name} has no peers",
    "cut_off": "Its chain stands still as well: it is cut off.",
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "see that port 32323 (TCP and UDP) is open in both directions in every firewall before it, that "
        "public_address is the machine's own, and that the machine reaches the internet. If all that is so, "
        "restart the node: it asks the boot nodes anew."
    ),
    "ended": "node {name} is no longer found short of peers",
    "ended.connected": "node {name} has peers again",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "对等节点太少",
    "why": "节点几乎没有对等节点：它很晚才得知区块，投票也来不及送达。",
    "title": "节点 {name} 只有 {peers} 个对等节点",
    "title.none": "节点 {name} 没有对等节点",
    "cut_off": "它的链也停在原地：它已与网络隔绝。",
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": (
        "请确认它前面的每道防火墙都双向开放 32323 端口（TCP 和 UDP），public_address 是本机的地址，"
        "并且机器能访问互联网。如果都没有问题，请重启节点，它会重新询问引导节点。"
    ),
    "ended": "节点 {name} 不再缺少对等节点",
    "ended.connected": "节点 {name} 又有对等节点了",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="few_peers",
    en=EN,
    zh=ZH,
    titles=(Line("title.none", ("none",)), Line("title", ("peers",))),
    lines=(Line("cut_off", ("cut_off",)), Line("votes", ("votes",))),
    private="a node with few peers is easily cut off",
    well_ended=frozenset({"connected"}),
)
