"""What is said of a validator that signs, and misses more than the others do."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Vote quality",
    "why": "A validator that signs misses more blocks than the network's other members do.",
    "title": "validator {name} signs only {value} % of its blocks",
    "public": "validator {name} signs fewer of its blocks than others do",
    "rate": "It missed {missed_blocks} blocks in {served_epochs} epochs of the last day; half of all "
    "members "
    "sign {median_percent} % or more.",
    "free": "One signature earns the epoch, so this costs nothing yet.",
    "poor": "So many are more than a slow line: its votes hardly arrive.",
    "calibrating": "The chain has been followed for less than two days, so what is usual here is not known "
    "yet: this is a note, and nobody is woken or told by it.",
    "hint": "look at its machine's clock (chronyc tracking), at the node's CPU and disk, and at the way to "
    "its peers: votes must be there within fifteen seconds. In pos.log, 'Local timeout' says that rounds "
    "end before its votes come.",
    "ended": "validator {name} is no longer found signing poorly",
    "ended.signs_well": "validator {name} signs as others do again",
    "ended.not_serving": "validator {name} serves in no committee now",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "签名质量",
    "why": "正在签名的验证者漏签的区块比全网其他成员更多。",
    "title": "验证者 {name} 只签了 {value} % 的区块",
    "public": "验证者 {name} 的签名率低于其他成员",
    "rate": "最近一天在 {served_epochs} 个纪元中漏签 {missed_blocks} 个区块；半数成员的签名率不低于 "
    "{median_percent} %。",
    "free": "每个纪元签名一次即可获得奖励，因此目前没有损失。",
    "poor": "漏签如此之多不只是线路慢：它的投票几乎无法送达。",
    "calibrating": "跟随该链还不到两天，尚不清楚这里的正常水平：这只是一条记录，不会通知或叫醒任何人。",
    "hint": "请检查机器的时钟（chronyc tracking）、节点的 CPU 和磁盘，以及到各对等节点的网络："
    "投票必须在十五秒内到达。"
    "pos.log 中的 'Local timeout' 表示轮次在它的投票到达之前就已结束。",
    "ended": "验证者 {name} 不再签名不佳",
    "ended.signs_well": "验证者 {name} 的签名已恢复到正常水平",
    "ended.not_serving": "验证者 {name} 目前不在委员会中",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="vote_quality",
    en=EN,
    zh=ZH,
    lines=(
        Line("rate", ("missed_blocks",)),
        Line("free", lacks=("poor",)),
        Line("poor", ("poor",)),
        Line("calibrating", ("calibrating",)),
    ),
    public=(Line("public"),),
    well_ended=frozenset({"signs_well"}),
)
