"""What is said of a contact point that takes no messages."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Failing contact point",
    "why": "A contact point does not take messages, so whoever is to be told by it hears nothing.",
    "title": "the contact point {name} does not take messages",
    "title.disabled": "the contact point {name} was turned off, because it refuses messages",
    "since": "It has failed since {failing_since}.",
    "error": "It says: {error}",
    "last_waking": "No other contact point wakes anybody now: a critical message would wait for the morning.",
    "hint": "open Alerts, Contact points, look at the error, correct the address or make a new token, "
    "turn it "
    "on again and press Test.",
    "ended": "the contact point {name} is no longer found failing",
    "ended.works": "the contact point {name} takes messages again",
    "ended.turned_off": "the contact point {name} was turned off by hand",
    "ended.not_watched": "the contact point {name} is no more",
}

ZH = {
    "name": "联系方式失败",
    "why": "某个联系方式无法接收消息，应当由它通知的人什么也收不到。",
    "title": "联系方式 {name} 无法接收消息",
    "title.disabled": "联系方式 {name} 因拒收消息已被停用",
    "since": "自 {failing_since} 起失败。",
    "error": "错误信息：{error}",
    "last_waking": "现在没有其他能叫醒人的联系方式：严重告警将要等到早上才被看到。",
    "hint": "请打开“告警 - 联系方式”，查看错误，更正地址或重新生成令牌，重新启用并点击“测试”。",
    "ended": "联系方式 {name} 不再失败",
    "ended.works": "联系方式 {name} 已恢复接收消息",
    "ended.turned_off": "联系方式 {name} 已被人工停用",
    "ended.not_watched": "联系方式 {name} 已不存在",
}

saying = Saying(
    rule="channel_failing",
    en=EN,
    zh=ZH,
    titles=(Line("title.disabled", ("disabled",)), Line("title")),
    lines=(
        Line("since", ("failing_since_ms",)),
        Line("error", ("error",)),
        Line("last_waking", ("last_waking",)),
    ),
    well_ended=frozenset({"works"}),
)
