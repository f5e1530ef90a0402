"""The sentences that messages of every rule share, in every language.

Those of one rule stand in a file of its own in notify/rules/. A sentence's name is its key.

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
    "title.passed_on": "{severity}, and nobody has it yet: {what} (for {duration})",
    "title.acknowledged": "Somebody has it: {what}",
    "title.taken_back": "{severity}, and nobody has it any more: {what} (for {duration})",
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
    "line.flaps": (
        "It comes and goes: it came back {flaps} times. Its end is told once it has been calm for a while."
    ),
    "line.since": "Found at {opened_at}, {duration} ago.",
    "line.lasted": "Found at {opened_at}, over at {resolved_at}: {duration}.",
    "line.hint": "What to do: {hint}",
    "line.link": "Details: {url}",
    "line.action": "{label}: {url}",
    "action.acknowledge": "I am on it",
    "test.title": "Test: {name} is reached",
    "test.line": "Somebody pressed the test button of this contact point. Nothing is wrong.",
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
    "title.passed_on": "【{severity}，尚无人处理】{what}（已持续 {duration}）",
    "title.acknowledged": "【已有人处理】{what}",
    "title.taken_back": "【{severity}，已无人处理】{what}（已持续 {duration}）",
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
    "line.flaps": "它时好时坏：已反复出现 {flaps} 次。稳定一段时间后才会报告恢复。",
    "line.since": "发现于 {opened_at}（{duration}前）。",
    "line.lasted": "发现于 {opened_at}，结束于 {resolved_at}，共 {duration}。",
    "line.hint": "处理建议：{hint}",
    "line.link": "详情：{url}",
    "line.action": "{label}：{url}",
    "action.acknowledge": "我来处理",
    "test.title": "【测试】{name} 可以收到消息",
    "test.line": "有人按下了此联系点的测试按钮，没有任何故障。",
    "other.title": "{rule}：{name}",
    "other.ended": "{rule}：{name} 已恢复正常",
}

COMMON: Mapping[Lang, Mapping[str, str]] = {"en": EN, "zh": ZH}
