"""A node's day in the store: bytes a point, and 24 hours drawn in at most 500 points.

The samples were told by real agents beside real validators (tests/tapes/series.msgpack.zst: a round each two
seconds for sixteen minutes), told here as rounds each ten seconds. When the tape has run out it begins again,
but no two turns are alike, or repetition would be all that is compressed: what only rises goes on rising by
its recorded steps in another order, what moves both ways moves by one more of its steps. The samples take the
way that all samples take, ten minutes at a time, and are read as they lie: in tiers, in chunks, as rows.

Bytes are those of the database's file once all is sealed, with the samples alone in it: that is what the
peers hold. With the tiers beside them, and what the hot window takes, which does not grow with time, are told
apart. VictoriaMetrics and Prometheus get the same numbers, not the states, and write as they please: after a
forced merge, and as one block. Without the Debian packages theirs are null. NODES makes all of it smaller.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any

import msgspec
import uvloop
import zstandard

from bench.machine import print_figures, running, wait_for
from vedette.model.people import FIRST_TEAM, Who
from vedette.model.report import PROTOCOL, Envelope, Report
from vedette.store import nodes, reading, series
from vedette.store.database import Conn, Database
from vedette.store.nodes import Delivery

TAPE = Path(__file__).parent.parent / "tests" / "tapes" / "series.msgpack.zst"
NODES = int(os.environ.get("NODES", "8"))
STEP_MS = 10_000
DIGITS = 6  # of a recorded float
PART_MS, DAY_MS = 600_000, 86_400_000
ROUNDS = DAY_MS // STEP_MS
PORT, PEER_PORT = 18434, 18435
READS = 200
POINTS = 500
DRAWN = ("pow.latest_epoch", "peers.all_count", "host.cpu.used_ratio", "process.rss_bytes")
OURS = Who(FIRST_TEAM)

Round = tuple[int, dict[str, int | float], dict[str, str]]


# --- what is told


@dataclass(frozen=True)
class Tape:
    """What one agent told, round by round."""

    steps_ms: list[int]
    numbers: dict[str, "Column"]
    states: dict[str, list[str | None]]

    @property
    def rounds(self) -> int:
        return len(self.steps_ms) + 1


def tapes() -> list[Tape]:
    raw = zstandard.ZstdDecompressor().decompress(TAPE.read_bytes())
    return msgspec.msgpack.decode(raw, type=list[Tape])


Column = list[int | float | None]


def turned(column: Column, start: float | None, chance: random.Random) -> Column:
    """Another turn of a recorded column; what only rises goes on from `start`."""
    told = [value for value in column if value is not None]
    steps = [round(later - earlier, DIGITS) for earlier, later in pairwise(told)] or [0]
    if min(steps) < 0:
        return [None if value is None else round(value + chance.choice(steps), DIGITS) for value in column]
    chance.shuffle(steps)
    rising = accumulate([*steps, chance.choice(steps)], initial=start if start is not None else told[0])
    next(rising)
    return [None if value is None else round(next(rising), DIGITS) for value in column]


def newest(column: Column) -> int | float | None:
    return next((value for value in reversed(column) if value is not None), None)


def day(tape: Tape, first: int, start_ms: int) -> Iterator[Round]:
    """A day of rounds that begins at some place of the tape. The same arguments make the same day."""
    chance = random.Random(first)
    numbers = tape.numbers
    for n in range(ROUNDS):
        place = (first + n) % tape.rounds
        if n and not place:
            numbers = {
                name: turned(column, newest(numbers[name]), chance) for name, column in tape.numbers.items()
            }
        told = {name: value for name, column in numbers.items() if (value := column[place]) is not None}
        states = {name: word for name, words in tape.states.items() if (word := words[place]) is not None}
        yield start_ms + n * STEP_MS, told, states


def fleet(start_ms: int) -> dict[str, Callable[[], Iterator[Round]]]:
    """Each node and its day."""
    recorded = tapes()

    def one(number: int) -> Callable[[], Iterator[Round]]:
        tape = recorded[number % len(recorded)]
        return lambda: day(tape, number * tape.rounds // NODES, start_ms)

    return {f"node-{number}": one(number) for number in range(NODES)}


# --- our store


async def load(database: Database, days: dict[str, Iterator[Round]], start_ms: int) -> int:
    """Tell and seal ten minutes at a time, as live; how many points there are."""
    ids = {name: await database.write(_enrolment(name, start_ms)) for name in days}
    points = 0
    for part in range(DAY_MS // PART_MS):
        now_ms = start_ms + (part + 1) * PART_MS
        for name, told in days.items():
            rows = list(islice(told, PART_MS // STEP_MS))
            points += sum(len(numbers) for _, numbers, _ in rows)
            await database.write(_delivery(ids[name], name, rows, part * len(rows), now_ms))
        await seal(database, now_ms)
    return points


async def seal(database: Database, now_ms: int) -> None:
    while await database.write(lambda conn: series.seal(conn, now_ms, 20)):
        pass


def _key(name: str) -> str:
    return name.encode().hex().rjust(64, "0")


def _enrolment(name: str, now_ms: int) -> Callable[[Conn], Awaitable[str]]:
    return lambda conn: nodes.enroll(conn, FIRST_TEAM, _key(name), name, "full", now_ms)


def _delivery(
    node_id: str, name: str, rows: Sequence[Round], seq: int, now_ms: int
) -> Callable[[Conn], Awaitable[list[int]]]:
    reports = [Report(seq + n + 1, *row) for n, row in enumerate(rows)]
    told = Envelope(PROTOCOL, name.ljust(16, "0"), "bench0000", now_ms, STEP_MS, None, reports)
    return lambda conn: nodes.witness_reports(
        conn, [Delivery(node_id, FIRST_TEAM, told, now_ms, now_ms + STEP_MS)]
    )


async def reads(database: Database, start_ms: int) -> float:
    """Median milliseconds of a day of four series."""
    times = []
    async with database.read() as conn:
        node_ids = [node.id for node in await nodes.nodes(conn, OURS)]
    for n in range(READS):
        began = time.perf_counter()
        async with database.read() as conn:
            found = await reading.columns(
                conn, OURS, node_ids[n % len(node_ids)], DRAWN, start_ms, start_ms + DAY_MS, POINTS
            )
        times.append((time.perf_counter() - began) * 1000)
        if found is None or not 400 < len(found.times) <= POINTS:
            sys.exit("the store did not draw a day")
    return round(statistics.median(times), 3)


async def ours(file: Path, start_ms: int) -> dict[str, float]:
    database = await Database.open(str(file))
    began = time.perf_counter()
    points = await load(database, {name: told() for name, told in fleet(start_ms).items()}, start_ms)
    loaded_s = time.perf_counter() - began
    query_ms = await reads(database, start_ms)
    await database.close()
    return {"points": points, "load_s": round(loaded_s, 1), "query_24h_store_ms": query_ms}


async def sealed(file: Path, start_ms: int) -> None:
    database = await Database.open(str(file))
    await seal(database, start_ms + DAY_MS + 5 * 3_600_000)
    await database.close()


def sizes(file: Path, folder: Path, points: int, start_ms: int) -> dict[str, float]:
    """Bytes a point of the file once all is sealed, and what the hot window took in it before."""
    lying = file.stat().st_size
    uvloop.run(sealed(file, start_ms))
    whole = packed(file, folder / "whole.db")
    base = sqlite3.connect(folder / "whole.db")
    base.execute("DELETE FROM tiers")
    base.commit()
    base.close()
    return {
        "bytes_per_point": round(packed(folder / "whole.db", folder / "samples.db") / points, 3),
        "with_tiers_bytes_per_point": round(whole / points, 3),
        "hot_kb_a_node": round((lying - whole) / 1e3 / NODES, 1),
    }


def packed(file: Path, into: Path) -> int:
    base = sqlite3.connect(file)
    base.execute("VACUUM INTO ?", (str(into),))
    base.close()
    return into.stat().st_size


def over_http(file: Path, folder: Path, start_ms: int) -> float:
    """Median milliseconds of the same question over one kept connection."""
    log = folder / "serve.log"
    arguments = ["serve", "--database", str(file), "--host", "127.0.0.1", "--port", str(PORT)]
    with running(arguments, log) as process:
        wait_for(f"http://127.0.0.1:{PORT}/readyz", process, log)
        connection = HTTPConnection("127.0.0.1", PORT)
        listed = json.loads(_get(connection, "/api/v1/nodes"))["nodes"]
        window = f"from_ms={start_ms}&to_ms={start_ms + DAY_MS}&points={POINTS}"
        times = []
        for n in range(READS):
            began = time.perf_counter()
            _get(
                connection, f"/api/v1/nodes/{listed[n % NODES]['id']}/series?names={','.join(DRAWN)}&{window}"
            )
            times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 2)


def _get(connection: HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    with connection.getresponse() as response:
        body = response.read()
    if response.status != HTTPStatus.OK:
        sys.exit(f"{path} answered {response.status}: {body[:200]!r}")
    return body


# --- the peers


def lines_of(told: Iterable[Round]) -> dict[str, tuple[list[int], list[int | float]]]:
    """A node's series, each with its times and values."""
    found: dict[str, tuple[list[int], list[int | float]]] = {}
    for at_ms, numbers, _ in told:
        for number, value in numbers.items():
            times, values = found.setdefault(number.replace(".", "_"), ([], []))
            times.append(at_ms)
            values.append(value)
    return found


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def victoria_metrics(folder: Path, start_ms: int) -> int | None:
    """Bytes on its disk once everything is merged and it was stopped."""
    program = shutil.which("victoria-metrics")
    if program is None:
        sys.stderr.write("no victoria-metrics: apt-get install victoria-metrics\n")
        return None
    data, log = folder / "victoria", folder / "victoria.log"
    url = f"http://127.0.0.1:{PEER_PORT}"
    with log.open("wb") as out:
        peer = subprocess.Popen(
            [program, f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{PEER_PORT}"],
            stdout=out,
            stderr=out,
        )
    try:
        wait_for(f"{url}/health", peer, log)
        for name, told in fleet(start_ms).items():
            for number, (times, values) in lines_of(told()).items():
                metric = {"__name__": number, "node": name}
                _post(f"{url}/api/v1/import", {"metric": metric, "values": values, "timestamps": times})
        for deed in ("force_flush", "force_merge"):
            urllib.request.urlopen(f"{url}/internal/{deed}", timeout=60).close()
        time.sleep(5)  # it merges behind its answer
    finally:
        peer.send_signal(signal.SIGINT)
        peer.wait(60)
    return bytes_in(data)


def _post(url: str, line: dict[str, Any]) -> None:
    with urllib.request.urlopen(url, json.dumps(line).encode(), timeout=60) as reply:
        assert reply.status == HTTPStatus.NO_CONTENT, reply.status


def prometheus(folder: Path, start_ms: int) -> int | None:
    """Bytes of one block that holds everything."""
    program = shutil.which("promtool")
    if program is None:
        sys.stderr.write("no promtool: apt-get install prometheus\n")
        return None
    text, blocks = folder / "openmetrics.txt", folder / "prometheus"
    with text.open("w") as out:
        for name, told in fleet(start_ms).items():
            for number, (times, values) in lines_of(told()).items():
                out.writelines(
                    f'{number}{{node="{name}"}} {value} {at_ms / 1000}\n'
                    for at_ms, value in zip(times, values, strict=True)
                )
        out.write("# EOF\n")
    made = [
        program,
        "tsdb",
        "create-blocks-from",
        "--max-block-duration=128h",
        "openmetrics",
        str(text),
        str(blocks),
    ]
    done = subprocess.run(made, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(f"promtool: {done.stderr.strip()[-300:]}\n")
        return None
    return bytes_in(blocks)


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one / other, 3)


def main() -> None:
    start_ms = int(time.time() * 1000) // STEP_MS * STEP_MS - DAY_MS
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        file = folder / "vedette.db"
        figures: dict[str, float | None] = {**uvloop.run(ours(file, start_ms))}
        points = figures["points"] or 1
        figures["query_24h_http_ms"] = over_http(file, folder, start_ms)
        figures |= sizes(file, folder, int(points), start_ms)
        for peer, bytes_of in (("victoriametrics", victoria_metrics), ("prometheus", prometheus)):
            used = bytes_of(folder, start_ms)
            figures[f"{peer}_bytes_per_point"] = None if used is None else round(used / points, 3)
        theirs = figures["victoriametrics_bytes_per_point"]
        figures["ratio_to_victoriametrics"] = _ratio(figures["bytes_per_point"], theirs)
        figures["with_tiers_ratio"] = _ratio(figures["with_tiers_bytes_per_point"], theirs)
    print_figures(figures | {"nodes": NODES})


if __name__ == "__main__":
    main()
