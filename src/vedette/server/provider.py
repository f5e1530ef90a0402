"""An OpenID Connect provider: where it wants people to be sent, and who it says that they are."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from vedette.server.settings import OidcSetting, is_loopback

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a key pair. One with a shared secret, or none, is no proof of who made it."""
DEADLINE_S: Final = 10.0
REPLY_BYTES_MAX: Final = 256 << 10
KEEP_MS: Final = 3_600_000
ANEW_MS: Final = 60_000
LEEWAY_S: Final = 60
SCOPES: Final = "openid profile email"


class ProviderError(Exception):
    """The provider did not answer, or its answer is not to be believed. Says nothing secret."""


@dataclass(frozen=True, slots=True)
class Places:
    """What the provider says of itself."""

    authorize: str
    token: str
    keys: str
    by_post: bool  # takes the client's secret in the body alone


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for."""

    subject: str
    names: tuple[str, ...]  # what he may like to be called, the best first
    email: str | None  # only if the provider verified it


class Provider:
    """One provider. The administrator named it, so it may have a private address; it is followed nowhere."""

    def __init__(self, setting: OidcSetting, redirect_uri: str, now_ms: Callable[[], int]) -> None:
        self.setting = setting
        self._redirect_uri = redirect_uri
        self._now_ms = now_ms
        self._session: aiohttp.ClientSession | None = None
        self._places: tuple[int, Places] | None = None
        self._keys: tuple[int, KeySet] | None = None

    async def way_in(self, state: str, nonce: str, verifier: str, *, anew: bool = False) -> str:
        """Where to send a browser; `anew`: the person is to prove himself there now. Raises ProviderError."""
        places = await self._known_places()
        wish = {
            "response_type": "code",
            "client_id": self.setting.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPES,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        if anew:
            wish |= {"prompt": "login", "max_age": "0"}
        joint = "&" if urlsplit(places.authorize).query else "?"
        return places.authorize + joint + urlencode(wish)

    async def person(self, code: str, nonce: str, verifier: str, since_ms: int | None = None) -> Person:
        """Who came back with this code, and proved himself there since then. Raises ProviderError."""
        places = await self._known_places()
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if places.by_post:
            body |= {"client_id": self.setting.client_id, "client_secret": self.setting.client_secret}
        else:
            headers["Authorization"] = _basic(self.setting.client_id, self.setting.client_secret)
        told = await self._ask("POST", places.token, data=body, headers=headers)
        claims = await self._claims(places, told.get("id_token"), nonce)
        if since_ms is not None and not _is_since(claims.get("auth_time"), since_ms):
            raise ProviderError("it does not say that the person proved himself there just now (auth_time)")
        return _person(claims)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _claims(self, places: Places, token: object, nonce: str) -> dict[str, Any]:
        if not isinstance(token, str):
            raise ProviderError("it sent no id_token")
        try:
            try:
                claims = jwt.decode(token, await self._known_keys(places, KEEP_MS), ALGORITHMS).claims
            except InvalidKeyIdError:  # it may have taken a new key since we asked
                claims = jwt.decode(token, await self._known_keys(places, ANEW_MS), ALGORITHMS).claims
            self._demand(claims, nonce)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderError(f"its id_token is not to be believed ({type(error).__name__})") from error
        return claims

    def _demand(self, claims: dict[str, Any], nonce: str) -> None:
        mine = self.setting.client_id
        jwt.JWTClaimsRegistry(
            now=self._now_ms() // 1000,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.setting.issuer},
            aud={"essential": True, "value": mine},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
        many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if many else mine) != mine:
            raise ProviderError("its id_token is for others as well")

    async def _known_places(self) -> Places:
        if self._places is None or self._now_ms() - self._places[0] >= KEEP_MS:
            url = self.setting.issuer.rstrip("/") + "/.well-known/openid-configuration"
            self._places = self._now_ms(), self._read_places(await self._ask("GET", url))
        return self._places[1]

    def _read_places(self, told: Mapping[str, Any]) -> Places:
        if told.get("issuer") != self.setting.issuer:
            raise ProviderError("it calls itself another issuer than oidc.issuer says, to the letter")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        authorize, token, keys = (self._sound(told.get(name), name) for name in names)
        ways = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        by_post = "client_secret_basic" not in ways and "client_secret_post" in ways
        return Places(authorize, token, keys, by_post)

    def _sound(self, url: object, name: str) -> str:
        """A URL over TLS; in the clear only where the issuer itself is on this machine."""
        parts = urlsplit(url if isinstance(url, str) else "")
        here = urlsplit(self.setting.issuer).scheme == "http" and is_loopback(parts.hostname)
        if not isinstance(url, str) or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
            raise ProviderError(f"its {name} is no https:// URL")
        return url

    async def _known_keys(self, places: Places, keep_ms: int) -> KeySet:
        if self._keys is None or self._now_ms() - self._keys[0] >= keep_ms:
            told = await self._ask("GET", places.keys)
            # A key that may not sign, or whose kind we do not know, would spoil the whole set.
            held = [one for one in told.get("keys", []) if isinstance(one, dict) and _signs(one)]
            self._keys = self._now_ms(), KeySet.import_key_set({"keys": held})
        return self._keys[1]

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(DEADLINE_S):
                body = await self._body(method, url, **more)
        except TimeoutError:
            raise ProviderError(f"it did not answer within {DEADLINE_S:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            # The cause is left out on purpose: aiohttp's errors spell the whole URL.
            raise ProviderError(f"it could not be asked ({type(error).__name__})") from None
        try:
            told = json.loads(body)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ProviderError("its answer is no JSON object")
        return told

    async def _body(self, method: str, url: str, **more: Any) -> bytes:
        async with self._open().request(method, url, allow_redirects=False, **more) as reply:
            if reply.status != 200:  # noqa: PLR2004 - all else is no answer
                raise ProviderError(f"it answered with HTTP {reply.status}")
            body = bytearray()
            async for part in reply.content.iter_chunked(16 << 10):
                body += part
                if len(body) > REPLY_BYTES_MAX:
                    raise ProviderError("its answer is too long")
            return bytes(body)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),  # sign-ins are rare: no stale connections
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={
                    "User-Agent": "vedette",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                },
            )
        return self._session


def challenge_of(verifier: str) -> str:
    """What is shown of a PKCE verifier before it is."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _basic(client_id: str, secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"  # as RFC 6749 has it
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _is_since(auth_time: object, since_ms: int) -> bool:
    if isinstance(auth_time, bool) or not isinstance(auth_time, int | float):
        return False
    return auth_time >= since_ms / 1000 - LEEWAY_S


def _signs(key: Mapping[str, Any]) -> bool:
    return key.get("use", "sig") == "sig" and key.get("kty") in {"RSA", "EC", "OKP"}


def _person(claims: Mapping[str, Any]) -> Person:
    email = claims.get("email") if claims.get("email_verified") is True else None
    local = str(claims.get("email", "")).partition("@")[0]
    told = (claims.get("preferred_username"), local, claims.get("given_name"))
    names = tuple(one.partition("@")[0] for one in told if isinstance(one, str) and one)
    return Person(claims["sub"], names, email if isinstance(email, str) else None)
