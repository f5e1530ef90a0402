"""What is said when the whole network signs too little, or its epochs are final too late."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Network participation",
    "why": "So many votes of the whole committee are missing, or PoW epochs are final so late, that it is "
    "nobody's own fault.",
    "title": "the network signs with only {value} % of its votes",
    "title.finality": "the network's newest {gap_epochs} PoW epochs are not final",
    "participation": "At least {limit} % are usual. It is not your validators' fault alone: while it "
    "lasts, "
    "single absences are not told.",
    "quorum_near": "Two thirds are needed for each block: if more go missing, the PoS chain stands still.",
    "calibrating": "The chain has been followed for less than two days, so what is usual here is not known "
    "yet.",
    "finality": "More than {limit} are not usual. All endpoints that we ask agree, so it is the network.",
    "far": "Whoever waits for finality (exchanges, bridges) waits for a long time now.",
    "hint": "see the network's channels for a release or an outage, and that your own nodes run the "
    "release "
    "that is asked for. Do not restart nodes that sign.",
    "ended": "the network is well again",
    "ended.signs": "the network signs with enough of its votes again",
    "ended.final": "the network's PoW epochs become final in time again",
}

ZH = {
    "name": "全网参与率",
    "why": "整个委员会缺失的票数过多，或 PoW 纪元迟迟不能最终确认，这不是某个验证者自己的问题。",
    "title": "全网仅有 {value} % 的票数在签名",
    "title.finality": "全网最新的 {gap_epochs} 个 PoW 纪元尚未最终确认",
    "participation": "正常至少为 {limit} %。这不只是您的验证者的问题：在此期间不再单独通知漏签。",
    "quorum_near": "每个区块需要三分之二的票数：如果再有票数缺失，PoS 链将会停滞。",
    "calibrating": "跟随该链还不到两天，因此尚不清楚这里的正常水平。",
    "finality": "正常不超过 {limit} 个。我们询问的所有端点说法一致，因此是全网的问题。",
    "far": "等待最终确认的服务（交易所、跨链桥）现在需要等待很久。",
    "hint": "请查看网络官方渠道是否有新版本或故障通知，并确认您的节点运行所要求的版本。"
    "请勿重启正在签名的节点。",
    "ended": "全网已恢复正常",
    "ended.signs": "全网签名票数已恢复",
    "ended.final": "全网的 PoW 纪元已恢复及时最终确认",
}

saying = Saying(
    rule="network_participation",
    en=EN,
    zh=ZH,
    titles=(Line("title.finality", ("gap_epochs",)), Line("title")),
    lines=(
        Line("participation", ("height",)),
        Line("quorum_near", ("quorum_near",)),
        Line("calibrating", ("calibrating",)),
        Line("finality", ("gap_epochs",)),
        Line("far", ("far",)),
    ),
    well_ended=frozenset({"signs", "final"}),
)
