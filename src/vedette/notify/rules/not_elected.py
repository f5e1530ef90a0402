"""What is said of a validator that does not stand for election."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Not standing",
    "why": "A validator with free votes does not stand for election, so its seats and reward will end.",
    "title": "validator {name} does not stand for election",
    "terms": "Closed terms without its Election transaction: {terms} in a row; free votes: {free_votes}.",
    "votes": "It still holds {votes} in the committee; a seat lasts six epochs.",
    "hint": (
        "see that its node is set to vote and has reached NormalSyncPhase, and look in pos.log for "
        "broadcast_election. If somebody called stop_election, only a restart turns it on again: restart the "
        "node in a planned stop. Being unlucky looks otherwise: then it stands, and only wins nothing."
    ),
    "ended": "validator {name} is no longer found missing elections",
    "ended.stands": "validator {name} stands for election again",
    "ended.all_serve": "all votes of validator {name} serve already",
    "ended.no_votes": "validator {name} has no votes to stand with any more",
    "ended.voting_off": "validator {name} is not meant to vote now",
    "ended.not_watched": "validator {name} is no longer watched",
}

ZH = {
    "name": "未参选",
    "why": "验证者有空闲票数却没有参选，它的席位和奖励将会中断。",
    "title": "验证者 {name} 没有参加选举",
    "terms": "连续没有其 Election 交易的已结束任期数：{terms}；可用于参选的票数：{free_votes}。",
    "votes": "它在委员会中仍有 {votes}；一个席位持续六个纪元。",
    "hint": (
        "请确认它的节点已开启投票并处于 NormalSyncPhase，并在 pos.log 中查找 broadcast_election。"
        "如果有人调用过 stop_election，只有重启才能重新开启：请在计划停机中重启节点。"
        "运气不好的表现不同：那时它会参选，只是没有当选。"
    ),
    "ended": "验证者 {name} 不再缺席选举",
    "ended.stands": "验证者 {name} 已重新参选",
    "ended.all_serve": "验证者 {name} 的票数已全部在任",
    "ended.no_votes": "验证者 {name} 已没有可用于参选的票数",
    "ended.voting_off": "验证者 {name} 目前不打算投票",
    "ended.not_watched": "验证者 {name} 已不在监控之列",
}

saying = Saying(
    rule="not_elected",
    en=EN,
    zh=ZH,
    lines=(Line("terms", ("terms", "free_votes")), Line("votes", ("votes",))),
    public=(Line("title"),),
    well_ended=frozenset({"stands", "all_serve"}),
)
