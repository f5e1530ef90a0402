"""One word for a node, and the words for an account."""

from dataclasses import replace

import pytest

from vedette.model.pos import Account, AccountState, PosAddress, Queued, account_states
from vedette.model.view import NodeState, NodeView, ProcessState, node_state

NOW = 1_000_000
node = NodeView(
    id="n1",
    team_id=1,
    name="one",
    pos_address=None,
    process=ProcessState.RUNNING,
    died_at_ms=None,
    planned_stop_until_ms=None,
    heard_at_ms=NOW - 1_000,
    due_at_ms=NOW + 14_000,
    sync_phase="NormalSyncPhase",
)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (node, NodeState.UP),
        (replace(node, sync_phase="CatchUpSyncBlockPhase"), NodeState.SYNCING),
        (replace(node, process=ProcessState.UNKNOWN), NodeState.UNKNOWN),
        (replace(node, process=ProcessState.GONE), NodeState.DOWN),
        (replace(node, process=ProcessState.GONE, planned_stop_until_ms=NOW + 1), NodeState.STOPPED),
        (replace(node, process=ProcessState.GONE, planned_stop_until_ms=NOW), NodeState.DOWN),
        (replace(node, due_at_ms=NOW), NodeState.SILENT),
        (replace(node, due_at_ms=NOW, planned_stop_until_ms=NOW + 1), NodeState.STOPPED),
        (replace(node, due_at_ms=NOW, process=ProcessState.GONE), NodeState.DOWN),
    ],
)
def test_a_node_has_one_word(seen: NodeView, state: NodeState) -> None:
    assert node_state(seen, NOW) is state


account = Account(
    address=PosAddress("0x" + "ab" * 32),
    height=1_000,
    available_votes=50,
    locked_votes=50,
    in_queue=(),
    out_queue=(),
    unlocked_votes=0,
    forfeited_votes=0,
    force_retired_height=None,
)
nothing = replace(account, available_votes=0, locked_votes=0)


@pytest.mark.parametrize(
    ("seen", "states"),
    [
        (account, [AccountState.ACTIVE]),
        (nothing, [AccountState.NOT_FOUND]),
        (replace(account, in_queue=(Queued(1_500, 5),)), [AccountState.LOCKING, AccountState.ACTIVE]),
        (replace(account, out_queue=(Queued(1_500, 5),)), [AccountState.UNLOCKING, AccountState.ACTIVE]),
        (
            replace(nothing, out_queue=(Queued(2_440, 50),), force_retired_height=990),
            [AccountState.FORCE_RETIRED, AccountState.UNLOCKING],
        ),
        (
            replace(nothing, out_queue=(Queued(519_400, 50),)),
            [AccountState.DISPUTE_LOCKED, AccountState.UNLOCKING],
        ),
        (replace(nothing, out_queue=(Queued(2_440, 50),)), [AccountState.UNLOCKING]),  # a plain exit
        (replace(nothing, forfeited_votes=50), [AccountState.FORFEITED]),
        (replace(nothing, unlocked_votes=50), [AccountState.UNLOCKED]),
    ],
)
def test_an_accounts_states_are_told_most_urgent_first(seen: Account, states: list[AccountState]) -> None:
    assert list(account_states(seen)) == states
