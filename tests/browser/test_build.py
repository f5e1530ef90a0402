"""What is built: small, and from one lock that names no host."""

import gzip
import json
import re
from pathlib import Path

import pytest

import hatch_build
from tests.browser.stage import STATIC
from vedette.alerts.limits import BY_NAME, kinds_of

UI = Path(__file__).parents[2] / "ui"
FIRST_LOAD_KB = 120

built = pytest.mark.skipif(
    not (STATIC / "index.html").is_file(), reason="the page is not built: python hatch_build.py"
)


@built
def test_the_first_load_is_small() -> None:
    index = (STATIC / "index.html").read_text()
    files = [STATIC / name for name in re.findall(r'(?:src|href)="/([^"]+\.(?:js|css|svg))"', index)]
    total = sum(len(gzip.compress(file.read_bytes(), 9)) for file in [STATIC / "index.html", *files])
    assert len(files) >= 3
    assert total <= FIRST_LOAD_KB * 1000


@built
def test_the_page_has_no_inline_script_or_style() -> None:
    index = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", index)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_words_for_every_limit_of_every_rule(language: str) -> None:
    words = (UI / "src" / "i18n" / f"alerts.{language}.ts").read_text()
    known = set(re.findall(r'^      "?([a-z_.]+)"?: "', words, re.MULTILINE))
    limits = {(rule.name, name) for rule in BY_NAME.values() for name in kinds_of(rule)}
    lacking = sorted(f"{rule}.{name}" for rule, name in limits if not {name, f"{rule}.{name}"} & known)
    assert not lacking, f"name them in ui/src/i18n/alerts.{language}.ts, rules.words"


def test_the_lock_names_versions_and_hashes_but_no_host() -> None:
    lock = json.loads((UI / "package-lock.json").read_text())
    packages = {name: part for name, part in lock["packages"].items() if name}
    assert packages
    assert all(part["integrity"].startswith("sha512-") for part in packages.values())
    assert not any("resolved" in part for part in packages.values())


def test_the_same_sources_are_not_built_twice(tmp_path: Path) -> None:
    ui = tmp_path / "ui"
    (ui / "src").mkdir(parents=True)
    (ui / "package.json").write_text("{}")
    (ui / "src" / "main.ts").write_text("one")
    before = hatch_build.fingerprint(ui)
    static = tmp_path / hatch_build.STATIC
    static.mkdir(parents=True)
    (static / "index.html").write_text("")
    (static / hatch_build.STAMP).write_text(before)
    assert not hatch_build.build(tmp_path)
    (ui / "src" / "main.ts").write_text("two")
    assert hatch_build.fingerprint(ui) != before


def test_an_unpacked_package_without_the_sources_builds_nothing(tmp_path: Path) -> None:
    assert not hatch_build.build(tmp_path)
