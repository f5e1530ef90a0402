"""The public networks, as networks.toml knows them: endpoints, constants by height, forks, pools."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from vedette.conflux import address
from vedette.model.errors import SettingError
from vedette.model.releases import Version, version


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


FILE_BYTES_MAX: Final = 1 << 20
STALE_DAYS: Final = 45

_CLIENT = re.compile(r"conflux-rust/v(\d{1,4}\.\d{1,4}\.\d{1,4})")


@cache
def brought() -> Networks:
    """What the networks.toml of this version says."""
    return parsed(resources.files("vedette.conflux").joinpath("networks.toml").read_text("utf-8"))


class _Held:
    """The data in use: what we bring, or what an operator has put in its place."""

    networks: Networks | None = None


def known() -> Networks:
    """The data in use."""
    return _Held.networks or brought()


def use(networks: Networks | None) -> None:
    """Take other data from now on; None: what we bring."""
    _Held.networks = networks


def of_file(path: Path) -> Networks:
    """Such data in a file, checked as a whole. Raises SettingError with a line for each fault."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        if len(raw) > FILE_BYTES_MAX:
            raise SettingError(f"{path}: more than {FILE_BYTES_MAX >> 20} MiB, that is no networks.toml")
        return parsed(raw.decode())
    except OSError as error:
        raise SettingError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingError(f"{path}: {error}") from error
    except ValueError as error:
        raise SettingError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error


def parsed(text: str) -> Networks:
    """Raises ValueError (of which TOML's and msgspec's are kinds) with a line for each fault."""
    networks = msgspec.convert(tomllib.loads(text), Networks)
    if faults := list(_faults(networks)):
        raise ValueError("\n".join(faults))
    return networks


def _faults(networks: Networks) -> Iterator[str]:
    if not networks.networks:
        yield "there is no [[networks]]"
    for what in ("name", "chain_id", "espace_chain_id"):
        told = [getattr(each, what) for each in networks.networks]
        if len(set(told)) < len(told):
            yield f"two networks have the same {what}"
    for each in networks.networks:
        yield from (f"network {each.name}: {fault}" for fault in _faults_of(each))


def _faults_of(network: Network) -> Iterator[str]:
    yield from _faults_of_endpoints(network)
    yield from _faults_of_time(network)
    for fork in network.forks:
        if version(fork.version) is None:
            yield f"fork {fork.name!r}: version {fork.version!r} must be like 3.1.0"
    for pool in network.pools:
        try:
            address.decode(pool.contract)
        except address.AddressError as error:
            yield f"pool {pool.name!r}: {error}"


def _faults_of_endpoints(network: Network) -> Iterator[str]:
    for url in network.endpoints:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
            yield f"endpoint {url!r} must be an https URL without user and password"
    if network.endpoint_calls_per_s <= 0:
        yield "endpoint_calls_per_s must be more than 0"


def _faults_of_time(network: Network) -> Iterator[str]:
    for what, starts in (
        ("terms", [term.from_height for term in network.terms]),
        ("rounds", [one.from_epoch for one in network.rounds]),
    ):
        if starts[:1] != [0] or starts != sorted(set(starts)):
            yield f"{what} must begin at 0 and ascend"
    if any(term.blocks < 1 for term in network.terms) or any(one.seconds < 1 for one in network.rounds):
        yield "terms and rounds must be 1 at least"


def client_version(told: str) -> Version | None:
    """The version in `conflux-rust/v3.0.2-fd68efe-20260110/...`; its suffix (-fix) orders nothing."""
    found = _CLIENT.match(told)
    return None if found is None else version(found[1])


def doubts(networks: Networks, today: date, clients: Mapping[int, Sequence[str]]) -> list[str]:
    """Why this data may be out of date, a line each; `clients`: what references say they run, by chain id."""
    found = []
    age = (today - networks.as_of).days
    if age > STALE_DAYS:
        found.append(f"the data about networks is of {networks.as_of}, {age} days old: {REMEDY}")
    for each in networks.networks:
        told = [v for v in map(client_version, clients.get(each.chain_id, ())) if v is not None]
        newest = max((v for fork in each.forks if (v := version(fork.version)) is not None), default=None)
        ahead = [v for v in told if newest is not None and v > newest]
        if newest is not None and len(ahead) * 2 > len(told):
            runs, knows = (".".join(map(str, v)) for v in (max(ahead), newest))
            found.append(
                f"{len(ahead)} of {len(told)} references of {each.name} run {runs} or the like, and the data"
                f" about networks knows of {knows} at most: {REMEDY}"
            )
    return found


REMEDY: Final = "bring a newer file with `vedette networks update --from FILE`"


def network(chain_id: int) -> Network | None:
    """The public network of that chain id; None for a private one."""
    return next((each for each in known().networks if each.chain_id == chain_id), None)


def network_of_espace(espace_chain_id: int) -> Network | None:
    """The public network that this eSpace belongs to."""
    return next((each for each in known().networks if each.espace_chain_id == espace_chain_id), None)


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
