"""Mail against a real SMTP server on loopback."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from tests.notify.tls import strangers_tls
from vedette.model.errors import SettingError
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.notify.channels import ChannelError, Mail, MailSettings, Security, mail_settings
from vedette.notify.mail import address, compose, message_id
from vedette.notify.text import Image, Message, render

T = 1_763_819_000_000
UNIX_S = 1_763_819_001


def message(
    reason: Reason = Reason.OPENED, count: int = 1, name: str = "node-a", lang: str = "en"
) -> Message:
    subject = Subject(SubjectKind.NODE, "n1", name)
    facts = {"votes": 50, "died_at_ms": T}
    incident = Incident(7, "node_down/n1", "node_down", 1, Severity.WARNING, subject, facts, T, T)
    key = f"7/{count}/{reason}/email"
    return render(incident, reason, "zh" if lang == "zh" else "en", "https://watch.example.org", key, T)


class Box:
    """A mail server's answers, and what it took in."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.recipients: dict[str, str] = {}
        self.data = "250 OK"
        self.delay_s = 0.0

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, _server: object, _session: object, envelope: Envelope, address: str, _options: Any
    ) -> str:
        answer = self.recipients.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.delay_s)
        if self.data.startswith("250"):
            self.taken.append(envelope)
        return self.data

    def mail(self, place: int = -1) -> EmailMessage:
        content = self.taken[place].content
        assert isinstance(content, bytes)
        return email.message_from_bytes(content, policy=email.policy.default)


@pytest.fixture
def box() -> Box:
    return Box()


def only_alice(
    _server: object, _session: object, _envelope: object, _mechanism: str, data: object
) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"alice", b"s3cret")
    return AuthResult(success=right, handled=False)


