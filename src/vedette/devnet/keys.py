"""A test validator's keys, and the files and calls that carry them.

The same seed makes the same keys: never use them for anything of value.
"""

import hashlib
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from vedette.conflux.keccak import keccak256
from vedette.devnet import abi, der
from vedette.devnet.curves import BLS_ORDER, SECP_ORDER, bls_public, secp_public, secp_public_raw

REGISTER = "register(bytes32,uint64,bytes,bytes,bytes[2])"
SCRYPT_COST = 1 << 10  # the password is empty, so a dear key derivation would protect nothing


@dataclass(frozen=True, slots=True)
class ValidatorKeys:
    """All secrets and public keys of one validator: PoS (BLS and VRF), PoW account, and network identity."""

    bls_secret: int
    vrf_secret: int
    pow_secret: int
    network_secret: int
    proof_nonce: int  # of the proof that we own the BLS key
    bls_public: bytes  # 48 bytes
    vrf_public: bytes  # 33 bytes

    @classmethod
    def from_seed(cls, seed: str) -> "ValidatorKeys":
        bls_secret = _secret(seed, "bls", BLS_ORDER)
        vrf_secret = _secret(seed, "vrf", SECP_ORDER)
        return cls(
            bls_secret=bls_secret,
            vrf_secret=vrf_secret,
            pow_secret=_secret(seed, "pow", SECP_ORDER),
            network_secret=_secret(seed, "net", SECP_ORDER),
            proof_nonce=_secret(seed, "proof", BLS_ORDER),
            bls_public=bls_public(bls_secret),
            vrf_public=secp_public(vrf_secret),
        )

    @property
    def pos_address(self) -> bytes:
        """The PoS address, 32 bytes."""
        return keccak256(self.bls_public + self.vrf_public)

    @property
    def pow_address(self) -> bytes:
        """The Core Space address of the PoW account, 20 bytes."""
        return pow_address(self.pow_secret)

    @property
    def node_id(self) -> str:
        """The name that peers call this node by: 64 bytes in hex."""
        return secp_public_raw(self.network_secret).hex()


def pow_address(secret: int) -> bytes:
    """The Core Space user address of a PoW key: the end of a hash whose first four bits say "user"."""
    address = keccak256(secp_public_raw(secret))[12:]
    return bytes([address[0] & 0x0F | 0x10]) + address[1:]


def registration(keys: ValidatorKeys, votes: int) -> bytes:
    """The call data of PoSRegister.register(): the keys, and a Schnorr proof of the BLS secret."""
    commitment = bls_public(keys.proof_nonce)
    digest = hashlib.sha256(keys.bls_public + commitment).digest()
    challenge = int.from_bytes(bytes([digest[0] & 0x3F]) + digest[1:], "big")  # below the group's order
    response = (keys.bls_secret * challenge + keys.proof_nonce) % BLS_ORDER
    return abi.call(
        REGISTER,
        keys.pos_address,
        abi.uint(votes),
        abi.blob(keys.bls_public),
        abi.blob(keys.vrf_public),
        abi.blobs(commitment, response.to_bytes(32, "little")),
    )


def pos_key_file(keys: ValidatorKeys) -> bytes:
    """The node's `pos_key`: PKCS#8, encrypted with AES-256-CBC under scrypt and an empty password.

    The private key inside is two BCS byte strings of 32: BLS little endian, VRF big endian.
    """
    secret = b"\x20" + keys.bls_secret.to_bytes(32, "little") + b"\x20" + keys.vrf_secret.to_bytes(32, "big")
    plain = der.sequence(der.integer(0), der.sequence(der.oid("1.0.0")), der.octets(secret))
    salt, iv = os.urandom(16), os.urandom(16)
    derivation = der.sequence(
        der.oid("1.3.6.1.4.1.11591.4.11"),  # scrypt
        der.sequence(der.octets(salt), der.integer(SCRYPT_COST), der.integer(8), der.integer(1)),
    )
    cipher = der.sequence(der.oid("2.16.840.1.101.3.4.1.42"), der.octets(iv))  # AES-256-CBC
    scheme = der.sequence(der.oid("1.2.840.113549.1.5.13"), der.sequence(derivation, cipher))  # PBES2
    return der.sequence(scheme, der.octets(_encrypt(plain, salt, iv)))


def _encrypt(plain: bytes, salt: bytes, iv: bytes) -> bytes:
    key = hashlib.scrypt(b"", salt=salt, n=SCRYPT_COST, r=8, p=1, dklen=32)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def _secret(seed: str, purpose: str, order: int) -> int:
    digest = hashlib.sha512(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest, "big") % (order - 1) + 1
