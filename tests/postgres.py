"""A real PostgreSQL for tests: made in a directory of its own, reached by a Unix socket, stopped by its pid.

Durability is off, since nobody will miss it. PostgreSQL refuses to run as root, so root
lends it another user.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "deadlock_timeout": "100ms",
}


def _programs() -> Path | None:
    """The directory with initdb and postgres, of the newest version there is."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    return versions[-1].parent if versions else None


def _installed() -> Path:
    """The programs, fetched from the distribution when we may do that; else one line on what to install."""
    programs = _programs()
    if programs is None and os.getuid() == 0 and shutil.which("apt-get"):
        print("tests: PostgreSQL is missing, installing the distribution's package `postgresql`")
        subprocess.run(["apt-get", "update", "-q"], check=False, capture_output=True)
        subprocess.run(["apt-get", "install", "-qy", "postgresql"], check=False, capture_output=True)
        programs = _programs()
    if programs is None:
        pytest.fail(
            "PostgreSQL is missing: install the package `postgresql` (initdb and postgres)", pytrace=False
        )
    return programs


def _owner() -> dict[str, Any]:
    """Whose process it is: ourselves, or, when we are root, somebody who is not."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.fail(
        "tests run as root, and there is no user `postgres` or `nobody` to run PostgreSQL", pytrace=False
    )


def _wait_for(pid_file: Path, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """PostgreSQL writes "ready" into its pid file once it takes connections."""
    end = time.monotonic() + 60
    while not (pid_file.exists() and "ready" in pid_file.read_text()):
        if server.poll() is not None or time.monotonic() > end:
            pytest.fail(f"PostgreSQL did not start: {log.read_text()[-500:]}", pytrace=False)
        time.sleep(0.02)


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server; yields the URL of its database `postgres`."""
    programs, owner = _installed(), _owner()
    place = Path(tempfile.mkdtemp(prefix="vedette-pg-", dir="/tmp"))  # a socket's path must be short
    log = place / "log"
    log.touch()
    if owner:
        for path in (place, log):
            os.chown(path, owner["user"], owner["group"])
    data = str(place / "data")
    prepare = [
        str(programs / "initdb"),
        "-D",
        data,
        "-U",
        "vedette",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run([*prepare, "--locale=C"], check=True, stdout=subprocess.DEVNULL, cwd=place, **owner)
    settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
    with log.open("ab") as output:
        server = subprocess.Popen(
            [str(programs / "postgres"), "-D", data, "-k", str(place), *settings],
            stdout=output,
            stderr=output,
            cwd=place,
            **owner,
        )
    try:
        _wait_for(place / "data" / "postmaster.pid", server, log)
        yield f"postgresql://vedette@/postgres?host={place}"
    finally:
        server.send_signal(signal.SIGINT)  # "fast": open connections are cut
        server.wait(30)
        shutil.rmtree(place, ignore_errors=True)
