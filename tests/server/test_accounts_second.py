"""What proves a person beside a password: an authenticator, recovery codes, passkeys; and freshness."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from tests.server.accounts import PASSWORD, Browser, Place, place
from tests.server.authenticator import Device
from vedette.server.guesses import FREE_BY_NAME
from vedette.store import tables as t

ORIGIN = "https://watch.example.org"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path, public_url=ORIGIN) as found:
        yield found


async def authenticator(here: Place, browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """An authenticator that the account asks from now on, and its recovery codes."""
    status, made = await browser.ask("POST", "/account/totp", {})
    assert status == 200, made
    totp = pyotp.TOTP(made["secret"])
    assert made["uri"].startswith("otpauth://totp/Vedette:alice?secret=" + made["secret"])
    assert made["qr_svg"].startswith("<svg")
    status, told = await browser.ask("PUT", "/account/totp", {"code": now(here, totp)})
    assert status == 200, told
    here.clock.pass_ms(30_000)
    return totp, told["recovery_codes"]


def now(here: Place, totp: pyotp.TOTP, steps: int = 0) -> str:
    return totp.generate_otp(here.house.ears.now_ms() // 30_000 + steps)


async def test_with_an_authenticator_a_password_alone_is_not_enough(here: Place) -> None:
    browser = await here.first()
    totp, _ = await authenticator(here, browser)
    assert (await browser.session())["user"]["has_totp"] is True
    other = here.browser()
    status, told = await other.sign_in()
    assert (status, told["need"], other.cookies) == (401, "code", {})
    status, told = await other.sign_in(code="000000" if now(here, totp) != "000000" else "000001")
    assert (status, told["need"], other.cookies) == (401, "code", {})
    status, told = await other.sign_in(code=now(here, totp))
    assert (status, told["signed_in"]) == (200, True)


async def test_a_code_works_once_and_so_do_all_before_it(here: Place) -> None:
    totp, _ = await authenticator(here, await here.first())
    code, earlier = now(here, totp), now(here, totp, -1)
    many = await asyncio.gather(*(here.browser().sign_in(code=code) for _ in range(3)))
    assert sorted(status for status, _ in many) == [200, 401, 401]
    assert (await here.browser().sign_in(code=earlier))[0] == 401
    assert (await here.browser().sign_in(code=now(here, totp, 1)))[0] == 200, "the clock is half a minute off"
    assert (await here.browser().sign_in(code=now(here, totp, 2)))[0] == 401


async def test_codes_cannot_be_guessed_by_whoever_has_the_password(here: Place) -> None:
    totp, _ = await authenticator(here, await here.first())
    thief = here.browser()
    for _ in range(FREE_BY_NAME * 2):
        assert (await thief.sign_in())[1]["need"] == "code", "asking for the code counts as no guess"
    for _ in range(FREE_BY_NAME):
        assert (await thief.sign_in(code="abcdef"))[0] == 401
    assert (await thief.sign_in(code=now(here, totp)))[0] == 429


async def test_a_recovery_code_works_once_however_it_is_typed(here: Place) -> None:
    _, codes = await authenticator(here, await here.first())
    assert len(set(codes)) == 10
    many = await asyncio.gather(*(here.browser().sign_in(code=codes[0].upper()) for _ in range(3)))
    assert sorted(status for status, _ in many) == [200, 401, 401]
    assert (await here.browser().sign_in(code=codes[1].replace("-", " ")))[0] == 200
    async with here.house.database.read() as conn:
        kept = str((await conn.execute(select(t.recovery_codes))).all())
    assert codes[2] not in kept
    assert codes[2].replace("-", "") not in kept


async def test_new_recovery_codes_end_the_old_ones(here: Place) -> None:
    browser = await here.first()
    _, codes = await authenticator(here, browser)
    status, told = await browser.ask("POST", "/account/recovery-codes", {})
    assert status == 200
    assert (await here.browser().sign_in(code=codes[0]))[0] == 401
    assert (await here.browser().sign_in(code=told["recovery_codes"][0]))[0] == 200


async def test_an_authenticator_can_be_taken_away(here: Place) -> None:
    browser = await here.first()
    _, codes = await authenticator(here, browser)
    assert (await browser.ask("POST", "/account/totp", {}))[0] == 409
    assert (await browser.ask("DELETE", "/account/totp"))[0] == 204
    assert (await here.browser().sign_in())[0] == 200
    assert (await browser.ask("POST", "/account/recovery-codes", {}))[0] == 409
    await authenticator(here, browser)
    assert (await here.browser().sign_in(code=codes[0]))[0] == 401, "codes of the one before"


async def test_an_authenticator_counts_only_once_it_has_shown_a_code(here: Place) -> None:
    browser = await here.first()
    assert (await browser.ask("PUT", "/account/totp", {"code": "123456"}))[0] == 409
    await browser.ask("POST", "/account/totp", {})
    assert (await browser.ask("PUT", "/account/totp", {"code": "abcdef"}))[0] == 422
    assert (await here.browser().sign_in())[0] == 200


async def test_the_secret_stands_sealed_in_the_database(here: Place) -> None:
    totp, _ = await authenticator(here, await here.first())
    async with here.house.database.read() as conn:
        sealed = (await conn.execute(select(t.users.c.totp_sealed))).scalar_one()
    assert totp.secret.encode() not in sealed
    assert here.house.vault.open(sealed, "totp").decode() == totp.secret


async def test_without_the_key_file_a_recovery_code_still_opens(here: Place) -> None:
    totp, codes = await authenticator(here, await here.first())
    here.house.vault.path.unlink()
    status, told = await here.browser().sign_in(code=now(here, totp))
    assert (status, "recovery code" in told["detail"]) == (503, True)
    assert (await here.browser().sign_in(code=codes[0]))[0] == 200


# --- freshness

CHANGES = [
    ("PATCH", "/account", {"name": "bob"}),
    ("DELETE", "/account", None),
    ("POST", "/account/totp", {}),
    ("PUT", "/account/totp", {"code": "123456"}),
    ("DELETE", "/account/totp", None),
    ("POST", "/account/recovery-codes", {}),
    ("POST", "/account/passkeys/options", {}),
    ("POST", "/account/passkeys", {"ticket": "x", "name": "x", "credential": {}}),
    ("DELETE", "/account/passkeys/1", None),
    ("PUT", "/account/email", {"email": None}),
]


async def test_whoever_finds_an_open_browser_changes_nothing(here: Place) -> None:
    browser = await here.first()
    here.clock.pass_ms(600_000)
    for method, path, body in CHANGES:
        status, told = await browser.ask(method, path, body)
        assert (status, told["need"]) == (403, "confirm"), path
    assert (await browser.ask("GET", "/account/passkeys"))[0] == 200
    assert (await browser.ask("POST", "/session/confirm", {"password": "wrong"}))[0] == 401
    assert (await browser.ask("POST", "/account/totp", {}))[0] == 403
    status, told = await browser.ask("POST", "/session/confirm", {"password": PASSWORD})
    assert (status, told["fresh_until_ms"]) == (200, here.house.ears.now_ms() + 600_000)
    assert (await browser.ask("POST", "/account/totp", {}))[0] == 200


async def test_to_prove_oneself_again_takes_the_code_too(here: Place) -> None:
    browser = await here.first()
    totp, _ = await authenticator(here, browser)
    status, told = await browser.ask("POST", "/session/confirm", {"password": PASSWORD})
    assert (status, told["need"]) == (401, "code")
    body = {"password": PASSWORD, "code": now(here, totp)}
    assert (await browser.ask("POST", "/session/confirm", body))[0] == 200
    assert (await browser.ask("POST", "/session/confirm", body))[0] == 401


async def test_guessing_in_an_open_browser_takes_forever_too(here: Place) -> None:
    browser = await here.first()
    for _ in range(FREE_BY_NAME):
        assert (await browser.ask("POST", "/session/confirm", {"password": "guess"}))[0] == 401
    assert (await browser.ask("POST", "/session/confirm", {"password": PASSWORD}))[0] == 429


# --- passkeys


async def passkey(browser: Browser, device: Device | None = None, name: str = "key ring") -> Device:
    device = device or Device(ORIGIN)
    status, asked = await browser.ask("POST", "/account/passkeys/options", {})
    assert status == 200, asked
    body = {"ticket": asked["ticket"], "name": name, "credential": device.make(asked["options"])}
    status, told = await browser.ask("POST", "/account/passkeys", body)
    assert status == 200, told
    return device


async def sign_in_with(browser: Browser, device: Device, path: str = "/session/passkey") -> tuple[int, Any]:
    _, asked = await browser.ask("POST", "/session/passkey/options", {})
    body = {"ticket": asked["ticket"], "credential": device.answer(asked["options"])}
    return await browser.ask("POST", path, body)


async def test_a_passkey_signs_in_without_a_name_and_without_a_code(here: Place) -> None:
    browser = await here.first()
    await authenticator(here, browser)
    device = await passkey(browser)
    assert (await browser.session())["user"]["passkeys"] == 1
    other = here.browser()
    status, told = await sign_in_with(other, device)
    assert (status, told["user"]["name"]) == (200, "alice")
    (listed,) = (await other.ask("GET", "/account/passkeys"))[1]["passkeys"]
    assert (listed["name"], listed["used_at_ms"]) == ("key ring", here.house.ears.now_ms())


async def test_a_question_is_answered_once_and_soon(here: Place) -> None:
    device = await passkey(await here.first())
    other = here.browser()
    _, asked = await other.ask("POST", "/session/passkey/options", {})
    body = {"ticket": asked["ticket"], "credential": device.answer(asked["options"])}
    assert (await other.ask("POST", "/session/passkey", body))[0] == 200
    assert (await here.browser().ask("POST", "/session/passkey", body))[0] == 401, "replayed"
    _, asked = await other.ask("POST", "/session/passkey/options", {})
    here.clock.pass_ms(300_000)
    body = {"ticket": asked["ticket"], "credential": device.answer(asked["options"])}
    assert (await here.browser().ask("POST", "/session/passkey", body))[0] == 401, "too late"


async def test_a_wrong_answer_uses_the_question_up(here: Place) -> None:
    device = await passkey(await here.first())
    other = here.browser()
    _, asked = await other.ask("POST", "/session/passkey/options", {})
    body = {"ticket": asked["ticket"], "credential": device.answer({"challenge": "AAAA"})}
    assert (await other.ask("POST", "/session/passkey", body))[0] == 401
    body = {"ticket": asked["ticket"], "credential": device.answer(asked["options"])}
    assert (await other.ask("POST", "/session/passkey", body))[0] == 401


@pytest.mark.parametrize("odd", ["origin", "rp_id", "verifies", "count", "key", "id"])
async def test_a_device_that_is_not_the_one_opens_nothing(here: Place, odd: str) -> None:
    device = await passkey(await here.first())
    assert (await sign_in_with(here.browser(), device))[0] == 200
    if odd == "count":
        device.count = 0  # a copy of it was used before
    else:
        other = Device("https://evil.example", rp_id="evil.example", verifies=False)
        setattr(device, odd, getattr(other, odd))
    status, told = await sign_in_with(here.browser(), device)
    assert (status, told["detail"].startswith("That passkey")) == (401, True)


async def test_a_device_that_asks_nobody_is_not_taken(here: Place) -> None:
    browser = await here.first()
    _, asked = await browser.ask("POST", "/account/passkeys/options", {})
    credential = Device(ORIGIN, verifies=False).make(asked["options"])
    body = {"ticket": asked["ticket"], "name": "x", "credential": credential}
    assert (await browser.ask("POST", "/account/passkeys", body))[0] == 422


@pytest.mark.parametrize("credential", [{}, {"rawId": 7}, {"rawId": "!"}, {"rawId": "AAAA", "response": []}])
async def test_nonsense_in_place_of_a_passkey_is_refused(here: Place, credential: dict[str, Any]) -> None:
    browser = await here.first()
    _, asked = await browser.ask("POST", "/session/passkey/options", {})
    body = {"ticket": asked["ticket"], "credential": credential}
    assert (await here.browser().ask("POST", "/session/passkey", body))[0] == 401
    _, asked = await browser.ask("POST", "/account/passkeys/options", {})
    body = {"ticket": asked["ticket"], "name": "x", "credential": credential}
    assert (await browser.ask("POST", "/account/passkeys", body))[0] == 422


async def test_a_passkey_is_not_blocked_by_guesses_at_the_password(here: Place) -> None:
    device = await passkey(await here.first())
    for _ in range(FREE_BY_NAME):
        await here.browser().sign_in(password="guess")
    assert (await here.browser().sign_in())[0] == 429
    assert (await sign_in_with(here.browser(), device))[0] == 200


async def test_a_passkey_that_was_taken_away_opens_nothing(here: Place) -> None:
    browser = await here.first()
    device = await passkey(browser)
    (listed,) = (await browser.ask("GET", "/account/passkeys"))[1]["passkeys"]
    assert (await browser.ask("DELETE", f"/account/passkeys/{listed['id']}"))[0] == 204
    assert (await browser.ask("DELETE", f"/account/passkeys/{listed['id']}"))[0] == 404
    assert (await sign_in_with(here.browser(), device))[0] == 401


async def test_one_proves_himself_again_with_his_own_passkey_only(here: Place) -> None:
    browser = await here.first()
    device = await passkey(browser)
    here.clock.pass_ms(600_000)
    assert (await browser.ask("POST", "/account/totp", {}))[0] == 403
    status, told = await sign_in_with(browser, device, "/session/confirm")
    assert (status, told["fresh_until_ms"]) == (200, here.house.ears.now_ms() + 600_000)
    strange = Device(ORIGIN, rp_id="watch.example.org")
    assert (await sign_in_with(browser, strange, "/session/confirm"))[0] == 401


async def test_passkeys_need_a_name(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        browser = await here.first()
        status, told = await browser.ask("POST", "/account/passkeys/options", {})
        assert (status, "localhost" in told["detail"]) == (409, True)
        port = here.url.rpartition(":")[2]
        device = await passkey_by_host(browser, f"localhost:{port}")
        assert device.rp_id == "localhost"


async def passkey_by_host(browser: Browser, host: str) -> Device:
    device = Device(f"http://{host}")
    _, asked = await browser.ask("POST", "/account/passkeys/options", {}, Host=host)
    body = {"ticket": asked["ticket"], "name": "x", "credential": device.make(asked["options"])}
    status, told = await browser.ask("POST", "/account/passkeys", body, Host=host)
    assert status == 200, told
    return device
