"""What stands in nothing that is kept for long: e-mail and IP addresses, tokens, URLs."""

import re
from collections.abc import Mapping
from typing import Any, Final

PRIVATE: Final = re.compile(
    r"[^\s@]+@[^\s@]+\.[^\s@]+"  # an e-mail address
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b"
    r"|\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f:]*|\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*::[0-9a-f:]*"
    r"|vdt_\S+",
    re.IGNORECASE,
)
URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
MASK: Final = "(private)"
"""What stands where such a thing would."""


def masked(text: str) -> str:
    """The text without them. PostgreSQL keeps no zero byte, and UTF-8 no half of a pair."""
    plain = text.replace("\0", "").encode(errors="replace").decode()
    return PRIVATE.sub(MASK, plain)


def without_private(value: Any) -> Any:
    """Plain data with every text in it masked, URLs too, however deep."""
    if isinstance(value, str):
        return masked(URL.sub(MASK, value))
    if isinstance(value, Mapping):
        return {masked(str(name)): without_private(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_private(one) for one in value]
    return value
