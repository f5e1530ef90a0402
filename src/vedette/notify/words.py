"""Every sentence that a message may hold, in every language. A sentence's name is its key.

Placeholders are filled by text.py: `name` is the subject's, `blocks` and `votes` are counted nouns, a fact
`x_at_ms` gives `x_at` (date and time, UTC) and `x_at_ago` (how long ago).
"""

from collections.abc import Mapping
from typing import Literal

Lang = Literal["en", "zh"]

EN = {
    "severity.info": "Note",
    "severity.warning": "Warning",
    "severity.critical": "Critical",
    "title.opened": "{severity}: {what}",
    "title.escalated": "Now {severity_lower}: {what}",
    "title.reminded": "Still {severity_lower}: {what} (for {duration})",
    "title.resolved": "Resolved: {what}",
    "title.closed": "Closed: {what}",
    "unit.day": "{n} d",
    "unit.hour": "{n} h",
    "unit.minute": "{n} min",
    "unit.second": "{n} s",
    "unit.none": "less than 1 s",
    "unit.join": " ",
    "count.block.one": "1 block",
    "count.block.many": "{n} blocks",
    "count.block.more": "more than {n} blocks",
    "count.vote.one": "1 vote",
    "count.vote.many": "{n} votes",
    "line.since": "Found at {opened_at}, {duration} ago.",
    "line.lasted": "Found at {opened_at}, over at {resolved_at}: {duration}.",
    "line.hint": "What to do: {hint}",
    "line.link": "Details: {url}",
    "absent_votes.title": "validator {name} has missed {blocks}",
    "absent_votes.votes": (
        "It holds {votes} in the committee. Nearly all others are signing, so the trouble is most likely "
        "its own."
    ),
    "absent_votes.first": "The first PoS block it missed is {first_absent_height}.",
    "absent_votes.last": "The last PoS block it signed is {last_signed_height}.",
    "absent_votes.never": "It was not seen signing within the blocks we look at.",
    "absent_votes.hint": (
        "see that its node runs, is in sync and is set to vote; if all three hold and it still does not "
        "sign, restart it. One signed block an epoch keeps it from forced retirement. Never start a second "
        "node with its key."
    ),
    "absent_votes.ended": "validator {name} is no longer found absent",
    "absent_votes.ended.signs_again": "validator {name} signs again",
    "absent_votes.ended.not_elected": "validator {name} has left the committee and had not signed again",
    "absent_votes.ended.not_watched": "validator {name} is no longer watched",
    "absent_votes.ending": "It missed {blocks}.",
    "absent_votes.ending.not_elected": (
        "Nothing is expected of it now. If nobody meant it to leave, look at its account: it may have been "
        "retired by force."
    ),
    "node_down.title": "node {name} is down",
    "node_down.title.overrun": "node {name} has not returned from its planned stop",
    "node_down.died": "Its process ended at {died_at}, {died_at_ago} ago.",
    "node_down.overrun": "The stop was planned until {planned_stop_until}, {planned_stop_until_ago} ago.",
    "node_down.votes": (
        "Its validator holds {votes} in the committee: each block that it does not sign costs reward."
    ),
    "node_down.no_votes": "No committee vote depends on it now.",
    "node_down.hint": (
        "read the end of its log, then start it again. Do not start its key anywhere else: two voters with "
        "one key are punished."
    ),
    "node_down.hint.rpc": (
        "send whoever asks it to another endpoint, then read the end of its log and start it again."
    ),
    "node_down.hint.backup": (
        "start it again with voting off. Its key votes elsewhere, and two voters with one key are punished."
    ),
    "node_down.hint.archive": (
        "read the end of its log and look at its disk, then start it again. While an archive recovers, which "
        "takes long, it answers nothing."
    ),
    "node_down.ended": "node {name} is no longer found down",
    "node_down.ended.running": "node {name} runs again",
    "node_down.ended.planned": "node {name} is in a planned stop after all",
    "node_down.ended.not_watched": "node {name} is no longer watched",
    "node_silent.title": "node {name} is silent",
    "node_silent.title.absent": "node {name} is silent and its validator does not sign",
    "node_silent.title.agentless": "endpoint {name} does not answer",
    "node_silent.heard.agentless": (
        "It last answered at {heard_at}, {heard_at_ago} ago; this server asks it from outside."
    ),
    "node_silent.heard": (
        "Its agent was last heard of at {heard_at}, {heard_at_ago} ago. Whether the node itself runs is "
        "not known."
    ),
    "node_silent.absent": (
        "Its validator, with {votes}, is missing from the newest block as well: the host is probably gone."
    ),
    "node_silent.hint.agentless": "its page in Vedette says why the last rounds failed.",
    "node_silent.hint": (
        "look at the host first: is it up, and does it reach this server? Then at the agent's log. If the "
        "host stays lost, make sure that it cannot come back voting before its key is started elsewhere."
    ),
    "node_silent.ended": "node {name} is no longer found silent",
    "node_silent.ended.heard": "node {name} is heard of again",
    "node_silent.ended.planned": "node {name} is in a planned stop after all",
    "node_silent.ended.not_watched": "node {name} is no longer watched",
    "other.title": "{rule}: {name}",
    "other.ended": "{rule}: {name} is well again",
}

