"""A whole server, started as people start it, watches an HTTPS endpoint whose certificate it trusts."""

import asyncio
import ipaddress
import json
import os
import ssl
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.server.stage import client
from vedette.replay.network import Network
from vedette.replay.options import ReplayOptions
from vedette.replay.serve import served

DAYS = 9
PATIENCE_S = 60


def trusted_tls(place: Path) -> ssl.SSLContext:
    """TLS for 127.0.0.1 that ends in nine days; whoever takes the file for an authority trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an endpoint")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    place.write_bytes(plain + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)
    return context


def written(folder: Path, references: list[str], subject: str) -> Path:
    lines = [f'[[endpoints]]\nname = "r{n}"\nurl = "{url}"' for n, url in enumerate(references)]
    wss = subject.replace("https", "wss") + "/ws"
    one = f'[[endpoints]]\nname = "one"\nurl = "{subject}"\nrole = "archive"\nws = "{wss}"'
    path = folder / "server.toml"
    path.write_text("\n".join(["public_references = false", *lines, one, 'header_env = "KEY"']))
    return path


async def listening(server: asyncio.subprocess.Process, told: list[str]) -> str:
    assert server.stderr is not None
    while line := (await server.stderr.readline()).decode():
        told.append(line)
        if "listens on" in line:
            return line.split("listens on ")[1].strip()
    raise AssertionError("".join(told))


async def healthy(url: str) -> dict[str, Any]:
    async with client() as http, asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(aiohttp.ClientConnectorError):  # bound, and not listening yet
                async with http.get(f"{url}/api/v1/nodes") as reply:
                    (node,) = json.loads(await reply.read())["nodes"]
                if node["endpoint"]["state"] == "healthy":
                    return dict(node)
            await asyncio.sleep(0.2)


@pytest.mark.slow
async def test_a_whole_server_watches_over_tls(tmp_path: Path) -> None:
    network = Network.grown(ReplayOptions(epochs=8))
    tls = trusted_tls(tmp_path / "tls.pem")
    async with served(network) as a, served(network) as b, served(network, tls=tls) as one:
        config = written(tmp_path, [a.url, b.url], one.url)
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vedette.cli", "serve", "--port", "0", "--config", str(config)),
            cwd=tmp_path,
            env={**os.environ, "SSL_CERT_FILE": str(tmp_path / "tls.pem"), "KEY": "X-Key: hunter2hunter2"},
            stderr=asyncio.subprocess.PIPE,
        )
        told: list[str] = []
        try:
            node = await healthy(await listening(server, told))
        finally:
            server.terminate()
            _, rest = await server.communicate()
    assert node["failures"] == [{"probe": "tls", "reason": "Its certificate ends in 9.0 days: renew it."}]
    assert node["endpoint"]["tls_days"] == pytest.approx(DAYS, abs=0.01)
    assert node["endpoint"]["archive"] == "agrees"
    assert node["endpoint"]["websocket_ms"] > 0
    assert "hunter2" not in "".join(told) + rest.decode() + json.dumps(node)
