"""`vedette rules` and `vedette tales`, as a person at a terminal meets them."""

import textwrap
from pathlib import Path

import msgspec
import pytest

from vedette.alerts.limits import Preset
from vedette.alerts.rules import RULES
from vedette.model.errors import SettingError
from vedette.server.rule_commands import rules, tales

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "rules.md"
NAP = """
tale: a nap that is too short to be told
round: 30s
strips: { alice: "s*10 a*9 s*10" }
expect: []
"""
WRONG = """
tale: a death that is expected too late
nodes: { n1: null }
events: [{ at: 1m, node: n1, does: dies }]
until: 2m
expect: [{ at: 90s, say: opened, key: node_down/n1 }]
"""

Capture = pytest.CaptureFixture[str]


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_every_rule_is_printed_with_why_and_what_it_goes_by(capsys: Capture) -> None:
    rules()
    said = capsys.readouterr().out
    assert all(f"\n{rule.name}: " in f"\n{said}" for rule in RULES)
    assert "absent_votes: Missing votes (validator)" in said
    assert "    few_count = 3\n" in said


def test_a_preset_and_a_settings_file_are_told_beside_the_default(tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "vedette.toml"
    config.write_text("[alerts.rules.few_peers]\nalone_seconds = 60\n")
    rules("few_peers", config=config, preset=Preset.QUIET, language="zh")
    said = capsys.readouterr().out
    assert said.startswith("few_peers: 对等节点太少 (node)\n")
    assert "    few_count = 1   (default 3)\n" in said
    assert "    alone_seconds = 60   (default 300)\n" in said


def test_a_program_gets_them_as_json(capsys: Capture) -> None:
    rules("disk_filling", json=True)
    (told,) = msgspec.json.decode(capsys.readouterr().out)["rules"]
    assert told["limits"]["warning_days"] == {"value": 14.0, "default": 14.0}


def test_a_rule_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(SettingError, match=r"there is no rule disk_filing .*disk_filling"):
        rules("disk_filing")


def test_a_tale_that_holds_is_said_to_hold(tmp_path: Path, capsys: Capture) -> None:
    tales(written(tmp_path, nap=NAP))
    assert "1 of 1 tales hold" in capsys.readouterr().out


def test_the_tale_in_the_docs_holds(tmp_path: Path, capsys: Capture) -> None:
    page = HOW_TO.read_text()
    shown = page[page.index("    # mine.yaml") : page.index("    vedette tales mine.yaml")]
    tales(written(tmp_path, mine=textwrap.dedent(shown)))
    assert "1 of 1 tales hold" in capsys.readouterr().out


def test_a_tale_that_does_not_hold_says_what_was_told_and_ends_with_status_1(
    tmp_path: Path, capsys: Capture
) -> None:
    with pytest.raises(SystemExit) as ended:
        tales(written(tmp_path, nap=NAP, wrong=WRONG))
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "does not hold: a death that is expected too late" in said
    assert "  said, not expected: at 1m: opened node_down/n1 (warning)" in said
    assert "1 of 2 tales hold" in said


def test_a_tale_goes_by_the_limits_of_the_settings(tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "vedette.toml"
    config.write_text("[alerts]\nabsent_blocks = 9\n")
    with pytest.raises(SystemExit):
        tales(written(tmp_path, nap=NAP), config=config)
    assert "said, not expected: at 9m30s: opened absent_votes/alice" in capsys.readouterr().out


def test_messages_are_told_as_people_would_get_them(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        tales(written(tmp_path, wrong=WRONG), tell=True)
    said = capsys.readouterr().out
    assert "  at 1m:\n" in said
    assert "    Warning: node n1 is down\n" in said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tale: [", r"bad\.yaml is not YAML: "),
        ("strips: { alice: 'x*3' }", r"bad\.yaml: 'x\*3' is not understood"),
        ("- 1", r"bad\.yaml: the tale must be names with values"),
    ],
)
def test_what_is_no_tale_is_refused_with_its_file(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(SettingError, match=line):
        tales(written(tmp_path, bad=text))


def test_a_file_or_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"there is no \*\.yaml in "):
        tales(tmp_path)
    with pytest.raises(SettingError, match=r"cannot read .*gone\.yaml: No such file"):
        tales(tmp_path / "gone.yaml")
    with pytest.raises(SettingError, match="name a file of a tale"):
        tales()
