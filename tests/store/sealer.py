"""Folds, condenses and drops until nothing is left to do, or until it is killed."""

import asyncio
import sys

from vedette.store.database import Database
from vedette.store.series import seal
from vedette.store.tiering import Keep


async def main(url: str, now_ms: int) -> None:
    database = await Database.open(url)
    print("open", flush=True)
    while await database.write(lambda conn: seal(conn, now_ms, 2, Keep(1, 2, 60))):
        pass
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
