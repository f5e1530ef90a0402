"""What is said of a validator that the chain retired by force."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Retired by force",
    "why": "The chain retired a validator that signed nothing for epochs: its stake earns nothing.",
    "title": "validator {name} is retired by force",
    "height": "It was retired at PoS height {retired_height}. The stake itself is safe.",
    "leaving": "{leaving_votes} of its votes are on their way out.",
    "free": "The last of them are unlocked at about {free}, in {free_in}.",
    "unlocked": "{unlocked_votes} of its votes lie unlocked and earn nothing until they are staked again.",
    "pool": "It belongs to the pool {pool}: its manager stakes them again by _restakePosVote.",
    "hint": (
        "mend first why it did not sign: does its node run, is it in sync, is it set to vote? Wait until "
        "forceRetired of pos_getAccount is null (about half a day), because votes that are added before "
        "leave at once. Then stake again: increaseStake of PoSRegister, or _restakePosVote by a pool's "
        "manager."
    ),
    "ended": "validator {name} is no longer found retired",
    "ended.restored": "validator {name} has votes that can be elected again",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "强制退出",
    "why": "验证者连续几个纪元没有签名，被链强制退出：它的质押不再有收益。",
    "title": "验证者 {name} 已被强制退出",
    "height": "它在 PoS 高度 {retired_height} 被强制退出。质押本身是安全的。",
    "leaving": "它有 {leaving_votes} 票正在退出。",
    "free": "最后一批将在 {free} 左右（还有 {free_in}）解锁。",
    "unlocked": "它有 {unlocked_votes} 票已经解锁，在重新质押之前没有收益。",
    "pool": "它属于矿池 {pool}：由矿池管理者调用 _restakePosVote 重新质押。",
    "hint": (
        "请先解决没有签名的原因：节点是否在运行、是否同步、是否开启投票？"
        "等到 pos_getAccount 的 forceRetired 变为 null（约半天），在此之前追加的票会直接退出。"
        "然后重新质押：调用 PoSRegister 的 increaseStake；矿池由管理者调用 _restakePosVote。"
    ),
    "ended": "验证者 {name} 不再处于强制退出状态",
    "ended.restored": "验证者 {name} 又有了可参选的票",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="force_retired",
    en=EN,
    zh=ZH,
    lines=(
        Line("height", ("retired_height",)),
        Line("leaving", ("leaving_votes",)),
        Line("free", ("leaving_votes", "free_ms")),
        Line("unlocked", ("unlocked_votes",)),
        Line("pool", ("pool", "unlocked_votes")),
    ),
    public=(Line("title"),),
    well_ended=frozenset({"restored"}),
)
