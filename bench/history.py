"""Five years of the network in the store: how large, and how quickly read.

A replayed network (300 seats, some 150 to 400 accounts, 41,000 epochs of 120 blocks) is loaded through the
store's own deeds, epoch by epoch; then windows, strips and the whole server are read. As the peer, a smaller
history is loaded as SQL rows, one a vote, and its size and times are scaled up. EPOCHS in the environment
makes it smaller (1,000 take a minute), DATABASE keeps the file for the next run.
"""

import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import uvloop

from bench.machine import print_figures, rss_mb, running, wait_for
from vedette.conflux import pos
from vedette.model.pos import PosAddress, PosBlock
from vedette.replay.dice import BLOCK_HASH
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.store import epochs, rewards, stakes, strips, summing, sums, votes
from vedette.store.database import Conn, Database

PORT = 18433
URL = f"http://127.0.0.1:{PORT}"
EPOCHS = int(os.environ.get("EPOCHS", "41000"))
KEPT = os.environ.get("DATABASE")
WITNESS = "replay"
READS = 200
PEER_EPOCHS = 60
AT_ONCE = 4  # epochs a transaction
"""The store's own follower writes a hundred blocks at a time."""


# --- loading


def blocks_of(network: Network, epoch: int) -> list[PosBlock]:
    """An epoch's blocks as records, without the detour over JSON."""
    page = network.page(network.growth.last_height(epoch))
    members = sorted(page.members)
    leaders = page.leaves.leaders.tolist()
    return [
        PosBlock(
            height=page.leaves.setting.first_height + row,
            hash=network.dice.numbered_hash(BLOCK_HASH, page.leaves.setting.first_height + row),
            epoch=epoch,
            round=int(page.leaves.rounds[row]),
            at_us=page.at_us(page.leaves.setting.first_height + row),
            proposer=None if leaders[row] < 0 else page.members[leaders[row]],
            pivot_height=page.pivots[row],
            last_tx_number=page.last_numbers[row],
            signers={
                who: cast
                for who, cast, signed in zip(members, page.seat_votes, page.signed[row].tolist(), strict=True)
                if signed
            },
        )
        for row in range(page.leaves.setting.blocks)
    ]


async def load(database: Database, network: Network) -> None:
    """Everything that is known of an epoch, as the follower keeps it."""
    for first in range(1, network.options.epochs + 1, AT_ONCE):
        wanted = range(first, min(first + AT_ONCE, network.options.epochs + 1))

        async def deed(conn: Conn, wanted: range = wanted) -> None:
            for epoch in wanted:
                await _load_epoch(conn, network, epoch)

        await database.write(deed)
        if first % 500 == 1:
            sys.stderr.write(f"\r{first} of {network.options.epochs} epochs")
    await summing.refresh(database)
    sys.stderr.write("\n")


async def _load_epoch(conn: Conn, network: Network, epoch: int) -> None:
    found = pos.committee(epoch, network.epoch_state(epoch))
    assert found is not None
    await votes.remember_committee(conn, found)
    await votes.witness_epoch(conn, WITNESS, blocks_of(network, epoch))
    paid = pos.epoch_rewards(epoch, network.rewards(epoch))
    if paid is not None:
        await rewards.remember_rewards(conn, paid, None, None)
    height = network.growth.last_height(epoch)
    people = network.growth.people
    held = {who.address: network.growth.stake(who.number, height).available for who in people}
    await stakes.remember_stakes(conn, epoch, held, sum(held.values()))


# --- reading


async def reads(database: Database, network: Network) -> dict[str, float]:
    """Medians in milliseconds, each read as one request does it."""
    chance = random.Random(1)
    last = network.options.epochs
    spans = [24, 7 * 24, 30 * 24, 365 * 24, last]
    members = list(pos_members(network, last))

    async def leaderboard(conn: Conn) -> None:
        await sums.window(conn, max(1, last - chance.choice(spans) - chance.randrange(40)), last)

    async def strip(conn: Conn) -> None:
        await strips.newest(conn, chance.choice(members), 1_000)

    return {
        "leaderboard_store_ms": await _median_ms(database, leaderboard),
        "strip_store_ms": await _median_ms(database, strip),
    }


