"""What is said of a stake that the chain locked or took for a double vote."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Dispute lock",
    "why": "The chain has locked a validator's stake for half a year, or taken it, because it voted twice.",
    "title": "validator {name} is locked after a dispute",
    "title.forfeited": "validator {name} has lost {forfeited_votes} votes for a double vote",
    "locked": "{locked_votes} of its votes are locked until PoS height {locked_until_height}.",
    "free": "That is at about {free}, in {free_in}.",
    "hint": (
        "stop every copy of its node and start none again with this key. Look for what voted: a second node "
        "with the key, a restart without secure_storage.json, a copied disk. Make a new key for any new "
        "stake, and stake only when the cause is found."
    ),
    "ended": "validator {name} is no longer found locked",
    "ended.released": "validator {name} is no longer locked after its dispute",
    "ended.restored": "validator {name} has votes that can be elected again",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "争议锁定",
    "why": "因为双重投票，链把验证者的质押锁定约半年，或者予以没收。",
    "title": "验证者 {name} 因争议被锁定",
    "title.forfeited": "验证者 {name} 因双重投票被没收 {forfeited_votes} 票",
    "locked": "它有 {locked_votes} 票被锁定，直到 PoS 高度 {locked_until_height}。",
    "free": "大约在 {free}，还有 {free_in}。",
    "hint": (
        "请停止它的所有节点副本，不要再用这把密钥启动任何节点。请查明是谁投的票：带有该密钥的第二个节点、"
        "缺少 secure_storage.json 的重启，还是复制的磁盘。新的质押请使用新的密钥，并且查明原因之后再质押。"
    ),
    "ended": "验证者 {name} 不再被锁定",
    "ended.released": "验证者 {name} 的争议锁定已结束",
    "ended.restored": "验证者 {name} 又有了可参选的票",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="dispute_locked",
    en=EN,
    zh=ZH,
    titles=(Line("title.forfeited", ("forfeited_votes",)), Line("title")),
    lines=(
        Line("locked", ("locked_votes", "locked_until_height")),
        Line("free", ("locked_votes", "free_ms")),
    ),
    public=(Line("title"),),
    well_ended=frozenset({"released", "restored"}),
)
