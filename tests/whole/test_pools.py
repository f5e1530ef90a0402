"""Pools on a real chain: contracts of our own code, one of which registers a real validator and is paid.

The pool's node begins outside of the committee. Its contract stakes and registers it, the fee is changed by a
transaction, the validator is elected and paid, then it dies, is retired by force, and its stake is restaked.
What our API says is compared with what the chain says, asked by no client of ours.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_keys.backends.native.main import NativeECCBackend
from eth_keys.main import KeyAPI

from tests.whole import evm
from tests.whole.conftest import running_devnet
from tests.whole.outside import ask, free_port, get, post, until
from vedette.conflux import address
from vedette.conflux.pools import IMPLEMENTATION_SLOT
from vedette.conflux.signatures import conflux_digest
from vedette.devnet import abi, demo, staking
from vedette.devnet.keys import pow_address, registration
from vedette.devnet.net import Devnet
from vedette.devnet.options import CHAIN_ID, DevnetOptions
from vedette.devnet.tell import quiet

pytestmark = [pytest.mark.real, pytest.mark.slow]

POOL_NODE = 3
TERM = 12
OPTIONS = DevnetOptions(
    nodes=4,
    genesis_validators=3,
    term_rounds=TERM,
    round_ms=600,
    block_ms=150,
    votes=200,
    elected=50,
    in_queue_rounds=40,
    out_queue_rounds=30,
)
CHANGED_IN = 8
"""The epoch in which the fee is changed: the first elections of all are paid with the sixth."""
VOTES = 100
OUT_ROUNDS = 30
LOOK_S = 5
FIRST_SHARE, SECOND_SHARE = 9_000, 7_500
LOCK, UNLOCK = 2_250_000, 176_400
CFX = 10**18
STAKER = address.encode(pow_address(staking.FAUCET_SECRET), CHAIN_ID)
OWNER = address.decode(STAKER).raw
SUMMARY = (9, 7, 5, 2, 2**90, 4)
CLAIMABLE, QUEUED, QUEUED_BLOCK = 2**70, 3, 123_456
CODE = bytes.fromhex("8" + "7" * 39)
NOWHERE = address.encode(bytes.fromhex("8" + "9" * 39), CHAIN_ID)


@dataclass(frozen=True)
class Pool:
    """A contract on the devnet, and the account that speaks for it."""

    net: Devnet
    contract: str

    @property
    def url(self) -> str:
        return self.net.nodes[0].urls.public

    def send(self, data: bytes, value: int = 0) -> None:
        """One transaction to it, executed."""
        sender = staking._Sender(self.net, staking.FAUCET_SECRET)
        staking._wait_executed(self.net, sender.send(address.decode(self.contract).raw, data, value=value))

    def set(self, slot: int, value: int) -> None:
        self.send(abi.call("set(uint256,uint256)", abi.uint(slot), abi.uint(value)))

    def forward(self, to: bytes, data: bytes) -> None:
        """Let the contract itself call another."""
        self.send(abi.call("forward(address)", to.rjust(32, b"\0")) + data)

    def call(self, signature: str, *arguments: bytes) -> list[int]:
        """What it answers to one function, as words."""
        data = "0x" + abi.call(signature, *arguments).hex()
        answer = ask(self.url, "cfx_call", {"to": self.contract, "data": data}, "latest_state")
        raw = bytes.fromhex(answer[2:])
        return [int.from_bytes(raw[at : at + 32], "big") for at in range(0, len(raw), 32)]


def deploy(net: Devnet, code: bytes, *storage: tuple[int, int]) -> Pool:
    sent = staking._Sender(net, staking.FAUCET_SECRET).send(b"", evm.deployment(code, storage))
    staking._wait_executed(net, sent)
    receipt = ask(net.nodes[0].urls.public, "cfx_getTransactionReceipt", sent)
    return Pool(net, address.simple(receipt["contractCreated"]))


@dataclass(frozen=True)
class Stage:
    """A devnet with two contracts, and a Vedette that looks at them each few seconds."""

    net: Devnet
    api: str
    pool: Pool
    foreign: Pool

    @property
    def validator(self) -> str:
        return self.net.node(POOL_NODE).pos_address

    @property
    def height(self) -> int:
        return int(ask(self.pool.url, "pos_getStatus")["latestCommitted"], 16)

    def told(self, query: str = "?window=all") -> dict[str, Any]:
        found: dict[str, Any] = get(f"{self.api}/pools/{self.pool.contract}{query}")
        return found

    def fees(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = get(f"{self.api}/pools/{self.pool.contract}/fees")["fees"]
        return lines

    def reach(self, height: int) -> None:
        until(lambda: self.height >= height, 300, f"block {height}")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("pools")
    for net in running_devnet(folder / "net", OPTIONS):
        code = evm.pool("Real pool", int.from_bytes(OWNER, "big"), LOCK, UNLOCK)
        implementation = (int(IMPLEMENTATION_SLOT, 16), int.from_bytes(CODE, "big"))
        books = (
            (evm.SHARE, FIRST_SHARE),
            (evm.VOTES, VOTES),
            (evm.OWN_INTEREST, 17),
            (evm.TOTAL_INTEREST, 2**90),
        )
        pool = deploy(net, code, *books, implementation)
        foreign = deploy(net, evm.push(0) * 2 + evm.op(evm.REVERT))
        plan = demo.Plan(folder, free_port(), None, None, None)
        demo.write_settings(plan, net)
        with (folder / "server.toml").open("r+") as settings:
            given = settings.read()
            settings.seek(0)
            settings.write(f"pool_seconds = {LOOK_S}\n{given}")
            for name, contract in (("Ours", pool.contract), ("Foreign", foreign.contract), ("Typo", NOWHERE)):
                settings.write(f'\n[[pools]]\nname = "{name}"\ncontract = "{contract}"\n')
        with demo._child(plan, "server", ["serve", "--config", str(folder / "server.toml")]) as server:
            demo._wait_answering(plan, [server])
            yield Stage(net, f"{plan.page_url}/api/v1", pool, foreign)


def by_name(stage: Stage) -> dict[str, dict[str, Any]] | None:
    rows = {row["name"]: row for row in get(f"{stage.api}/pools?window=all")["pools"]}
    return rows if len(rows) == 3 and all(row["told_at_ms"] for row in rows.values()) else None


def test_what_is_told_is_what_the_contract_says(stage: Stage) -> None:
    rows = until(lambda: by_name(stage), 120, "three pools that were looked at")
    ours = rows["Ours"]
    (share,) = stage.pool.call("poolUserShareRatio()")
    available, own, total = stage.pool.call("poolSummary()")
    assert (ours["own_name"], ours["terms"]["owner"]) == ("Real pool", STAKER)
    assert ours["terms"]["fee_ppm"] == 100 * (10_000 - share) == 100_000
    assert (ours["terms"]["lock_blocks"], ours["terms"]["unlock_blocks"]) == (LOCK, UNLOCK)
    assert (ours["terms"]["upgradable"], ours["terms"]["implementation"]) == (
        True,
        address.encode(CODE, CHAIN_ID),
    )
    held = ours["holdings"]
    assert held["available_votes"] == available == VOTES
    assert (
        (held["own_interest_drip"], held["total_interest_drip"])
        == (str(own), str(total))
        == ("17", str(2**90))
    )
    assert held["told_apy_ppm"] == 100 * stage.pool.call("poolAPY()")[0]
    assert held["staker_count"] == stage.pool.call("stakerNumber()")[0] == 66
    assert (ours["pos_address"], ours["registered"], ours["trouble"]) == (
        None,
        False,
        "it has no validator yet",
    )


def test_a_contract_of_another_kind_and_a_wrong_address_say_so(stage: Stage) -> None:
    rows = until(lambda: by_name(stage), 60, "three pools that were looked at")
    assert rows["Foreign"]["trouble"].startswith(
        "its contract is of another kind: it does not answer poolName, "
    )
    assert rows["Foreign"]["trouble"].endswith("; it has no validator yet")
    assert rows["Foreign"]["terms"]["upgradable"] is False
    assert rows["Typo"]["trouble"] == "there is no contract at this address on this network"


def test_a_contract_that_registers_is_joined_to_its_validator(stage: Stage) -> None:
    pool, keys = stage.pool, stage.net.keys(POOL_NODE)
    staking._wait_first_decision(stage.net, quiet)
    pool.send(b"", value=(VOTES * 1_000 + 50) * CFX)
    pool.forward(staking.STAKING, abi.call("deposit(uint256)", abi.uint(VOTES * 1_000 * CFX)))
    pool.forward(staking.POS_REGISTER, registration(keys, VOTES))
    assert f"0x{pool.call('posAddress()')[0]:064x}" == stage.validator
    told = until(lambda: joined(stage), 120, "the pool's validator")
    assert (told["pos_address"], told["registered"], told["trouble"]) == (stage.validator, True, None)
    assert get(f"{stage.api}/pools/{stage.validator}")["contract"] == pool.contract
    until(lambda: stage.told()["holdings"]["staked_votes"] == VOTES or None, 60, "the registered votes")
    assert stage.told()["holdings"]["withdrawable_drip"] == "0"
    assert stage.told()["restake"]["state"] in {"none", "unknown"}


def joined(stage: Stage) -> dict[str, Any] | None:
    told = stage.told()
    return told if told["pos_address"] else None


def test_whoever_staked_and_whoever_owns_the_contract_claim_by_a_wallet_s_signature(stage: Stage) -> None:
    keys = stage.net.keys(0)
    own = stage.net.node(0)
    for validator, secret, signer in (
        (own.pos_address, keys.pow_secret, address.simple(own.pow_address)),
        (stage.validator, staking.FAUCET_SECRET, STAKER),
    ):
        made = post(f"{stage.api}/claims", {"address": validator})
        assert [one["address"] for one in made["signers"]] == [signer]
        digest = conflux_digest(made["message"])
        key = KeyAPI(NativeECCBackend).PrivateKey(secret.to_bytes(32, "big"))
        proof = {"signature": "0x" + key.sign_msg_hash(digest).to_bytes().hex()}
        assert post(f"{stage.api}/claims/{made['id']}", proof, "PUT")["signer"] == signer
        said = {"is_public": True, "name": "Claimed"}
        post(f"{stage.api}/claims/{validator}", said, "PATCH")
        assert get(f"{stage.api}/validators/{validator}")["claimed"]["name"] == "Claimed"


def test_a_fee_that_a_transaction_changed_is_a_line_of_history(stage: Stage) -> None:
    stage.reach((CHANGED_IN - 1) * TERM + 5)
    assert [line["fee_ppm"] for line in stage.fees()] == [100_000]
    before_ms = time.time_ns() // 1_000_000
    stage.pool.set(evm.SHARE, SECOND_SHARE)
    changed_ms = time.time_ns() // 1_000_000
    assert stage.pool.call("poolUserShareRatio()") == [SECOND_SHARE]
    fees = until(lambda: found if len(found := stage.fees()) == 2 else None, 60, "a second fee")
    assert [line["fee_ppm"] for line in fees] == [250_000, 100_000]
    assert before_ms < fees[0]["from_ms"] < changed_ms + 1_000 * (2 * LOOK_S + 5)
    assert (fees[0]["changed"], fees[0]["until_ms"], fees[1]["until_ms"]) == (
        ["fee_ppm"],
        None,
        fees[0]["from_ms"],
    )


def test_a_wallet_is_told_what_the_contract_tells(stage: Stage) -> None:
    wallet = int.from_bytes(OWNER, "big")
    fields = (*SUMMARY, CLAIMABLE, QUEUED, QUEUED_BLOCK)
    sender = staking._Sender(stage.net, staking.FAUCET_SECRET)
    to = address.decode(stage.pool.contract).raw
    for index, value in enumerate(fields):
        data = abi.call("set(uint256,uint256)", abi.uint(evm.about(wallet, index)), abi.uint(value))
        sent = sender.send(to, data)
    staking._wait_executed(stage.net, sent)
    argument = OWNER.rjust(32, b"\0")
    assert stage.pool.call("userSummary(address)", argument) == list(SUMMARY)
    assert stage.pool.call("userInQueue(address)", argument) == [32, 1, QUEUED, QUEUED_BLOCK]
    told = get(f"{stage.api}/wallets/{STAKER.upper()}")
    (one,) = told["pools"]
    assert (one["votes"], one["available_votes"], one["locked_votes"], one["unlocked_votes"]) == SUMMARY[:4]
    assert (one["claimed_drip"], one["interest_drip"]) == (str(SUMMARY[4]), str(CLAIMABLE))
    assert stage.pool.call("userInterest(address)", argument) == [CLAIMABLE]
    assert (one["unlocking"], one["contract"]) == ([], stage.pool.contract)
    (queued,) = one["locking"]
    left = QUEUED_BLOCK - told["block_number"]
    assert (queued["votes"], queued["end_block"]) == (QUEUED, QUEUED_BLOCK)
    assert queued["at_ms"] == told["at_ms"] + left * 86_400_000 // 170_000
    assert {each["name"] for each in told["untold"]} == {"Foreign", "Typo"}
    mined = int(ask(stage.pool.url, "cfx_getStatus")["blockNumber"], 16)
    assert mined - 500 < told["block_number"] <= mined


# --- what it earned ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paid:
    """One epoch as the chain tells of it: when it ended, and what the pool's validator was paid."""

    epoch: int
    ended_ms: int
    drip: int


