"""What is said of a node that could vote, and is not set to."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Voting is off",
    "why": "An elected validator's node is up and in step, and nobody votes with its key.",
    "title": "node {name} is up with voting off, and nobody votes for its validator",
    "blocks": "The newest {blocks} lack its signature.",
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "make sure on every other copy of the key that `conflux rpc local pos voting_status` is false, or "
        "that it is stopped and cannot start. Then, on this node: `conflux rpc local pos start_voting "
        "--initialize`, and see that signatures follow within ten blocks. Never do it while another copy may "
        "vote."
    ),
    "ended": "node {name} is no longer found with voting off",
    "ended.votes": "the validator of node {name} is voted for again",
    "ended.signed_elsewhere": "the validator of node {name} signs again, by a node that is not seen",
    "ended.not_elected": "the validator of node {name} has left the committee, and had not signed again",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "投票已关闭",
    "why": "当选验证者的节点运行正常且已同步，却没有任何节点用它的密钥投票。",
    "title": "节点 {name} 运行正常但投票已关闭，没有节点为它的验证者投票",
    "blocks": "最新的 {blocks} 没有它的签名。",
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": (
        "请先在这把密钥的其他每个副本上确认 `conflux rpc local pos voting_status` 为 false，"
        "或者该副本已停止且不会启动。然后在本节点执行 "
        "`conflux rpc local pos start_voting --initialize`，并确认十个区块内出现签名。"
        "在其他副本可能投票时，切勿这样做。"
    ),
    "ended": "节点 {name} 的投票不再处于关闭状态",
    "ended.votes": "节点 {name} 的验证者又有节点投票",
    "ended.signed_elsewhere": "节点 {name} 的验证者由一个未见到的节点恢复了签名",
    "ended.not_elected": "节点 {name} 的验证者已离开委员会，此前没有恢复签名",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="voting_off",
    en=EN,
    zh=ZH,
    lines=(Line("blocks", ("absent_blocks",)), Line("votes", ("votes",))),
    private="it says which node holds a validator's key",
    well_ended=frozenset({"votes", "signed_elsewhere"}),
)
