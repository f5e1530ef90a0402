"""What is said of a stake that the chain has locked or taken."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Stake locked by a dispute",
    "why": "The chain has locked a validator's whole stake for a double vote, or has taken it.",
    "title": "the stake of validator {name} is locked by a dispute",
    "title.forfeited": "validator {name} has forfeited its stake",
    "locked": "Votes that are locked: {locked_votes}.",
    "until": "They are free at PoS height {locked_until_height}.",
    "free": "That is at about {free}.",
    "taken": "Votes that were taken: {forfeited_votes}.",
    "hint": (
        "stop every node that holds this key, and keep their logs: somebody started it twice, or without "
        "the file that guards it (secure_storage.json). Stake nothing under this key until that is "
        "found. Then make a new key and register it."
    ),
    "ended": "the stake of validator {name} is no longer found locked",
    "ended.restored": "validator {name} has votes that count again",
    "ended.released": "the stake of validator {name} is free again",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "质押因争议被锁定",
    "why": "链因双重投票锁定了验证者的全部质押，或将其没收。",
    "title": "验证者 {name} 的质押因争议被锁定",
    "title.forfeited": "验证者 {name} 的质押已被没收",
    "locked": "被锁定的票数：{locked_votes}。",
    "until": "将在 PoS 高度 {locked_until_height} 解锁。",
    "free": "大约在 {free}。",
    "taken": "被没收的票数：{forfeited_votes}。",
    "hint": (
        "请停止所有持有这把密钥的节点并保留日志：有人把它启动了两次，或在没有保护文件（"
        "secure_storage.json）的情况下启动。查清之前不要再用这把密钥质押。之后请生成新的密钥并重新注册。"
    ),
    "ended": "验证者 {name} 的质押不再被锁定",
    "ended.restored": "验证者 {name} 又有了有效票数",
    "ended.released": "验证者 {name} 的质押已解锁",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="dispute_locked",
    en=EN,
    zh=ZH,
    titles=(Line("title.forfeited", ("forfeited_votes",)), Line("title")),
    lines=(
        Line("taken", ("forfeited_votes",)),
        Line("locked", ("locked_votes",)),
        Line("until", ("locked_until_height",)),
        Line("free", ("free_ms",)),
    ),
    well_ended=frozenset({"restored", "released"}),
)
