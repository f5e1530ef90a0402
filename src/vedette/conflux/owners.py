"""Whose signature proves that a validator is his, as the chain tells it.

    bound = HOLDER.read(reply to holder_call)            # the PoW address that the register binds
    asked = manager_calls(bound)                         # none unless it is a contract
    who = signers(bound, network_id, replies to asked)

Who staked with a wallet signs with that wallet. A contract cannot sign, so whoever it says owns or manages it
does. A contract of Core Space may name an eSpace address: that is whatever begins like no Core Space address.
"""

from collections.abc import Sequence
from typing import Any, Final

from vedette.conflux import address
from vedette.conflux.address import AddressKind
from vedette.conflux.contracts import (
    IDENTIFIER_TO_ADDRESS,
    POOL_MANAGER,
    POOL_OWNER,
    View,
    pos_argument,
    pos_register,
)
from vedette.conflux.pools import FINAL
from vedette.conflux.signatures import checksummed
from vedette.conflux.wire import Call, Garbled, Refused, RpcError
from vedette.model.claims import Signer, Space
from vedette.model.pos import PosAddress

HOLDER: Final = IDENTIFIER_TO_ADDRESS
MANAGERS: Final[tuple[View[bytes | None], ...]] = (POOL_OWNER, POOL_MANAGER)


def holder_call(validator: PosAddress, network_id: int) -> Call:
    """Which PoW address the chain's register binds to this validator."""
    return HOLDER.call(pos_register(network_id), pos_argument(validator))


def manager_calls(bound: bytes, network_id: int) -> list[Call]:
    """Who owns or manages the contract that is bound; nothing to ask where it is none."""
    if address.kind(bound) is not AddressKind.CONTRACT:
        return []
    return [view.call(address.encode(bound, network_id)) for view in MANAGERS]


def signers(bound: bytes, network_id: int, replies: Sequence[Any | RpcError]) -> list[Signer]:
    """Who may sign; `replies` are those to `manager_calls`. Raises RpcError if an endpoint did not tell."""
    if address.kind(bound) is AddressKind.USER:
        return [_signer(bound, network_id, "the validator's stake is bound to this address")]
    contract = address.encode(bound, network_id)
    found: dict[bytes, str] = {}
    for view, reply in zip(MANAGERS, replies, strict=False):
        told = _told(view, reply)
        if told is not None and address.kind(told) is not AddressKind.CONTRACT:
            why = f"{view.signature} of the contract {contract}, to which the stake is bound, names it"
            found.setdefault(told, why)
    return [_signer(raw, network_id, why) for raw, why in found.items()]


def _signer(raw: bytes, network_id: int, why: str) -> Signer:
    if address.kind(raw) is AddressKind.USER:
        return Signer(address.encode(raw, network_id), Space.CORE, why)
    return Signer(checksummed(raw), Space.ESPACE, why)


def _told(view: View[bytes | None], reply: Any | RpcError) -> bytes | None:
    """None: nobody, or its contract has no such function. Raises RpcError: that is not known now."""
    if isinstance(reply, Refused) and reply.code in FINAL:
        return None
    if isinstance(reply, RpcError):
        raise reply
    try:
        return view.read(reply)
    except Garbled:
        return None  # it answers something else by that name
