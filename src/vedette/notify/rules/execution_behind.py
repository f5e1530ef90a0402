"""What is said of a node that executes too slowly."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Execution behind",
    "why": "A node executes epochs more slowly than they come: what it says of balances is old.",
    "title": "node {name} is behind with execution",
    "lag": "{lag} epochs wait to be executed; 4 to 10 are usual.",
    "hint": (
        "look at its disk first (`iostat -x 5`: utilisation and wait), then at memory and swap. A slow or "
        "full disk is the usual cause; a node that has just started may need some minutes."
    ),
    "ended": "node {name} is no longer found behind with execution",
    "ended.near": "node {name} executes as fast as epochs come",
    "ended.restarting": "node {name} was started anew and catches up",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "执行落后",
    "why": "节点执行纪元的速度跟不上：它给出的余额等状态已过时。",
    "title": "节点 {name} 的执行落后",
    "lag": "有 {lag} 个纪元等待执行；通常是 4 到 10 个。",
    "hint": (
        "请先检查磁盘（`iostat -x 5`：利用率和等待时间），再检查内存和交换区。磁盘过慢或已满是常见原因；"
        "刚启动的节点可能需要几分钟。"
    ),
    "ended": "节点 {name} 的执行不再落后",
    "ended.near": "节点 {name} 的执行已跟上",
    "ended.restarting": "节点 {name} 已重新启动，正在追赶",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="execution_behind",
    en=EN,
    zh=ZH,
    lines=(Line("lag", ("lag",)),),
    public=(Line("title"),),
    well_ended=frozenset({"near"}),
)
