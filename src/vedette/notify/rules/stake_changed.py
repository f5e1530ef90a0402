"""What is said when somebody changed a validator's stake."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Stake changed",
    "why": "A validator's stake was changed, and no pool, no forced retirement and no announced work "
    "explains it.",
    "title": "{votes} of validator {name} begin to leave",
    "title.joins": "{votes} were added to validator {name}",
    "public": "the stake of validator {name} has changed",
    "when": "It was seen at PoS height {height}, {changed_at_ago} ago.",
    "until": "They can be withdrawn from PoS height {until_height} on: half a day after they began to leave.",
    "unexplained": "No announced work and no pool's books explain it: only whoever holds the owner's key "
    "can do that.",
    "pool": "It stakes for the pool {pool}.",
    "by_pool": "The pool's contract changed its books by as many: people did it there.",
    "by_forced_retirement": "The chain did it: the validator was retired by force.",
    "by_announced": "It was announced: a maintenance names this validator.",
    "hint": "ask everybody who holds the owner's key whether it was them. If it was nobody, the key is "
    "stolen: move what else it holds to a new account at once, and after the votes are free withdraw "
    "before "
    "the thief does. If it was one of you, acknowledge this; next time announce it by a maintenance that "
    "names the validator.",
    "ended": "the change of validator {name}'s stake is no longer news",
    "ended.past": "the change of validator {name}'s stake was a day ago",
    "ended.explained": "it is known now who changed validator {name}'s stake",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "质押变动",
    "why": "验证者的质押发生变动，且矿池、强制退出和已公告的维护都无法解释。",
    "title": "验证者 {name} 有 {votes}开始退出",
    "title.joins": "验证者 {name} 新增了 {votes}",
    "public": "验证者 {name} 的质押有变动",
    "when": "在 PoS 高度 {height} 发现，{changed_at_ago}前。",
    "until": "这些票数从 PoS 高度 {until_height} 起可以提取：即开始退出后约半天。",
    "unexplained": "没有已公告的维护，矿池账目也无法解释：只有持有所有者密钥的人才能做到。",
    "pool": "它为矿池 {pool} 质押。",
    "by_pool": "矿池合约的账目发生了同样的变动：是用户在那里操作的。",
    "by_forced_retirement": "这是链本身所为：该验证者已被强制退出。",
    "by_announced": "这已公告：有一项维护指明了该验证者。",
    "hint": "请询问所有持有所有者密钥的人是否是他们操作的。如果都不是，说明密钥被盗："
    "请立即将该账户中的其他资产转移到新账户，"
    "并在票数解锁后抢在窃贼之前提取。如果是自己人操作，请确认此事件；下次请先建立指明该验证者的维护。",
    "ended": "验证者 {name} 的质押变动已不再是新闻",
    "ended.past": "验证者 {name} 的质押变动已过去一天",
    "ended.explained": "验证者 {name} 的质押变动已查明",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="stake_changed",
    en=EN,
    zh=ZH,
    titles=(Line("title.joins", ("joins",)), Line("title")),
    lines=(
        Line("when", ("height",)),
        Line("until", ("leaves", "until_height")),
        Line("pool", ("pool",)),
        Line("by_pool", ("by_pool",)),
        Line("by_forced_retirement", ("by_forced_retirement",)),
        Line("by_announced", ("by_announced",)),
        Line("unexplained", lacks=("by_pool", "by_forced_retirement", "by_announced")),
    ),
    public=(Line("public"),),
    well_ended=frozenset({"past", "explained"}),
)
