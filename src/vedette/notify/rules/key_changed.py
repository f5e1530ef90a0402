"""What is said of a node whose PoS address is not the expected one."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Key changed",
    "why": "A node's own PoS address is not the one that its operator expects: its stake stands unsigned.",
    "title": "node {name} has another PoS key than it should",
    "own": "The address of its own key is {pos_address}.",
    "expected": "Its agent was told to expect {expected_address}.",
    "hint": (
        "look for pos_config/pos_key: where it is missing, the node has made itself a new one. Stop the "
        "node, put the right pos_key back from your copy (with its password), see that no other machine "
        "votes with it, then start the node. If the new address is meant, set it as --pos-address of the "
        "agent. The address is asked at each start and each hour."
    ),
    "ended": "node {name} is no longer found with another PoS key",
    "ended.same_again": "node {name} has the expected PoS key again",
    "ended.not_compared": "node {name} has no expected PoS address any more",
    "ended.not_watched": "node {name} is no longer watched",
}

ZH = {
    "name": "密钥变更",
    "why": "节点自己的 PoS 地址与运营者预期的不同：它的质押没有人签名。",
    "title": "节点 {name} 的 PoS 密钥与应有的不同",
    "own": "它自己密钥的地址是 {pos_address}。",
    "expected": "它的代理被告知应为 {expected_address}。",
    "hint": (
        "请检查 pos_config/pos_key：如果文件缺失，节点会自己生成新的密钥。请停止节点，从备份恢复正确的 "
        "pos_key（及其密码），确认没有其他机器用它投票，再启动节点。如果新地址是有意更换的，"
        "请把它设为代理的 --pos-address。地址在每次启动时以及每小时查询一次。"
    ),
    "ended": "节点 {name} 的 PoS 密钥不再有异常",
    "ended.same_again": "节点 {name} 的 PoS 密钥已恢复为预期的密钥",
    "ended.not_compared": "节点 {name} 不再设有预期的 PoS 地址",
    "ended.not_watched": "节点 {name} 已不在监控之列",
}

saying = Saying(
    rule="key_changed",
    en=EN,
    zh=ZH,
    lines=(Line("own", ("pos_address",)), Line("expected", ("expected_address",))),
    private="it says which node holds a validator's key",
    well_ended=frozenset({"same_again"}),
)
