"""E-mail as a contact point: through the installation's server, to addresses of the team's own."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP, Envelope

from tests.notify.kinds.stage import T, guard_of, message
from vedette.model.digest import DigestMatter, Row
from vedette.model.errors import SettingError
from vedette.notify.digest import digest_message
from vedette.notify.kinds import KINDS, Means
from vedette.notify.mail import MailSettings, Security

EMAIL = KINDS["email"]


class Box:
    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 2.0.0 Ok: queued as 4XYZ"


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
async def means(box: Box) -> AsyncIterator[Means]:
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="test"), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    mail = MailSettings(
        "email", "127.0.0.1", port, "watch@example.org", ("keeper@example.org",), security=Security.NONE
    )
    yield Means(guard=guard_of(), mail=mail)
    server.close()


async def test_it_goes_to_the_contacts_addresses_alone_and_says_under_what_number(
    box: Box, means: Means
) -> None:
    channel = EMAIL.build("night", EMAIL.check({"to": "alice@example.org , Bob <bob@example.org>"}), means)
    assert await channel.send(message()) == "2.0.0 Ok: queued as 4XYZ"
    assert box.taken[0].rcpt_tos == ["alice@example.org", "bob@example.org"]
    assert box.taken[0].mail_from == "watch@example.org"


def test_without_a_mail_server_it_says_so() -> None:
    means = Means(guard=guard_of())
    assert "no mail server" in str(EMAIL.lacks(means, False))
    with pytest.raises(SettingError, match="no mail server"):
        EMAIL.build("night", EMAIL.check({"to": "alice@example.org"}), means)


@pytest.mark.parametrize("to", ["", "nobody", "a@b.c\r\nBcc: x@y.z", ",", ",".join(["a@b.c"] * 11), "a@b@c"])
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(SettingError):
        EMAIL.check({"to": to})


@pytest.mark.parametrize(
    "to, hint",
    [("alice@example.org", "a…@example.org"), ("Bob <bob@b.example>, c@d.example", "b…@b.example +1")],
)
def test_its_hint_names_the_host(to: str, hint: str) -> None:
    assert EMAIL.hint(EMAIL.check({"to": to})) == hint


async def test_a_digest_comes_with_its_pictures(box: Box, means: Means) -> None:
    rows = (Row(name="n1", ppm=990_000, parts=(1.0, 0.5, None)),)
    matter = DigestMatter(every="daily", zone="UTC", from_ms=T - 86_400_000, until_ms=T, nodes=rows)
    channel = EMAIL.build("night", EMAIL.check({"to": "alice@example.org"}), means)
    await channel.send(digest_message(matter, "zh", None, "digest/1", 1))
    content = box.taken[0].content
    assert isinstance(content, bytes)
    parts = list(email.message_from_bytes(content, policy=email.policy.default).walk())
    (picture,) = [part for part in parts if part.get_content_type() == "image/png"]
    (html,) = [part for part in parts if part.get_content_type() == "text/html"]
    assert picture["Content-ID"] == "<nodes-0>"
    assert 'src="cid:nodes-0"' in html.get_content()
    assert picture.get_content().startswith(b"\x89PNG")
