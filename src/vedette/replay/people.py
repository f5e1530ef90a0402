"""Who takes part: keys, addresses and habits of an account. All follows from the seed and its number."""

from dataclasses import dataclass
from functools import cached_property

from vedette.conflux import address
from vedette.conflux.keccak import keccak256
from vedette.model.pos import PosAddress
from vedette.model.reward import DRIP_PER_CFX
from vedette.replay.dice import Dice

PPM = 1_000_000
SLOPPY_EACH = 10  # one account in so many
SLOPPY_PPM = (900_000, 970_000)
CAREFUL_PPM = (995_000, 999_500)
POCKET_CFX_MAX = 1_000
USER = 0x10  # the first four bits of a user's address
ADDRESS_BYTES = 20
BLS_BYTES = 48
COMPRESSED, FINITE = 0x80, 0x3F  # bits of a point's first byte
VRF_BYTES = 32


@dataclass(frozen=True)
class Person:
    """One PoS account. Its address is keccak256(BLS key, VRF key), as on a real chain."""

    number: int
    chain_id: int
    dice: Dice

    @cached_property
    def public_key(self) -> str:
        raw = bytearray.fromhex(self.dice.text("bls", self.number, BLS_BYTES))
        raw[0] = COMPRESSED | raw[0] & FINITE
        return "0x" + raw.hex()

    @cached_property
    def vrf_public_key(self) -> str:
        return f"0x{2 + self.number % 2:02x}" + self.dice.text("vrf", self.number, VRF_BYTES)

    @cached_property
    def address(self) -> PosAddress:
        keys = bytes.fromhex(self.public_key[2:] + self.vrf_public_key[2:])
        return PosAddress("0x" + keccak256(keys).hex())

    @cached_property
    def pow_address(self) -> str:
        """In the verbose form, as nodes answer."""
        raw = bytearray.fromhex(self.dice.text("owner", self.number, ADDRESS_BYTES))
        raw[0] = USER | raw[0] & 0x0F
        return address.encode(bytes(raw), self.chain_id, verbose=True)

    @property
    def pocket_drip(self) -> int:
        """What its owner had before the first reward."""
        return self.dice.integer("pocket", self.number, POCKET_CFX_MAX) * DRIP_PER_CFX

    @property
    def diligence_ppm(self) -> int:
        """How often it signs while it runs."""
        sloppy = self.dice.integer("sloppy", self.number, SLOPPY_EACH) == 0
        least, most = SLOPPY_PPM if sloppy else CAREFUL_PPM
        return least + self.dice.integer("diligence", self.number, most - least)
