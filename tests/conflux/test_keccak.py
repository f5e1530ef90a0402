"""Keccak-256 against vectors that others published."""

import pytest

from vedette.conflux.keccak import RATE, keccak256


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (
            b"The quick brown fox jumps over the lazy dog",
            "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15",
        ),
    ],
)
def test_keccak_256_is_the_one_before_sha_3(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


def test_keccak_differs_by_one_byte_around_each_block_boundary() -> None:
    digests = {keccak256(bytes(length)) for length in range(RATE - 2, 2 * RATE + 2)}
    assert len(digests) == RATE + 4
