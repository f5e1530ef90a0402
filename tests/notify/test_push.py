"""Web push: sealed as RFC 8291 has it, signed as RFC 8292 has it, and said in two languages."""

import base64
import json
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from tests.notify.browser import Browser, decoded
from vedette.model.incident import Incident, Reason, Severity, Subject, SubjectKind
from vedette.notify import push
from vedette.notify.push import PLAIN_BYTES_MAX, RECORD_BYTES, Subscription, SubscriptionError
from vedette.notify.words import Lang

# RFC 8291, section 5 and appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
ENDPOINT = "https://push.example:8443/send/abc"
ADDRESS = "0x" + "ab" * 32
INCIDENT = Incident(
    id=7,
    key=f"absent_votes/{ADDRESS}",
    rule="absent_votes",
    team_id=0,
    severity=Severity.WARNING,
    subject=Subject(SubjectKind.VALIDATOR, ADDRESS, "0xabababab…abab"),
    facts={"absent_blocks": 12, "votes": 7, "height": 100, "last_signed_height": 88},
    opened_at_ms=1_800_000_000_000,
)


def test_a_message_is_sealed_as_the_example_of_rfc_8291() -> None:
    to = Subscription.of(ENDPOINT, POINT, AUTH)
    body = push.sealed(PLAIN, to, decoded(SALT), push.key_of(decoded(SENDER)))
    assert push.spelled(body) == SEALED


@given(st.binary(max_size=PLAIN_BYTES_MAX))
def test_the_browser_reads_what_was_sealed_for_it_and_no_other_does(plain: bytes) -> None:
    browser, other = Browser(), Browser()
    body = push.sealed(plain, browser.subscription(ENDPOINT))
    assert len(body) <= RECORD_BYTES
    assert browser.read(body) == plain
    with pytest.raises(InvalidTag):
        other.read(body)


def test_no_two_messages_are_sealed_alike() -> None:
    to = Browser().subscription(ENDPOINT)
    assert push.sealed(PLAIN, to) != push.sealed(PLAIN, to)


def test_a_service_can_check_who_sends_and_for_whom() -> None:
    key = push.key_of(push.new_key())
    scheme, _, rest = push.note(key, ENDPOINT, 1_000, "https://vedette.example").partition(" ")
    token, point = (part.partition("=")[2] for part in rest.split(", "))
    head, claims, signature = token.split(".")
    assert scheme == "vapid"
    assert json.loads(decoded(head)) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(decoded(claims)) == {
        "aud": "https://push.example:8443",
        "exp": 1_000 + 12 * 3_600,
        "sub": "https://vedette.example",
    }
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(point))
    raw = decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(der, f"{head}.{claims}x".encode(), ec.ECDSA(SHA256()))


def test_what_is_kept_of_a_subscription_is_all_of_it() -> None:
    given = Browser().subscription("https://push.example/é")
    assert Subscription.unpacked(given.packed()) == given
    assert "push.example" not in repr(given)


@pytest.mark.parametrize(
    ("point", "auth", "line"),
    [
        ("", AUTH, "65 bytes"),
        (POINT[:-4], AUTH, "65 bytes"),
        (POINT, "AAAA", "auth 16"),
        ("!" * 87, AUTH, "base64url"),
        ("é" * 87, AUTH, "base64url"),
        (base64.urlsafe_b64encode(b"\4" + bytes(64)).decode(), AUTH, "no point"),
    ],
)
def test_what_is_no_subscription_is_refused_in_one_line(point: str, auth: str, line: str) -> None:
    with pytest.raises(SubscriptionError, match=line):
        Subscription.of(ENDPOINT, point, auth)


@given(st.text(max_size=120), st.text(max_size=40))
def test_any_keys_at_all_are_a_subscription_or_one_clear_line(point: str, auth: str) -> None:
    with pytest.raises(SubscriptionError, match="keys: "):
        Subscription.of(ENDPOINT, point, auth)


@pytest.mark.parametrize(
    ("lang", "title", "line"),
    [
        ("en", "Warning: validator 0xabababab…abab has missed 12 blocks", "88"),
        ("zh", "【警告】验证者 0xabababab…abab 已漏签", "88"),
    ],
)
def test_the_worker_is_given_title_lines_and_where_to_look(lang: Lang, title: str, line: str) -> None:
    told = json.loads(push.payload(INCIDENT, Reason.OPENED, lang, INCIDENT.opened_at_ms))
    assert told["title"].startswith(title)
    assert line in told["body"]
    assert (told["v"], told["reason"], told["severity"], told["lang"]) == (1, "opened", "warning", lang)
    assert (told["address"], told["url"]) == (ADDRESS, f"/validators/{ADDRESS}")
    over = replace(INCIDENT, resolved_at_ms=INCIDENT.opened_at_ms + 60_000)
    later = json.loads(push.payload(over, Reason.RESOLVED, lang, INCIDENT.opened_at_ms + 60_000))
    assert later["tag"] == told["tag"], "what is newer replaces what is shown"
    assert later["resolved_at_ms"] == over.resolved_at_ms


@given(st.text(max_size=400), st.sampled_from(list(Reason)))
def test_a_message_always_fits_into_one_record(name: str, reason: Reason) -> None:
    named = replace(INCIDENT, subject=replace(INCIDENT.subject, name=name * 10))
    assert len(push.payload(named, reason, "zh", INCIDENT.opened_at_ms)) <= PLAIN_BYTES_MAX
