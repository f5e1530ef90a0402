"""An address that is verified, and a new password by a link, through a real mail server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import func, select

from tests.server.accounts import PASSWORD, Browser, Place, place
from tests.server.mailbox import Mailbox, mailbox, token_in
from tests.server.people import signed_in
from vedette.server.guesses import LETTERS_FREE
from vedette.store import tables as t

ADDRESS = "alice@example.org"
NEW = "two otters share a fish"


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as found:
        yield found


@pytest.fixture
async def here(tmp_path: Path, box: Mailbox) -> AsyncIterator[Place]:
    async with place(tmp_path, public_url="https://watch.example.org", mail=box.setting) as found:
        yield found


async def verified(here: Place, box: Mailbox) -> Browser:
    """Alice's browser; her address is known to be hers."""
    alice = await here.first()
    await alice.ask("PUT", "/account/email", {"email": ADDRESS})
    letter = await box.letter(len(box.letters))
    assert (await alice.ask("POST", "/verifications", {"token": token_in(letter, "/verify")}))[0] == 204
    box.letters.clear()
    return alice


async def ask_reset(here: Place, whom: str, language: str = "") -> None:
    status, told = await here.browser().ask(
        "POST", "/password-resets", {"name_or_email": whom}, Accept_Language=language
    )
    assert (status, told) == (202, {})


async def test_an_address_counts_once_its_link_was_opened(here: Place, box: Mailbox) -> None:
    alice = await here.first()
    status, told = await alice.ask("PUT", "/account/email", {"email": " Alice@Example.org "})
    assert (status, told["user"]["email"], told["user"]["email_verified"]) == (200, ADDRESS, False)
    letter = await box.letter(1)
    assert (letter["To"], letter["Auto-Submitted"]) == (ADDRESS, "auto-generated")
    token = token_in(letter, "/verify")
    assert (await here.browser().ask("POST", "/verifications", {"token": token}))[0] == 204
    user = (await alice.session())["user"]
    assert (user["email"], user["email_verified"]) == (ADDRESS, True)
    assert (await here.browser().ask("POST", "/verifications", {"token": token}))[0] == 403


async def test_a_link_to_verify_ends_after_a_day_and_with_the_next_one(here: Place, box: Mailbox) -> None:
    alice = await here.first()
    await alice.ask("PUT", "/account/email", {"email": ADDRESS})
    assert (await alice.ask("POST", "/account/email/verification", {}))[0] == 200
    first, second = [token_in(await box.letter(at), "/verify") for at in (1, 2)]
    assert (await alice.ask("POST", "/verifications", {"token": first}))[0] == 403
    here.clock.pass_ms(86_400_000)
    assert (await alice.ask("POST", "/verifications", {"token": second}))[0] == 403
    assert (await alice.session())["user"]["email"] is None


async def test_an_address_belongs_to_whoever_shows_that_it_is_his(here: Place, box: Mailbox) -> None:
    await verified(here, box)
    bob = here.browser()
    bob.cookies = {"__Host-vedette": await signed_in(here.house.database, "bob")}
    status, _ = await bob.ask("PUT", "/account/email", {"email": ADDRESS})
    assert status == 200, "whether another account has it is not told"
    token = token_in(await box.letter(1), "/verify")
    assert (await bob.ask("POST", "/verifications", {"token": token}))[0] == 409


@pytest.mark.parametrize(
    "address",
    ["", "alice", "a@b\r\nBcc: x@y.z", "Alice <a@b.example>", "ä@b.example", "a@b.example, c@d.example"],
)
async def test_what_is_no_address_gets_no_letter(here: Place, box: Mailbox, address: str) -> None:
    alice = await here.first()
    assert (await alice.ask("PUT", "/account/email", {"email": address}))[0] == 422
    assert not box.letters


async def test_an_address_can_be_taken_back(here: Place, box: Mailbox) -> None:
    alice = await verified(here, box)
    assert (await alice.ask("POST", "/account/email/verification", {}))[0] == 409
    status, told = await alice.ask("PUT", "/account/email", {"email": None})
    assert (status, told["user"]["email"]) == (200, None)


async def test_no_mailbox_is_filled(here: Place, box: Mailbox) -> None:
    alice = await here.first()
    statuses = [
        (await alice.ask("PUT", "/account/email", {"email": ADDRESS}))[0] for _ in range(LETTERS_FREE + 1)
    ]
    assert statuses == [200] * LETTERS_FREE + [429]
    assert len(box.letters) == LETTERS_FREE


async def test_a_mail_server_that_refuses_is_told_in_one_line(here: Place, box: Mailbox) -> None:
    alice = await here.first()
    box.answer = "451 try later, alice@example.org"
    status, told = await alice.ask("PUT", "/account/email", {"email": ADDRESS})
    assert (status, "451" in told["detail"], ADDRESS in told["detail"]) == (503, True, False)


