"""Who may sign for a validator, as the chain tells it."""

from typing import Any

import pytest
from hypothesis import given

from tests.conflux.odd import ANY_JSON
from tests.conflux.test_contracts import words
from vedette.conflux import owners
from vedette.conflux.address import encode
from vedette.conflux.wire import Refused, RpcError, Unreachable
from vedette.model.claims import Space
from vedette.model.pos import PosAddress

USER = bytes.fromhex("1" + "a" * 39)
CONTRACT, OTHER_CONTRACT = bytes.fromhex("8" + "b" * 39), bytes.fromhex("8" + "c" * 39)
ESPACE = bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
REVERTED, ABSENT = Refused("cfx_call", -32015, "reverted"), words(0)
NETWORK = 1029


def says(raw: bytes) -> str:
    return words(int.from_bytes(raw, "big"))


def found(owner: Any, manager: Any) -> list[tuple[str, Space]]:
    return [(one.address, one.space) for one in owners.signers(CONTRACT, NETWORK, [owner, manager])]


def test_the_register_is_asked_about_the_validator() -> None:
    method, params = owners.holder_call(PosAddress("0x" + "ab" * 32), NETWORK)
    assert method == "cfx_call"
    assert params[0] == {
        "to": "cfx:aaejuaaaaaaaaaaaaaaaaaaaaaaaaaaaayf993ufd7",
        "data": "0xe9e4aa46" + "ab" * 32,
    }


def test_a_wallet_signs_for_itself_and_nothing_more_is_asked() -> None:
    assert owners.manager_calls(USER, NETWORK) == []
    (one,) = owners.signers(USER, NETWORK, [])
    assert (one.address, one.space) == (encode(USER, NETWORK), Space.CORE)


def test_a_contract_is_asked_who_owns_and_who_manages_it() -> None:
    asked = owners.manager_calls(CONTRACT, NETWORK)
    assert [call[1][0]["data"] for call in asked] == ["0x8da5cb5b", "0x481c6a75"]
    assert {call[1][0]["to"] for call in asked} == {encode(CONTRACT, NETWORK)}


@pytest.mark.parametrize(
    ("owner", "manager", "wanted"),
    [
        (says(USER), REVERTED, [(encode(USER, NETWORK), Space.CORE)]),
        (REVERTED, says(USER), [(encode(USER, NETWORK), Space.CORE)]),
        (says(USER), says(USER), [(encode(USER, NETWORK), Space.CORE)]),
        (says(ESPACE), REVERTED, [("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Space.ESPACE)]),
        (says(OTHER_CONTRACT), says(USER), [(encode(USER, NETWORK), Space.CORE)]),
        (says(OTHER_CONTRACT), REVERTED, []),
        (ABSENT, ABSENT, []),
        ("0x", words(1 << 200), []),
        (REVERTED, REVERTED, []),
    ],
)
def test_of_a_contract_whoever_it_names_and_can_sign_signs(
    owner: Any, manager: Any, wanted: list[tuple[str, Space]]
) -> None:
    assert found(owner, manager) == wanted


@pytest.mark.parametrize("reply", [Unreachable("cut off"), Refused("cfx_call", -32016, "not ready")])
def test_what_was_not_told_is_not_taken_for_nobody(reply: RpcError) -> None:
    with pytest.raises(RpcError):
        owners.signers(CONTRACT, NETWORK, [says(USER), reply])


@given(ANY_JSON, ANY_JSON)
def test_a_contract_may_answer_anything(owner: Any, manager: Any) -> None:
    for one in owners.signers(CONTRACT, NETWORK, [owner, manager]):
        assert one.space in set(Space)
