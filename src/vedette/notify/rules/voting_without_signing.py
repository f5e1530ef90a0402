"""What is said of a node that says it votes, and does not sign."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Votes that are none",
    "why": "A node says that it votes while no signature follows: its guard file is missing or not written.",
    "title": "node {name} says that it votes, and has not signed {blocks}",
    "no_guard": "Its guard file secure_storage.json is missing, so it cannot vote.",
    "guard": "Its guard file has not been written for {guard_span}: it writes each vote there first.",
    "votes": "Its validator holds {votes} in the committee.",
    "hint": (
        "make sure that no other copy of the key has voted since. If so, copy "
        "pos_db/secure_storage.json.save to pos_db/secure_storage.json, keep the .save, and say `conflux rpc "
        "local pos start_voting`. If no .save is there, or another copy has voted: stop it, wait for the end "
        "of the epoch, and restart it."
    ),
    "ended": "node {name} is no longer found voting without a signature",
    "ended.signs_again": "node {name} signs again",
    "ended.not_elected": "node {name} has no committee vote any more, and had not signed again",
    "ended.voting_off": "node {name} says now that it does not vote",
    "ended.stopped": "node {name} was stopped or started anew before it signed",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "投票无签名",
    "why": "节点表示在投票，却没有签名：它的防护文件缺失，或者没有写入。",
    "title": "节点 {name} 表示在投票，却已有 {blocks} 没有签名",
    "no_guard": "它的防护文件 secure_storage.json 缺失，因此无法投票。",
    "guard": "它的防护文件已有 {guard_span} 没有写入，而每次投票都会先写入这里。",
    "votes": "它的验证者在委员会中有 {votes}。",
    "hint": (
        "请先确认此后没有其他副本用这把密钥投过票。若没有，请把 pos_db/secure_storage.json.save "
        "复制为 pos_db/secure_storage.json，保留 .save，再执行 `conflux rpc local pos start_voting`。"
        "如果没有 .save，或者其他副本投过票：请停止节点，等到本纪元结束后再重新启动。"
    ),
    "ended": "节点 {name} 不再只投票不签名",
    "ended.signs_again": "节点 {name} 已重新签名",
    "ended.not_elected": "节点 {name} 在委员会中已没有票，此前没有恢复签名",
    "ended.voting_off": "节点 {name} 现在表示不投票",
    "ended.stopped": "节点 {name} 在恢复签名之前已停止或重新启动",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="voting_without_signing",
    en=EN,
    zh=ZH,
    lines=(
        Line("no_guard", ("no_guard",)),
        Line("guard", ("guard_seconds",), lacks=("no_guard",)),
        Line("votes", ("votes",)),
    ),
    private="it says which node holds a validator's key",
    well_ended=frozenset({"signs_again"}),
)
