"""`vedette replay`: a made-up history behind a real JSON-RPC port, from the command line."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vedette.model.errors import SettingError
from vedette.replay.faults import Faults
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.replay.serve import served

TOLD_EACH = 256  # epochs
PORT_MAX = 65_535


def replay(
    *,
    epochs: int = 400,
    seed: str = "replay",
    accounts: int | None = None,
    stake_votes: int | None = None,
    term_blocks: int | None = None,
    chain_id: int | None = None,
    end_now: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
    round_ms: int = 0,
    latency_ms: int = 0,
    lag_blocks: int = 0,
    calls_per_s: float | None = None,
    batch_max: int | None = None,
    cut_every: int = 0,
    lost_below_height: int = 0,
    missing_percent: int = 0,
    missing_salt: int = 0,
    lying_signers_from: int | None = None,
    lying_hashes_from: int | None = None,
    rewards_percent: int = 100,
    lying_pivots_from: int | None = None,
    lost_state_below_epoch: int = 0,
    lying_state: bool = False,
    no_pos: bool = False,
    silent_heads: bool = False,
) -> None:
    """Make a PoS history of mainnet's shape and serve it as a node would, until Ctrl-C.

    The same options make the same history; a longer one begins with the shorter. Prints one line, its URL.

    Parameters
    ----------
    epochs
        Finished epochs, of about an hour each; 41,000 are five years and take some twenty seconds.
    seed
        Everything follows from it.
    accounts
        PoS accounts at the genesis [150].
    stake_votes
        Their stake, in votes of 1,000 CFX [480000].
    term_blocks
        Blocks of an epoch [120].
    chain_id
        Of the PoW chain [4242].
    end_now
        Let the last block be of this moment [the history begins in January 2022].
    host
        Address to listen on.
    port
        Port to listen on [a free one].
    round_ms
        Make a new block each so many milliseconds; 0 stands still at the end.
    latency_ms
        Fault: wait before each answer.
    lag_blocks
        Fault: be so far behind.
    calls_per_s
        Fault: refuse more calls with HTTP 429.
    batch_max
        Fault: refuse larger batches.
    cut_every
        Fault: break off each so manieth answer in the middle.
    lost_below_height
        Fault: have forgotten all before that height.
    missing_percent
        Fault: leave so many of the signers out of each certificate.
    missing_salt
        Which ones: endpoints with different numbers leave out different ones.
    lying_signers_from
        Fault: from that height on, exchange a signer.
    lying_hashes_from
        Fault: from that height on, be on another chain.
    rewards_percent
        Fault: tell so much of each reward.
    lying_pivots_from
        Fault: from that PoW epoch on, be on another chain.
    lost_state_below_epoch
        Fault: have no state and logs of older PoW epochs.
    lying_state
        Fault: tell a Drip too much of each balance.
    no_pos
        Fault: do not offer pos_*.
    silent_heads
        Fault: tell of no new head over WebSocket.
    """
    given = {
        "accounts": accounts,
        "stake_votes": stake_votes,
        "term_blocks": term_blocks,
        "chain_id": chain_id,
        "end_s": int(time.time()) if end_now else None,
    }
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    options = ReplayOptions(epochs=epochs, seed=seed, **chosen)
    faults = Faults(
        latency_ms=latency_ms,
        lag_blocks=lag_blocks,
        calls_per_s=calls_per_s,
        batch_max=batch_max,
        cut_every=cut_every,
        lost_below_height=lost_below_height,
        missing_percent=missing_percent,
        missing_salt=missing_salt,
        lying_signers_from=lying_signers_from,
        lying_hashes_from=lying_hashes_from,
        rewards_percent=rewards_percent,
        lying_pivots_from=lying_pivots_from,
        lost_state_below_epoch=lost_state_below_epoch,
        lying_state=lying_state,
        no_pos=no_pos,
        silent_heads=silent_heads,
    )
    if not 0 <= port <= PORT_MAX:
        raise SettingError(f"--port {port}: choose 1 to {PORT_MAX}, or 0 for a free one")
    if round_ms < 0:
        raise SettingError(f"--round-ms {round_ms}: choose 0 to stand still, or milliseconds")
    with _telling(epochs) as tell:
        network = Network.grown(options, tell)
    uvloop.run(_serve(network, faults, host, port, round_ms))


async def _serve(network: Network, faults: Faults, host: str, port: int, round_ms: int) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, ended.set)
    try:
        async with served(network, faults, host=host, port=port, round_ms=round_ms) as endpoint:
            sys.stdout.write(f"{endpoint.url}\n")
            sys.stdout.flush()
            await ended.wait()
    except OSError as error:
        raise SettingError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


@contextmanager
def _telling(epochs: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while the history grows; nothing where nobody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("growing the history", total=epochs)

        def tell(epoch: int) -> None:
            if epoch % TOLD_EACH == 0:
                progress.update(task, completed=epoch)

        yield tell