@pytest.fixture
async def port(box: Box) -> AsyncIterator[int]:
    def conversation() -> SMTP:
        return SMTP(box, hostname="test", authenticator=only_alice, auth_require_tls=False)

    server = await asyncio.get_running_loop().create_server(conversation, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def settings(port: int) -> MailSettings:
    return MailSettings(
        name="email",
        server="127.0.0.1",
        port=port,
        sender="Vedette <watch@example.org>",
        recipients=("alice@example.org", "Bob <bob@example.org>"),
        security=Security.NONE,
    )


async def refusal(settings: MailSettings, deadline_s: float = 5) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await Mail(settings, deadline_s).send(message())
    return caught.value


async def test_it_reaches_everyone_with_text_and_html(box: Box, settings: MailSettings) -> None:
    receipt = await Mail(settings, unix_s=lambda: UNIX_S).send(message())
    assert receipt == "OK"
    mail = box.mail()
    assert box.taken[0].rcpt_tos == ["alice@example.org", "bob@example.org"]
    assert box.taken[0].mail_from == "watch@example.org"
    assert mail["Subject"] == "Warning: node node-a is down"
    assert mail["From"] == "Vedette <watch@example.org>"
    assert mail["To"] == "alice@example.org, Bob <bob@example.org>"
    assert mail["Date"] == "Sat, 22 Nov 2025 13:43:21 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == message().body_text
    assert html.get_content().replace("\r\n", "\n") == message().body_html


async def test_a_picture_comes_with_the_mail_that_shows_it(box: Box, settings: MailSettings) -> None:
    picture = Image("votes", b"\x89PNG not really", "votes")
    html = '<p><img src="cid:votes" alt="votes"></p>'
    await Mail(settings).send(
        replace(message(), kind="digest", incident={}, body_html=html, images=(picture,))
    )
    mail = box.mail()
    assert mail["In-Reply-To"] is None
    assert mail["Message-ID"] == "<7.1.opened.email.digest@vedette>"
    related = [part for part in mail.walk() if part["Content-ID"] == "<votes>"]
    assert [(part.get_content_type(), part.get_content()) for part in related] == [("image/png", picture.png)]


async def test_chinese_arrives_as_chinese(box: Box, settings: MailSettings) -> None:
    await Mail(settings).send(message(name="节点-甲", lang="zh"))
    mail = box.mail()
    assert mail["Subject"] == "【警告】节点 节点-甲 已停止运行"
    body = mail.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    assert "处理建议：" in body.get_content()
    assert isinstance(box.taken[0].content, bytes)
    assert max(len(line) for line in box.taken[0].content.splitlines()) <= 998


async def test_a_second_attempt_is_the_same_mail(box: Box, settings: MailSettings) -> None:
    for _ in range(2):
        await Mail(settings).send(message())
    assert box.mail(0)["Message-ID"] == box.mail(1)["Message-ID"] == f"<7.1.opened.email.{T}@vedette>"


async def test_the_messages_of_one_incident_form_a_thread(box: Box, settings: MailSettings) -> None:
    for count, reason in enumerate((Reason.OPENED, Reason.ESCALATED, Reason.RESOLVED), start=1):
        await Mail(settings).send(message(reason, count))
    mails = [box.mail(place) for place in range(3)]
    assert len({mail["Message-ID"] for mail in mails}) == 3
    assert {mail["References"] for mail in mails} == {f"<incident.7.{T}@vedette>"}
    assert {mail["In-Reply-To"] for mail in mails} == {f"<incident.7.{T}@vedette>"}


def test_another_database_that_counts_from_one_makes_other_ids() -> None:
    later = replace(message(), incident={**message().incident, "opened_at_ms": T + 1})
    assert message_id(later) != message_id(message())


@pytest.mark.parametrize("evil", ["n\r\nBcc: mallory@example.org", "n\nSubject: x", "n\u2028x", "n\x00\x85x"])
def test_a_name_cannot_add_a_header(evil: str, settings: MailSettings) -> None:
    raw = compose(message(name=evil), settings, email.utils.localtime()).as_bytes()
    head = raw.split(b"\r\n\r\n")[0].decode()
    assert "Bcc" not in {line.split(":")[0] for line in head.split("\r\n")}
    assert [line.split(":")[0] for line in head.split("\r\n")].count("Subject") == 1


def test_a_strange_key_cannot_add_a_header(settings: MailSettings) -> None:
    strange = replace(message(), key="7/1/opened/x\r\nBcc: mallory@example.org>")
    assert message_id(strange) == f"<7.1.opened.x.Bcc.mallory.example.org.{T}@vedette>"
    assert compose(strange, settings, email.utils.localtime())["Bcc"] is None


async def test_a_password_is_given_and_a_wrong_one_is_said(box: Box, settings: MailSettings) -> None:
    await Mail(replace(settings, user="alice", password="s3cret")).send(message())
    assert len(box.taken) == 1
    error = await refusal(replace(settings, user="alice", password="wr0ng"))
    assert str(error) == "127.0.0.1: user or password not accepted (535)"
    assert not error.permanent
    assert "s3cret" not in repr(replace(settings, password="s3cret"))


@pytest.mark.parametrize(
    "alice, bob, permanent, said",
    [
        ("550 No", "550 No", True, "refused 2 of 2 recipients (550)"),
        ("450 Later", "450 Later", False, "refused 2 of 2 recipients (450)"),
        ("550 No", "450 Later", False, "refused 2 of 2 recipients (450, 550)"),
        ("250 OK", "450 Later", False, "refused 1 of 2 recipients (450)"),
    ],
)
async def test_refused_recipients_are_counted_not_named(
    box: Box, settings: MailSettings, alice: str, bob: str, permanent: bool, said: str
) -> None:
    box.recipients = {"alice@example.org": alice, "bob@example.org": bob}
    error = await refusal(settings)
    assert (str(error), error.permanent) == (f"127.0.0.1 {said}", permanent)


async def test_one_dead_recipient_does_not_keep_the_others_waiting(box: Box, settings: MailSettings) -> None:
    box.recipients = {"bob@example.org": "550 No"}
    await Mail(settings).send(message())
    assert box.taken[0].rcpt_tos == ["alice@example.org"]


@pytest.mark.parametrize("answer", ["451 Busy", "554 Spam from alice@example.org"])
async def test_a_mail_that_is_not_taken_is_tried_again(box: Box, settings: MailSettings, answer: str) -> None:
    box.data = answer
    error = await refusal(settings)
    assert not error.permanent
    assert str(error) == f"127.0.0.1: DataError ({answer[:3]})"


async def test_a_server_that_hangs_is_left_at_the_deadline(box: Box, settings: MailSettings) -> None:
    box.delay_s = 2
    assert str(await refusal(settings, deadline_s=0.3)) == "127.0.0.1 did not finish within 0.3 s"


async def test_a_server_that_is_not_there_is_named(settings: MailSettings) -> None:
    error = await refusal(replace(settings, port=9))
    assert str(error) == "127.0.0.1: could not connect, or the connection was cut"
    assert not error.permanent


async def test_nothing_is_said_in_the_clear_when_tls_was_asked_for(box: Box, settings: MailSettings) -> None:
    careful = replace(settings, security=Security.STARTTLS, user="alice", password="s3cret")
    error = await refusal(careful)
    assert str(error) == "127.0.0.1: it does not offer STARTTLS, which was asked for"
    assert not error.permanent
    assert box.taken == []


async def test_a_password_is_not_given_to_a_server_that_nobody_vouches_for(box: Box, tmp_path: Path) -> None:
    logins: list[object] = []

    def listen(*said: object) -> AuthResult:
        logins.append(said)
        return AuthResult(success=True)

    tls = strangers_tls(tmp_path)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="test", tls_context=tls, authenticator=listen), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    given = mail_settings(
        "email", f"smtp://a:s3cret@127.0.0.1:{port}?security=starttls", "w@example.org", ["a@example.org"]
    )
    error = await refusal(given)
    server.close()
    assert str(error) == "127.0.0.1: its certificate is not trusted"
    assert (logins, box.taken) == ([], [])


