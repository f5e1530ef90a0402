"""One question to a Vedette server, and its answer. Standard library only."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any


class VedetteError(Exception):
    """The server refused, or could not be asked (`status` 0). `detail` says what to do, in one line."""

    def __init__(self, status: int, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: the key that we send is for this server alone."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Http:
    """Asks one server, as whoever the token stands for."""

    def __init__(self, base_url: str, token: str | None = None, timeout_s: float = 30.0) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url must begin with http:// or https:// (you gave {base_url!r})")
        self._base = base_url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._opener = urllib.request.build_opener(_Stay)

    def json(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """The answer's JSON; None when there is nothing in it."""
        answer = self.raw(method, path, query, body, "application/json")
        return json.loads(answer) if answer else None

    def text(self, method: str, path: str, query: Mapping[str, Any] | None = None) -> str:
        return self.raw(method, path, query).decode()

    def raw(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        accept: str = "*/*",
    ) -> bytes:
        """The answer as it came. Raises VedetteError."""
        request = urllib.request.Request(self._url(path, query), method=method, headers={"Accept": accept})
        if self._token is not None:
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as reply:
                return bytes(reply.read())
        except urllib.error.HTTPError as error:
            raise _refused(error) from error
        except OSError as error:
            raise VedetteError(0, f"{self._base} did not answer: {error}") from error

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        given = {name: _spelled(value) for name, value in (query or {}).items() if value is not None}
        return f"{self._base}{path}{'?' if given else ''}{urllib.parse.urlencode(given)}"


def segment(value: str | int) -> str:
    """A part of a path."""
    return urllib.parse.quote(str(value), safe="")


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(error: urllib.error.HTTPError) -> VedetteError:
    body = error.read()
    after = error.headers.get("Retry-After", "")
    try:
        detail = str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = body[:200].decode(errors="replace") or error.reason
    return VedetteError(error.code, detail, int(after) if after.isdigit() else None)
