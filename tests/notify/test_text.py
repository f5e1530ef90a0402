"""Every message in both languages: whole, plain, and carrying nothing that was not meant."""

import string
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.alerts.rules import RULES
from vedette.alerts.tale import lived, parse
from vedette.model.incident import Acknowledgement, Facts, Incident, Reason, Severity, Subject, SubjectKind
from vedette.notify import text
from vedette.notify.rules import CATALOGUE, SAYINGS
from vedette.notify.rules.saying import PUBLIC_FACTS
from vedette.notify.text import (
    PUBLIC_RULES,
    clean,
    duration,
    incident_title,
    moment,
    public_title,
    render,
    trial,
)
from vedette.notify.words import Lang

TALES = Path(__file__).parents[1] / "tales"
T = 1_763_819_000_000
MINUTE = 60_000
LANGS: tuple[Lang, ...] = ("en", "zh")
EN, ZH = CATALOGUE["en"], CATALOGUE["zh"]
W, C = Severity.WARNING, Severity.CRITICAL
VALIDATOR = Subject(SubjectKind.VALIDATOR, "0x" + "ab" * 32, "node-a")
NODE = Subject(SubjectKind.NODE, "n1", "node-a")

ABSENT: Facts = {"absent_blocks": 12, "votes": 50, "first_absent_height": 991, "last_signed_height": 990}
LONG_ABSENT: Facts = {"absent_blocks": 120, "votes": 1, "begun_before_window": 1}
DEAD: Facts = {"votes": 50, "died_at_ms": T - 900}
OVERRUN: Facts = {**DEAD, "planned_stop_overrun": 1, "planned_stop_until_ms": T - 500}
SILENT: Facts = {"votes": 50, "heard_at_ms": T - 15_000}
LEFT: Facts = {"votes": 20, "leaves": 1, "height": 990, "changed_at_ms": T}
EXPLAINERS = ("pool", "forced_retirement", "announced")
UNLOCKING: Facts = {"unlocking_votes": 4, "unlocked_votes": 2, "deadline_ms": T + 3_600_000}
CASES: list[tuple[str, Subject, Facts, tuple[str, ...]]] = [
    ("absent_votes", VALIDATOR, ABSENT, ("signs_again", "not_elected", "not_watched")),
    ("absent_votes", VALIDATOR, LONG_ABSENT, ("signs_again",)),
    ("absent_votes", VALIDATOR, {"absent_blocks": 1}, ()),
    ("node_down", NODE, DEAD, ("running", "planned", "not_watched")),
    ("node_down", NODE, OVERRUN, ("running",)),
    ("node_down", NODE, {"votes": 0}, ()),
    *(("node_down", NODE, {"votes": 0, "role": role}, ()) for role in ("rpc", "backup", "archive")),
    ("node_silent", NODE, SILENT, ("heard", "planned", "not_watched")),
    ("node_silent", NODE, {**SILENT, "validator_absent": 1}, ("heard",)),
    ("node_silent", NODE, {**SILENT, "agentless": 1}, ("heard",)),
    ("vote_quality", VALIDATOR, {"value": 88, "missed_blocks": 40, "calibrating": 1}, ("signs_well",)),
    *(("stake_changed", VALIDATOR, {**LEFT, f"by_{who}": 1}, ("past", "explained")) for who in EXPLAINERS),
    # Noted only, so no tale speaks of it.
    (
        "unlock_near",
        VALIDATOR,
        {**UNLOCKING, "pool": "a pool"},
        ("none_left", "not_watched"),
    ),
    ("unlock_near", VALIDATOR, {"unlocked_votes": 2, "unlocking_votes": 0}, ()),
    ("clock_off", NODE, {"unkept": 1}, ("kept",)),
    ("of_tomorrow", NODE, {}, ("somehow",)),
]


def incident(
    rule: str = "node_down", subject: Subject = NODE, facts: Facts = DEAD, severity: Severity = W
) -> Incident:
    return Incident(7, f"{rule}/x", rule, 1, severity, subject, facts, T, T, severity, 1)


