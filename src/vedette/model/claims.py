"""A validator that a team says is its own: who may sign for it, what he signs, and what is then kept."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from vedette.model.pos import PosAddress

CHALLENGE_MS: Final = 30 * 60_000
"""How long a challenge waits to be signed."""


class Space(StrEnum):
    """Where an address is one."""

    CORE = "core"
    ESPACE = "espace"


@dataclass(frozen=True, slots=True)
class Signer:
    """An address whose signature proves that a validator is its holder's, and why it does."""

    address: str  # Core Space: base32, simple form; eSpace: with the capitals of EIP-55
    space: Space
    why: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """A text to be signed by one of these, once, within its time."""

    id: str
    team_id: int
    address: PosAddress
    message: str
    signers: tuple[Signer, ...]
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Link:
    """Where the public finds more."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A validator whose owner proved that he is."""

    address: PosAddress
    team_id: int
    signer: str
    space: Space
    claimed_at_ms: int
    lapsed_at_ms: int | None = None  # since then the chain names somebody else
    is_public: bool = False
    name: str | None = None
    about: str = ""
    links: tuple[Link, ...] = ()


def challenge_text(
    address: PosAddress, network: str, team: str, site: str, nonce: str, expires_at_ms: int
) -> str:
    """What a wallet shows. The site is in it, so that no other site can have it signed for its own ends."""
    until = datetime.fromtimestamp(expires_at_ms // 1000, UTC)
    lines = (
        "I own this Conflux PoS validator, and this Vedette team may speak for it.",
        "",
        f"Validator: {address}",
        f"Network: {network}",
        f"Team: {team}",
        f"Site: {site}",
        f"Nonce: {nonce}",
        f"Expires: {until:%Y-%m-%d %H:%M:%S} UTC",
        "",
        "This is no transaction: it moves nothing and costs nothing. Sign it only if you are on that site.",
    )
    return "\n".join(lines)
