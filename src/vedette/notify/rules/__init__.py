"""One file a rule: what is said of its incidents, in every language."""

from collections.abc import Iterator, Mapping

from vedette.notify.rules import (
    absent_votes,
    bridge_idle,
    channel_failing,
    low_gas,
    network_participation,
    node_down,
    node_silent,
    reward_missing,
    source_bad,
    stake_changed,
    storm,
    vote_quality,
)
from vedette.notify.rules.saying import Saying
from vedette.notify.words import COMMON, Lang

SAYINGS: Mapping[str, Saying] = {
    one.rule: one
    for one in (
        absent_votes.saying,
        node_down.saying,
        node_silent.saying,
        storm.saying,
        network_participation.saying,
        vote_quality.saying,
        reward_missing.saying,
        stake_changed.saying,
        low_gas.saying,
        bridge_idle.saying,
        source_bad.saying,
        channel_failing.saying,
    )
}


def _sentences(lang: Lang) -> Iterator[tuple[str, str]]:
    yield from COMMON[lang].items()
    for one in SAYINGS.values():
        own = one.en if lang == "en" else one.zh
        yield from ((f"{one.rule}.{key}", sentence) for key, sentence in own.items())


CATALOGUE: Mapping[Lang, Mapping[str, str]] = {lang: dict(_sentences(lang)) for lang in COMMON}
"""Every sentence that a message may hold, by its key: of a rule, `RULE.KEY`."""