def resolved(one: Incident, ended: str | None, after_ms: int = 95_000) -> Incident:
    facts = one.facts if ended is None else {**one.facts, "ended": ended}
    return replace(one, facts=facts, resolved_at_ms=T + after_ms)


ACK = "https://watch.example.org/ack/t0ken?a=1&b=2"


def say(
    one: Incident, reason: Reason, lang: Lang = "en", now_ms: int = T + MINUTE, ack_url: str | None = None
) -> text.Message:
    return render(one, reason, lang, "https://watch.example.org/", "7/1/opened/email", now_ms, ack_url)


def all_messages(lang: Lang) -> list[text.Message]:
    said = []
    for rule, subject, facts, endings in CASES:
        for severity in Severity:
            one = incident(rule, subject, facts, severity)
            said += [say(one, reason, lang) for reason in Reason if reason is not Reason.RESOLVED]
            said += [say(resolved(one, ended), Reason.RESOLVED, lang) for ended in (None, *endings)]
    return said


@cache
def lived_tales() -> list[tuple[int, Incident, Reason]]:
    """What is said in all tales: by them every rule's sentences are spoken."""
    tales = [parse(yaml.safe_load(path.read_text())) for path in TALES.glob("*.yaml")]
    return [told for tale in tales for told in lived(tale)]


def tale_messages(lang: Lang) -> list[text.Message]:
    """All that is said in the tales, and each way in which an incident of theirs may end."""
    newest = {one.rule: one for _, one, _ in lived_tales()}
    ends = [
        resolved(one, word)
        for rule, one in newest.items()
        for word in {None, *(key.rpartition(".")[2] for key in SAYINGS[rule].en if key.startswith("end"))}
    ]
    lived = [say(one, reason, lang, now_ms) for now_ms, one, reason in lived_tales()]
    return lived + [say(one, Reason.RESOLVED, lang) for one in ends]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_both_languages_have_the_same_sentences() -> None:
    assert EN.keys() == ZH.keys()


def test_a_sentence_names_the_same_facts_in_both_languages() -> None:
    differing = [key for key in EN if placeholders(EN[key]) != placeholders(ZH[key])]
    assert differing == []


