"""What is said of an endpoint by which the chain is followed, and which is bad."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Bad endpoint",
    "why": "An endpoint by which the chain is followed fails, stands still or tells of another chain, "
    "while "
    "others do not.",
    "title": "the endpoint {name} does not answer as it should",
    "title.blind": "no endpoint tells how the PoS chain goes on",
    "title.stuck": "the endpoint {name} is {value} PoS blocks behind the others",
    "title.differs": "the endpoint {name} tells of another chain than the others",
    "error": "It says: {error}",
    "heard": "It last told where the chain is {heard_at_ago} ago.",
    "blind": "Until one does, nobody's votes are seen, and nobody is told when a validator goes missing.",
    "sound": "The others go on, so what is known of validators is sound, and nobody is accused by this.",
    "hint": "open it by hand (pos_getStatus). A public gateway that limits calls wants calls_per_s in the "
    "settings; a node of your own that stands still wants a restart; one of another network does not "
    "belong "
    "there.",
    "ended": "the endpoint {name} is no longer found bad",
    "ended.well": "the endpoint {name} answers as it should again",
    "ended.seen": "an endpoint tells again how the PoS chain goes on",
    "ended.not_watched": "the endpoint {name} is no longer asked",
}

ZH = {
    "name": "端点异常",
    "why": "用来跟随该链的某个端点出错、停滞或属于另一条链，而其他端点正常。",
    "title": "端点 {name} 没有正常应答",
    "title.blind": "没有任何端点报告 PoS 链的进展",
    "title.stuck": "端点 {name} 比其他端点落后 {value} 个 PoS 区块",
    "title.differs": "端点 {name} 与其他端点不在同一条链上",
    "error": "错误信息：{error}",
    "heard": "它最近一次报告链的位置是在 {heard_at_ago}前。",
    "blind": "在有端点恢复之前，看不到任何人的投票，验证者缺席也无法通知。",
    "sound": "其他端点正常，因此对验证者的判断可靠，不会因此指责任何验证者。",
    "hint": "请手动访问该端点（pos_getStatus）。如果公共网关限制调用次数，请在设置中填写 calls_per_s；"
    "如果是自己的节点停滞，请重启；属于另一个网络的端点应当移除。",
    "ended": "端点 {name} 不再异常",
    "ended.well": "端点 {name} 已恢复正常应答",
    "ended.seen": "又有端点报告 PoS 链的进展",
    "ended.not_watched": "不再询问端点 {name}",
}

saying = Saying(
    rule="source_bad",
    en=EN,
    zh=ZH,
    titles=(
        Line("title.blind", ("blind",)),
        Line("title.differs", ("differs",)),
        Line("title.stuck", ("stuck",)),
        Line("title"),
    ),
    lines=(
        Line("error", ("error",)),
        Line("heard", ("heard_at_ms",)),
        Line("blind", ("blind",)),
        Line("sound", lacks=("blind",)),
    ),
    well_ended=frozenset({"well", "seen"}),
)
