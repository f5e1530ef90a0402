"""What is said of an endpoint whose certificate ends."""

from vedette.notify.rules.saying import Line, Saying

EN = {
    "name": "Certificate ending",
    "why": "An endpoint's certificate ends soon or has ended; then every client refuses to talk to it.",
    "title": "the certificate of endpoint {name} ends {deadline}",
    "title.over": "the certificate of endpoint {name} has ended",
    "public": "the certificate of endpoint {name} is to be renewed",
    "over": "It ended about {deadline}, {deadline_ago} ago.",
    "left": "{deadline_in} are left.",
    "hint": (
        "renew it on the machine that ends TLS (certbot renew, or the proxy's own way), reload the proxy, "
        "and see why it was not renewed by itself: often port 80 is closed, or the timer does not run. If "
        "the endpoint is not yours, tell its operator and choose another."
    ),
    "ended": "the certificate of endpoint {name} is no longer found ending",
    "ended.renewed": "the certificate of endpoint {name} was renewed",
    "ended.not_watched": "endpoint {name} is no longer watched",
}

ZH = {
    "name": "证书到期",
    "why": "端点的证书即将到期或已经到期；到期后所有客户端都会拒绝与它通信。",
    "title": "端点 {name} 的证书将于 {deadline} 到期",
    "title.over": "端点 {name} 的证书已经到期",
    "public": "端点 {name} 的证书需要更新",
    "over": "它约在 {deadline} 到期（{deadline_ago}前）。",
    "left": "还剩 {deadline_in}。",
    "hint": (
        "请在终结 TLS 的机器上续期（certbot renew，或代理自身的方式），重新加载代理，"
        "并查明为何没有自动续期：常见原因是 80 端口关闭，或定时任务没有运行。"
        "如果端点不是自己的，请通知其运营者并改用其他端点。"
    ),
    "ended": "端点 {name} 的证书不再临近到期",
    "ended.renewed": "端点 {name} 的证书已续期",
    "ended.not_watched": "端点 {name} 已不在监控之列",
}

saying = Saying(
    rule="certificate_ending",
    en=EN,
    zh=ZH,
    titles=(Line("title.over", ("over",)), Line("title", ("deadline_ms",))),
    lines=(
        Line("over", ("over", "deadline_ms")),
        Line("left", ("deadline_ms",), lacks=("over",)),
    ),
    public=(Line("public"),),
    well_ended=frozenset({"renewed"}),
)
