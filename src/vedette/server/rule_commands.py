"""`vedette rules` and `vedette tales`: what is judged by, and stories that try it."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from vedette.alerts import limits, tale
from vedette.alerts.limits import Limits
from vedette.alerts.rules import RULES
from vedette.alerts.rules.rule import AnyRule
from vedette.alerts.tale import Tale
from vedette.model.errors import SettingError
from vedette.model.incident import Reason
from vedette.notify.rules import CATALOGUE
from vedette.notify.text import render
from vedette.notify.words import Lang
from vedette.server.settings import limits_of, load

Config = Annotated[Path | None, Parameter(help="the server's settings, a TOML file, for its limits")]
Language = Annotated[Lang, Parameter(help="en or zh")]
FILE_BYTES_MAX = 1 << 20


def rules(
    *names: Annotated[str, Parameter(help="only these rules")],
    config: Config = None,
    preset: Annotated[limits.Preset | None, Parameter(help="as this preset has them")] = None,
    language: Language = "en",
    json: Annotated[bool, Parameter(help="one JSON document, for programs")] = False,
) -> None:
    """Print the rules: why each is there, and what it goes by."""
    used = _limits(config)
    if preset is not None:
        used = Limits(preset, used.rules, used.subjects)
    told = [_plain(rule, used, language) for rule in _named(names)]
    if json:
        document = msgspec.json.encode({"preset": used.preset, "rules": told})
        _say(msgspec.json.format(document, indent=2).decode())
        return
    for each in told:
        _say(f"{each['name']}: {each['title']} ({each['about']})")
        _say(f"  {each['why']}")
        for name, limit in each["limits"].items():
            changed = "" if limit["value"] == limit["default"] else f"   (default {_shown(limit['default'])})"
            _say(f"    {name} = {_shown(limit['value'])}{changed}")


def tales(
    *paths: Annotated[Path, Parameter(help="files of tales, or folders with *.yaml")],
    config: Config = None,
    tell: Annotated[bool, Parameter(help="print each message as it would be told")] = False,
    language: Language = "en",
) -> None:
    """Play tales through the real rules, and say which hold. Status 1: one does not."""
    base = _limits(config)
    told = [(path, of_file(path)) for path in _files(paths)]
    failed = sum(_played(path, each, base, language if tell else None) for path, each in told)
    _say(f"{len(told) - failed} of {len(told)} tales hold")
    if failed:
        raise SystemExit(1)


def of_file(path: Path) -> Tale:
    """One tale. Raises SettingError with a line for everything that is wrong, each with its file."""
    raw = _read(path)
    try:
        return tale.parse(yaml.safe_load(raw))
    except yaml.YAMLError as error:
        raise SettingError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except SettingError as error:
        raise SettingError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingError(f"cannot read {path}: {error.strerror}") from error
    if len(raw) > FILE_BYTES_MAX:
        raise SettingError(f"{path}: more than {FILE_BYTES_MAX >> 20} MiB, that is no tale")
    return raw


def _files(paths: tuple[Path, ...]) -> list[Path]:
    if not paths:
        raise SettingError(
            "name a file of a tale, or a folder with *.yaml (how to write one: how-to/rules.md)"
        )
    found = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    if not found:
        raise SettingError(f"there is no *.yaml in {', '.join(map(str, paths))}")
    return found


def _played(path: Path, each: Tale, base: Limits, tell: Lang | None) -> bool:
    """Say how it went; True if it does not hold."""
    own = base if each.limits == Limits() else each.limits.over(base)
    wrong = tale.differences(each, own)
    _say(f"{'does not hold' if wrong else 'holds'}: {each.title} ({path})")
    for line in wrong:
        _say(f"  {line}")
    if tell is not None:
        for line in _messages(each, own, tell):
            _say(f"  {line}")
    return bool(wrong)


def _messages(each: Tale, own: Limits, language: Lang) -> Iterator[str]:
    for now_ms, incident, reason in tale.lived(each, own):
        text = render(incident, Reason(reason), language, None, "tale", now_ms).body_text
        yield f"at {tale.span(now_ms - tale.START_MS)}:"
        yield from (f"  {line}" for line in text.strip().splitlines())


def _limits(config: Path | None) -> Limits:
    return Limits() if config is None else limits_of(load(config, os.environ).alerts)


def _named(names: tuple[str, ...]) -> list[AnyRule]:
    unknown = [name for name in names if name not in limits.BY_NAME]
    if unknown:
        known = ", ".join(sorted(limits.BY_NAME))
        raise SettingError(f"there is no rule {', '.join(unknown)} (known: {known})")
    return [rule for rule in RULES if not names or rule.name in names]


def _plain(rule: AnyRule, used: Limits, language: Lang) -> dict[str, Any]:
    words = CATALOGUE[language]
    default, value = rule.limit(), used.of(rule, "")
    fields: Mapping[str, type] = limits.kinds_of(rule)
    return {
        "name": rule.name,
        "title": words[f"{rule.name}.name"],
        "about": str(rule.about),
        "why": words[f"{rule.name}.why"],
        "limits": {
            name: {"value": getattr(value, name), "default": getattr(default, name)} for name in fields
        },
    }


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _say(line: str) -> None:
    Console(soft_wrap=True, highlight=False).print(escape(line))
