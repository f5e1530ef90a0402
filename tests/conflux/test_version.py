"""A node's words about its build."""

from datetime import date

import pytest

from vedette.conflux.version import Build, build


@pytest.mark.parametrize(
    "words, expected",
    [
        (
            "conflux-rust/v3.0.2-fd68efe-20260110/x86_64-linux-gnu/rustc1.86.0",
            Build("3.0.2", "fd68efe", date(2026, 1, 10)),
        ),
        ("conflux-rust/v3.0.3-fix-0a1b2c3-20260519/x", Build("3.0.3-fix", "0a1b2c3", date(2026, 5, 19))),
        (
            "conflux-rust/v3.1.0-testnet-0a1b2c3-20260803/x",
            Build("3.1.0-testnet", "0a1b2c3", date(2026, 8, 3)),
        ),
        ("conflux-rust/v3.0.2-fd68efe-20261310/x", None),
        ("conflux-rust/v3.0.2", None),
        ("geth/v1.0.0-fd68efe-20260110/", None),
        ("", None),
    ],
)
def test_a_build_is_read_from_the_words(words: str, expected: Build | None) -> None:
    assert build(words) == expected
