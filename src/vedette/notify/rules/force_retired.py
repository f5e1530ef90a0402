"""What is said of a validator that was retired by force."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Forced retirement",
    "why": (
        "The chain has retired a validator by force: its stake is safe and earns nothing until it is "
        "staked anew."
    ),
    "title": "validator {name} was retired by force",
    "title.unlocked": "validator {name} was retired by force, and its votes lie unlocked",
    "leaving": "Votes that are leaving: {leaving_votes}. Nothing is lost but the reward.",
    "free": "The last of them are unlocked at about {free} ({free_in} from now).",
    "unlocked": "Votes that lie unlocked: {unlocked_votes}. They earn nothing until they are staked again.",
    "pool": "They are the pool's: its manager stakes them again with _restakePosVote.",
    "hint": (
        "put right why it did not sign (see that its node runs, is in step and votes). Then wait until "
        "the flag on the account is gone, about half a day, and stake again: with increaseStake, or for "
        "a pool with _restakePosVote. Stake that is added sooner goes straight to the out queue."
    ),
    "ended": "validator {name} is no longer found retired",
    "ended.restored": "validator {name} has votes that count again",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "强制退出",
    "why": "链强制退出了验证者：质押是安全的，但在重新质押之前没有收益。",
    "title": "验证者 {name} 被强制退出",
    "title.unlocked": "验证者 {name} 被强制退出，票数已解锁但闲置",
    "leaving": "正在退出的票数：{leaving_votes}。除奖励外没有损失。",
    "free": "最后一批约在 {free} 解锁（还有 {free_in}）。",
    "unlocked": "已解锁而闲置的票数：{unlocked_votes}。重新质押之前没有收益。",
    "pool": "它们属于矿池：由矿池管理者调用 _restakePosVote 重新质押。",
    "hint": (
        "请先解决它没有签名的原因（确认节点在运行、已同步且开启投票）。然后等账户上的标记消失（约半天），"
        "再重新质押：调用 increaseStake，矿池则调用 _restakePosVote。提前加入的质押会直接进入退出队列。"
    ),
    "ended": "验证者 {name} 不再处于强制退出状态",
    "ended.restored": "验证者 {name} 又有了有效票数",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="force_retired",
    en=EN,
    zh=ZH,
    titles=(Line("title.unlocked", ("unlocked_votes",), ("leaving_votes",)), Line("title")),
    lines=(
        Line("leaving", ("leaving_votes",)),
        Line("free", ("free_ms",)),
        Line("unlocked", ("unlocked_votes",)),
        Line("pool", ("pool",)),
    ),
    well_ended=frozenset({"restored"}),
)