def paid_epochs(stage: Stage, last: int) -> list[Paid]:
    found = []
    for epoch in range(1, last + 1):
        told = ask(stage.pool.url, "pos_getRewardsByEpoch", hex(epoch))
        drips = {one["posAddress"]: int(one["reward"], 16) for one in told["accountRewards"]}
        block = ask(stage.pool.url, "pos_getBlockByNumber", hex(epoch * TERM))
        assert int(block["epoch"], 16) == epoch
        found.append(Paid(epoch, int(block["timestamp"], 16) // 1_000, drips.get(stage.validator, 0)))
    return found


def test_what_stakers_got_is_what_was_paid_less_the_fee_of_each_epoch(stage: Stage) -> None:
    stage.reach((CHANGED_IN + 1) * TERM + 6)
    told = until(lambda: settled(stage), 120, "paid and counted epochs")
    last = told["window"]["last_epoch"]
    changed_ms = stage.fees()[0]["from_ms"]
    seen_ms = stage.fees()[1]["from_ms"]
    paid = paid_epochs(stage, last)
    assert any(one.drip for one in paid if one.ended_ms < changed_ms)
    assert sum(one.drip for one in paid if one.ended_ms >= changed_ms)
    reward = sum(one.drip // 10**9 for one in paid)
    figures = told["performance"]
    assert int(figures["reward_gdrip"]) == pytest.approx(reward, abs=last)
    kept = sum(
        one.drip * (10_000 - (SECOND_SHARE if one.ended_ms > changed_ms else FIRST_SHARE)) // 10_000
        for one in paid
        if one.ended_ms > seen_ms
    )
    assert int(figures["fee_income_gdrip"]) == pytest.approx(kept // 10**9, abs=2 * last)
    assert figures["fee_seen_ppm"] == 1_000_000
    # Yields rest on the epochs whose stake was seen live, which our API names.
    lines = get(f"{stage.api}/validators/{stage.validator}/epochs?limit=100")["epochs"]
    staked = {line["epoch"] for line in lines if line["expected_gdrip"] is not None}
    before = sum(one.drip for one in paid if one.epoch in staked and one.ended_ms <= changed_ms)
    after = sum(one.drip for one in paid if one.epoch in staked and one.ended_ms > changed_ms)
    expected = (
        figures["apy_ppm"] * (before * FIRST_SHARE + after * SECOND_SHARE) // (10_000 * (before + after))
    )
    assert figures["apy_after_fee_ppm"] == pytest.approx(expected, rel=1e-6, abs=2)
    print(f"{reward} Gdrip in {last} epochs: {figures['apy_ppm']} ppm, {expected} ppm after the fee")


def settled(stage: Stage) -> dict[str, Any] | None:
    """The pool, once all counted epochs are paid, two of them after the fee was changed."""
    told = stage.told()
    window = told["window"]
    paid = window["known_epochs"] == window["rewarded_epochs"]
    return told if paid and window["last_epoch"] >= CHANGED_IN + 1 else None


def test_rewards_go_to_the_contract(stage: Stage) -> None:
    def agrees() -> bool:
        before = ask(stage.pool.url, "cfx_getBalance", stage.pool.contract)
        told = stage.told()["holdings"]["balance_drip"]
        return told == str(int(before, 16)) and int(told) > 50 * CFX

    until(agrees, 90, "the balance that the chain tells")


# --- what it has to do ------------------------------------------------------------------------------------


def restaking(stage: Stage, state: str) -> dict[str, Any] | None:
    told: dict[str, Any] = stage.told()["restake"]
    return told if told["state"] == state else None


def account(stage: Stage) -> dict[str, Any]:
    status: dict[str, Any] = ask(stage.pool.url, "pos_getAccount", stage.validator)["status"]
    return status


def test_a_force_retired_pool_is_told_to_restake_once_its_votes_are_free(stage: Stage) -> None:
    until(lambda: restaking(stage, "none"), 60, "books that agree")
    stage.net.kill(POOL_NODE)
    until(lambda: account(stage)["forceRetired"], 200, "a forced retirement")
    retired_at = int(account(stage)["forceRetired"], 16)
    waiting = until(lambda: restaking(stage, "waiting"), 60, "votes to wait for")
    assert waiting["missing_votes"] == VOTES
    assert waiting["until_height"] == retired_at + OUT_ROUNDS
    ready = until(lambda: restaking(stage, "ready"), 200, "votes to restake")
    assert (ready["missing_votes"], ready["ready_votes"]) == (VOTES, VOTES)
    assert int(account(stage)["availableVotes"], 16) == 0
    outages = stage.told()["outages"]
    assert [one["votes"] for one in outages if one["kind"] == "force_retired"] == [VOTES]
    silent = [one for one in outages if one["kind"] == "silent"]
    assert sum(one["last_epoch"] - one["first_epoch"] + 1 for one in silent) >= 3
    stage.pool.forward(staking.POS_REGISTER, abi.call("increaseStake(uint64)", abi.uint(VOTES)))
    until(lambda: restaking(stage, "none"), 60, "nothing more to do")
    until(lambda: int(account(stage)["availableVotes"], 16) == VOTES, 60, "votes that are back")


def test_the_server_said_nothing_wrong(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    log = (stage.net.dir.parent / "logs" / "server.log").read_text()
    assert "Traceback" not in log
    assert not [line for line in log.splitlines() if "loop failed" in line]


def test_the_whole_took_this(stage: Stage) -> None:
    print(f"the chain has {stage.height} PoS blocks; the folder is {Path(stage.net.dir).parent}")
