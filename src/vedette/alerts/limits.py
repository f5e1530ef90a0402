"""What every rule goes by: its defaults, a preset, the team's own values, and those of one subject, in turn.

Values come from people and files, as plain data; whatever is wrong with them is said at once, a line each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import cache
from typing import Any, get_type_hints

from vedette.alerts.rules import RULES
from vedette.alerts.rules.rule import AnyRule, Limit, Value
from vedette.model.errors import SettingError
from vedette.model.incident import Severity
from vedette.model.policy import lower_address

Values = Mapping[str, Value]
OfRules = Mapping[str, Values]
"""By rule, then by the field of its limit."""

BY_NAME: Mapping[str, AnyRule] = {rule.name: rule for rule in RULES}
MOST = 10**18


class Preset(StrEnum):
    """How easily people want to be told."""

    QUIET = "quiet"
    NORMAL = "normal"
    PARANOID = "paranoid"


@dataclass(frozen=True, slots=True)
class Limits:
    """One team's. `subjects`: by the id of a node or an address, what outranks the team's own values."""

    preset: Preset = Preset.NORMAL
    rules: OfRules = field(default_factory=dict)
    subjects: Mapping[str, OfRules] = field(default_factory=dict)

    def of(self, rule: AnyRule, subject_id: str) -> Limit:
        """What the rule goes by for this subject."""
        return self.asked(rule)(subject_id)

    def asked(self, rule: AnyRule) -> Callable[[str], Limit]:
        """The same, for whoever asks about many subjects."""
        usual = _limit(rule, self.preset, _frozen(self.rules.get(rule.name, {})))

        def ask(subject_id: str) -> Limit:
            own = self.subjects.get(subject_id, {}).get(rule.name)
            return usual if own is None else _changed(usual, own)

        return ask

    def over(self, other: "Limits") -> "Limits":
        """This one's values before the other's."""
        rules = {
            name: {**other.rules.get(name, {}), **self.rules.get(name, {})}
            for name in {*other.rules, *self.rules}
        }
        return Limits(self.preset, rules, {**other.subjects, **self.subjects})


def parse(data: object) -> Limits:
    """Limits from plain data: {preset, rules, subjects}. Raises SettingError, a line for each fault."""
    problems: list[str] = []
    given = _mapping(data, "the limits", problems)
    unknown = sorted(map(str, given.keys() - {"preset", "rules", "subjects"}))
    problems += [f"the limits: unknown name {name} (known: preset, rules, subjects)" for name in unknown]
    preset = given.get("preset", Preset.NORMAL)
    if preset not in list(Preset):
        problems.append(f"preset is one of {', '.join(Preset)}, not {preset}")
        preset = Preset.NORMAL
    rules = _of_rules(given.get("rules"), "rules", problems)
    subjects = {
        lower_address(str(subject)): _of_rules(values, f"subjects.{subject}", problems)
        for subject, values in _mapping(given.get("subjects"), "subjects", problems).items()
    }
    if problems:
        raise SettingError("\n".join(problems))
    return Limits(Preset(preset), rules, subjects)


def plain(limits: Limits) -> dict[str, Any]:
    """As `parse` reads them."""
    return {
        "preset": limits.preset.value,
        "rules": {name: dict(values) for name, values in limits.rules.items()},
        "subjects": {
            subject: {name: dict(values) for name, values in rules.items()}
            for subject, rules in limits.subjects.items()
        },
    }


def preset_values(rule: AnyRule, preset: Preset) -> Values:
    """What a preset changes of a rule's defaults."""
    changes = {Preset.QUIET: rule.quiet, Preset.PARANOID: rule.paranoid}
    return changes.get(preset, {})


def _of_rules(data: object, where: str, problems: list[str]) -> OfRules:
    found: dict[str, Values] = {}
    for name, values in _mapping(data, where, problems).items():
        rule = BY_NAME.get(str(name))
        if rule is None:
            problems.append(f"{where}: there is no rule {name} (see `vedette rules`)")
            continue
        found[rule.name] = dict(_values(rule, values, f"{where}.{name}", problems))
    return found


def _values(rule: AnyRule, data: object, where: str, problems: list[str]) -> Iterator[tuple[str, Value]]:
    kinds = kinds_of(rule)
    for name, value in _mapping(data, where, problems).items():
        kind = kinds.get(str(name))
        if kind is None:
            problems.append(f"{where}: unknown limit {name} (known: {', '.join(kinds)})")
        elif (sound := _sound(kind, value)) is None:
            problems.append(f"{where}.{name} must be {_wanted(kind)}, not {value!r}")
        else:
            yield str(name), sound


@cache
def kinds_of(rule: AnyRule) -> Mapping[str, type]:
    """The type of every field of a rule's limit."""
    hints = get_type_hints(rule.limit)
    return {one.name: hints[one.name] for one in fields(rule.limit)}


def _sound(kind: type, value: object) -> Value | None:
    if kind is bool or isinstance(value, bool):
        return value if kind is bool and isinstance(value, bool) else None
    if kind is Severity:
        return Severity(str(value)) if value in list(Severity) else None
    if kind is int and isinstance(value, int) and 0 <= value <= MOST:
        return value
    if kind is float and isinstance(value, int | float) and 0 <= value <= MOST:
        return float(value)
    return value if kind is str and isinstance(value, str) else None


def _wanted(kind: type) -> str:
    if kind is Severity:
        return " or ".join(Severity)
    return {bool: "true or false", int: "a whole number, not negative", float: "a number, not negative"}.get(
        kind, "a text"
    )


def _mapping(given: object, where: str, problems: list[str]) -> dict[Any, Any]:
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    problems.append(f"{where} must be names with values")
    return {}


def _frozen(values: Values) -> tuple[tuple[str, Value], ...]:
    return tuple(sorted(values.items()))


@cache
def _limit(rule: AnyRule, preset: Preset, own: Iterable[tuple[str, Value]]) -> Limit:
    return _changed(_changed(rule.limit(), preset_values(rule, preset)), dict(own))


def _changed(limit: Limit, values: Values) -> Limit:
    changes: dict[str, Any] = dict(values)
    return replace(limit, **changes) if changes else limit
