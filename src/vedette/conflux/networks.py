"""The public networks, as networks.toml knows them: endpoints, constants by height, forks, pools."""

import tomllib
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib import resources
from urllib.parse import urlsplit

import msgspec


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Heights above `from_height` come in epochs of so many blocks."""

    from_height: int
    blocks: int


class RoundTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From this PoS epoch on, a round takes so many seconds at least."""

    from_epoch: int
    seconds: int


class Fork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hard fork and the first version that follows it. `when` is a date or a part of one."""

    name: str
    version: str
    pow_epoch: int | None = None
    pos_height: int | None = None
    when: str | None = None


class Pool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A staking pool and its contract (base32)."""

    name: str
    contract: str


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One public network. Queues and locks are in PoS blocks."""

    name: str
    chain_id: int
    espace_chain_id: int
    explorer: str
    endpoints: tuple[str, ...]
    endpoint_calls_per_s: float
    in_queue_blocks: int
    out_queue_blocks: int
    dispute_lock_blocks: int
    terms: tuple[Term, ...]
    rounds: tuple[RoundTime, ...]
    forks: tuple[Fork, ...]
    pools: tuple[Pool, ...]


class Networks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file, and the day on which it was true."""

    as_of: date
    networks: tuple[Network, ...]


@cache
def known() -> Networks:
    """What networks.toml says."""
    text = resources.files("vedette.conflux").joinpath("networks.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Networks)


def network(chain_id: int) -> Network | None:
    """The public network of that chain id; None for a private one."""
    return next((each for each in known().networks if each.chain_id == chain_id), None)


def calls_per_s(url: str) -> float | None:
    """How often a public gateway lets one ask; None for an endpoint that is none of them."""
    host = urlsplit(url).hostname
    hosts = (
        (urlsplit(public_url).hostname, each) for each in known().networks for public_url in each.endpoints
    )
    return next((each.endpoint_calls_per_s for public_host, each in hosts if public_host == host), None)


def epoch_of_height(terms: Sequence[Term], height: int) -> int:
    """The epoch of a PoS height, for forecasts: where there is a block, its own epoch is the truth.

    The block whose height is a multiple of the term is the last of its epoch. `terms` ascend.
    """
    epochs = 0
    for term, after in zip(terms, (*terms[1:], None), strict=True):
        if after is None or height <= after.from_height:
            return epochs + (height - 1 - term.from_height) // term.blocks + 1
        epochs += (after.from_height - term.from_height) // term.blocks
    raise ValueError("a network has at least one term")


def round_seconds(rounds: Sequence[RoundTime], epoch: int) -> int:
    """The least time of one round in that epoch."""
    return next(each.seconds for each in reversed(rounds) if each.from_epoch <= epoch)
