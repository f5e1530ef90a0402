"""Each tale of tests/tales is played, and holds."""

from pathlib import Path

import pytest
import yaml

from vedette.alerts.rules import RULES
from vedette.alerts.tale import Tale, differences, parse, play
from vedette.model.errors import SettingError

TALES = sorted(Path(__file__).parents[1].joinpath("tales").glob("*.yaml"))


def read(path: Path) -> Tale:
    return parse(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("path", TALES, ids=lambda path: path.stem)
def test_a_tale_holds(path: Path) -> None:
    assert not differences(read(path))


def test_each_rule_has_at_least_three_tales() -> None:
    texts = [f"{path.stem} {path.read_text()}" for path in TALES]
    for rule in RULES:
        assert sum(rule.name in text for text in texts) >= 3, rule.name


def test_no_title_is_told_twice() -> None:
    titles = [read(path).title for path in TALES]
    assert len(set(titles)) == len(titles)


def test_a_tale_that_expects_too_little_or_too_much_does_not_hold() -> None:
    tale = parse(
        {
            "tale": "wrong",
            "nodes": {"n1": None},
            "events": [{"at": "1m", "node": "n1", "does": "dies"}],
            "until": "2m",
            "expect": [{"at": "90s", "say": "opened", "key": "node_down/n1"}],
        }
    )
    assert differences(tale) == [
        "said, not expected: at 1m: opened node_down/n1 (warning)",
        "expected, not said: at 1m30s: opened node_down/n1 (any severity)",
    ]


def test_a_severity_is_part_of_what_is_expected() -> None:
    tale = parse(
        {
            "tale": "too loud",
            "nodes": {"n1": None},
            "events": [{"at": "1m", "node": "n1", "does": "dies"}],
            "until": "2m",
            "expect": [{"at": "1m", "say": "opened", "key": "node_down/n1", "severity": "critical"}],
        }
    )
    assert len(differences(tale)) == 2


def test_a_tale_says_everything_that_is_wrong_with_it() -> None:
    with pytest.raises(SettingError) as refusal:
        parse(
            {
                "strips": {"alice": "s*7 x*3"},
                "nodes": {"n1": "bob"},
                "events": [{"at": "soon", "node": "n2", "does": "sleeps"}],
                "expect": [{"at": "1m", "say": "shouted", "key": "k", "severity": "loud"}],
                "patience": {"remnid": "1m"},
                "color": "red",
            }
        )
    complaints = str(refusal.value).splitlines()
    wanted = ["color", "x*3", "bob", "soon", "n2", "sleeps", "shouted", "loud", "remnid", "title"]
    assert all(any(word in line for line in complaints) for word in wanted)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"numbers": {"peers.all_count": "few"}}, r"sets\[0\]\.numbers: Expected `float`, got `str`"),
        ({"layers": {"pow": {"state": "tired", "reason": "r"}}}, r"sets\[0\]\.layers: Invalid enum value"),
        ({"role": 7}, r"sets\[0\]\.role: Expected `str`, got `int`"),
    ],
)
def test_what_a_record_cannot_hold_is_refused(setting: dict[str, object], complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        parse({"tale": "t", "nodes": {"n1": None}, "sets": [{"node": "n1", **setting}]})


def test_a_record_that_is_told_in_parts_must_be_whole_in_the_end() -> None:
    tale = parse(
        {
            "tale": "t",
            "strips": {"alice": "s"},
            "sets": [{"validator": "alice", "retirement": {"certain": True}}],
        }
    )
    with pytest.raises(SettingError, match="sets: retirement: Object missing required field"):
        play(tale)


@pytest.mark.parametrize(
    "data", [None, "a tale", 7, [], {"tale": "t", "strips": []}, {"tale": "t", "events": 1}]
)
def test_what_is_no_tale_is_refused(data: object) -> None:
    with pytest.raises(SettingError, match=r"must be|has a title"):
        parse(data)


def test_an_empty_tale_says_nothing() -> None:
    assert play(parse({"tale": "nothing happens"})) == []
