"""The first PoS block, and the accounts that stand behind it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vedette.devnet.keys import ValidatorKeys, registration
from vedette.devnet.options import CHAIN_ID

POS_REGISTER = "0x0888000000000000000000000000000000000005"


@dataclass(frozen=True, slots=True)
class Member:
    """A validator of the first hour: its whole stake, and its votes in the first committee."""

    keys: ValidatorKeys
    votes: int
    seats: int


def genesis_file(members: Sequence[Member]) -> bytes:
    """The genesis transaction in BCS: an empty write set and one event, the first validator set."""
    validators = b"".join(_validator(member) for member in _by_address(members))
    event = b"\x00" + _uleb128(len(members)) + validators  # consensus scheme 0, then the list
    key = (4).to_bytes(8, "little") + bytes(28) + bytes.fromhex("0a550c18")  # counter and on-chain address
    return b"\x01\x00\x00\x01\x00" + _counted(key) + _counted(event)


def initial_nodes(members: Sequence[Member]) -> str:
    """`initial_nodes.json`: the same once more, with transactions that register it in the PoW genesis."""
    return json.dumps(
        {
            "initial_nodes": [_initial_node(member) for member in members],
            "initial_committee": [
                [member.keys.pos_address.hex(), member.seats] for member in _by_address(members)
            ],
            "initial_seed": "0x" + "00" * 32,
        }
    )


def _by_address(members: Sequence[Member]) -> list[Member]:
    return sorted(members, key=lambda member: member.keys.pos_address)


def _validator(member: Member) -> bytes:
    keys = member.keys
    return b"".join(
        (
            keys.pos_address,
            member.seats.to_bytes(8, "little"),
            _counted(keys.bls_public),
            b"\x01" + _counted(keys.vrf_public),  # Some(key)
            b"\x00\x00" + bytes(8),  # no network addresses, validator index 0
        )
    )


def _initial_node(member: Member) -> dict[str, object]:
    keys = member.keys
    return {
        "address": "0x" + keys.pow_address.hex(),
        "bls_key": keys.bls_public.hex(),
        "vrf_key": keys.vrf_public.hex(),
        "voting_power": member.votes,
        "register_tx": {
            "nonce": "0x0",
            "gas_price": "0x1",
            "gas": hex(200_000),
            "action": {"Call": POS_REGISTER},
            "value": "0x0",
            "storage_limit": 16_000,
            "epoch_height": 0,
            "chain_id": CHAIN_ID,
            "data": list(registration(keys, member.votes)),
        },
    }


def _counted(value: bytes) -> bytes:
    return _uleb128(len(value)) + value


def _uleb128(number: int) -> bytes:
    return bytes(_uleb128_digits(number))


def _uleb128_digits(number: int) -> Iterator[int]:
    while rest := number >> 7:
        yield number & 0x7F | 0x80
        number = rest
    yield number
