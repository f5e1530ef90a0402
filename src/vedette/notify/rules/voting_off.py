"""What is said of a node that should vote and is set not to."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Voting is off",
    "why": "A node is up and in step and its validator is elected, but it is set not to vote.",
    "title": "node {name} is up, but its voting is off",
    "votes": "Its validator holds {votes} in the committee: an epoch without a signature brings no reward.",
    "copies": "No other node of yours that holds the key votes either.",
    "hint": (
        "make sure that no other node votes with this key, wherever it is; then switch voting on "
        "(conflux rpc local pos start_voting --initialize after a restart, start_voting where .save and "
        "secure_storage.json are both there). If a switch is under way, finish it."
    ),
    "ended": "node {name} is no longer found with its voting off",
    "ended.votes": "somebody votes with the key of node {name} again",
    "ended.not_elected": "nothing is expected of node {name} any more",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "投票已关闭",
    "why": "节点在运行且已同步，验证者也已当选，但它被设置为不投票。",
    "title": "节点 {name} 在运行，但投票是关闭的",
    "votes": "它的验证者在委员会中有 {votes}：一个纪元没有签名就没有奖励。",
    "copies": "你的其他持有该密钥的节点也都没有投票。",
    "hint": (
        "请先确认任何地方都没有其他节点用这把密钥投票，然后开启投票（重启后用 conflux rpc local pos "
        "start_voting --initialize；如果 .save 和 secure_storage.json 都在，用 start_voting）。如果正在切"
        "换，请完成切换。"
    ),
    "ended": "节点 {name} 的投票不再是关闭的",
    "ended.votes": "节点 {name} 的密钥已恢复投票",
    "ended.not_elected": "目前不再需要节点 {name} 投票",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="voting_off",
    en=EN,
    zh=ZH,
    lines=(Line("votes", ("votes",)), Line("copies", ("copies",))),
    well_ended=frozenset({"votes"}),
)