async def test_without_a_mail_server_nothing_is_promised(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        alice = await here.first()
        assert (await alice.session())["mail"] is False
        assert (await alice.ask("PUT", "/account/email", {"email": ADDRESS}))[0] == 409
        await ask_reset(here, "alice")


# --- a new password


@pytest.mark.parametrize("whom", ["alice", ADDRESS, "Alice@Example.ORG"])
async def test_a_forgotten_password_is_set_anew_by_a_link(here: Place, box: Mailbox, whom: str) -> None:
    alice = await verified(here, box)
    await ask_reset(here, whom)
    token = token_in(await box.letter(1), "/reset")
    stranger = here.browser()
    status, _ = await stranger.ask("PUT", "/password-resets", {"token": token, "password": NEW})
    assert (status, stranger.cookies) == (204, {}), "he is to sign in with it"
    assert (await alice.session())["signed_in"] is False, "whoever was signed in is not any more"
    assert (await here.browser().sign_in())[0] == 401
    assert (await here.browser().sign_in(password=NEW))[0] == 200
    assert "changed" in (await box.letter(2))["Subject"]


async def test_a_link_works_once_and_for_half_an_hour(here: Place, box: Mailbox) -> None:
    await verified(here, box)
    await ask_reset(here, "alice")
    token = token_in(await box.letter(1), "/reset")
    weak = {"token": token, "password": "alice"}
    assert (await here.browser().ask("PUT", "/password-resets", weak))[0] == 422, "the link still works"
    body = {"token": token, "password": NEW}
    many = await asyncio.gather(*(here.browser().ask("PUT", "/password-resets", body) for _ in range(3)))
    assert sorted(status for status, _ in many) == [204, 403, 403]
    await ask_reset(here, "alice")
    late = token_in(await box.letter(3), "/reset")
    here.clock.pass_ms(1_800_000)
    assert (await here.browser().ask("PUT", "/password-resets", body | {"token": late}))[0] == 403


async def test_a_link_opens_only_what_it_is_for(here: Place, box: Mailbox) -> None:
    alice = await verified(here, box)
    await alice.ask("PUT", "/account/email", {"email": "other@example.org"})
    token = token_in(await box.letter(1), "/verify")
    body = {"token": token, "password": NEW}
    assert (await here.browser().ask("PUT", "/password-resets", body))[0] == 403


async def test_who_exists_is_told_to_nobody(here: Place, box: Mailbox) -> None:
    """The same answer, and none of it waits for the mail server."""
    await verified(here, box)
    await signed_in(here.house.database, "bob")  # without an address
    for whom in ("nobody", "bob", "nobody@example.org", "alice"):
        await ask_reset(here, whom)
    await box.letter(1)
    assert [letter["To"] for letter in box.letters] == [ADDRESS]


async def test_the_letters_link_is_never_by_the_host_that_a_request_names(here: Place, box: Mailbox) -> None:
    await verified(here, box)
    body = {"name_or_email": "alice"}
    status, _ = await here.browser().ask("POST", "/password-resets", body, Host="evil.example")
    assert status == 202
    assert "evil.example" not in (await box.letter(1)).get_content()


async def test_letters_are_in_the_readers_language(here: Place, box: Mailbox) -> None:
    await verified(here, box)
    await ask_reset(here, "alice", "zh-CN,zh;q=0.9,en;q=0.5")
    letter = await box.letter(1)
    assert letter["Subject"] == "Vedette：设置新密码"
    assert token_in(letter, "/reset")
    await ask_reset(here, "alice", "de,en;q=0.5")
    assert (await box.letter(2))["Subject"] == "Vedette: set a new password"


async def test_a_new_password_takes_no_code_away(here: Place, box: Mailbox) -> None:
    """Whoever reads her mail does not get past her authenticator."""
    alice = await verified(here, box)
    _, made = await alice.ask("POST", "/account/totp", {})
    code = pyotp.TOTP(made["secret"]).generate_otp(here.house.ears.now_ms() // 30_000)
    await alice.ask("PUT", "/account/totp", {"code": code})
    await ask_reset(here, "alice")
    token = token_in(await box.letter(1), "/reset")
    await here.browser().ask("PUT", "/password-resets", {"token": token, "password": NEW})
    status, told = await here.browser().sign_in(password=NEW)
    assert (status, told["need"]) == (401, "code")


async def test_tokens_are_kept_hashed_and_stand_in_no_log(
    here: Place, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    await verified(here, box)
    with caplog.at_level(logging.DEBUG):
        await ask_reset(here, "alice")
        token = token_in(await box.letter(1), "/reset")
        async with here.house.database.read() as conn:
            kept = str((await conn.execute(select(t.tickets))).all())
            assert (await conn.execute(select(func.count()).select_from(t.tickets))).scalar_one() == 1
        await here.browser().ask("PUT", "/password-resets", {"token": token, "password": NEW})
    told = [
        record.getMessage() for record in caplog.records if record.name.startswith(("vedette", "uvicorn"))
    ]
    assert token not in kept
    assert not any(secret in line for line in told for secret in (token, PASSWORD, NEW, ADDRESS))
