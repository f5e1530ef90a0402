"""The reference says what the program does, or these fail."""

import re
from pathlib import Path

import pytest

from vedette.conflux.networks import known
from vedette.model.pos import AccountState
from vedette.model.view import NodeState
from vedette.model.watched import EndpointState
from vedette.server.app import openapi_document
from vedette.server.settings import (
    DEFAULT_PORT,
    ENVIRONMENT,
    RATE_MAX,
    RATE_MIN,
    SECRETS,
    AccountSetting,
    AlertSetting,
    EndpointSetting,
    LimitSetting,
    PoolSetting,
    SeriesSetting,
    Settings,
)

DOCS = Path(__file__).parents[2] / "docs"


def named(page: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", (DOCS / "reference" / page).read_text()))


SETTINGS = {path for path in ENVIRONMENT.values() if path.removesuffix("_file") not in SECRETS} | {*SECRETS}


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_every_setting_is_in_the_reference(setting: str) -> None:
    assert setting in named("settings.md")


def as_written(value: object) -> str:
    return "none" if value == {} else str(value).lower()


def test_the_defaults_in_the_reference_are_the_programs() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| `?([^|`]+?)`? \|", page, flags=re.MULTILINE))
    assert rows["server.port"] == str(DEFAULT_PORT)
    assert rows["pool_seconds"] == str(Settings().pool_seconds)
    usual = AlertSetting()
    for name in AlertSetting.__dataclass_fields__:
        assert rows[f"alerts.{name}"] == as_written(getattr(usual, name))
    for name in LimitSetting.__dataclass_fields__:
        assert rows[f"limits.{name}"] == str(getattr(LimitSetting(), name))
    for name in SeriesSetting.__dataclass_fields__:
        assert rows[f"series.{name}"] == str(getattr(SeriesSetting(), name))
    for name in AccountSetting.__dataclass_fields__:
        assert rows[f"accounts.{name}"] == str(getattr(AccountSetting(), name))


def test_what_may_be_said_of_an_endpoint_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    for name in EndpointSetting.__dataclass_fields__:
        assert f"`{name}`" in page or f"`endpoints.{name}`" in page
    (row,) = re.findall(r"^\| `endpoints.calls_per_s` .*$", page, flags=re.MULTILINE)
    (usual,) = {network.endpoint_calls_per_s for network in known().networks}
    assert f"| {usual:g} for Conflux's public gateways" in row
    assert f"{RATE_MIN:g} to {RATE_MAX:g}" in row


def test_what_may_be_said_of_a_pool_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "settings.md").read_text()
    (row,) = re.findall(r"^\| `pools` .*$", page, flags=re.MULTILINE)
    assert all(f"`{name}`" in row for name in PoolSetting.__dataclass_fields__)


def test_every_state_is_in_the_reference() -> None:
    assert {state.value for state in (*AccountState, *NodeState, *EndpointState)} <= named("states.md")
    how_to = (DOCS / "how-to" / "endpoints.md").read_text()
    assert all(f"| `{state.value}` |" in how_to for state in EndpointState)


def test_every_route_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "api.md").read_text()
    for path in openapi_document()["paths"]:
        assert path in page or path.removeprefix("/api/v1") in page, path
