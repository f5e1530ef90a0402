"""The few ASN.1 DER encodings of a key file."""


def sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, b"".join(parts))


def octets(value: bytes) -> bytes:
    return _tagged(0x04, value)


def integer(value: int) -> bytes:
    """A non-negative integer: one bit more than it needs, so that it does not read as negative."""
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(number) for number in dotted.split("."))
    return _tagged(0x06, b"".join(_base128(number) for number in (40 * first + second, *rest)))


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _tagged(tag: int, body: bytes) -> bytes:
    return bytes([tag]) + _length(len(body)) + body


def _length(length: int) -> bytes:
    if length < 0x80:  # noqa: PLR2004  # the short form holds seven bits
        return bytes([length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(size)]) + size
