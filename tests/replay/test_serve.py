"""The history behind a port, asked by a plain HTTP client; and all that can be wrong with an endpoint."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from vedette.conflux import pos
from vedette.conflux.rpc import Rpc
from vedette.conflux.wire import HEADERS, Refused
from vedette.model.errors import SettingError
from vedette.model.pos import PosBlock
from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.replay.serve import Allowance, Served, served

TERM = 120


@pytest.fixture
async def endpoint(network: Network) -> AsyncIterator[Served]:
    async with served(network) as one:
        yield one


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def call(method: str, *params: Any, id_: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


async def ask(http: aiohttp.ClientSession, endpoint: Served, method: str, *params: Any) -> Any:
    async with http.post(endpoint.url, json=call(method, *params)) as response:
        assert response.status == 200
        told = json.loads(await response.read())
    assert (told["jsonrpc"], told["id"]) == ("2.0", 1)
    return told["error"] if "error" in told else told["result"]


async def block(http: aiohttp.ClientSession, endpoint: Served, height: int) -> PosBlock:
    found = pos.pos_block(await ask(http, endpoint, "pos_getBlockByNumber", hex(height)))
    assert found is not None
    return found


# --- the protocol


async def test_a_single_call_and_a_batch_tell_the_same(
    network: Network, endpoint: Served, http: aiohttp.ClientSession
) -> None:
    calls = [call("pos_getBlockByNumber", hex(height), id_=height) for height in range(300, 400)]
    calls.append(call("pos_noSuchMethod", id_=7))
    async with http.post(endpoint.url, json=calls) as response:
        replies = json.loads(await response.read())
    assert [reply["id"] for reply in replies] == [each["id"] for each in calls]
    assert [reply["result"] for reply in replies[:-1]] == [
        network.block(height) for height in range(300, 400)
    ]
    assert replies[-1]["error"] == {"code": -32601, "message": "Method not found"}
    assert await ask(http, endpoint, "pos_getBlockByNumber", hex(300)) == network.block(300)


async def test_our_own_client_reads_it(network: Network, endpoint: Served) -> None:
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        rpc = Rpc(endpoint.url, session=session)
        assert await rpc.ask("pos_getBlockByNumber", hex(300)) == network.block(300)
        told, nothing = await rpc.batch([("pos_getBlockByNumber", (hex(301),)), ("pos_noSuchMethod", ())])
    assert told == network.block(301)
    assert isinstance(nothing, Refused)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", {"code": -32700, "message": "Parse error"}),
        (b'"word"', {"code": -32700, "message": "Parse error"}),
        (
            b'{"id":1,"method":"pos_getStatus"}',
            {"code": -32600, "message": "Unsupported JSON-RPC protocol version"},
        ),
    ],
)
async def test_what_is_no_call_is_refused_as_a_node_does(
    body: bytes, error: dict[str, Any], endpoint: Served, http: aiohttp.ClientSession
) -> None:
    async with http.post(endpoint.url, data=body, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 200
        assert json.loads(await response.read())["error"] == error


async def test_other_methods_and_types_of_http_are_refused(
    endpoint: Served, http: aiohttp.ClientSession
) -> None:
    async with http.get(endpoint.url) as response:
        assert response.status == 405
    async with http.post(endpoint.url, data=b"{}", headers={"Content-Type": "text/plain"}) as response:
        assert response.status == 415


# --- where it stands


async def test_only_the_newest_state_of_an_account_is_known(
    network: Network, endpoint: Served, http: aiohttp.ClientSession
) -> None:
    who, head = network.addresses()[0], network.head
    newest = await ask(http, endpoint, "pos_getAccount", who)
    assert newest["blockNumber"] == hex(head)
    assert await ask(http, endpoint, "pos_getAccount", who, hex(head)) == newest
    past = await ask(http, endpoint, "pos_getAccount", who, hex(head - 1))
    assert past["message"].endswith(f"PoS state of {head - 1} not found")
    past = await ask(http, endpoint, "pos_getCommittee", hex(head - 1))
    assert past["code"] == -32016


async def test_the_past_is_known_up_to_the_head(
    network: Network, endpoint: Served, http: aiohttp.ClientSession
) -> None:
    epochs = network.options.epochs
    assert await ask(http, endpoint, "pos_getBlockByNumber", hex(network.head)) is not None
    assert await ask(http, endpoint, "pos_getBlockByNumber", hex(network.head + 1)) is None
    assert await ask(http, endpoint, "pos_getEpochState", hex(epochs)) is not None
    assert await ask(http, endpoint, "pos_getEpochState", hex(epochs + 1)) is None
    assert await ask(http, endpoint, "pos_getRewardsByEpoch", hex(epochs - 1)) is not None
    assert await ask(http, endpoint, "pos_getRewardsByEpoch", hex(epochs)) is None  # not paid yet
    last = int((await ask(http, endpoint, "pos_getStatus"))["latestTxNumber"], 16)
    assert await ask(http, endpoint, "pos_getTransactionByNumber", hex(last)) is not None
    assert await ask(http, endpoint, "pos_getTransactionByNumber", hex(last + 1)) is None


async def test_the_head_moves_on_into_epochs_that_were_not_made_yet(http: aiohttp.ClientSession) -> None:
    now_s = 0.0
    network = Network.grown(ReplayOptions(epochs=3))
    async with served(network, round_ms=500, clock=lambda: now_s) as endpoint:
        assert (await ask(http, endpoint, "pos_getStatus"))["latestCommitted"] == hex(3 * TERM)
        now_s = 10.0
        status = await ask(http, endpoint, "pos_getStatus")
        assert (status["latestCommitted"], status["epoch"]) == (hex(3 * TERM + 20), "0x4")
        assert status["latestVoted"] == hex(3 * TERM + 22)
        assert await ask(http, endpoint, "pos_getRewardsByEpoch", "0x3") is not None
        now_s = 10.0 + TERM * 10 * 0.5
        assert (await ask(http, endpoint, "pos_getStatus"))["epoch"] == "0xe"
        assert (await block(http, endpoint, 13 * TERM + 1)).epoch == 14


async def test_two_endpoints_of_one_history_have_faults_of_their_own(
    network: Network, http: aiohttp.ClientSession
) -> None:
    async with served(network) as one, served(network, Faults(lag_blocks=5)) as other:
        assert (await ask(http, one, "pos_getStatus"))["latestCommitted"] == hex(network.head)
        assert (await ask(http, other, "pos_getStatus"))["latestCommitted"] == hex(network.head - 5)
        assert await block(http, one, 500) == await block(http, other, 500)


# --- faults, each switched on while it serves


async def test_latency(endpoint: Served, http: aiohttp.ClientSession) -> None:
    await ask(http, endpoint, "cfx_clientVersion")
    endpoint.faults.latency_ms = 200
    began = time.monotonic()
    await ask(http, endpoint, "cfx_clientVersion")
    assert time.monotonic() - began >= 0.2


async def test_lag(network: Network, endpoint: Served, http: aiohttp.ClientSession) -> None:
    endpoint.faults.lag_blocks = TERM + 30
    head = network.head - TERM - 30
    assert (await ask(http, endpoint, "pos_getStatus"))["latestCommitted"] == hex(head)
    assert await ask(http, endpoint, "pos_getBlockByNumber", hex(head + 1)) is None
    assert (await ask(http, endpoint, "pos_getCommittee"))["currentCommittee"]["epochNumber"] == hex(59)
    assert await ask(http, endpoint, "pos_getRewardsByEpoch", hex(59)) is None


async def test_a_rate_limit(endpoint: Served, http: aiohttp.ClientSession) -> None:
    endpoint.faults.calls_per_s = 5
    batch = [call("cfx_clientVersion", id_=each) for each in range(5)]
    async with http.post(endpoint.url, json=batch) as response:
        assert response.status == 200
    async with http.post(endpoint.url, json=call("cfx_clientVersion")) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "1")
        told = json.loads(await response.read())
    assert told["error"]["code"] == -32005
    assert told["id"] == 1
    endpoint.faults.calls_per_s = None
    assert await ask(http, endpoint, "cfx_clientVersion")


def test_an_allowance_fills_with_time_and_never_holds_more_than_a_second() -> None:
    allowance = Allowance()
    assert allowance.take(10, 10, now_s=0.0) == 0
    assert allowance.take(4, 10, now_s=0.1) == pytest.approx(0.3)
    assert allowance.take(4, 10, now_s=0.41) == 0
    assert allowance.take(11, 10, now_s=100.0) == 1.0  # more than it can ever hold
    assert allowance.take(10, 10, now_s=100.0) == 0


async def test_a_limit_of_batches(endpoint: Served, http: aiohttp.ClientSession) -> None:
    endpoint.faults.batch_max = 10
    for size, refused in ((10, False), (11, True)):
        batch = [call("cfx_clientVersion", id_=each) for each in range(size)]
        async with http.post(endpoint.url, json=batch) as response:
            told = json.loads(await response.read())
        assert isinstance(told, dict) is refused
    assert told["error"] == {"code": -32010, "message": "The batch request was too large"}


async def test_a_connection_cut_in_the_middle_of_a_body(
    endpoint: Served, http: aiohttp.ClientSession
) -> None:
    endpoint.faults.cut_every = 2
    cut = 0
    for _ in range(6):
        try:
            await block(http, endpoint, 500)
        except aiohttp.ClientPayloadError:
            cut += 1
    assert cut == 3


async def test_a_lost_history(network: Network, endpoint: Served, http: aiohttp.ClientSession) -> None:
    lost = 30 * TERM + 50
    endpoint.faults.lost_below_height = lost
    for height, known in ((1, False), (lost - 1, False), (lost, True)):
        assert (await ask(http, endpoint, "pos_getBlockByNumber", hex(height)) is not None) is known
    told = await ask(http, endpoint, "pos_getEpochState", hex(30))
    assert told == {
        "code": -32016,
        "message": f"Error processing request: Msg error detail: PoS state of {29 * TERM} not found",
    }
    assert (await ask(http, endpoint, "pos_getEpochState", hex(31)))["epoch"] == hex(31)
    assert await ask(http, endpoint, "pos_getRewardsByEpoch", hex(30)) is None
    assert await ask(http, endpoint, "pos_getRewardsByEpoch", hex(31)) is not None
    first = network.last_number(lost - 1) + 1
    assert await ask(http, endpoint, "pos_getTransactionByNumber", hex(first - 1)) is None
    assert await ask(http, endpoint, "pos_getTransactionByNumber", hex(first)) is not None


async def test_a_partial_certificate_keeps_a_quorum_and_two_witnesses_know_more_than_one(
    network: Network, endpoint: Served, http: aiohttp.ClientSession
) -> None:
    together = 0
    for height in range(500, 540):
        honest = pos.pos_block(network.block(height))
        assert honest is not None
        endpoint.faults.missing_percent, endpoint.faults.missing_salt = 15, 1
        one = await block(http, endpoint, height)
        assert one == await block(http, endpoint, height)
        endpoint.faults.missing_salt = 2
        other = await block(http, endpoint, height)
        for seen in (one, other):
            assert seen.signers.items() < honest.signers.items()
            assert sum(seen.signers.values()) >= 201
        assert one.hash == other.hash == honest.hash
        together += len(one.signers.keys() | other.signers.keys()) > max(len(one.signers), len(other.signers))
    assert together > 30


async def test_a_lie_about_signers(network: Network, endpoint: Served, http: aiohttp.ClientSession) -> None:
    endpoint.faults.lying_signers_from = 700
    for height in (699, 700, 740):
        honest = pos.pos_block(network.block(height))
        assert honest is not None
        told = await block(http, endpoint, height)
        missing = honest.signers.keys() - told.signers.keys()
        assert len(missing) == (height >= 700)
        assert (told.hash, told.proposer) == (honest.hash, honest.proposer)


async def test_a_lie_about_hashes(network: Network, endpoint: Served, http: aiohttp.ClientSession) -> None:
    endpoint.faults.lying_hashes_from = 700
    blocks = [await ask(http, endpoint, "pos_getBlockByNumber", hex(height)) for height in (699, 700, 701)]
    honest = [network.block(height) or {} for height in (699, 700, 701)]
    assert [a["hash"] == b["hash"] for a, b in zip(blocks, honest, strict=True)] == [True, False, False]
    assert blocks[1]["parentHash"] == blocks[0]["hash"]
    assert blocks[2]["parentHash"] == blocks[1]["hash"]
    assert [each["signatures"] for each in blocks] == [each["signatures"] for each in honest]


async def test_a_lie_about_rewards(network: Network, endpoint: Served, http: aiohttp.ClientSession) -> None:
    endpoint.faults.rewards_percent = 150
    told = pos.epoch_rewards(7, await ask(http, endpoint, "pos_getRewardsByEpoch", "0x7"))
    honest = pos.epoch_rewards(7, network.rewards(7))
    assert told is not None
    assert honest is not None
    assert [each.drip for each in told.rewards] == [each.drip * 150 // 100 for each in honest.rewards]


# --- the command


def test_the_command_prints_one_line_and_answers_there() -> None:
    command = [
        sys.executable,
        "-m",
        "vedette.cli",
        "replay",
        "--epochs",
        "5",
        "--lag-blocks",
        "3",
        "--end-now",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+\n", line)
            head, at_us = _head(line.strip())
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""
    assert head == 5 * TERM - 3
    assert abs(at_us / 1e6 - time.time()) < 300


def _head(url: str) -> tuple[int, int]:
    question = json.dumps(call("pos_getBlockByNumber", "latest_committed")).encode()
    request = urllib.request.Request(url, question, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as reply:
        newest = pos.pos_block(json.load(reply)["result"])
    assert newest is not None
    return newest.height, newest.at_us


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"epochs": 0}, "epochs is 0: choose 1 to 1000000"),
        ({"term_blocks": 9}, "term_blocks is 9: choose an even number, elections close at half time"),
        ({"accounts": 500, "stake_votes": 400}, "stake_votes is 400: each of the 500 accounts needs one"),
        (
            {"accounts": 1, "chain_id": 0},
            "accounts is 1: choose 4 to 5000; chain_id is 0: choose 1 to 4294967295",
        ),
    ],
)
def test_a_wrong_option_is_named_with_what_would_be_right(wrong: dict[str, int], complaint: str) -> None:
    with pytest.raises(SettingError) as refusal:
        ReplayOptions(**wrong)  # type: ignore[arg-type]  # any option
    assert str(refusal.value) == complaint


@pytest.mark.parametrize(
    "options",
    [
        ReplayOptions(epochs=40, accounts=4, stake_votes=400),
        ReplayOptions(epochs=40, accounts=600, term_blocks=8),
        ReplayOptions(epochs=40, accounts=50, stake_votes=5_000, term_blocks=60, chain_id=1029),
    ],
)
def test_small_and_large_networks_grow_too(options: ReplayOptions) -> None:
    network = Network.grown(options)
    for epoch in range(1, options.epochs + 1):
        assert pos.committee(epoch, network.epoch_state(epoch)) is not None
        assert network.truth(epoch).known_blocks > 0
        rewards = pos.epoch_rewards(epoch, network.rewards(epoch))
        assert rewards is not None
        assert rewards.total_drip <= network.interest_drip(epoch)


# --- what a look from outside asks


async def test_espace_is_the_same_chain(endpoint: Served, http: aiohttp.ClientSession) -> None:
    status = await ask(http, endpoint, "cfx_getStatus")
    assert await ask(http, endpoint, "eth_chainId") == status["ethereumSpaceChainId"]
    assert await ask(http, endpoint, "eth_blockNumber") == status["epochNumber"]
    safe = await ask(http, endpoint, "eth_getBlockByNumber", "safe", False)
    pivot = await ask(http, endpoint, "cfx_getBlockByEpochNumber", status["latestConfirmed"], False)
    assert (safe["number"], safe["hash"]) == (status["latestConfirmed"], pivot["hash"])
    assert await ask(http, endpoint, "eth_getBlockByNumber", hex(2**60), False) is None
    endpoint.faults.lying_pivots_from = int(safe["number"], 16)
    for method in ("eth_getBlockByNumber", "cfx_getBlockByEpochNumber"):
        lie = await ask(http, endpoint, method, safe["number"], False)
        before = await ask(http, endpoint, method, hex(int(safe["number"], 16) - 1), False)
        assert lie["hash"] != safe["hash"]
        assert before["hash"] == safe["parentHash"]


async def test_a_node_that_is_no_archive(endpoint: Served, http: aiohttp.ClientSession) -> None:
    miner = (await ask(http, endpoint, "cfx_getBlockByEpochNumber", "0x3e8", False))["miner"]
    asked = (
        ("cfx_getBalance", miner, "0x3e8"),
        ("cfx_getLogs", {"fromEpoch": "0x3e8", "toEpoch": "0x3e8"}),
        ("eth_getBalance", "0x" + "00" * 20, "0x3e8"),
        ("eth_getLogs", {"fromBlock": "0x3e8", "toBlock": "0x3e8"}),
    )
    assert [await ask(http, endpoint, *each) for each in asked] == ["0x0", [], "0x0", []]
    endpoint.faults.lying_state = True
    assert await ask(http, endpoint, *asked[0]) == "0x1"
    endpoint.faults.lost_state_below_epoch = 1001
    for each in asked:
        error = await ask(http, endpoint, *each)
        assert error["code"] == -32016
        assert "does not exist" in error["message"]
    assert await ask(http, endpoint, "cfx_getBalance", miner) == "0x1", "the newest state is there"


async def test_a_port_without_pos(endpoint: Served, http: aiohttp.ClientSession) -> None:
    endpoint.faults.no_pos = True
    assert (await ask(http, endpoint, "pos_getStatus"))["code"] == -32601
    assert "epochNumber" in await ask(http, endpoint, "cfx_getStatus")


@pytest.mark.parametrize("space", ["cfx", "eth"])
async def test_new_heads_over_websocket(endpoint: Served, http: aiohttp.ClientSession, space: str) -> None:
    async with http.ws_connect(endpoint.url + "/ws") as socket:
        await socket.send_json(call(f"{space}_subscribe", "newHeads"))
        subscription = (await socket.receive_json(timeout=5))["result"]
        head = await socket.receive_json(timeout=5)
    assert head["method"] == f"{space}_subscription"
    assert head["params"]["subscription"] == subscription
    newest = await ask(http, endpoint, "cfx_getBlockByEpochNumber", "latest_mined", False)
    assert head["params"]["result"]["hash"] == newest["hash"]
