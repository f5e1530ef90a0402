"""What is said of votes that unlock soon, or wait unlocked."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Unlock near",
    "why": "Votes unlock within a day, or are unlocked and earn nothing until their owner takes them.",
    "title": "votes of validator {name} unlock about {deadline}",
    "title.waiting": "validator {name} has unlocked votes that wait",
    "unlocking": "Votes that unlock soon: {unlocking_votes}, the first about {deadline}, in {deadline_in}.",
    "waiting": "Votes that are unlocked: {unlocked_votes}. They earn nothing now.",
    "pool": "They are staked through {pool}: its owner restakes them with _restakePosVote.",
    "hint": "withdraw them or stake them again from the owner's PoW account; nothing is lost by waiting.",
    "ended": "no votes of validator {name} are found to unlock soon",
    "ended.none_left": "no votes of validator {name} unlock soon or wait unlocked",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "即将解锁",
    "why": "有票数将在一天内解锁，或已解锁而在其所有者取走之前没有收益。",
    "title": "验证者 {name} 的票数约在 {deadline} 解锁",
    "title.waiting": "验证者 {name} 有已解锁的票数待处理",
    "unlocking": "即将解锁的票数：{unlocking_votes}，最早的一批约在 {deadline}，还有 {deadline_in}。",
    "waiting": "已解锁的票数：{unlocked_votes}。它们目前没有收益。",
    "pool": "它们通过 {pool} 质押：由其所有者用 _restakePosVote 重新质押。",
    "hint": "请用所有者的 PoW 账户取回或重新质押；等待不会造成损失。",
    "ended": "验证者 {name} 没有即将解锁的票数",
    "ended.none_left": "验证者 {name} 没有即将解锁或已解锁待处理的票数",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="unlock_near",
    en=EN,
    zh=ZH,
    titles=(
        Line("title", ("unlocking_votes", "deadline_ms")),
        Line("title.waiting", ("unlocked_votes",)),
    ),
    lines=(
        Line("unlocking", ("unlocking_votes", "deadline_ms")),
        Line("waiting", ("unlocked_votes",)),
        Line("pool", ("unlocked_votes", "pool")),
    ),
    private="it says when somebody's money becomes free",
    well_ended=frozenset({"none_left"}),
)
