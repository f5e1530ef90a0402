"""What an idle live page costs the server: memory a stream, and CPU, of CLIENTS (default 2,000) open ones."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from bench.machine import cpu_seconds, print_figures, rss_mb, running, wait_for

CLIENTS = int(os.environ.get("CLIENTS", "2000"))
PORT = 18436
QUIET_S = 40  # more than two heartbeats
ASKED = (
    b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nCache-Control: no-cache\r\n\r\n"
)


async def opened() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One stream, past its greeting."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(ASKED)
    while b"event: hello" not in await reader.readline():
        pass
    return reader, writer


async def measured(pid: int) -> dict[str, float]:
    before = rss_mb(pid)
    streams = [await opened() for _ in range(CLIENTS)]
    began, cpu = time.monotonic(), cpu_seconds(pid)
    await asyncio.sleep(QUIET_S)
    busy = (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
    after = rss_mb(pid)
    for _, writer in streams:
        writer.close()
    return {
        "clients": CLIENTS,
        "stream_kb": round((after - before) * 1000 / CLIENTS, 1),
        "server_mb": round(after, 1),
        "server_cpu_percent": round(100 * busy, 2),
    }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        log = Path(name) / "serve.log"
        arguments = ["serve", "--port", str(PORT), "--database", str(Path(name) / "vedette.db")]
        with running(arguments, log) as server:
            wait_for(f"http://127.0.0.1:{PORT}/healthz", server, log)
            time.sleep(3)
            figures = asyncio.run(measured(server.pid))
    print_figures(figures)


if __name__ == "__main__":
    main()