@pytest.mark.parametrize(
    "url, server, port, user, password, security",
    [
        ("smtp://mail.example.org", "mail.example.org", 587, None, None, Security.STARTTLS),
        ("smtps://mail.example.org", "mail.example.org", 465, None, None, Security.TLS),
        ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, None, None, Security.NONE),
        ("smtp://localhost", "localhost", 25, None, None, Security.NONE),
        ("smtp://a%40b:p%2Fw@m.example.org:26", "m.example.org", 26, "a@b", "p/w", Security.STARTTLS),
        ("smtp://relay.lan?security=none", "relay.lan", 25, None, None, Security.NONE),
        ("smtp://[::1]:2525", "::1", 2525, None, None, Security.NONE),
    ],
)
def test_a_server_is_written_as_a_url(
    url: str, server: str, port: int, user: str | None, password: str | None, security: Security
) -> None:
    given = mail_settings("email", url, "w@example.org", ["a@example.org"])
    assert (given.server, given.port, given.security) == (server, port, security)
    assert (given.user, given.password) == (user, password)


@pytest.mark.parametrize(
    "url", ["", "mail.example.org", "http://x", "smtp://", "smtp://x:y:z", "smtp://u:s3cret@x?security=maybe"]
)
def test_a_url_that_is_no_mail_server_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(SettingError) as refused:
        mail_settings("email", url, "w@example.org", ["a@example.org"])
    assert "s3cret" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "given", ["", "alice", "alice@", "@example.org", "a b@example.org", "a@b\r\nBcc: c@d", "ä@example.org"]
)
def test_what_is_no_address_is_refused_in_one_line(given: str) -> None:
    with pytest.raises(SettingError) as refused:
        address(given)
    assert len(str(refused.value).splitlines()) == 1


def test_mail_to_nobody_is_refused() -> None:
    with pytest.raises(SettingError, match="at least one recipient"):
        MailSettings("email", "127.0.0.1", 25, "w@example.org", ())
