"""Who is at the other end: whatever is claimed, only trusted proxies are believed, and of their own hops."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.server.caller import FORWARDED_FOR, Caller, Trusted, address_of, caller_of

OUTER, INNER = "10.1.0.1", "127.0.0.1"
NETWORKS = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
BY_LIST, BY_FORWARDED = Trusted(NETWORKS), Trusted(NETWORKS, "Forwarded")
ALICE, MALLORY = "203.0.113.7", "198.51.100.9"


def scope(
    peer: str | None, headers: dict[str, str] | list[tuple[str, str]], scheme: str = "http"
) -> dict[str, Any]:
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {
        "client": (peer, 4711) if peer else None,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "scheme": scheme,
    }


@pytest.mark.parametrize(
    ("peer", "told", "caller"),
    [
        (ALICE, None, Caller(ALICE)),
        (ALICE, MALLORY, Caller(ALICE, is_proxy=True)),  # nobody trusts it: it may claim what it likes
        (INNER, ALICE, Caller(ALICE)),
        (INNER, f"{MALLORY}, {ALICE}", Caller(ALICE)),  # what came from outside stands before
        (INNER, f"{MALLORY}, {ALICE}, {OUTER}", Caller(ALICE)),
        (INNER, f"127.0.0.1, {ALICE}, {OUTER}", Caller(ALICE)),
        (INNER, f"10.9.9.9, {OUTER}", Caller("10.9.9.9")),  # a trusted machine that asks for itself
        (INNER, None, Caller(INNER)),
        (INNER, "unknown", Caller(INNER, is_proxy=True)),
        (INNER, f"{ALICE}, unknown", Caller(INNER, is_proxy=True)),
        (INNER, f"unknown, {OUTER}", Caller(OUTER, is_proxy=True)),
        (INNER, "", Caller(INNER, is_proxy=True)),
        (INNER, f"{ALICE}:51234", Caller(ALICE)),
        (INNER, "2001:DB8::0:1", Caller("2001:db8::1")),
        (INNER, "[2001:db8::1]:443", Caller("2001:db8::1")),
        (INNER, "[2001:db8::1]", Caller("2001:db8::1")),
        (INNER, "::ffff:203.0.113.7", Caller(ALICE)),
        (INNER, "fe80::1%eth0", Caller(INNER, is_proxy=True)),
        ("::ffff:127.0.0.1", ALICE, Caller(ALICE)),
        ("fd00::7", ALICE, Caller(ALICE)),
        (None, ALICE, Caller("", is_proxy=True)),
    ],
)
def test_whose_address_it_is(peer: str | None, told: str | None, caller: Caller) -> None:
    headers = {} if told is None else {FORWARDED_FOR: told}
    assert caller_of(scope(peer, headers), BY_LIST) == caller


@pytest.mark.parametrize(
    ("told", "address", "is_https"),
    [
        (f"for={ALICE};proto=https;by=10.0.0.1", ALICE, True),
        ('For="[2001:db8::1]:4711" ; Proto="HTTPS"', "2001:db8::1", True),
        (f"for={MALLORY};proto=https, for={ALICE};proto=http", ALICE, False),
        (f'for=", for={ALICE}', ALICE, False),  # an open quote swallows nothing
        (f'for="{MALLORY}, for={ALICE};proto=https', ALICE, True),
        ("for=_hidden", INNER, False),
        ("proto=https", INNER, True),
        (f"for={ALICE}, proto=https", INNER, True),  # the nearest says nothing of its hop
    ],
)  # fmt: skip
def test_forwarded_as_rfc_7239_has_it(told: str, address: str, is_https: bool) -> None:
    found = caller_of(scope(INNER, {"Forwarded": told}), BY_FORWARDED)
    assert (found.address, found.is_https) == (address, is_https)


def test_only_the_header_that_the_settings_name_is_read() -> None:
    """A proxy passes the other one on as it came."""
    both = {FORWARDED_FOR: ALICE, "Forwarded": f"for={MALLORY};proto=https"}
    assert caller_of(scope(INNER, both), BY_LIST) == Caller(ALICE)
    assert caller_of(scope(INNER, both), BY_FORWARDED) == Caller(MALLORY, is_https=True)


@pytest.mark.parametrize(
    ("peer", "told", "is_https"),
    [
        (INNER, "https", True),
        (INNER, "HTTPS", True),
        (INNER, "http", False),
        (INNER, "https, http", False),
        (INNER, "ftp", False),
        (INNER, None, False),
        (ALICE, "https", False),
    ],
)
def test_whether_tls_was_spoken(peer: str, told: str | None, is_https: bool) -> None:
    headers = {FORWARDED_FOR: MALLORY} | ({"X-Forwarded-Proto": told} if told else {})
    assert caller_of(scope(peer, headers), BY_LIST).is_https is is_https


def test_a_list_in_several_lines_is_one_list() -> None:
    lines = [(FORWARDED_FOR, MALLORY), (FORWARDED_FOR, ALICE), (FORWARDED_FOR, OUTER)]
    assert caller_of(scope(INNER, lines), BY_LIST) == Caller(ALICE)


def test_without_trusted_proxies_nobody_is_believed() -> None:
    everything = {FORWARDED_FOR: MALLORY, "Forwarded": f"for={MALLORY}", "X-Forwarded-Proto": "https"}
    assert caller_of(scope(INNER, everything), Trusted()) == Caller(INNER, is_proxy=True)
    assert caller_of(scope(INNER, {}, "https"), Trusted()) == Caller(INNER, is_https=True)


def test_a_household_of_ipv6_is_one() -> None:
    one, other = Caller("2001:db8:1:2::3"), Caller("2001:db8:1:2:ffff::1")
    assert one.site == other.site == "2001:db8:1:2::/64"
    assert Caller("2001:db8:1:3::3").site != one.site
    assert (Caller(ALICE).site, Caller("").site) == (ALICE, "")


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
ODD = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
OUTSIDE = ADDRESSES.filter(lambda one: address_of(one) not in {None, ""}).filter(
    lambda one: not any(ip_address(address_of(one) or "") in network for network in NETWORKS)
)


@given(claimed=st.lists(st.one_of(ADDRESSES, ODD), max_size=5), true=OUTSIDE, outer=st.booleans())
def test_nothing_that_came_from_outside_changes_whose_address_it_is(
    claimed: list[str], true: str, outer: bool
) -> None:
    hops = [*claimed, true, *([OUTER] if outer else [])]
    by_list = caller_of(scope(INNER, {FORWARDED_FOR: ", ".join(hops)}), BY_LIST)
    told = [*claimed, *(f'for="[{hop}]"' if ":" in hop else f"for={hop}" for hop in hops[len(claimed) :])]
    by_forwarded = caller_of(scope(INNER, {"Forwarded": ", ".join(told)}), BY_FORWARDED)
    assert by_list.address == by_forwarded.address == address_of(true)
    assert not by_list.is_proxy


@given(
    st.sampled_from([FORWARDED_FOR, "Forwarded", "X-Forwarded-Proto"]),
    ODD,
    st.sampled_from([BY_LIST, BY_FORWARDED]),
)
def test_whatever_is_sent_an_address_comes_out(name: str, value: str, trusted: Trusted) -> None:
    found = caller_of(scope(INNER, {name: value}), trusted)
    assert str(ip_address(found.address)) == found.address
    assert found.site


@given(ODD)
def test_a_hop_is_an_address_or_nothing(hop: str) -> None:
    found = address_of(hop)
    assert found is None or str(ip_address(found)) == found