ZH = {
    "severity.info": "提示",
    "severity.warning": "警告",
    "severity.critical": "严重",
    "title.opened": "【{severity}】{what}",
    "title.escalated": "【升级为{severity_lower}】{what}",
    "title.reminded": "【仍为{severity_lower}】{what}（已持续 {duration}）",
    "title.resolved": "【已恢复】{what}",
    "title.closed": "【已关闭】{what}",
    "unit.day": "{n} 天",
    "unit.hour": "{n} 小时",
    "unit.minute": "{n} 分钟",
    "unit.second": "{n} 秒",
    "unit.none": "不到 1 秒",
    "unit.join": " ",
    "count.block.one": "1 个区块",
    "count.block.many": "{n} 个区块",
    "count.block.more": "{n} 个以上的区块",
    "count.vote.one": "1 票",
    "count.vote.many": "{n} 票",
    "line.since": "发现于 {opened_at}（{duration}前）。",
    "line.lasted": "发现于 {opened_at}，结束于 {resolved_at}，共 {duration}。",
    "line.hint": "处理建议：{hint}",
    "line.link": "详情：{url}",
    "absent_votes.title": "验证者 {name} 已漏签 {blocks}",
    "absent_votes.votes": "它在委员会中有 {votes}。其他成员几乎都在签名，所以问题很可能出在它自己。",
    "absent_votes.first": "第一个漏签的 PoS 区块是 {first_absent_height}。",
    "absent_votes.last": "最后一个已签名的 PoS 区块是 {last_signed_height}。",
    "absent_votes.never": "在我们查看的区块范围内，没有见到它签名。",
    "absent_votes.hint": (
        "请确认它的节点正在运行、已同步，并且开启了投票；如果三项都正常却仍不签名，请重启节点。"
        "每个纪元只要签一个区块，就不会被强制退出。切勿用同一把密钥启动第二个节点。"
    ),
    "absent_votes.ended": "验证者 {name} 不再缺席",
    "absent_votes.ended.signs_again": "验证者 {name} 已重新签名",
    "absent_votes.ended.not_elected": "验证者 {name} 已离开委员会，此前没有恢复签名",
    "absent_votes.ended.not_watched": "验证者 {name} 已不在监控之列",
    "absent_votes.ending": "期间漏签 {blocks}。",
    "absent_votes.ending.not_elected": (
        "现在不再需要它签名。如果没有人安排它退出，请查看它的账户：它可能已被强制退出。"
    ),
    "node_down.title": "节点 {name} 已停止运行",
    "node_down.title.overrun": "节点 {name} 在计划停机结束后没有恢复",
    "node_down.died": "它的进程于 {died_at} 结束（{died_at_ago}前）。",
    "node_down.overrun": "计划停机应于 {planned_stop_until} 结束（{planned_stop_until_ago}前）。",
    "node_down.votes": "它的验证者在委员会中有 {votes}：每漏签一个区块都会损失奖励。",
    "node_down.no_votes": "目前没有委员会的票数依赖它。",
    "node_down.hint": (
        "请先查看日志的末尾，再重新启动节点。不要在别处启用它的密钥：同一把密钥有两个投票者会受到惩罚。"
    ),
    "node_down.hint.rpc": "请先把请求转到其他端点，再查看日志的末尾并重新启动节点。",
    "node_down.hint.backup": (
        "请在关闭投票的情况下重新启动。它的密钥在别处投票，同一把密钥有两个投票者会受到惩罚。"
    ),
    "node_down.hint.archive": (
        "请先查看日志的末尾和磁盘空间，再重新启动节点。归档节点恢复需要很久，其间不会应答。"
    ),
    "node_down.ended": "节点 {name} 不再处于停止状态",
    "node_down.ended.running": "节点 {name} 已恢复运行",
    "node_down.ended.planned": "节点 {name} 已登记为计划停机",
    "node_down.ended.not_watched": "节点 {name} 已不在监控之列",
    "node_silent.title": "节点 {name} 失去联系",
    "node_silent.title.absent": "节点 {name} 失去联系，且它的验证者没有签名",
    "node_silent.title.agentless": "端点 {name} 没有应答",
    "node_silent.heard.agentless": (
        "它最后一次应答是在 {heard_at}（{heard_at_ago}前）；本服务器从外部对它进行询问。"
    ),
    "node_silent.heard": (
        "最后一次收到它的代理的消息是在 {heard_at}（{heard_at_ago}前）。节点本身是否在运行，目前不清楚。"
    ),
    "node_silent.absent": "它的验证者有 {votes}，也没有出现在最新区块的签名中：主机很可能已经失联。",
    "node_silent.hint.agentless": "它在 Vedette 中的页面写明了最近几轮失败的原因。",
    "node_silent.hint": (
        "请先检查主机：是否开机，能否连到本服务器？然后查看代理的日志。"
        "如果主机无法找回，在别处启用它的密钥之前，务必确保原主机不会再恢复投票。"
    ),
    "node_silent.ended": "节点 {name} 不再失联",
    "node_silent.ended.heard": "节点 {name} 已恢复联系",
    "node_silent.ended.planned": "节点 {name} 已登记为计划停机",
    "node_silent.ended.not_watched": "节点 {name} 已不在监控之列",
    "other.title": "{rule}：{name}",
    "other.ended": "{rule}：{name} 已恢复正常",
}

CATALOGUE: Mapping[Lang, Mapping[str, str]] = {"en": EN, "zh": ZH}
