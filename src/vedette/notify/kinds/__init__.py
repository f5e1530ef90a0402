"""The kinds of contact points: one file each."""

from collections.abc import Mapping

from vedette.notify.kinds import (
    alertmanager,
    apprise,
    dingtalk,
    discord,
    email,
    feishu,
    ntfy,
    pagerduty,
    slack,
    telegram,
    webhook,
    wecom,
)
from vedette.notify.kinds.kind import Channel, Config, Field, Kind, Means

__all__ = ["KINDS", "Channel", "Config", "Field", "Kind", "Means"]

KINDS: Mapping[str, Kind] = {
    one.name: one
    for one in (
        email.kind,
        telegram.kind,
        slack.kind,
        discord.kind,
        ntfy.kind,
        pagerduty.kind,
        dingtalk.kind,
        feishu.kind,
        wecom.kind,
        webhook.kind,
        alertmanager.kind,
        apprise.kind,
    )
}
