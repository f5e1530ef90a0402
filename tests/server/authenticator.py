"""A device with passkeys, in software: what a browser and a security key do together."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Device:
    """Holds one passkey; `verifies` is whether it asks its owner for a finger."""

    origin: str
    verifies: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    count: int = 0
    user_handle: str = ""
    rp_id: str = ""

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """navigator.credentials.create()"""
        self.user_handle, self.rp_id = options["user"]["id"], options["rp"]["id"]
        told = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + self._attested()}
        response = {
            "clientDataJSON": bytes_to_base64url(self._client_data("webauthn.create", options["challenge"])),
            "attestationObject": bytes_to_base64url(cbor2.dumps(told)),
        }
        return self._credential(response)

    def answer(self, options: dict[str, Any]) -> dict[str, Any]:
        """navigator.credentials.get()"""
        self.count += 1
        client_data, data = self._client_data("webauthn.get", options["challenge"]), self._data()
        signed = data + hashlib.sha256(client_data).digest()
        response = {
            "clientDataJSON": bytes_to_base64url(client_data),
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(self.key.sign(signed, ec.ECDSA(SHA256()))),
            "userHandle": self.user_handle,
        }
        return self._credential(response)

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        named = bytes_to_base64url(self.id)
        return {"id": named, "rawId": named, "type": "public-key", "response": response}

    def _client_data(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        assert base64url_to_bytes(challenge)
        return json.dumps(told).encode()

    def _data(self, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _attested(self) -> bytes:
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        return bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
