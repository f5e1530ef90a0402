"""Contact points by the API: made, tested, changed and switched off, and nothing secret ever shown again."""

import ipaddress
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.server.hooks import Hook, hooks
from tests.server.stage import client, served, settings
from vedette.server.api.contact_shapes import ContactShape
from vedette.server.api.contacts import FAILING_MS, is_waking
from vedette.server.settings import MailSetting, SecuritySetting

LOOPBACK = SecuritySetting(allow_private_targets=(ipaddress.ip_network("127.0.0.0/8"),))
SECRET = "secret-path-6b1f"


class Team:
    """Who asks on the server's machine, and all that he was ever answered."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url, self._http = url, http
        self.heard = ""

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._http.request(method, f"{self._url}/api/v1/alerts{path}", json=body) as reply:
            said = await reply.text()
        self.heard += said
        return reply.status, json.loads(said) if said else None

    async def good(self, method: str, path: str, body: Any = None) -> Any:
        status, told = await self.ask(method, path, body)
        assert status in {200, 201, 204}, told
        return told

    async def hook(self, url: str, name: str = "our hook", **more: Any) -> Any:
        wish = {"name": name, "kind": "webhook", "config": {"url": url}, **more}
        return await self.good("POST", "/contacts", wish)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hooks() as one:
        yield one


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[Team]:
    async with served(settings(tmp_path, security=LOOPBACK)) as (_, url), client() as http:
        yield Team(url, http)


async def test_one_is_made_tested_changed_and_removed(team: Team, hook: Hook) -> None:
    made = await team.hook(f"{hook.url}/{SECRET}", fallback_id=None)
    assert made["ref"] == f"contact:{made['id']}"
    assert (made["hint"], made["wakes"], made["is_enabled"]) == ("127.0.0.1", False, True)
    tried = await team.good("POST", f"/contacts/{made['id']}/test", {})
    assert (tried["ok"], tried["error"]) == (True, None)
    assert "our hook" in hook.bodies[0]["text"]
    [told] = (await team.good("GET", "/deliveries"))["deliveries"]
    assert (told["kind"], told["state"], told["channel_name"]) == ("test", "sent", "our hook")
    assert [one["outcome"] for one in told["attempts"]] == ["sent"]
    changed = await team.good("PATCH", f"/contacts/{made['id']}", {"name": "hook", "wakes": True})
    assert (changed["name"], changed["wakes"], changed["tested_at_ms"] is not None) == ("hook", True, True)
    assert await team.good("DELETE", f"/contacts/{made['id']}") is None
    assert (await team.good("GET", "/contacts"))["contacts"] == []
    assert SECRET not in team.heard


async def test_a_test_that_fails_says_why_without_the_address(team: Team, hook: Hook) -> None:
    hook.answers = [(500, {})]
    made = await team.hook(f"{hook.url}/{SECRET}")
    tried = await team.good("POST", f"/contacts/{made['id']}/test", {})
    assert (tried["ok"], tried["error"]) == (False, "127.0.0.1 answered 500")
    [told] = (await team.good("GET", f"/deliveries?contact={made['id']}"))["deliveries"]
    assert [(one["outcome"], one["detail"]) for one in told["attempts"]] == [
        ("refused", "127.0.0.1 answered 500")
    ]
    [shown] = (await team.good("GET", "/contacts"))["contacts"]
    assert shown["error"] == "127.0.0.1 answered 500"
    assert shown["failing_since_ms"] is not None
    assert SECRET not in team.heard


async def test_what_is_wrong_is_said_in_a_line(team: Team, hook: Hook) -> None:
    one = await team.hook(hook.url)
    wrong = [
        ({"name": "x", "kind": "pigeon", "config": {}}, 422, "there is no kind 'pigeon'"),
        ({"name": "x", "kind": "webhook", "config": {}}, 422, "url: is missing"),
        ({"name": "x", "kind": "webhook", "config": {"url": "ftp://a"}}, 422, "url: must be a URL"),
        ({"name": "x", "kind": "email", "config": {"to": "a@b.c"}}, 422, "no mail server"),
        ({"name": "our hook", "kind": "webhook", "config": {"url": hook.url}}, 409, "of that name"),
        (
            {"name": "x", "kind": "webhook", "config": {"url": hook.url}, "fallback_id": "no"},
            422,
            "fallback_id",
        ),
    ]
    for wish, status, line in wrong:
        told = await team.ask("POST", "/contacts", wish)
        assert (told[0], line in told[1]["detail"]) == (status, True), told
        assert "\n" not in told[1]["detail"]
    own = await team.ask("PATCH", f"/contacts/{one['id']}", {"fallback_id": one["id"]})
    assert own[0] == 422
    assert (await team.ask("PATCH", "/contacts/none", {"wakes": True}))[0] == 404


async def test_a_team_is_warned_when_nobody_is_woken(team: Team, hook: Hook) -> None:
    async def warnings() -> Any:
        return (await team.good("GET", "/contacts"))["warnings"]

    assert await warnings() == ["nothing", "no_waking_channel"]
    one = await team.hook(hook.url)
    assert await warnings() == ["no_waking_channel"]
    await team.good("PATCH", f"/contacts/{one['id']}", {"wakes": True})
    assert await warnings() == []


async def test_a_team_is_warned_of_what_wakes_nobody_though_something_rings(team: Team, hook: Hook) -> None:
    """A route past it, and one that fails or is switched off."""
    ring = await team.hook(hook.url)
    await team.good("PATCH", f"/contacts/{ring['id']}", {"wakes": True})
    calm = await team.good(
        "POST", "/contacts", {"name": "calm", "kind": "webhook", "config": {"url": hook.url}}
    )
    routing = await team.good("GET", "/routing")
    rest = {"id": "rest", "name": "The rest", "match": {}, "contacts": [calm["ref"]]}
    await team.good("PUT", "/routing", routing | {"routes": [rest]})
    told = await team.good("GET", "/contacts")
    assert (told["warnings"], told["silent_routes"]) == (["silent_route"], ["The rest"])
    hook.usual = (503, {})
    await team.good("POST", f"/contacts/{ring['id']}/test", {})
    assert (await team.good("GET", "/contacts"))["warnings"] == ["silent_route"]  # it may be a moment
    fresh = ContactShape.model_validate(ring | {"wakes": True, "failing_since_ms": 1_000})
    assert [is_waking(fresh, 1_000 + at_ms) for at_ms in (FAILING_MS - 1, FAILING_MS)] == [True, False]
    off = ContactShape.model_validate(ring | {"wakes": True, "is_enabled": False})
    assert not is_waking(off, 0)


async def test_every_kind_tells_what_it_asks_for_in_both_languages(team: Team) -> None:
    kinds = (await team.good("GET", "/contact-kinds"))["kinds"]
    assert {"email", "webhook", "ntfy", "telegram"} <= {one["name"] for one in kinds}
    for kind in kinds:
        words = [kind["label"], kind["help"], *(one["label"] for one in kind["fields"])]
        assert all(said["en"] and said["zh"] for said in words), kind["name"]
    assert next(one["lacks"] for one in kinds if one["name"] == "email") is not None


async def test_nobody_is_led_into_a_private_network(tmp_path: Path, hook: Hook) -> None:
    async with served(settings(tmp_path)) as (_, url), client() as http:
        team = Team(url, http)
        for address in (hook.url, "http://169.254.169.254/latest", "http://[::1]:8080/", "http://10.0.0.1/"):
            wish = {"name": "x", "kind": "webhook", "config": {"url": address}}
            status, told = await team.ask("POST", "/contacts", wish)
            assert (status, "not public" in told["detail"]) == (422, True), told
        # A name is judged when it is looked up.
        made = await team.hook(hook.url.replace("127.0.0.1", "localhost"))
        tried = await team.good("POST", f"/contacts/{made['id']}/test", {})
        assert (tried["ok"], "not public" in tried["error"]) == (False, True)
    assert hook.bodies == []


async def test_the_settings_channels_are_shown_and_tested_beside(tmp_path: Path) -> None:
    mail = MailSetting("smtp://127.0.0.1:9", "watch@example.org", ("ana@example.org",))
    async with served(settings(tmp_path, mail=mail)) as (_, url), client() as http:
        team = Team(url, http)
        told = await team.good("GET", "/contacts")
        [email] = told["contacts"]
        assert (email["ref"], email["of_settings"], told["warnings"]) == (
            "settings:email",
            True,
            ["no_waking_channel"],
        )
        tried = await team.good("POST", "/contacts/settings:email/test", {})
        assert (tried["ok"], "could not connect" in tried["error"]) == (False, True)
        assert (await team.good("GET", "/contacts"))["contacts"][0]["error"] == tried["error"]
        assert (await team.ask("POST", "/contacts/settings:members/test", {}))[0] == 404
