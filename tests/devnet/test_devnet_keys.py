"""Keys, encodings and genesis, against vectors that others published."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from vedette.conflux.keccak import keccak256
from vedette.devnet import abi, der
from vedette.devnet.corespace import Transaction, rlp, signed
from vedette.devnet.curves import BLS_FIELD, BLS_ORDER, bls_public, secp_public, secp_public_point
from vedette.devnet.genesis import Member, genesis_file
from vedette.devnet.keys import ValidatorKeys, pos_key_file, pow_address, registration

FAUCET = 0x46B9E861B63D3509C88B7817275A30D22D62C8CD8FA6486DDEE35EF0D8E0495F


def test_the_faucet_of_dev_mode_has_the_address_that_the_node_gives_it() -> None:
    assert pow_address(FAUCET).hex() == "1be45681ac6c53d5a40475f7526bac1fe7590fb8"


def test_the_first_bls_key_is_the_generator() -> None:
    assert bls_public(1).hex() == (
        "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
    )


def test_a_bls_key_and_its_negative_differ_only_in_the_sign() -> None:
    key, negative = bls_public(7), bls_public(BLS_ORDER - 7)
    assert key[0] ^ negative[0] == 0x20
    assert key[1:] == negative[1:]


def test_bls_keys_are_points_of_the_curve() -> None:
    x = int.from_bytes(bls_public(123456789), "big") & ((1 << 381) - 1)
    y_squared = (x**3 + 4) % BLS_FIELD
    assert pow(y_squared, (BLS_FIELD - 1) // 2, BLS_FIELD) == 1


def test_a_bls_secret_of_nought_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and the order"):
        bls_public(BLS_ORDER)


def test_the_same_seed_makes_the_same_keys_and_another_seed_others() -> None:
    assert ValidatorKeys.from_seed("devnet/0") == ValidatorKeys.from_seed("devnet/0")
    assert ValidatorKeys.from_seed("devnet/0") != ValidatorKeys.from_seed("devnet/1")


def test_a_validator_is_called_by_the_hash_of_both_its_public_keys() -> None:
    keys = ValidatorKeys.from_seed("devnet/0")
    assert keys.pos_address == keccak256(keys.bls_public + keys.vrf_public)
    assert keys.pos_address.hex() == "679eec2ef19aa8e30ff308147c9c37212057d16cb607160537b72551cb6fee90"
    assert len(keys.node_id) == 128


def test_secp_keys_agree_in_all_their_forms() -> None:
    x, y = secp_public_point(FAUCET)
    assert secp_public(FAUCET) == bytes([2 + y % 2]) + x.to_bytes(32, "big")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (b"dog", "83646f67"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        (b"", "80"),
        (0, "80"),
        (15, "0f"),
        (1024, "820400"),
        ([], "c0"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (b"a" * 56, "b838" + "61" * 56),
    ],
)
def test_rlp_is_that_of_ethereum(value: object, encoded: str) -> None:
    assert rlp(value).hex() == encoded  # type: ignore[arg-type]  # any nesting of the table above


def test_a_transaction_carries_a_signature_that_holds() -> None:
    transaction = Transaction(1, 10**9, 21_000, bytes(20), 5, 0, 100, 1234, b"")
    raw = signed(transaction, FAUCET)
    unsigned = rlp([1, 10**9, 21_000, bytes(20), 5, 0, 100, 1234, b""])
    assert unsigned in raw
    r, s = (
        int.from_bytes(raw[-end:][:32], "big") for end in (65, 32)
    )  # the last two items, 0xa0 before each
    public = ec.derive_private_key(FAUCET, ec.SECP256K1()).public_key()
    signature = utils.encode_dss_signature(r, s)
    public.verify(signature, keccak256(unsigned), ec.ECDSA(utils.Prehashed(SHA256())))


def test_call_data_points_at_what_stands_behind() -> None:
    data = abi.call("f(uint256,bytes,bytes[2])", abi.uint(7), abi.blob(b"ab"), abi.blobs(b"", b"c"))
    words = [data[4:][at : at + 32] for at in range(0, len(data) - 4, 32)]
    numbers = [int.from_bytes(word, "big") for word in words]
    assert numbers[:3] == [7, 96, 160]
    assert numbers[3] == 2
    assert words[4] == b"ab" + bytes(30)
    assert numbers[5:8] == [64, 96, 0]
    assert (numbers[8], words[9][:1]) == (1, b"c")


def test_registration_proves_the_key_without_showing_it() -> None:
    keys = ValidatorKeys.from_seed("devnet/0")
    data = registration(keys, 50)
    assert data[:4].hex() == "e335b451"  # register(bytes32,uint64,bytes,bytes,bytes[2])
    assert keys.bls_secret.to_bytes(32, "big") not in data
    assert keys.bls_secret.to_bytes(32, "little") not in data
    # The verifier's equation, in exponents: response = secret * challenge + nonce.
    commitment = bls_public(keys.proof_nonce)
    digest = hashlib.sha256(keys.bls_public + commitment).digest()
    challenge = int.from_bytes(digest, "big") & ((1 << 254) - 1)
    response = int.from_bytes(data[-32:], "little")
    assert response == (keys.bls_secret * challenge + keys.proof_nonce) % BLS_ORDER
    assert commitment in data


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (der.integer(0), "020100"),
        (der.integer(127), "02017f"),
        (der.integer(128), "02020080"),
        (der.oid("1.0.0"), "06022800"),
        (der.oid("1.2.840.113549.1.5.13"), "06092a864886f70d01050d"),
        (der.octets(bytes(200)), "0481c8" + "00" * 200),
    ],
)
def test_der_is_spelled_as_the_standard_spells_it(encoded: bytes, expected: str) -> None:
    assert encoded.hex() == expected


def test_a_key_file_never_looks_the_same_twice() -> None:
    keys = ValidatorKeys.from_seed("devnet/0")
    one, other = pos_key_file(keys), pos_key_file(keys)
    assert one != other
    assert len(one) == len(other)


def test_the_genesis_is_that_of_its_validators_in_any_order() -> None:
    members = [Member(ValidatorKeys.from_seed(f"devnet/{i}"), 50, 50) for i in range(4)]
    content = genesis_file(members)
    assert content == genesis_file(members[::-1])
    # Of exactly these bytes the node accepted the waypoint.
    known = "c9df5e2eac5334b721a2056e5562a4196ef83fd50be9c23f553ecc4012029e24"
    assert hashlib.sha256(content).hexdigest() == known
