"""Teams over a real port: who comes in, as what, who goes, and that no team is left without an owner."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.server.accounts import PASSWORD, Browser, Place, place
from tests.server.mailbox import mailbox
from tests.server.people import key_of, signed_in
from tests.server.stage import Agent, bearer, hear
from tests.store.doubles import TROUBLE
from vedette.alerts import telling
from vedette.alerts.life import Patience
from vedette.alerts.telling import Telling
from vedette.model.incident import Reason
from vedette.model.people import FIRST_TEAM, Role
from vedette.model.view import View
from vedette.notify.channels import ChannelError, mail_settings
from vedette.notify.text import render
from vedette.server.guesses import SIGN_UPS_FREE
from vedette.server.loops import Failures, Judge
from vedette.server.members_mail import MembersMail
from vedette.server.settings import AccountSetting
from vedette.store import people
from vedette.store import tables as t
from vedette.store.incidents import unresolved

ADDRESSES = ["0x" + digit * 64 for digit in "abc"]
OPEN = AccountSetting(sign_up="open")
DAY_MS = 86_400_000


@pytest.fixture
async def north(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path) as found:
        yield found


async def invited(owner: Browser, role: str = "operator", email: str | None = None) -> str:
    """The token of a new invitation."""
    status, made = await owner.ask("POST", "/team/invitations", {"role": role, "email": email})
    assert status == 200, made
    link = re.fullmatch(r"http://127\.0\.0\.1:\d+/sign-up#([\w-]{32})", made["link"])
    assert link is not None, made
    return link[1]


async def joined(north: Place, owner: Browser, name: str, role: str = "operator") -> tuple[Browser, int]:
    """Somebody who signed up by invitation, and his number."""
    browser = north.browser()
    wish = {"name": name, "password": PASSWORD, "invitation": await invited(owner, role)}
    status, told = await browser.ask("POST", "/users", wish)
    assert status == 200, told
    assert (told["user"]["name"], told["team"]["role"]) == (name, role)
    return browser, told["user"]["id"]


async def test_an_invitation_lets_one_newcomer_in_with_its_role(north: Place) -> None:
    alice = await north.first()
    token = await invited(alice)
    bob, other = north.browser(), north.browser()
    assert await bob.ask("POST", "/invitations/look", {"token": token}) == (
        200, {"team": "North", "role": "operator"},
    )  # fmt: skip
    wish = {"name": "Bob", "password": PASSWORD, "invitation": token}
    status, told = await bob.ask("POST", "/users", wish)
    assert (status, told["signed_in"], told["team"]) == (
        200,
        True,
        {"id": 1, "name": "North", "role": "operator"},
    )
    assert (await bob.ask("GET", "/nodes"))[0] == 200
    for path, body in (("/invitations/look", {"token": token}), ("/users", wish | {"name": "eve"})):
        status, problem = await other.ask("POST", path, body)
        assert (status, "was used" in problem["detail"]) == (404, True)
    async with north.house.database.read() as conn:
        kept = (await conn.execute(select(t.invitations))).one()
    assert token not in repr(kept)
    assert (await north.browser().sign_in("bob"))[0] == 200


async def test_who_has_an_account_joins_with_it_and_only_once(north: Place) -> None:
    alice = await north.first()
    bob, _ = await joined(north, alice, "bob")
    status, south = await bob.ask("POST", "/teams", {"name": "South"})
    assert (status, south["role"]) == (200, "owner")
    await bob.ask("POST", "/session/team", {"team_id": south["id"]})
    token = await invited(bob, "viewer")
    assert await alice.ask("POST", "/team/join", {"invitation": token}) == (
        200, {"id": south["id"], "name": "South", "role": "viewer"},
    )  # fmt: skip
    again = await invited(bob, "owner")
    assert (await alice.ask("POST", "/team/join", {"invitation": again}))[0] == 409
    assert (await north.browser().ask("POST", "/invitations/look", {"token": again}))[0] == 200, (
        "still unused"
    )
    assert (await north.browser().ask("POST", "/team/join", {"invitation": again}))[0] == 401
    session = await alice.session()
    assert [team["name"] for team in session["teams"]] == ["North", "South"]


async def test_an_invitation_ends_after_a_week_or_when_it_is_taken_back(north: Place) -> None:
    alice = await north.first()
    token, withdrawn = await invited(alice), await invited(alice, email="Bob@Example.org")
    _, team = await alice.ask("GET", "/team")
    assert {one["email"] for one in team["invitations"]} == {None, "bob@example.org"}
    (found,) = [one["id"] for one in team["invitations"] if one["email"]]
    assert (await alice.ask("DELETE", f"/team/invitations/{found}"))[0] == 204
    assert (await alice.ask("DELETE", f"/team/invitations/{found}"))[0] == 404
    assert (await alice.ask("POST", "/invitations/look", {"token": withdrawn}))[0] == 404
    north.clock.pass_ms(7 * DAY_MS - 60_000)
    assert (await alice.ask("POST", "/invitations/look", {"token": token}))[0] == 200
    north.clock.pass_ms(60_001)
    assert (await alice.ask("POST", "/invitations/look", {"token": token}))[0] == 404


async def test_owners_see_addresses_and_invitations_and_others_do_not(north: Place) -> None:
    alice = await north.first()
    bob, _ = await joined(north, alice, "bob", "viewer")
    await invited(alice, email="carol@example.org")
    _, team = await bob.ask("GET", "/team")
    assert ([one["name"] for one in team["members"]], team["invitations"]) == (["alice", "bob"], [])
    assert all(one["seen_at_ms"] for one in team["members"])
    assert "example.org" not in str(team)
    for method, path, body in (
        ("PATCH", "/team", {"name": "Mine"}),
        ("POST", "/team/invitations", {"role": "owner"}),
        ("PUT", "/team/watches", {"addresses": []}),
    ):
        assert (await bob.ask(method, path, body))[0] == 403


async def test_no_team_is_left_without_an_owner(north: Place) -> None:
    alice = await north.first()
    bob, bob_id = await joined(north, alice, "bob", "viewer")
    alice_id = (await alice.session())["user"]["id"]
    for method, body in (("PATCH", {"role": "viewer"}), ("DELETE", None)):
        status, problem = await alice.ask(method, f"/team/members/{alice_id}", body)
        assert (status, problem["detail"]) == (
            409, "The team would have no owner left: make somebody else an owner first.",
        )  # fmt: skip
    assert (await bob.ask("DELETE", f"/team/members/{alice_id}"))[0] == 403
    status, told = await alice.ask("PATCH", f"/team/members/{bob_id}", {"role": "owner"})
    assert (status, told["role"]) == (200, "owner")
    assert (await alice.ask("DELETE", f"/team/members/{alice_id}"))[0] == 204, "now he may leave"
    session = await alice.session()
    assert (session["team"], session["signed_in"]) == (None, True)
    assert (await alice.ask("GET", "/team"))[0] == 403
    assert (await bob.ask("DELETE", "/team/members/4711"))[0] == 404


async def test_a_new_role_holds_at_once_and_keys_go_with_their_maker(north: Place) -> None:
    alice = await north.first()
    bob, bob_id = await joined(north, alice, "bob", "owner")
    _, made = await bob.ask("POST", "/keys", {"name": "bot", "scopes": ["read"]})
    kept = await key_of(north.house.database)
    await alice.ask("PATCH", f"/team/members/{bob_id}", {"role": "operator"})
    assert (await bob.ask("GET", "/keys"))[0] == 403
    reader = north.browser()
    assert (await reader.ask("GET", "/team", **bearer(made["token"])))[0] == 401
    assert (await reader.ask("GET", "/team", **bearer(kept)))[0] == 200, "nobody's in particular"
    assert (await alice.ask("DELETE", f"/team/members/{bob_id}"))[0] == 204
    assert (await bob.ask("GET", "/nodes"))[1]["nodes"] == []
    _, log = await alice.ask("GET", "/audit")
    acts = [(entry["act"], entry["detail"].get("keys_revoked")) for entry in log["entries"][:2]]
    assert acts == [("member.remove", 0), ("member.role", 1)]
    assert log["entries"][0]["subject"].startswith("user:u-")


async def test_a_second_team_sees_its_own_and_is_told_for_itself(north: Place) -> None:
    alice = await north.first()
    bob, _ = await joined(north, alice, "bob", "viewer")
    _, south = await bob.ask("POST", "/teams", {"name": "South"})
    await bob.ask("POST", "/session/team", {"team_id": south["id"]})
    _, ticket = await bob.ask("POST", "/enrolments", {})
    agent, house = Agent("south-1"), north.house
    status, _ = await north.browser().ask(
        "POST", "/agents", {"public_key": agent.public.hex(), "name": "south-1"}, **bearer(ticket["token"])
    )
    assert status == 200
    await hear(house, *agent.post(agent.envelope(house.ears.now_ms())))
    north.clock.pass_ms(1_000)
    await hear(house, *agent.post(agent.died(house.ears.now_ms())))
    await house.judge.round()
    async with house.database.read() as conn:
        (incident,) = await unresolved(conn)
        messages = (await conn.execute(select(t.outbox))).all()
    assert (incident.team_id, incident.rule, messages) == (south["id"], "node_down", [])
    assert [one["name"] for one in (await bob.ask("GET", "/nodes"))[1]["nodes"]] == ["south-1"]
    assert [one["id"] for one in (await bob.ask("GET", "/incidents"))[1]["incidents"]] == [incident.id]
    assert (await alice.ask("GET", "/nodes"))[1]["nodes"] == []
    assert (await alice.ask("GET", "/incidents"))[1]["incidents"] == []
    assert (await alice.ask("GET", f"/nodes/{agent.node_id}"))[0] == 404
    assert (await alice.ask("POST", f"/nodes/{agent.node_id}/revoke", {}))[0] == 404
    _, log = await alice.ask("GET", "/audit?all=true")
    assert {entry["act"] for entry in log["entries"]} >= {"team.make", "node.enrol", "member.join"}


async def test_a_team_says_what_it_watches_beside_the_settings(tmp_path: Path) -> None:
    async with place(tmp_path, watch=tuple(ADDRESSES[:1])) as north:
        alice = await north.first()
        wish = {"addresses": [ADDRESSES[1].upper().replace("0X", "0x"), ADDRESSES[0]]}
        told = {"addresses": ADDRESSES[1:2], "of_settings": ADDRESSES[:1]}
        assert await alice.ask("PUT", "/team/watches", wish) == (200, told)
        assert await alice.ask("GET", "/team/watches") == (200, told)
        status, _ = await north.browser().ask("GET", f"/validators/{ADDRESSES[1]}")
        assert status == 200, "what is watched is known"
        async with north.house.database.read() as conn:
            assert await people.watched_by(conn) == {1: set(ADDRESSES[:2])}
        for wrong in (["0x12"], ADDRESSES[:1] * 201, "all"):
            assert (await alice.ask("PUT", "/team/watches", {"addresses": wrong}))[0] == 422


@pytest.mark.parametrize(
    ("sign_up", "wish", "status", "words"),
    [
        ("closed", {"invitation": "x" * 32}, 403, "are not made here"),
        ("invited", {}, 403, "by invitation here"),
        ("invited", {"invitation": "x" * 32}, 404, "was used, taken back, or has ended"),
        ("open", {"password": "1234567890"}, 422, "among the first"),
        ("open", {"name": "alice"}, 409, "name"),
        ("open", {"name": "a b"}, 422, "name"),
        ("open", {"email": "nobody"}, 422, "email"),
        ("open", {"is_admin": True}, 422, "is_admin"),
    ],
)
async def test_who_may_not_sign_up_is_told_why(
    tmp_path: Path, sign_up: Any, wish: Any, status: int, words: str
) -> None:
    async with place(tmp_path, accounts=AccountSetting(sign_up=sign_up)) as north:
        await north.first()
        told = await north.browser().ask("POST", "/users", {"name": "bob", "password": PASSWORD} | wish)
        assert told[0] == status
        assert words in told[1]["detail"]
        async with north.house.database.read() as conn:
            assert (await conn.execute(select(t.users.c.name))).scalars().all() == ["alice"]


async def test_where_it_is_open_a_newcomer_owns_a_team_of_his_own(tmp_path: Path) -> None:
    async with place(tmp_path, accounts=OPEN) as north:
        bob = north.browser()
        wish = {"name": "bob", "password": PASSWORD, "team_name": "South"}
        assert (await bob.ask("POST", "/users", wish))[0] == 409, "the first person sets the server up"
        await north.first()
        status, told = await bob.ask("POST", "/users", wish)
        assert (status, told["team"]["role"], told["user"]["is_admin"]) == (200, "owner", False)
        assert told["team"]["id"] != 1
        carol = north.browser()
        _, told = await carol.ask("POST", "/users", {"name": "carol", "password": PASSWORD})
        assert (told["signed_in"], told["team"], told["may"]["read"]) == (True, None, False)


async def test_nobody_makes_accounts_by_the_hundred(tmp_path: Path) -> None:
    async with place(tmp_path, accounts=OPEN) as north:
        await north.first()
        north.clock.pass_ms(DAY_MS)
        for number in range(SIGN_UPS_FREE):
            status, _ = await north.browser().ask("POST", "/users", {"name": f"n{number}", "password": None})
            assert status == 200
        status, problem = await north.browser().ask("POST", "/users", {"name": "one-more", "password": None})
        assert (status, "Many accounts" in problem["detail"]) == (429, True)


async def test_a_team_is_renamed_by_its_owner(north: Place) -> None:
    alice = await north.first()
    status, team = await alice.ask("PATCH", "/team", {"name": " Far North "})
    assert (status, team["name"]) == (200, "Far North")
    assert (await alice.ask("PATCH", "/team", {"name": "a\u0007b"}))[0] == 422
    assert Role.OWNER.value == team["members"][0]["role"]


async def test_another_team_is_told_by_mail_each_member_for_himself(tmp_path: Path) -> None:
    async with mailbox() as box, place(tmp_path, accounts=OPEN, mail=box.setting) as north:
        await north.first()
        bob, house = north.browser(), north.house
        _, told = await bob.ask("POST", "/users", {"name": "bob", "password": PASSWORD, "team_name": "South"})
        team_id = told["team"]["id"]
        _, ticket = await bob.ask("POST", "/enrolments", {})
        agent = Agent("south-1")
        wish = {"public_key": agent.public.hex(), "name": "south-1"}
        await north.browser().ask("POST", "/agents", wish, **bearer(ticket["token"]))
        for name in ("bob", "carol", "dave"):
            await signed_in(house.database, f"{name}-2", Role.VIEWER, team_id=team_id)
            known = {"email": f"{name}@example.org", "email_verified_at_ms": None if name == "dave" else 1}
            his = update(t.users).where(t.users.c.name == f"{name}-2").values(known)
            await house.database.write(lambda conn, his=his: conn.execute(his))  # type: ignore[misc]
        await hear(house, *agent.post(agent.envelope(house.ears.now_ms())))
        north.clock.pass_ms(1_000)
        await hear(house, *agent.post(agent.died(house.ears.now_ms())))
        letters = [await box.letter(number) for number in (1, 2)]
        assert [letter["To"] for letter in letters] == ["bob@example.org", "carol@example.org"]
        assert all("south-1" in letter["Subject"] for letter in letters)
        await asked_until_sent(bob)
        assert len(box.letters) == 2, (
            "neither one who has not shown that the address is his, nor the settings'"
        )


async def asked_until_sent(bob: Browser) -> None:
    """Until the incident's page says that its message is out."""
    for _ in range(200):
        (incident,) = (await bob.ask("GET", "/incidents"))[1]["incidents"]
        if [(one["channel"], one["state"]) for one in incident["notices"]] == [("members", "sent")]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(incident)


