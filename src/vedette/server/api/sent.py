"""Replies as bytes: encoded and compressed once, tagged so that nobody is sent again what he has."""

import asyncio
import gzip
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

COMPRESS_FROM_BYTES: Final = 1_024
COMPRESS_APART_BYTES: Final = 128 << 10
"""From here on it would hold up everybody else for milliseconds."""
COMPRESS_LEVEL: Final = 4

LIVE: Final = "no-cache"
"""May be kept, but whoever shows it again asks first whether it has changed: 304 if not."""
PRIVATE: Final = "private, no-cache"
SETTLED: Final = "public, max-age=300"
"""A finished epoch of which everything is known. Not for ever: a late witness may still add a signature."""


@dataclass(frozen=True)
class Body:
    """What is sent, with its tag; it may be sent many times."""

    plain: bytes
    media_type: str = "application/json"
    extra: dict[str, str] = field(default_factory=dict)

    @cached_property
    def tag(self) -> str:
        return hashlib.blake2b(self.plain, digest_size=12).hexdigest()

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.plain, COMPRESS_LEVEL, mtime=0)

    @property
    def is_large(self) -> bool:
        return len(self.plain) >= COMPRESS_FROM_BYTES

    async def compressed(self) -> bytes:
        if "packed" not in self.__dict__ and len(self.plain) >= COMPRESS_APART_BYTES:
            return await asyncio.to_thread(lambda: self.packed)
        return self.packed


class Sent(Response):
    """A body on its way to one reader: as he can take it, or 304 if he has it."""

    def __init__(self, body: Body, cache: str) -> None:
        super().__init__(body.plain, media_type=body.media_type)
        self._body = body
        self._cache = cache

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Headers(scope=scope)
        # A strong tag stands for the very bytes, so the compressed ones have their own.
        zipped = self._body.is_large and "gzip" in asked.get("accept-encoding", "")
        tag = f'"{self._body.tag}{"-gzip" if zipped else ""}"'
        headers = {"cache-control": self._cache, "etag": tag, "vary": "Accept-Encoding"}
        if has(asked.get("if-none-match", ""), self._body.tag):
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return
        content = await self._body.compressed() if zipped else self._body.plain
        headers |= self._body.extra | ({"content-encoding": "gzip"} if zipped else {})
        await Response(content, 200, headers, self._body.media_type)(scope, receive, send)


def has(if_none_match: str, tag: str) -> bool:
    """Whether the header names this body, in either of its encodings, or any body (RFC 9110, 13.1.2)."""
    named = {one.strip().removeprefix("W/").strip('"') for one in if_none_match.split(",")}
    return not named.isdisjoint({tag, f"{tag}-gzip", "*"})
