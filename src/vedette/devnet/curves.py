"""Public keys on a validator's two curves. TEST keys only: the BLS arithmetic is slow and its time tells."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SECP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

BLS_FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
BLS_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
BLS_GENERATOR = (
    0x17F1D3A73197D7942695638C4FA9AC0FC3688C4F9774B905A14E3A3F171BAC586C55E83FF97A1AEFFB3AF00ADB22C6BB,
    0x08B3F481E3AAA0F1A09E30ED741D8AE4FCF5E095D5D00AF600DB18CB2C04B3EDD03CC744A2888AE40CAA232946C5E7E1,
)

Point = tuple[int, int] | None
"""An affine point of y^2 = x^3 + 4 over the BLS12-381 field; None is the point at infinity."""


def bls_public(secret: int) -> bytes:
    """The G1 public key in its compressed form of 48 bytes, as the pairing standards spell it."""
    point = _times(secret, BLS_GENERATOR)
    if point is None:
        raise ValueError("a BLS secret is between 1 and the order of the group")
    x, y = point
    compressed, is_larger = 0x80, 0x20 if y > BLS_FIELD // 2 else 0
    return ((compressed | is_larger) << 376 | x).to_bytes(48, "big")


def secp_public(secret: int) -> bytes:
    """The secp256k1 public key, compressed: 33 bytes."""
    return _secp_encoded(secret, PublicFormat.CompressedPoint)


def secp_public_point(secret: int) -> tuple[int, int]:
    """The same key as its affine coordinates."""
    numbers = ec.derive_private_key(secret, ec.SECP256K1()).public_key().public_numbers()
    return numbers.x, numbers.y


def secp_public_raw(secret: int) -> bytes:
    """The same key as both coordinates, 64 bytes, without the leading format byte."""
    return _secp_encoded(secret, PublicFormat.UncompressedPoint)[1:]


def _secp_encoded(secret: int, form: PublicFormat) -> bytes:
    return ec.derive_private_key(secret, ec.SECP256K1()).public_key().public_bytes(Encoding.X962, form)


def _times(factor: int, point: Point) -> Point:
    total: Point = None
    for bit in f"{factor % BLS_ORDER:b}":
        total = _plus(total, total)
        if bit == "1":
            total = _plus(total, point)
    return total


def _plus(left: Point, right: Point) -> Point:
    if left is None:
        return right
    if right is None:
        return left
    (x1, y1), (x2, y2) = left, right
    if x1 != x2:
        slope = (y2 - y1) * pow(x2 - x1, -1, BLS_FIELD)
    elif y1 == y2:
        slope = 3 * x1 * x1 * pow(2 * y1, -1, BLS_FIELD)
    else:
        return None
    x = (slope * slope - x1 - x2) % BLS_FIELD
    return x, (slope * (x1 - x) - y1) % BLS_FIELD
