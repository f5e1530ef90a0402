"""What is seen between two rounds, and what is told at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.conftest import Scene
from tests.agent.stand_ins import Canned, StubNode, serving
from tests.agent.test_agent import node_process, process_is
from tests.ports import free_port
from vedette.agent.node_process import Watch
from vedette.agent.probes.node import VITAL, Node
from vedette.agent.probes.pos import Pos
from vedette.agent.probes.progress import Progress
from vedette.agent.pulse import APART_MS, Pulse
from vedette.agent.vitals import EARLY_MS_MAX, LATELY_MS, LIMITED_MS, STOOD_MS_MIN, Vitals, usual_ms
from vedette.conflux.local import LocalRpc
from vedette.conflux.wire import RpcError
from vedette.model.process import ProcessState
from vedette.model.report import Envelope

SILENCE = Canned(b"", hold_s=30)
RUNNING = Watch(ProcessState.RUNNING, pid=1, lives=1)


# --- whether it answers

DEADLINE_MS = 4_000


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 8_000)), min_size=1, max_size=30))
def test_a_node_that_answers_within_the_deadline_is_never_silent(calls: list[tuple[int, int]]) -> None:
    """Questions of one asker: a pause, and how long the node takes for the answer; the deadline ends it."""
    now_ms = [0]
    pulse = Pulse(lambda: now_ms[0])
    failed: list[tuple[int, int]] = []  # asked, given up; since the last answer
    for pause_ms, takes_ms in calls:
        now_ms[0] += pause_ms
        asked_ms = now_ms[0]
        now_ms[0] += min(takes_ms, DEADLINE_MS)
        if takes_ms > DEADLINE_MS:
            pulse.unanswered(asked_ms)
            failed.append((asked_ms, now_ms[0]))
        else:
            pulse.answered()
            failed = []
        confirmed = any(asked_ms - failed[0][1] >= APART_MS for asked_ms, _ in failed)
        assert pulse.silent_ms == (now_ms[0] - failed[0][0] if confirmed else 0)


def test_many_questions_that_fail_in_one_moment_are_one_observation() -> None:
    now_ms = [10_000]
    pulse = Pulse(lambda: now_ms[0])
    for _ in range(10):
        pulse.unanswered(10_000)
        assert pulse.silent_ms == 0
    now_ms[0] = 12_000
    pulse.unanswered(11_000)
    assert pulse.silent_ms == 2_000


def test_a_question_that_hangs_while_others_are_answered_is_no_silence() -> None:
    now_ms = [0]
    pulse = Pulse(lambda: now_ms[0])
    for second in range(60):
        now_ms[0] = second * 1_000
        pulse.answered()
        pulse.unanswered(now_ms[0] - 500)
        assert pulse.silent_ms == 0


# --- a height, seen by two


def test_a_slow_answer_that_comes_after_a_newer_one_moves_nothing() -> None:
    now_ms = [0]
    chain = Progress(lambda: now_ms[0])
    for now_ms[0], height in ((0, 100), (1_000, 101), (2_000, 102)):
        chain.see(height)
    now_ms[0] = 4_000
    chain.see(100, 500)
    assert (chain.still_ms, chain.moves) == (2_000, 3)


# --- a look, by hand


@dataclass
class Bedside:
    """A node behind real HTTP, looked at when a test says so."""

    stub: StubNode
    node: Node
    vitals: Vitals
    now_ms: list[int]
    watch: list[Watch]
    news: list[int] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)

    def answer(self, *methods: str) -> None:
        """As a round does it."""
        for method in methods or tuple(VITAL):
            self.node.ask(method)

    def look(self, after_ms: int = 1_000) -> int:
        """How often it told by this look."""
        self.now_ms[0] += after_ms
        before = len(self.news)
        self.vitals.look()
        return len(self.news) - before

    def move(self, height: int) -> None:
        self.stub.results["pos_getStatus"] = self.stub.results["pos_getStatus"] | {
            "latestCommitted": hex(height)
        }

    def numbers(self) -> dict[str, Any]:
        return dict(self.vitals.reading(self.watch[0].lives).numbers)


@contextmanager
def bedside(deadline_s: float = 2.0) -> Iterator[Bedside]:
    stub, now_ms, watch = StubNode(), [100_000], [RUNNING]
    with serving(stub.respond) as server:
        node = Node(LocalRpc(server.url, deadline_s))
        node.pulse = Pulse(lambda: now_ms[0])
        news: list[int] = []
        begun: list[int] = []
        chains = Progress(lambda: now_ms[0]), Progress(lambda: now_ms[0])

        def begins() -> None:
            node.ask("test_posRegister", "0x1")
            begun.append(now_ms[0])

        opened: list[int] = []
        vitals = Vitals(
            node,
            lambda: watch[0],
            chains,
            lambda: news.append(now_ms[0]),
            begins,
            lambda: opened.append(now_ms[0]),
        )
        yield Bedside(stub, node, vitals, now_ms, watch, news, begun, opened)


def test_only_what_a_round_had_an_answer_to_is_asked() -> None:
    with bedside() as beside:
        beside.look()
        assert beside.stub.asked == ["cfx_epochNumber"]  # whether it speaks at all
        assert "probe.vitals.age_seconds" not in beside.numbers()
        del beside.stub.results["test_posVotingStatus"]
        beside.answer("cfx_epochNumber", "pos_getStatus")
        with pytest.raises(RpcError):
            beside.answer("test_posVotingStatus")
        beside.stub.asked.clear()
        beside.look()
        assert beside.stub.asked == ["cfx_epochNumber", "pos_getStatus"]
        told = beside.numbers()
    assert (told["pow.latest_epoch"], told["pos.committed_height"], told["pos.epoch"]) == (447, 163, 17)
    assert (told["rpc.silent_seconds"], told["probe.vitals.age_seconds"]) == (0, 0)


def test_the_first_word_of_a_started_node_is_told_once_and_until_then_it_is_not_silent() -> None:
    with bedside(deadline_s=1.0) as beside:
        beside.stub.canned = SILENCE
        assert [beside.look() for _ in range(3)] == [0, 0, 0]
        assert (beside.opened, beside.numbers()) == ([], {"rpc.silent_seconds": 0})
        beside.stub.canned = None
        beside.look()
        beside.look()
        assert beside.opened == [104_000]
        beside.node.forget()
        beside.watch[0] = replace(RUNNING, lives=3)
        beside.look()
        assert beside.opened == [104_000, 106_000]


def test_a_node_that_a_round_heard_first_has_opened_to_that() -> None:
    with bedside() as beside:
        beside.answer()
        beside.look()
        assert beside.opened == []


def test_a_refusal_is_a_first_word_too() -> None:
    with bedside() as beside:
        beside.stub.errors["cfx_epochNumber"] = TOO_EARLY
        beside.look()
        beside.look()
        assert len(beside.opened) == 1


def test_what_a_round_has_just_asked_is_not_asked_again() -> None:
    with bedside() as beside:
        beside.answer()
        beside.stub.asked.clear()
        beside.look(LATELY_MS - 1)
        assert beside.stub.asked == []
        assert beside.numbers()["pos.committed_height"] == 163
        beside.look(LATELY_MS)
        assert sorted(beside.stub.asked) == sorted(VITAL)


def test_a_voter_that_turns_is_told_at_once_and_a_new_height_is_not() -> None:
    with bedside() as beside:
        beside.answer()
        assert [beside.look(), beside.look()] == [0, 0]
        beside.move(164)
        assert beside.look() == 0
        beside.stub.results["test_posVotingStatus"] = False
        assert beside.look() == 1
        assert beside.vitals.reading(1).states == {"node.voting": "false"}
        assert beside.look() == 0


TOO_EARLY = {"code": -32603, "message": "PoS is not started"}


def test_whose_key_a_started_node_has_is_learnt_when_its_pos_begins() -> None:
    """A round would ask seconds later; two voters of one key are disputed within a minute."""
    with bedside() as beside:
        beside.stub.errors["test_posVotingStatus"] = TOO_EARLY
        with pytest.raises(RpcError):
            beside.answer("test_posVotingStatus")
        assert [beside.look(), beside.look()] == [0, 0]
        assert beside.begun == []
        del beside.stub.errors["test_posVotingStatus"]
        assert (beside.look(), len(beside.begun)) == (1, 1)
        assert beside.vitals.reading(1).states == {"node.voting": "true"}
        assert (beside.look(), len(beside.begun)) == (0, 1)


def test_a_node_without_pos_is_not_asked_for_ever_whether_it_begins() -> None:
    with bedside() as beside:
        beside.stub.errors["test_posVotingStatus"] = TOO_EARLY
        with pytest.raises(RpcError):
            beside.answer("test_posVotingStatus")
        beside.look(EARLY_MS_MAX - 1)
        assert beside.stub.asked.count("test_posVotingStatus") == 2
        beside.look()
        assert beside.stub.asked.count("test_posVotingStatus") == 2


def test_news_that_pos_has_begun_does_not_hang_on_whose_key_it_is() -> None:
    with bedside() as beside:
        beside.stub.errors |= {"test_posVotingStatus": TOO_EARLY, "test_posRegister": TOO_EARLY}
        with pytest.raises(RpcError):
            beside.answer("test_posVotingStatus")
        beside.look()
        del beside.stub.errors["test_posVotingStatus"]
        assert (beside.look(), beside.begun) == (1, [])


def test_a_chain_that_stands_is_timed_and_told_of_when_it_moves_again() -> None:
    with bedside() as beside:
        beside.answer()
        told = sum(beside.look() for _ in range(STOOD_MS_MIN // 1_000 + 1))
        assert (told, beside.numbers()["pos.still_seconds"]) == (0, 10.0)
        beside.move(164)
        assert beside.look() == 1
        assert beside.numbers()["pos.still_seconds"] == 0
        beside.move(165)
        assert beside.look() == 0


def test_how_long_a_chain_may_stand_goes_by_its_pace() -> None:
    assert usual_ms(None) == usual_ms(0.0) == usual_ms(1.0) == STOOD_MS_MIN
    assert 150_000 < usual_ms(1 / 31) < 180_000  # mainnet's; the shortest standstill that counts is 180 s


def test_a_node_that_answers_slowly_is_not_silent() -> None:
    with bedside() as beside:
        beside.answer()
        beside.stub.canned = Canned(b'{"jsonrpc": "2.0", "id": 1, "result": "0x1c0"}', hold_s=0.3)
        assert [beside.look() for _ in range(3)] == [0, 0, 0]
        assert beside.numbers()["rpc.silent_seconds"] == 0


def test_silence_and_its_end_are_told_once_each_and_nothing_old_is_told_meanwhile() -> None:
    with bedside(deadline_s=0.1) as beside:
        beside.answer()
        beside.look()
        beside.stub.canned = SILENCE
        assert [beside.look(), beside.look(), beside.look(), beside.look()] == [0, 1, 0, 0]
        assert beside.numbers() == {"rpc.silent_seconds": 3.0}
        beside.stub.canned = None
        assert [beside.look(), beside.look()] == [1, 0]
        assert beside.numbers()["rpc.silent_seconds"] == 0
        assert "pos.committed_height" in beside.numbers()


def test_one_question_that_hangs_leaves_the_others_and_is_no_silence() -> None:
    with bedside(deadline_s=0.1) as beside:
        beside.answer()
        whole = beside.stub.respond

        def respond(path: str, headers: dict[str, str], body: bytes) -> Canned:
            answer = whole(path, headers, body)
            return replace(answer, hold_s=30) if b"pos_getStatus" in body else answer

        with serving(respond) as server:
            beside.node._rpc = LocalRpc(server.url, 0.1)
            assert [beside.look() for _ in range(5)] == [0] * 5
    told = beside.numbers()
    assert told == {"pow.latest_epoch": 447, "pow.still_seconds": 4.0, "rpc.silent_seconds": 0}


def test_of_a_process_that_is_gone_nothing_is_asked_or_told() -> None:
    with bedside() as beside:
        beside.answer()
        beside.look()
        beside.stub.asked.clear()
        beside.watch[0] = Watch(ProcessState.GONE, lives=2)
        assert beside.numbers() == {}  # what was felt was the life before
        assert beside.look() == 0
        assert (beside.stub.asked, beside.numbers()) == ([], {})
        beside.watch[0] = Watch(ProcessState.RUNNING, pid=2, lives=3)
        beside.node.forget()
        beside.stub.results["test_posVotingStatus"] = False
        assert beside.look() == 0
        assert beside.stub.asked == ["cfx_epochNumber"]  # the rest is asked once a round has had its answer
        beside.answer()
        assert (beside.look(), len(beside.begun)) == (1, 1)  # another process: its PoS has begun
        assert beside.vitals.reading(3).states == {"node.voting": "false"}


def test_a_silence_of_the_process_before_is_none_of_the_next() -> None:
    with bedside(deadline_s=0.1) as beside:
        beside.answer()
        beside.stub.canned = SILENCE
        beside.look()
        beside.look()
        assert beside.numbers()["rpc.silent_seconds"] > 0
        beside.node.forget()
        beside.watch[0] = Watch(ProcessState.RUNNING, pid=2, lives=3)
        beside.look()
        assert beside.numbers()["rpc.silent_seconds"] == 0


def test_an_answer_that_the_process_did_not_outlive_is_dropped() -> None:
    with bedside() as beside:
        beside.answer()
        ask = beside.node.lately

        def die(method: str, within_ms: int) -> Any:
            beside.watch[0] = Watch(ProcessState.GONE, lives=2)
            return ask(method, within_ms)

        beside.node.lately = die  # type: ignore[method-assign]
        assert beside.look() == 0
        assert (beside.numbers(), beside.vitals.reading(1).numbers) == ({}, {})


def test_a_gateway_that_limits_us_is_left_alone_for_a_minute() -> None:
    with bedside() as beside:
        beside.answer()
        beside.stub.canned = Canned(b"", 429, headers={"Retry-After": "2"})
        beside.look()
        beside.stub.canned = None
        beside.stub.asked.clear()
        beside.look(LIMITED_MS - 2_000)
        assert (beside.stub.asked, beside.numbers()) == ([], {})
        beside.answer()
        beside.look(2_000)
        assert beside.numbers()["rpc.silent_seconds"] == 0


def test_a_round_and_a_look_share_what_they_know_of_a_chain() -> None:
    with bedside() as beside:
        beside.answer()
        beside.look()
        beside.move(164)
        beside.look()
        beside.now_ms[0] += 4_000
        assert Pos(beside.node, beside.vitals._pos)().numbers["pos.still_seconds"] == 4


# --- the whole agent


def lone(envelope: Envelope) -> bool:
    """A post of the live state alone."""
    return not envelope.reports and envelope.live is not None


@pytest.mark.slow
def test_a_turned_voter_is_told_between_two_rounds_and_not_spooled(scene: Scene) -> None:
    scene.start(interval_ms=10_000)
    scene.server.wait_for(lambda e: e.live is not None and "probe.vitals.age_seconds" in e.live.numbers, 25)
    before = len(scene.server.posts)
    scene.node.results["test_posVotingStatus"] = False
    post = scene.server.wait_for(lambda e: lone(e) and e.live.states["node.voting"] == "false", 8, before)  # type: ignore[union-attr]
    assert post.envelope.live is not None
    time.sleep(1)
    alone = [one for one in scene.server.posts[before:] if lone(one.envelope)]
    assert len(alone) == 1
    assert not any("rpc.silent_seconds" in report.numbers for report in scene.server.reports)


@pytest.mark.slow
def test_a_line_that_warns_waits_for_no_round(scene: Scene, tmp_path: Path) -> None:
    log, pos_config = tmp_path / "pos.log", tmp_path / "pos.yaml"
    log.write_bytes(b"")
    pos_config.write_text(f"logger:\n  file: {log}\n")
    assert scene.settings.config is not None
    with Path(scene.settings.config).open("a") as config:
        config.write(f'pos_config_path = "{pos_config}"\n')
    scene.start(interval_ms=10_000)
    scene.server.wait_for(lambda e: any("log.read_bytes" in report.numbers for report in e.reports))
    log.write_bytes(b"broadcast_election without keys\n")
    name = "log.no_election_keys.new_count"
    scene.server.wait_for(lambda e: any(name in report.numbers for report in e.reports), 6)


@pytest.mark.slow
def test_a_node_that_opens_its_port_is_looked_at_at_once(scene: Scene) -> None:
    port = free_port()
    scene.start(node=f"http://127.0.0.1:{port}", interval_ms=10_000)
    scene.server.wait_for(lambda e: bool(e.reports))
    with node_process(port):
        scene.server.wait_for(lambda e: any("pow.latest_epoch" in one.numbers for one in e.reports), 6)


@pytest.mark.slow
def test_a_node_that_hangs_is_told_to_be_silent_since_the_first_question(scene: Scene) -> None:
    scene.start(interval_ms=1_000)  # a question waits for 0.8 s
    scene.server.wait_for(lambda e: e.live is not None and "probe.vitals.age_seconds" in e.live.numbers)
    before, began = len(scene.server.posts), time.monotonic()
    scene.node.canned = SILENCE
    silent = scene.server.wait_for(lambda e: e.live is not None and _silent_s(e) > 0, 20, before)
    since = silent.at_s - _silent_s(silent.envelope)
    assert -0.2 < since - began < 3  # a busy machine asks its first question late
    later = scene.server.wait_for(lambda e: _silent_s(e) > _silent_s(silent.envelope) + 1, 20, before)
    assert abs(later.at_s - _silent_s(later.envelope) - since) < 0.5
    before, scene.node.canned = len(scene.server.posts), None
    scene.server.wait_for(lambda e: e.live is not None and _silent_s(e) == 0, 20, before)


def _silent_s(envelope: Envelope) -> float:
    assert envelope.live is not None
    return envelope.live.numbers.get("rpc.silent_seconds", 0)


@pytest.mark.slow
def test_a_node_that_restarts_is_never_called_silent_and_its_posts_stay_in_order(scene: Scene) -> None:
    port = free_port()
    with node_process(port) as child:
        scene.start(node=f"http://127.0.0.1:{port}")
        scene.server.wait_for(lambda e: e.live is not None and "probe.vitals.age_seconds" in e.live.numbers)
        child.kill()
        gone = scene.server.wait_for(process_is("gone"))
        assert gone.envelope.live is not None
        assert gone.envelope.live.numbers == {"process.running": 0}
    before = len(scene.server.posts)
    with node_process(port):
        scene.server.wait_for(process_is("running"), 20, before)
        scene.server.wait_for(
            lambda e: e.live is not None and "probe.vitals.age_seconds" in e.live.numbers, 20, before
        )
    told = [post.envelope.live for post in scene.server.posts if post.envelope.live is not None]
    assert all(live.numbers.get("rpc.silent_seconds", 0) == 0 for live in told)
    assert all(one.at_ms <= other.at_ms for one, other in pairwise(told))