class Listening(dict[str, str]):
    """Sentences that remember which of them were asked for."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        super().__init__(sentences)
        self.used: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.used.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.used.add(key)
        return super().get(key, default)


def test_every_sentence_is_used_and_every_message_of_a_tale_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """One test for both: to live through all tales takes half a minute."""
    heard: dict[Lang, Listening] = {lang: Listening(CATALOGUE[lang]) for lang in LANGS}
    monkeypatch.setattr(text, "CATALOGUE", heard)
    for lang in LANGS:
        all_messages(lang)
        for message in tale_messages(lang):
            assert message.body_text.splitlines()[0] == message.title
            assert "{" not in message.body_text + message.body_html
            assert "None" not in message.body_text
        for span_ms in (0, 1_000, 90_061_000):
            duration(span_ms, lang)
        say(incident(facts={"votes": 1}), Reason.OPENED, lang, ack_url=ACK)
        trial("phone", lang, None, "test/1", 1)
        for rule in PUBLIC_RULES:
            public_title(incident(rule, facts={}), lang)
        of_pages = {f"{rule}.{key}" for rule in SAYINGS for key in ("name", "why")}
        assert CATALOGUE[lang].keys() <= heard[lang].used | of_pages


@pytest.mark.parametrize("lang", LANGS)
def test_every_message_is_whole(lang: Lang) -> None:
    for message in all_messages(lang):
        lines = message.body_text.splitlines()
        assert lines[0] == message.title
        assert "{" not in message.body_text + message.body_html
        assert "None" not in message.body_text
        assert "node-a" in message.title
        assert "https://watch.example.org/incidents/7" in lines[-1]


@pytest.mark.parametrize("lang, words", [("en", "What to do: "), ("zh", "处理建议：")])
def test_a_trouble_comes_with_what_to_do_and_its_end_does_not(lang: Lang, words: str) -> None:
    assert words in say(incident(), Reason.OPENED, lang).body_text
    assert words not in say(resolved(incident(), "running"), Reason.RESOLVED, lang).body_text


def test_what_to_do_fits_the_nodes_role_but_a_member_is_a_voter() -> None:
    def told(facts: Facts) -> str:
        return say(incident(facts=facts), Reason.OPENED, "en").body_text

    assert "to another endpoint" in told({"votes": 0, "role": "rpc"})
    assert "with voting off" in told({"votes": 0, "role": "backup"})
    assert "Do not start its key anywhere else" in told({"votes": 3, "role": "backup"})
    assert "Do not start its key anywhere else" in told({"votes": 0, "role": "full"})


@pytest.mark.parametrize(
    "rule, facts, reason, severity, title",
    [
        ("node_down", DEAD, Reason.OPENED, W, "Warning: node node-a is down"),
        ("node_down", DEAD, Reason.ESCALATED, C, "Now critical: node node-a is down"),
        ("node_down", DEAD, Reason.REMINDED, C, "Still critical: node node-a is down (for 3 min)"),
        (
            "node_down",
            OVERRUN,
            Reason.OPENED,
            W,
            "Warning: node node-a has not returned from its planned stop",
        ),
        ("node_silent", SILENT, Reason.OPENED, W, "Warning: node node-a is silent"),
        ("absent_votes", ABSENT, Reason.OPENED, W, "Warning: validator node-a has missed 12 blocks"),
        (
            "absent_votes",
            LONG_ABSENT,
            Reason.OPENED,
            C,
            "Critical: validator node-a has missed more than 120 blocks",
        ),
        (
            "absent_votes",
            {"absent_blocks": 1},
            Reason.OPENED,
            W,
            "Warning: validator node-a has missed 1 block",
        ),
        ("absent_votes", {}, Reason.OPENED, W, "Warning: absent_votes: node-a"),
    ],
)
def test_the_first_line_says_how_bad_what_and_where(
    rule: str, facts: Facts, reason: Reason, severity: Severity, title: str
) -> None:
    assert say(incident(rule, NODE, facts, severity), reason, now_ms=T + 3 * MINUTE).title == title


@pytest.mark.parametrize(
    "rule, ended, title",
    [
        ("absent_votes", "signs_again", "Resolved: validator node-a signs again"),
        (
            "absent_votes",
            "not_elected",
            "Closed: validator node-a has left the committee and had not signed again",
        ),
        ("absent_votes", None, "Resolved: validator node-a is no longer found absent"),
        ("node_down", "running", "Resolved: node node-a runs again"),
        ("node_down", "planned", "Closed: node node-a is in a planned stop after all"),
        ("node_silent", "heard", "Resolved: node node-a is heard of again"),
        ("of_tomorrow", "somehow", "Closed: of_tomorrow: node-a is well again"),
    ],
)
def test_an_end_that_is_no_recovery_is_not_called_one(rule: str, ended: str | None, title: str) -> None:
    assert say(resolved(incident(rule, NODE, ABSENT), ended), Reason.RESOLVED).title == title


def test_one_whole_message_reads_like_this() -> None:
    message = say(incident("absent_votes", VALIDATOR, ABSENT), Reason.OPENED)
    assert message.body_text == (
        "Warning: validator node-a has missed 12 blocks\n"
        "\n"
        "It holds 50 votes in the committee. Nearly all others are signing, so the trouble is most likely "
        "its own.\n"
        "The first PoS block it missed is 991.\n"
        "The last PoS block it signed is 990.\n"
        "\n"
        "What to do: see that its node runs, is in sync and is set to vote; if all three hold and it still "
        "does not sign, restart it. One signed block an epoch keeps it from forced retirement. Never start "
        "a second node with its key.\n"
        "\n"
        "Details: https://watch.example.org/incidents/7\n"
    )


def test_what_comes_late_says_since_when_it_is_so() -> None:
    one = incident()
    assert "Found at" not in say(one, Reason.OPENED, now_ms=T + 4 * MINUTE).body_text
    assert "3 h ago." in say(one, Reason.OPENED, now_ms=T + 180 * MINUTE).body_text


def test_one_whole_end_reads_like_this() -> None:
    message = say(resolved(incident("absent_votes", VALIDATOR, ABSENT), "signs_again"), Reason.RESOLVED, "zh")
    assert message.body_text == (
        "【已恢复】验证者 node-a 已重新签名\n"
        "\n"
        "发现于 2025-11-22 13:43:20 UTC，结束于 2025-11-22 13:44:55 UTC，共 1 分钟 35 秒。\n"
        "期间漏签 12 个区块。\n"
        "\n"
        "详情：https://watch.example.org/incidents/7\n"
    )


def test_the_api_has_the_trouble_without_the_shouting() -> None:
    assert incident_title(incident()) == "Node node-a is down"
    assert (
        incident_title(incident("absent_votes", VALIDATOR, ABSENT), "zh") == "验证者 node-a 已漏签 12 个区块"
    )


def test_only_facts_that_a_sentence_names_are_said() -> None:
    nosy = incident(facts={**DEAD, "remote_address": "192.0.2.7", "votes": 50})
    message = say(nosy, Reason.OPENED)
    assert "192.0.2.7" not in message.body_text + message.body_html


def test_html_is_escaped() -> None:
    evil = incident(subject=Subject(SubjectKind.NODE, "n1", '<img src=x onerror="alert(1)"> & co'))
    html = say(evil, Reason.OPENED).body_html
    assert "<img" not in html
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; co" in html


def test_braces_in_a_name_are_only_braces() -> None:
    assert "{key}" in say(incident(subject=Subject(SubjectKind.NODE, "n1", "{key}")), Reason.OPENED).title


def test_without_an_address_of_the_page_there_is_no_link() -> None:
    message = render(incident(), Reason.OPENED, "en", None, "k", T)
    assert message.url is None
    assert "Details" not in message.body_text + message.body_html


@pytest.mark.parametrize("rule", [one.name for one in RULES])
def test_a_rule_says_what_the_public_may_read_of_it_or_why_nothing(rule: str) -> None:
    about = next(one.about for one in RULES if one.name == rule)
    saying = SAYINGS[rule]
    assert not (saying.public and saying.private)
    can_be_public = about in {SubjectKind.NODE, SubjectKind.VALIDATOR}
    assert bool(saying.public or saying.private) == can_be_public


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("rule", sorted(PUBLIC_RULES))
def test_a_public_title_is_a_sentence_whatever_facts_there_are(rule: str, lang: Lang) -> None:
    public = SAYINGS[rule].public
    assert {fact for line in public for fact in (*line.needs, *line.lacks)} <= PUBLIC_FACTS
    named = {name for line in public for name in placeholders(CATALOGUE[lang][f"{rule}.{line.key}"])}
    assert named <= {"name", "blocks"}
    bare = public_title(incident(rule, facts={}), lang)
    assert "node-a" in bare
    assert rule not in bare, "the fallback, which says nothing to anybody"


def test_a_public_title_tells_no_more_than_it_may() -> None:
    assert public_title(incident("node_silent", NODE, {**SILENT, "validator_absent": 1})) == (
        "Node node-a is silent"
    )
    assert (
        public_title(incident("absent_votes", VALIDATOR, ABSENT)) == "Validator node-a has missed 12 blocks"
    )
    assert public_title(incident("wrong_fork", NODE, {"invalid_state_lines": 3}), "zh") == (
        "节点 node-a 与其他节点不在同一条链上"
    )


def test_a_webhook_gets_the_incident_as_plain_data() -> None:
    plain = say(incident(), Reason.OPENED).incident
    assert plain == {
        "id": 7,
        "key": "node_down/x",
        "rule": "node_down",
        "severity": "warning",
        "state": "open",
        "subject": {"kind": "node", "id": "n1", "name": "node-a"},
        "title": "Node node-a is down",
        "facts": DEAD,
        "opened_at_ms": T,
        "resolved_at_ms": None,
    }


@pytest.mark.parametrize(
    "span_ms, en, zh",
    [
        (-5, "less than 1 s", "不到 1 秒"),
        (999, "less than 1 s", "不到 1 秒"),
        (1_000, "1 s", "1 秒"),
        (59_999, "59 s", "59 秒"),
        (180_000, "3 min", "3 分钟"),
        (200_000, "3 min 20 s", "3 分钟 20 秒"),
        (3_605_000, "1 h", "1 小时"),
        (7_500_000, "2 h 5 min", "2 小时 5 分钟"),
        (97_200_000, "1 d 3 h", "1 天 3 小时"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(span_ms: int, en: str, zh: str) -> None:
    assert (duration(span_ms, "en"), duration(span_ms, "zh")) == (en, zh)


def test_a_moment_that_no_calendar_holds_is_still_said() -> None:
    assert moment(T) == "2025-11-22 13:43:20 UTC"
    assert moment(10**18) == str(10**18)


@settings(deadline=None)
@given(st.text())
def test_a_name_stays_in_its_line(name: str) -> None:
    line = clean(name)
    assert len(line) <= 80
    assert line.isprintable()
    assert len(line.splitlines()) <= 1


FACTS = st.dictionaries(
    st.sampled_from(sorted({*ABSENT, *LONG_ABSENT, *OVERRUN, *SILENT, "validator_absent", "ended", "key"})),
    st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=9)),
)


@settings(deadline=None)
@given(
    FACTS,
    st.sampled_from(Reason),
    st.sampled_from(LANGS),
    st.sampled_from([*SAYINGS, "other"]),
    st.text(),
)
def test_whatever_the_facts_a_message_is_made(
    facts: Facts, reason: Reason, lang: Lang, rule: str, name: str
) -> None:
    one = incident(rule, Subject(SubjectKind.NODE, "n", name), facts)
    message = render(one, reason, lang, None, "k", T)
    assert len(message.title.splitlines()) == 1


@pytest.mark.parametrize("lang, label", [("en", "I am on it"), ("zh", "我来处理")])
def test_a_signed_link_stands_in_text_html_and_parts(lang: Lang, label: str) -> None:
    said = say(incident(), Reason.OPENED, lang, ack_url=ACK)
    assert [(action.name, action.label, action.url) for action in said.actions] == [
        ("acknowledge", label, ACK)
    ]
    assert ACK in said.body_text
    assert f'<a href="{ACK.replace("&", "&amp;")}">{label}</a>' in said.body_html
    assert ACK not in repr(said.actions)


def test_what_somebody_had_rings_anew_when_it_is_given_back_or_grew_worse() -> None:
    one = incident("node_down", NODE, {})
    acked = replace(one, acked=Acknowledgement(0, "ana", Severity.WARNING))
    for what, reason, anew in (
        (one, Reason.ESCALATED, False),
        (acked, Reason.ESCALATED, True),
        (acked, Reason.REMINDED, False),
        (one, Reason.TAKEN_BACK, True),
    ):
        assert render(what, reason, "en", None, "k", one.opened_at_ms).rings_anew is anew


def test_what_is_over_is_for_nobody_to_take_on() -> None:
    said = say(resolved(incident(), "running"), Reason.RESOLVED, ack_url=ACK)
    assert said.actions == ()
    assert ACK not in said.body_text + said.body_html


@pytest.mark.parametrize("lang", LANGS)
def test_a_message_has_its_parts(lang: Lang) -> None:
    said = say(incident(), Reason.OPENED, lang)
    assert said.lang == lang
    assert said.body_text.split("\n\n")[1].splitlines() == list(said.lines)
    assert said.hint is not None
    assert said.hint in said.body_text


@pytest.mark.parametrize("lang", LANGS)
def test_the_message_of_the_test_button_says_so(lang: Lang) -> None:
    said = trial("pho\r\nne", lang, "https://watch.example.org", "test/1", 1)
    assert (said.kind, said.incident, len(said.title.splitlines())) == ("test", {}, 1)
    assert "pho ne" in said.title
    assert said.body_text.startswith(f"{said.title}\n")
