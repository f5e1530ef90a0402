"""What is said of a node that says it votes and signs nothing."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Votes, but signs nothing",
    "why": "A node says that it votes, its validator is elected, and not one signature of it arrives.",
    "title": "node {name} says that it votes, but no signature of it arrives",
    "unsigned": "Blocks in a row without its signature: {unsigned_blocks}.",
    "no_guard": (
        "Its guard file (pos_db/secure_storage.json) is not there, so it cannot write down a vote and "
        "casts none."
    ),
    "guard": "It last wrote its guard file {guard_age_span} ago; a voter writes it each round.",
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "if secure_storage.json is missing and secure_storage.json.save is the newest guard (no other "
        "copy has voted since): copy .save to secure_storage.json, keep .save, stop_voting if need be, "
        "then start_voting. Otherwise stop the node with SIGTERM and start it again, once it is certain "
        "that no other node votes with this key."
    ),
    "ended": "node {name} is no longer found voting in vain",
    "ended.signs": "signatures of node {name} arrive again",
    "ended.not_elected": "nothing is expected of node {name} any more",
    "ended.stopped": "node {name} no longer says that it votes",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "开启投票却没有签名",
    "why": "节点表示正在投票，验证者也已当选，却没有一个签名到达。",
    "title": "节点 {name} 表示正在投票，却没有签名到达",
    "unsigned": "连续没有它签名的区块数：{unsigned_blocks}。",
    "no_guard": "它的保护文件（pos_db/secure_storage.json）不存在，因此无法记录投票，也就没有投出任何票。",
    "guard": "它上次写保护文件是在 {guard_age_span}前；投票者每一轮都会写。",
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": (
        "如果缺少 secure_storage.json，而 secure_storage.json.save 是最新的保护文件（此后没有其他副本投过"
        "票）：把 .save 复制为 secure_storage.json 并保留 .save，必要时先 stop_voting，再 start_voting。"
        "否则，在确认没有其他节点用这把密钥投票之后，用 SIGTERM 停止节点并重新启动。"
    ),
    "ended": "节点 {name} 不再空投票",
    "ended.signs": "节点 {name} 的签名重新到达",
    "ended.not_elected": "目前不再需要节点 {name} 签名",
    "ended.stopped": "节点 {name} 不再表示正在投票",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="voting_without_signing",
    en=EN,
    zh=ZH,
    lines=(
        Line("unsigned", ("unsigned_blocks",)),
        Line("no_guard", ("no_guard",)),
        Line("guard", ("guard_age_seconds",)),
        Line("votes", ("votes",)),
    ),
    well_ended=frozenset({"signs"}),
)
