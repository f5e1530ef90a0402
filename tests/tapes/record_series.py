"""Record what real agents told: python tests/tapes/record_series.py DATABASE > tests/tapes/series.msgpack.zst

All samples of the first nodes of a server's database, column by column: those of `vedette demo`, say, whose
agents were given an interval of two seconds, so that a quarter of an hour is 450 rounds.
"""

import asyncio
import itertools
import sys
from typing import Any

import msgspec
import zstandard
from sqlalchemy import select

from vedette.store import tables as t
from vedette.store.codec import Samples, decode_chunk, merge, samples
from vedette.store.database import Database

NODES = 3
LEVEL = 19

_row = msgspec.msgpack.Decoder(tuple[dict[str, int | float], dict[str, str]]).decode


async def told(database: Database, node_id: str) -> Samples:
    async with database.read() as conn:
        chunks = select(t.chunks.c.body).where(t.chunks.c.node_id == node_id).order_by(t.chunks.c.start_ms)
        hot = select(t.hot.c.at_ms, t.hot.c.row).where(t.hot.c.node_id == node_id)
        parts = [decode_chunk(body) for body in (await conn.execute(chunks)).scalars()]
        parts.append(samples((row.at_ms, *_row(row.row)) for row in await conn.execute(hot)))
    return merge(parts)


def taped(of: Samples) -> dict[str, Any]:
    """Steps between rounds and, of each name, what was told in each; None where it was not."""
    times = of.times.tolist()
    return {
        "steps_ms": [later - earlier for earlier, later in itertools.pairwise(times)],
        "numbers": {
            name: [
                value if present else None
                for value, present in zip(column.values.tolist(), column.present.tolist(), strict=True)
            ]
            for name, column in of.numbers.items()
        },
        "states": {name: list(words) for name, words in of.states.items()},
    }


async def tape(url: str) -> bytes:
    database = await Database.open(url)
    async with database.read() as conn:
        nodes = (
            (await conn.execute(select(t.nodes.c.id).order_by(t.nodes.c.name).limit(NODES))).scalars().all()
        )
    recorded = [taped(await told(database, node)) for node in nodes]
    await database.close()
    return zstandard.ZstdCompressor(level=LEVEL).compress(msgspec.msgpack.encode(recorded))


if __name__ == "__main__":
    sys.stdout.buffer.write(asyncio.run(tape(sys.argv[1])))
