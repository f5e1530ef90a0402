"""A small OpenID Connect provider on a real port: it knows one client, and lies as it is told to."""

import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from tests.server.stage import START_MS
from vedette.server.provider import challenge_of
from vedette.server.settings import OidcSetting

KEY = RSAKey.generate_key(2048, {"use": "sig", "kid": "one"})
CLIENT, SECRET = "vedette", "s3cret:with/odd signs"


@dataclass
class ProviderStandIn:
    """What it says of whoever is signed in there. Its clock is the tests'."""

    url: str = ""
    subject: str = "4711"
    says: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "Alice.Liddell"})
    claims: dict[str, Any] = field(default_factory=dict)  # over the true ones; None takes one out
    document: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: RSAKey = field(default_factory=lambda: KEY)
    signs_with: Any = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked_for_keys: int = 0
    status: int = 200

    @property
    def setting(self) -> OidcSetting:
        return OidcSetting(self.url, CLIENT, SECRET, "Example ID")

    def begin(self, query: dict[str, str]) -> str:
        """Somebody has signed in there: where his browser is sent."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_hex(8)
        self.codes[code] = query
        return (
            query["redirect_uri"] + "?" + urlencode({"code": code, "state": query["state"], "iss": self.url})
        )

    async def configuration(self, _: web.Request) -> web.Response:
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return web.json_response(told | self.document, status=self.status)

    async def keys(self, _: web.Request) -> web.Response:
        self.asked_for_keys += 1
        return web.json_response(KeySet([self.key]).as_dict(private=False))

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        begun = self.codes.pop(str(form["code"]), None)
        scheme, _, pair = request.headers["Authorization"].partition(" ")
        given = tuple(unquote_plus(part) for part in base64.b64decode(pair).decode().split(":"))
        right = scheme == "Basic" and given == (CLIENT, SECRET) and form["grant_type"] == "authorization_code"
        if begun is None or not right or form["redirect_uri"] != begun["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if challenge_of(str(form["code_verifier"])) != begun["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {"access_token": "x", "token_type": "Bearer", "id_token": self._token(begun)}
        )

    def _token(self, begun: dict[str, str]) -> str:
        now = START_MS // 1000
        true = {"iss": self.url, "aud": CLIENT, "sub": self.subject, "nonce": begun["nonce"]}
        told = true | {"iat": now, "exp": now + 300} | self.says | self.claims
        claims = {name: value for name, value in told.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid}
        if self.algorithm == "none":
            signed = jwt.encode({"alg": "HS256"}, claims, OctKey.generate_key(256))
            return f"eyJhbGciOiJub25lIn0.{signed.split('.')[1]}."
        return jwt.encode(header, claims, self.signs_with or self.key, algorithms=[self.algorithm])


@asynccontextmanager
async def provider() -> AsyncIterator[ProviderStandIn]:
    stand_in = ProviderStandIn()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", stand_in.configuration)
    app.router.add_get("/keys", stand_in.keys)
    app.router.add_post("/token", stand_in.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await runner.cleanup()