async def test_a_team_that_nobody_can_be_told_of_says_so(tmp_path: Path) -> None:
    async with mailbox() as box, place(tmp_path, mail=box.setting) as north:
        sender = mail_settings("email", box.setting.server, box.setting.sender, box.setting.to)
        channel = MembersMail(sender, north.house.database)
        incident = replace(TROUBLE, id=1, team_id=7)
        with pytest.raises(ChannelError, match="no member of the team") as failure:
            await channel.send(render(incident, Reason.OPENED, "en", None, "1/0", incident.opened_at_ms))
        assert failure.value.permanent


async def test_a_team_whose_judging_fails_leaves_no_other_unwatched(
    north: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug that one team's settings or agents bring about is loud, and costs that team alone."""
    alice = await north.first()
    bob, _ = await joined(north, alice, "bob")
    _, south = await bob.ask("POST", "/teams", {"name": "South"})
    judged, real = [], telling.judge

    def judge(view: View, *rest: Any) -> list[Telling]:
        judged.append(view.team_id)
        if view.team_id == FIRST_TEAM:
            raise OverflowError
        return real(view, *rest)

    monkeypatch.setattr(telling, "judge", judge)
    seen = {team_id: View(north.clock.now_ms(), team_id=team_id) for team_id in (FIRST_TEAM, south["id"])}

    async def views(*_: Any) -> dict[int, View]:
        return seen

    house, failures = north.house, Failures(north.clock.steady_ms)
    own = Judge(
        house.database,
        house.ears,
        house.policies,
        Patience(),
        lambda _: None,
        asyncio.Event(),
        house.push.audience,
        views,
    )
    with pytest.raises(OverflowError):
        await own.round()
    own.wake.set()
    with suppress(TimeoutError):
        async with asyncio.timeout(3):
            await own.run(failures)
    assert own.rounds >= 2
    assert judged.count(south["id"]) >= 2
    assert failures.of["judge of one team"] >= 2
    assert not failures.of["judge"]
