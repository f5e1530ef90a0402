"""What is said of a machine whose clock is off."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Clock off",
    "why": "A machine's clock is wrong, or nobody keeps it; a wrong clock costs votes.",
    "title": "the clock of node {name} is {offset} ms off",
    "title.apart": "the clock of node {name} is {apart} ms off, and nobody keeps it",
    "title.unkept": "nobody keeps the clock of node {name}",
    "unkept": "Its kernel says that no time service has corrected it; it drifts by seconds a week.",
    "apart": "It is so far from the clock of Vedette's server, at the least, whatever the way there took.",
    "noted": "Nothing shows that it is wrong by now, so this is a note: nobody is woken or told by it.",
    "hint": (
        "see whether a time service runs (timedatectl, chronyc tracking) and reaches its servers (UDP port "
        "123); install chrony if there is none. Let it slew: do not set the clock by hand while the node "
        "votes. In a container or a virtual machine the clock is its host's matter."
    ),
    "ended": "the clock of node {name} is no longer found off",
    "ended.true_again": "the clock of node {name} is true again",
    "ended.kept": "somebody keeps the clock of node {name} again",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "时钟偏差",
    "why": "机器的时钟不准，或没有服务校正它；时钟不准会损失投票。",
    "title": "节点 {name} 的时钟偏差 {offset} 毫秒",
    "title.apart": "节点 {name} 的时钟偏差 {apart} 毫秒，且没有服务校正它",
    "title.unkept": "节点 {name} 的时钟没有服务校正",
    "unkept": "内核表示没有任何时间服务校正它；它每周会漂移数秒。",
    "apart": "扣除网络往返的时间之后，它与 Vedette 服务器的时钟至少相差这么多。",
    "noted": "目前没有迹象表明它不准，因此这只是一条记录，不会通知或叫醒任何人。",
    "hint": (
        "请检查时间服务是否在运行（timedatectl、chronyc tracking），以及能否连到它的服务器（UDP 123 端口）；"
        "如果没有，请安装 chrony。请让它逐步校正：节点投票时不要手动设置时钟。"
        "在容器或虚拟机中，时钟由宿主机负责。"
    ),
    "ended": "节点 {name} 的时钟不再有偏差",
    "ended.true_again": "节点 {name} 的时钟已恢复准确",
    "ended.kept": "节点 {name} 的时钟又有服务校正",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="clock_off",
    en=EN,
    zh=ZH,
    titles=(
        Line("title.apart", ("apart",)),
        Line("title.unkept", ("unkept",)),
        Line("title", ("offset",)),
    ),
    lines=(
        Line("apart", ("apart",)),
        Line("unkept", ("unkept",)),
        Line("noted", ("unkept",), lacks=("apart",)),
    ),
    private="a machine whose clock can be moved loses its votes",
    well_ended=frozenset({"true_again", "kept"}),
)
