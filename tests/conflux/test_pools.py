"""A pool as a whole: what was told, what it lacks, and whom to believe about its validator."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conflux.odd import ANY_JSON
from tests.conflux.test_contracts import ALICE, POOL, USER, USER_RAW, string, words
from vedette.conflux import pools
from vedette.conflux.address import AddressError, encode
from vedette.conflux.contracts import pos_register
from vedette.conflux.keccak import keccak256
from vedette.conflux.pools import Answers, Question, Subject
from vedette.conflux.wire import Garbled, Limited, Refused, Unreachable
from vedette.model.pool import PoolHoldings, PoolQueued, PoolReading, PoolTerms, UserSummary
from vedette.model.pos import PosAddress

BOB = PosAddress("0x" + "b2" * 32)
SUBJECT = Subject(POOL, ALICE)
CODE = bytes.fromhex("80" * 20)
OWNER = int.from_bytes(USER_RAW, "big")
CFX = 10**18
REVERTED = Refused("cfx_call", -32015, "Transaction reverted")
UNKNOWN_METHOD = Refused("cfx_getStorageAt", -32601, "Method not found")

UNBOUND = "the chain's register does not bind the validator that it names to it"

WHOLE: dict[Question[Any], Any] = {
    pools.NAME: string("PHX V1"),
    pools.CLAIMED: ALICE,
    pools.REGISTERED: ALICE,
    pools.OWNER: words(OWNER),
    pools.LOCK: words(2_250_000),
    pools.UNLOCK: words(176_400),
    pools.SAID_IMPLEMENTATION: REVERTED,
    pools.KEPT_IMPLEMENTATION: None,
    pools.BEACON: None,
    pools.SHARE: words(9_000),
    pools.SUMMARY: words(7, 8, 9),
    pools.APY: words(512),
    pools.STAKERS: words(66),
    pools.ACCOUNT: {
        "balance": hex(5 * CFX),
        "stakingBalance": hex(12_500 * CFX),
        "codeHash": "0x" + "c0" * 32,
    },
    pools.VOTES: words(30, 20),
}


def heard(asked: Sequence[Question[Any]], **instead: Any) -> Answers:
    """The answers to these, with others in the places of some (named as in the module)."""
    replies = WHOLE | {getattr(pools, name): reply for name, reply in instead.items()}
    return pools.answers(asked, [replies[each] for each in asked])


def reading(**instead: Any) -> PoolReading:
    return pools.reading(SUBJECT, heard(pools.SELDOM, **instead), heard(pools.brief(SUBJECT), **instead))


# --- questions --------------------------------------------------------------------------------------------


def test_slots_are_those_of_eip_1967() -> None:
    for name, slot in (("implementation", pools.IMPLEMENTATION_SLOT), ("beacon", pools.BEACON_SLOT)):
        assert int(slot, 16) == int.from_bytes(keccak256(f"eip1967.proxy.{name}".encode()), "big") - 1
    assert keccak256(b"").hex() == pools.NO_CODE[2:]


def test_every_question_is_about_the_pool() -> None:
    calls = {each: each.call(SUBJECT) for each in (*pools.SELDOM, *pools.OFTEN)}
    register = pos_register(1029)
    for question, (method, params) in calls.items():
        if method == "cfx_call":
            of_register = question in {pools.REGISTERED, pools.VOTES}
            assert params[0]["to"] == (register if of_register else POOL)
            assert question.is_own is not of_register
        else:
            assert (params[0], params[-1], question.is_own) == (POOL, "latest_state", False)
    assert calls[pools.VOTES][1][0]["data"].endswith("a1" * 32)


def test_a_pool_is_asked_no_more_than_it_can_tell() -> None:
    assert pools.brief(SUBJECT) == pools.OFTEN
    assert pools.VOTES not in pools.brief(Subject(POOL))
    of_another_kind = ("poolSummary", "poolUserShareRatio", "poolAPY", "stakerNumber")
    assert pools.brief(SUBJECT, of_another_kind) == (pools.ACCOUNT, pools.VOTES)


# --- answers ----------------------------------------------------------------------------------------------


def test_a_pool_is_put_together_from_its_contract_the_register_and_its_account() -> None:
    told = reading()
    assert (told.contract, told.own_name, told.pos_address, told.is_registered) == (
        POOL, "PHX V1", ALICE, True,
    )  # fmt: skip
    assert told.terms == PoolTerms(9_000, USER, False, None, 2_250_000, 176_400)
    assert told.terms.fee_ppm == 100_000
    # 12.5 votes' worth is staked, and the register still counts ten of them.
    assert told.holdings == PoolHoldings(7, 8, 9, 512, 66, 30, 20, 5 * CFX, 2_500 * CFX)
    assert told.holdings.staked_votes == 10
    assert told.trouble is None


@pytest.mark.parametrize(
    "instead, upgradable, implementation",
    [
        ({"KEPT_IMPLEMENTATION": "0x" + CODE.rjust(32, b"\0").hex()}, True, encode(CODE, 1029)),
        ({"SAID_IMPLEMENTATION": words(int.from_bytes(CODE, "big"))}, True, encode(CODE, 1029)),
        ({"BEACON": "0x" + CODE.rjust(32, b"\0").hex()}, True, None),
        ({"KEPT_IMPLEMENTATION": "0x" + "00" * 32}, False, None),
        ({"KEPT_IMPLEMENTATION": UNKNOWN_METHOD}, None, None),
        ({"BEACON": "0x" + "01" * 32}, None, None),
    ],
)
def test_whether_its_code_can_be_exchanged(
    instead: dict[str, Any], upgradable: bool | None, implementation: str | None
) -> None:
    told = reading(**instead)
    assert (told.terms.is_upgradable, told.terms.implementation) == (upgradable, implementation)
    assert told.trouble is None


@pytest.mark.parametrize(
    "instead, pos_address, registered, trouble",
    [
        ({"CLAIMED": REVERTED}, ALICE, True, None),
        ({"REGISTERED": words(0)}, ALICE, False, UNBOUND),
        ({"REGISTERED": UNKNOWN_METHOD}, ALICE, None, None),
        ({"CLAIMED": BOB}, ALICE, True, "it names another validator (0xb2b2b2b2…) than the chain's register"),
        ({"CLAIMED": REVERTED, "REGISTERED": words(0)}, None, False, "it has no validator yet"),
    ],
)
def test_the_register_is_believed_before_the_contract(
    instead: dict[str, Any], pos_address: str | None, registered: bool | None, trouble: str | None
) -> None:
    told = reading(**instead)
    assert (told.pos_address, told.is_registered) == (pos_address, registered)
    assert told.trouble == trouble


FOREIGN = dict.fromkeys(("NAME", "CLAIMED", "LOCK", "UNLOCK", "SHARE", "SUMMARY", "APY"), REVERTED)


def test_a_pool_of_another_kind_is_known_by_its_validator() -> None:
    told = reading(**FOREIGN, STAKERS="0x")
    assert (told.own_name, told.pos_address, told.is_registered) == (None, ALICE, True)
    assert told.terms == PoolTerms(None, USER, False)
    assert told.holdings == PoolHoldings(
        registered_votes=30, unlocked_votes=20, balance_drip=5 * CFX, withdrawable_drip=2_500 * CFX
    )
    assert told.trouble == (
        "its contract is of another kind: it does not answer poolName, _poolLockPeriod, _poolUnlockPeriod, "
        "poolUserShareRatio, poolSummary, poolAPY, stakerNumber"
    )


def test_an_older_pool_lacks_a_function_or_two() -> None:
    assert reading(UNLOCK=REVERTED, APY=words(2**70)).trouble == (
        "its contract does not answer _poolUnlockPeriod, poolAPY"
    )


def test_a_share_above_the_whole_is_no_share() -> None:
    assert reading(SHARE=words(10_001)).terms.fee_ppm is None
    assert reading(SHARE=words(10_000)).terms.fee_ppm == 0


def test_an_address_without_a_contract_is_told_as_that() -> None:
    nothing: dict[str, Any] = dict.fromkeys([*FOREIGN, "STAKERS", "OWNER", "SAID_IMPLEMENTATION"], "0x")
    account = {"balance": "0x0", "stakingBalance": "0x0", "codeHash": pools.NO_CODE}
    told = reading(**nothing, ACCOUNT=account, REGISTERED=words(0))
    assert told.trouble == "there is no contract at this address on this network"


NOT_YET = Refused("cfx_call", -32016, "State for epoch is not available")


@pytest.mark.parametrize("failure", [NOT_YET, Garbled("The node answered with HTML.")])
def test_an_endpoint_s_own_failure_is_not_the_contract_s(failure: Any) -> None:
    often = heard(pools.OFTEN, SUMMARY=failure, SHARE=failure)
    assert (often.lacking, often.refusal) == ((), str(failure))
    told = pools.reading(SUBJECT, heard(pools.SELDOM), often)
    assert (told.terms.fee_ppm, told.holdings.available_votes, told.trouble) == (None, None, str(failure))
    assert heard(pools.OFTEN).refusal is None


@pytest.mark.parametrize("away", [Unreachable("No answer to 6 calls within 5 s."), Limited("Wait.", 3)])
def test_nothing_is_learned_from_an_endpoint_that_is_away(away: Unreachable) -> None:
    with pytest.raises(Unreachable):
        reading(STAKERS=away)


REPLIES = (
    ANY_JSON
    | st.lists(st.integers(0, 70) | st.just(2**255), max_size=6).map(lambda numbers: words(*numbers))
    | st.sampled_from([REVERTED, UNKNOWN_METHOD, Garbled("what?")])
)


@given(st.lists(REPLIES, min_size=len(WHOLE), max_size=len(WHOLE)))
def test_whatever_is_answered_makes_a_reading(replies: list[Any]) -> None:
    given_replies = dict(zip(WHOLE, replies, strict=True))
    seldom = pools.answers(pools.SELDOM, [given_replies[each] for each in pools.SELDOM])
    often = pools.answers(pools.OFTEN, [given_replies[each] for each in pools.OFTEN])
    told = pools.reading(SUBJECT, seldom, often)
    assert told.trouble is None or told.trouble.isprintable()
    assert told.terms.fee_ppm is None or 0 <= told.terms.fee_ppm <= 1_000_000


# --- one wallet -------------------------------------------------------------------------------------------


def test_a_wallet_s_stake_is_told_in_two_steps() -> None:
    method, params = pools.stake_call(POOL, USER)
    assert (method, params[0]["to"]) == ("cfx_call", POOL)
    assert params[0]["data"] == "0xe3d5b233" + "00" * 12 + USER_RAW.hex()
    found = pools.stake(POOL, words(9, 7, 5, 2, 2**90, 4))
    assert found.summary == UserSummary(9, 7, 5, 2, 2**90, 4)
    assert [params[0]["data"][:10] for _, params in pools.detail_calls(POOL, USER)] == [
        "0xd68076c3", "0xe2af7928", "0x24a3bbe2",
    ]  # fmt: skip
    whole = pools.detailed(found, [words(6), words(32, 1, 2, 900), REVERTED])
    assert (whole.interest_drip, whole.in_queue, whole.out_queue) == (6, (PoolQueued(2, 900),), None)
    assert whole.summary == found.summary


def test_who_never_staked_is_nobody_and_who_left_interest_behind_is_not() -> None:
    def summary(*numbers: int) -> UserSummary:
        found = pools.stake(POOL, words(*numbers)).summary
        assert found is not None
        return found

    assert summary(0, 0, 0, 0, 0, 0).is_nobody
    assert not summary(0, 0, 0, 0, 0, 1).is_nobody
    assert not summary(0, 0, 0, 0, 1, 0).is_nobody
    assert not summary(1, 0, 0, 1, 0, 0).is_nobody


def test_a_contract_of_another_kind_does_not_tell_of_its_stakers() -> None:
    found = pools.stake(POOL, REVERTED)
    assert (found.summary, found.trouble) == (None, "its contract does not tell what its stakers have")
    with pytest.raises(Unreachable):
        pools.stake(POOL, Unreachable("gone"))


def test_a_wallet_has_an_address() -> None:
    with pytest.raises(AddressError):
        pools.stake_call(POOL, "cfx:aa")
