#!/opt/vedette/bin/python3
"""The image's health check: an agent's queue was written to of late; a server answers /healthz.

usage: vedette-healthy [URL | FOLDER]
Without a word: the agent's folder if an agent lives there, else the server.
"""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

FOLDER = Path("/var/lib/vedette-agent")
URL = "http://127.0.0.1:8642/healthz"
STALE_S = 150  # two of the slowest agent's rounds, and some
DEADLINE_S = 4


def main() -> int:
    """Tell why not, in one line."""
    given = sys.argv[1] if len(sys.argv) > 1 else None
    is_url = given is not None and "://" in given
    if is_url or (given is None and not (FOLDER / "agent.key").exists()):
        why = unwell_server(given or URL)
    else:
        why = unwell_agent(Path(given) if given else FOLDER)
    sys.stdout.write(f"{why or 'healthy'}\n")
    return 1 if why else 0


def unwell_agent(folder: Path) -> str | None:
    """Why the agent of this folder is not well: each round goes to its queue on the disk first."""
    try:
        written_s = max((file.stat().st_mtime for file in folder.glob("spool.db*")), default=None)
    except OSError as error:
        return f"{folder} cannot be read: {error.strerror or error}"
    if written_s is None:
        return f"{folder} holds no queue yet: the agent has not run"
    age_s = time.time() - written_s
    return f"{folder}: nothing was queued for {age_s:.0f} s" if age_s > STALE_S else None


def unwell_server(url: str) -> str | None:
    """Why the server behind this URL is not well."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=DEADLINE_S).close()
    except (OSError, ValueError) as error:
        return f"{url} does not answer: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
