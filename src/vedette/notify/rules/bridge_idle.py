"""What is said of a bridge that carries nothing over."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Idle bridge",
    "why": "The service that carries an eSpace pool's stakes and interest over to Core Space has stopped.",
    "title": "the bridge {name} has carried nothing over since {synced_at}",
    "effect": "Until it works again, new stakes in eSpace are not staked, exits do not begin, and interest "
    "stays where it is. The validator itself is not touched.",
    "hint": "look at the syncing service's log, that its account has CFX for gas in both spaces, and "
    "that its "
    "RPC endpoints answer; then restart it.",
    "ended": "the bridge {name} is no longer found idle",
    "ended.works": "the bridge {name} carries stakes over again",
    "ended.not_watched": "the bridge {name} is no longer watched",
}

ZH = {
    "name": "跨空间桥停滞",
    "why": "将 eSpace 矿池的质押和收益同步到 Core Space 的服务已停止。",
    "title": "跨空间桥 {name} 自 {synced_at} 起没有同步",
    "effect": "在它恢复之前，eSpace 中的新质押不会生效，退出不会开始，收益也不会移动。验证者本身不受影响。",
    "hint": "请查看同步服务的日志，确认其账户在两个空间都有 CFX 支付手续费、RPC 端点正常应答，"
    "然后重启该服务。",
    "ended": "跨空间桥 {name} 不再停滞",
    "ended.works": "跨空间桥 {name} 已恢复同步",
    "ended.not_watched": "跨空间桥 {name} 已不在监控之列",
}

saying = Saying(
    rule="bridge_idle",
    en=EN,
    zh=ZH,
    lines=(Line("effect"),),
    well_ended=frozenset({"works"}),
)
