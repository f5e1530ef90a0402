"""One file a rule: what is said of its incidents, in every language."""

from collections.abc import Iterator, Mapping

from vedette.notify.rules import (
    absent_votes,
    backup_not_ready,
    bridge_idle,
    certificate_ending,
    channel_failing,
    clock_off,
    disk_filling,
    dispute_locked,
    double_voting,
    execution_behind,
    few_peers,
    force_retired,
    fork_deadline,
    key_changed,
    lagging,
    low_gas,
    memory_short,
    network_participation,
    node_down,
    node_silent,
    not_elected,
    pos_stuck,
    pow_stuck,
    restart_loop,
    reward_missing,
    rpc_exposed,
    rpc_silent,
    source_bad,
    stake_changed,
    storm,
    unlock_near,
    vote_quality,
    voting_off,
    voting_without_signing,
    wrong_fork,
)
from vedette.notify.rules.saying import Saying
from vedette.notify.words import COMMON, Lang

SAYINGS: Mapping[str, Saying] = {
    one.rule: one
    for one in (
        absent_votes.saying,
        double_voting.saying,
        force_retired.saying,
        dispute_locked.saying,
        pos_stuck.saying,
        voting_without_signing.saying,
        pow_stuck.saying,
        lagging.saying,
        execution_behind.saying,
        rpc_silent.saying,
        voting_off.saying,
        node_down.saying,
        node_silent.saying,
        wrong_fork.saying,
        key_changed.saying,
        fork_deadline.saying,
        disk_filling.saying,
        memory_short.saying,
        few_peers.saying,
        rpc_exposed.saying,
        clock_off.saying,
        restart_loop.saying,
        storm.saying,
        network_participation.saying,
        vote_quality.saying,
        reward_missing.saying,
        stake_changed.saying,
        low_gas.saying,
        bridge_idle.saying,
        source_bad.saying,
        channel_failing.saying,
        not_elected.saying,
        backup_not_ready.saying,
        certificate_ending.saying,
        unlock_near.saying,
    )
}


def _sentences(lang: Lang) -> Iterator[tuple[str, str]]:
    yield from COMMON[lang].items()
    for one in SAYINGS.values():
        own = one.en if lang == "en" else one.zh
        yield from ((f"{one.rule}.{key}", sentence) for key, sentence in own.items())


CATALOGUE: Mapping[Lang, Mapping[str, str]] = {lang: dict(_sentences(lang)) for lang in COMMON}
"""Every sentence that a message may hold, by its key: of a rule, `RULE.KEY`."""
