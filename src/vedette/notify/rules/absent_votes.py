"""What is said of a validator that is missing from block after block."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Missing votes",
    "why": (
        "An elected validator is missing from block after block, while the others sign: a silent epoch costs "
        "its reward, and silent epochs the seat."
    ),
    "title": "validator {name} has missed {blocks}",
    "public": "validator {name} does not sign",
    "votes": (
        "It holds {votes} in the committee. Nearly all others are signing, so the trouble is most likely "
        "its own."
    ),
    "first": "The first PoS block it missed is {first_absent_height}.",
    "last": "The last PoS block it signed is {last_signed_height}.",
    "never": "It was not seen signing within the blocks we look at.",
    "lost": (
        "Unless it signs before {epoch_lost} ({epoch_lost_in} from now), an epoch brings it no reward; one "
        "signed block is enough."
    ),
    "silent": "Whole epochs without any signature before this one: {silent_epochs}.",
    "retired": (
        "If it signs nothing more, it is retired by force at about {deadline} ({deadline_in} from now)."
    ),
    "recovering": "Its node is on its way back, and there at about {eta} ({eta_in} from now).",
    "hint": (
        "see that its node runs, is in sync and is set to vote; if all three hold and it still does not "
        "sign, restart it. One signed block an epoch keeps it from forced retirement. Never start a second "
        "node with its key."
    ),
    "ended": "validator {name} is no longer found absent",
    "ended.signs_again": "validator {name} signs again",
    "ended.not_elected": "validator {name} has left the committee and had not signed again",
    "ended.not_watched": "validator {name} is no longer watched",
    "ending": "It missed {blocks}.",
    "ending.not_elected": (
        "Nothing is expected of it now. If nobody meant it to leave, look at its account: it may have been "
        "retired by force."
    ),
}

ZH = {
    "name": "漏签",
    "why": (
        "当选的验证者连续多个区块没有签名，而其他成员都在签名："
        "整个纪元不签名会失去奖励，连续几个纪元不签名会被强制退出。"
    ),
    "title": "验证者 {name} 已漏签 {blocks}",
    "public": "验证者 {name} 没有签名",
    "votes": "它在委员会中有 {votes}。其他成员几乎都在签名，所以问题很可能出在它自己。",
    "first": "第一个漏签的 PoS 区块是 {first_absent_height}。",
    "last": "最后一个已签名的 PoS 区块是 {last_signed_height}。",
    "never": "在我们查看的区块范围内，没有见到它签名。",
    "lost": (
        "如果在 {epoch_lost}（还有 {epoch_lost_in}）之前没有签名，就有一个纪元没有奖励；签一个区块就够了。"
    ),
    "silent": "此前整个纪元都没有签名的纪元数：{silent_epochs}。",
    "retired": "如果一直不签名，它将在 {deadline} 左右（还有 {deadline_in}）被强制退出。",
    "recovering": "它的节点正在恢复，预计 {eta} 左右（还有 {eta_in}）完成。",
    "hint": (
        "请确认它的节点正在运行、已同步，并且开启了投票；如果三项都正常却仍不签名，请重启节点。"
        "每个纪元只要签一个区块，就不会被强制退出。切勿用同一把密钥启动第二个节点。"
    ),
    "ended": "验证者 {name} 不再缺席",
    "ended.signs_again": "验证者 {name} 已重新签名",
    "ended.not_elected": "验证者 {name} 已离开委员会，此前没有恢复签名",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
    "ending": "期间漏签 {blocks}。",
    "ending.not_elected": ("现在不再需要它签名。如果没有人安排它退出，请查看它的账户：它可能已被强制退出。"),
}

saying = Saying(
    rule="absent_votes",
    en=EN,
    zh=ZH,
    titles=(Line("title", ("absent_blocks",)),),
    lines=(
        Line("votes", ("votes",)),
        Line("first", ("first_absent_height",)),
        Line("last", ("last_signed_height",)),
        Line("never", lacks=("last_signed_height",)),
        Line("lost", ("epoch_lost_ms",)),
        Line("silent", ("silent_epochs",)),
        Line("retired", ("deadline_ms",)),
        Line("recovering", ("recovering", "eta_ms")),
    ),
    endings=(Line("ending", ("absent_blocks",)),),
    public=(Line("title", ("absent_blocks",)), Line("public")),
    well_ended=frozenset({"signs_again"}),
)
