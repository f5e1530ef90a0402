"""When the certificate of an HTTPS endpoint ends. Nothing is asked or told over this connection."""

import asyncio
import ssl
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from vedette.conflux.wire import Garbled, Unreachable

HTTPS_PORT: Final = 443


async def certificate_ends_at_s(url: str, deadline_s: float) -> float:
    """Unix time. One that is over, or that nobody trusts, is told of as well. Raises RpcError."""
    try:
        async with asyncio.timeout(deadline_s):
            return _ends_at_s(await _certificate(url))
    except TimeoutError as error:
        raise Unreachable(f"No TLS handshake within {deadline_s:g} s.") from error
    except OSError as error:  # of which ssl.SSLError is one; its text could quote the host
        raise Unreachable(f"No TLS handshake: {type(error).__name__}.") from error


async def _certificate(url: str) -> bytes:
    parts = urlsplit(url)
    host = parts.hostname or ""
    context = ssl.create_default_context()
    # Only the date is looked at here; every question goes over connections that do check.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(
        host, parts.port or HTTPS_PORT, ssl=context, server_hostname=host
    )
    try:
        connection = writer.get_extra_info("ssl_object")
        return connection.getpeercert(binary_form=True) or b""
    finally:
        writer.transport.abort()


def _ends_at_s(der: bytes) -> float:
    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
    except (ValueError, OverflowError) as error:
        raise Garbled("The certificate cannot be read.") from error