def pos_members(network: Network, epoch: int) -> list[PosAddress]:
    return network.page(network.growth.last_height(epoch)).members


async def _median_ms(database: Database, read: Callable[[Conn], Awaitable[None]]) -> float:
    times = []
    async with database.read() as conn:
        for _ in range(READS):
            began = time.perf_counter()
            await read(conn)
            times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 3)


@contextmanager
def server(database: Path, folder: Path) -> Iterator[int]:
    """`vedette serve` on the loaded database, following nobody: its pid."""
    log = folder / "serve.log"
    arguments = ["serve", "--database", str(database), "--host", "127.0.0.1", "--port", str(PORT)]
    with running(arguments, log) as process:
        wait_for(f"{URL}/readyz", process, log)
        yield process.pid


def over_http() -> float:
    """Median milliseconds of a leaderboard of changing windows, each on the same kept connection."""
    connection = HTTPConnection("127.0.0.1", PORT)
    times = []
    for number in range(READS):
        window = ("24h", "7d", "30d", "365d", "all")[number % 5]
        began = time.perf_counter()
        connection.request("GET", f"/api/v1/validators?window={window}&limit=200")
        with connection.getresponse() as response:
            body = response.read()
        times.append((time.perf_counter() - began) * 1000)
        if response.status != HTTPStatus.OK or not body:
            sys.exit(f"the leaderboard answered {response.status}: {body[:200]!r}")
    return round(statistics.median(times), 2)


# --- the peer: a row a vote


def as_rows(network: Network, file: Path) -> dict[str, float]:
    """PEER_EPOCHS epochs as plain rows with the two indexes that strips and leaderboards need."""
    base = sqlite3.connect(file)
    base.execute("CREATE TABLE votes (account INTEGER, height INTEGER, votes INTEGER, at_s INTEGER)")
    rows = 0
    for epoch in range(1, PEER_EPOCHS + 1):
        numbers = {who: number for number, who in enumerate(pos_members(network, epoch))}
        told = [
            (numbers[who], block.height, cast, block.at_us // 10**6)
            for block in blocks_of(network, epoch)
            for who, cast in block.signers.items()
        ]
        base.executemany("INSERT INTO votes VALUES (?, ?, ?, ?)", told)
        rows += len(told)
    base.execute("CREATE INDEX by_account ON votes (account, height)")
    base.execute("CREATE INDEX by_time ON votes (at_s, account, votes)")
    base.commit()
    began = time.perf_counter()
    base.execute("SELECT account, sum(votes), count(*) FROM votes GROUP BY account").fetchall()
    took_ms = (time.perf_counter() - began) * 1000
    base.close()
    scale = EPOCHS / PEER_EPOCHS
    return {
        "rows_database_mb": round(file.stat().st_size / 1e6 * scale),
        "rows_leaderboard_ms": round(took_ms * scale),
    }


# --- all of it


async def loaded(file: Path, network: Network) -> dict[str, float]:
    """Load what is not there yet, then read."""
    database = await Database.open(str(file))
    began = time.perf_counter()
    async with database.read() as conn:
        held = await epochs.bounds(conn)
    if held is None:
        await load(database, network)
    figures = {"load_s": round(time.perf_counter() - began)} | await reads(database, network)
    await database.close()
    return figures


def checkpointed_mb(file: Path) -> float:
    """The file's size once everything is in it, as it is: not vacuumed."""
    base = sqlite3.connect(file)
    base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()
    return round(file.stat().st_size / 1e6, 1)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = Path(KEPT) if KEPT else folder / "vedette.db"
        network = Network.grown(ReplayOptions(epochs=EPOCHS))
        figures = uvloop.run(loaded(file, network))
        figures["database_mb"] = checkpointed_mb(file)
        with server(file, folder) as pid:
            figures["leaderboard_http_ms"] = over_http()
            figures["server_rss_mb"] = round(rss_mb(pid))
        peer = as_rows(network, folder / "rows.db")
        blocks = network.growth.last_height(EPOCHS) - 1
        print_figures({"epochs": EPOCHS, "blocks": blocks, **figures, **peer})


if __name__ == "__main__":
    main()
