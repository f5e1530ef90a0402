"""The one HTTP client of all channels. It says nothing of a URL but its host, and follows nobody.

A URL of the administrator's own settings file may lead anywhere, his private network included. For URLs
that anybody else gave there is a guard with `targets`: it calls only what they allow, where they judged it.
"""

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from vedette.notify.errors import ChannelError
from vedette.notify.targets import Targets

DEADLINE_S = 10.0
REPLY_BYTES_MAX = 16 << 10  # a reply is read only so far as to leave the connection in order
RETRY_AFTER_S_MAX = 3_600.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side said; the body is cut off at the bound."""

    status: int
    retry_after_s: float | None
    body: bytes


class Guard:
    """POST, with one deadline over all of it. Opened at the first use, closed by its owner."""

    def __init__(
        self,
        deadline_s: float = DEADLINE_S,
        targets: Targets | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`targets` judge where it may lead; without them all is allowed, for the administrator's URLs.

        `tls`: whom to trust, if not whom the machine trusts.
        """
        self._deadline_s = deadline_s
        self._tls: ssl.SSLContext | bool = True if tls is None else tls
        self._targets = targets
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send once. Raises ChannelError: temporary when no answer comes in time, or not HTTP."""
        host = host_of(url)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._post(url, body, headers)
        except TimeoutError:
            raise ChannelError(f"{host} did not answer within {self._deadline_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            # The cause is left out on purpose: aiohttp's errors spell the whole URL.
            raise ChannelError(f"{host}: {_plainly(error)}") from None

    @property
    def targets(self) -> Targets | None:
        """Who judges where it may lead."""
        return self._targets

    def check(self, url: str) -> None:
        """Raise ChannelError for a URL whose look alone tells that it may not be called."""
        if self._targets is not None:
            self._targets.check(URL(url))

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        session = self._open()
        self.check(url)
        async with session.post(URL(url), data=body, headers=headers, allow_redirects=False) as response:
            start = await _read_some(response)
            wish = retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC))
            return Reply(response.status, wish, start)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                # Messages are rare: no connection is kept, so each goes where its name was judged to lead.
                connector=aiohttp.TCPConnector(
                    force_close=True, resolver=self._targets, use_dns_cache=False, ssl=self._tls
                ),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # nobody's zip bomb
                headers={"User-Agent": "vedette"},
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def _read_some(response: aiohttp.ClientResponse) -> bytes:
    start = bytearray()
    while len(start) < REPLY_BYTES_MAX:
        part = await response.content.read(REPLY_BYTES_MAX - len(start))
        if not part:
            return bytes(start)
        start += part
    response.close()  # more was coming: the connection is of no more use
    return bytes(start)


def host_of(url: str) -> str:
    """The part of a URL that may be told to anyone."""
    try:
        return urlsplit(url).hostname or "its host"
    except ValueError:
        return "its host"


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds to wait, from either form of the header; at most an hour; None if it says nothing usable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_S_MAX)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    wait = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return min(max(wait, 0.0), RETRY_AFTER_S_MAX)


def _plainly(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name could not be resolved"
    if isinstance(error, aiohttp.ClientSSLError):
        return "TLS failed"
    if isinstance(error, aiohttp.ClientConnectorError | OSError):
        number = getattr(error, "os_error", error).errno
        return f"could not connect ({os.strerror(number) if number else 'no reason given'})"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer"
    return f"its answer was not understood ({type(error).__name__})"
