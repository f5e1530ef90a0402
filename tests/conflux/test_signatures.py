import json

import pytest
from eth_keys.backends.native.main import NativeECCBackend
from eth_keys.main import KeyAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.conflux import address
from vedette.conflux.keccak import keccak256
from vedette.conflux.signatures import (
    CURVE_ORDER,
    DIGESTS,
    SignatureError,
    checksummed,
    conflux_digest,
    core_address,
    espace_address,
    ethereum_digest,
    public_key,
    signature_of,
    signers,
    struct_hash,
    typed_data,
    typed_digest,
    typed_hash,
)
from vedette.model.claims import Space

# The key, the text and the signature that docs/sign_methods.md of Conflux-Chain/js-conflux-sdk prints.
SDK_SECRET = bytes.fromhex("0123456789abcdef" * 4)
SDK_KEY = (
    "4646ae5047316b4230d0086c8acec687f00b1cd9d1dc634f6cb358ac0a9a8fff"
    "fe77b4dd0a4bfb95851f3b7355c781dd60f8418fc8a65d14907aff47c903a559"
)
SDK_SIGNATURE = (
    "0xd72ea2020802d6dfce0d49fc1d92a16b43baa58fc152d6f437d852a014e0c574"
    "0b3563375b0b844a835be4f1521b4ae2a691048622f70026e0470acc5351043a01"
)
SDK_ADDRESS = "cfxtest:aasm4c231py7j34fghntcfkdt2nm9xv1tu6jd3r1s7"

# `web3.eth.accounts.sign('Some data', …)` in the documentation of web3.js.
WEB3_SIGNATURE = (
    "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
    "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"
)
WEB3_ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"

secrets = st.integers(1, CURVE_ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
curve = KeyAPI(NativeECCBackend)


def signed(secret: bytes, digest: bytes) -> str:
    return "0x" + curve.PrivateKey(secret).sign_msg_hash(digest).to_bytes().hex()


def test_the_text_that_the_conflux_sdk_signs_is_by_the_key_it_names() -> None:
    assert public_key(conflux_digest("Hello World"), signature_of(SDK_SIGNATURE)).hex() == SDK_KEY
    assert core_address(bytes.fromhex(SDK_KEY), address.TESTNET) == SDK_ADDRESS
    assert SDK_ADDRESS in signers("Hello World", SDK_SIGNATURE, Space.CORE, address.TESTNET)
    assert SDK_ADDRESS not in signers("Hello World!", SDK_SIGNATURE, Space.CORE, address.TESTNET)


def test_the_text_that_web3_signs_is_by_the_account_it_names() -> None:
    digest = "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655"
    assert ethereum_digest("Some data").hex() == digest
    assert signers("Some data", WEB3_SIGNATURE, Space.ESPACE, address.MAINNET) == {WEB3_ADDRESS}


def test_typed_data_is_hashed_as_cip_23_says() -> None:
    """The Mail of CIP-23's example; the hashes are those in the tests of conflux-fans/cip-23."""

    def text(told: str) -> bytes:
        return keccak256(told.encode())

    def wallet(told: str) -> bytes:
        return bytes.fromhex(told).rjust(32, b"\0")

    kind = "CIP23Domain(string name,string version,uint256 chainId,address verifyingContract)"
    one = (1).to_bytes(32, "big")
    domain = struct_hash(kind, text("Ether Mail"), text("1"), one, wallet("cc" * 20))
    assert domain.hex() == "08d4df1fd1a7d9c1a27a86b3b19b3258bd6f07d9ed1b88f52705f12453a4a5a1"
    person = "Person(string name,address wallet)"
    mail = struct_hash(
        f"Mail(Person from,Person to,string contents){person}",
        struct_hash(person, text("Cow"), wallet("CD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826")),
        struct_hash(person, text("Bob"), wallet("bb" * 20)),
        text("Hello, Bob!"),
    )
    wanted = "f930c72ca47e411d8671f3bee80e1d7594cd17a04355b15db5f11c2aba0a54e9"
    assert typed_hash(domain, mail).hex() == wanted

    ours = "CIP23Domain(string name,string version,uint256 chainId)"
    domain = struct_hash(ours, text("Vedette"), text("1"), (1029).to_bytes(32, "big"))
    claim = struct_hash("Claim(string text)", text("It is mine."))
    assert typed_digest("It is mine.", 1029) == typed_hash(domain, claim)


def test_a_wallet_is_given_typed_data_of_the_very_types_that_are_hashed() -> None:
    given = json.loads(json.dumps(typed_data("It is mine.", 1029)))
    assert given["domain"] == {"name": "Vedette", "version": "1", "chainId": 1029}
    assert given["types"]["CIP23Domain"] == [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
    ]
    assert given["types"]["Claim"] == [{"name": "text", "type": "string"}]
    assert given["message"] == {"text": "It is mine."}


@pytest.mark.parametrize(
    "spelled",
    [  # the examples of EIP-55
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_an_espace_address_has_the_capitals_of_eip_55(spelled: str) -> None:
    assert checksummed(bytes.fromhex(spelled[2:])) == spelled


@settings(max_examples=15, deadline=None)
@given(secrets, st.text(max_size=300), st.sampled_from(list(Space)), st.sampled_from([1, 1029, 8888]))
def test_whoever_signed_is_found_again_however_his_wallet_was_asked(
    secret: bytes, text: str, space: Space, chain_id: int
) -> None:
    key = curve.PrivateKey(secret).public_key.to_bytes()
    own = core_address(key, chain_id) if space is Space.CORE else espace_address(key)
    for digest in DIGESTS[space]:
        assert own in signers(text, signed(secret, digest(text, chain_id)), space, chain_id)


def test_a_signature_for_another_chain_is_nobodys_here() -> None:
    own = core_address(curve.PrivateKey(SDK_SECRET).public_key.to_bytes(), 1029)
    there = signed(SDK_SECRET, typed_digest("It is mine.", 1))
    assert own not in signers("It is mine.", there, Space.CORE, 1029)


def test_a_core_space_address_is_a_users() -> None:
    key = curve.PrivateKey(SDK_SECRET).public_key.to_bytes()
    assert address.kind(address.decode(core_address(key, 1029)).raw) is address.AddressKind.USER


@pytest.mark.parametrize("last", ["00", "01", "1b", "1c"])
def test_a_signature_may_end_in_either_count_of_its_two_keys(last: str) -> None:
    assert signature_of(SDK_SIGNATURE[:-2] + last)[-1] == int(last, 16) % 27


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("", "has 65 bytes, not 0"),
        ("0x12", "has 65 bytes, not 1"),
        (SDK_SIGNATURE[:-2], "has 65 bytes, not 64"),
        (SDK_SIGNATURE + "00", "has 65 bytes, not 66"),
        ("0x" + "zz" * 65, "is hex"),
        (SDK_SIGNATURE[:-2] + "02", "ends in 00, 01, 1b or 1c, not 02"),
        (SDK_SIGNATURE[:-2] + "1d", "not 1d"),
        ("0x" + "00" * 65, "not those of a wallet's"),
        ("0x" + "ff" * 64 + "00", "not those of a wallet's"),
    ],
)
def test_what_is_no_signature_is_refused_in_one_line(given: str, line: str) -> None:
    with pytest.raises(SignatureError, match=line) as refused:
        signature_of(given)
    assert "\n" not in str(refused.value)


def test_the_twin_of_a_signature_is_refused() -> None:
    """From one signature anybody can make another that is as good: the order's rest of s, and v turned."""
    raw = signature_of(SDK_SIGNATURE)
    high = CURVE_ORDER - int.from_bytes(raw[32:64], "big")
    twin = raw[:32] + high.to_bytes(32, "big") + bytes([1 - raw[-1]])
    with pytest.raises(SignatureError, match="not those of a wallet's"):
        signature_of("0x" + twin.hex())


def test_a_number_that_no_key_has_is_refused() -> None:
    # There is no point of the curve with this x.
    given = "0x" + (5).to_bytes(32, "big").hex() + (1).to_bytes(32, "big").hex() + "00"
    with pytest.raises(SignatureError, match="no key makes such a signature"):
        public_key(conflux_digest("x"), signature_of(given))
    with pytest.raises(SignatureError, match="no key makes such a signature"):
        signers("x", given, Space.ESPACE, 1029)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200) | st.binary(min_size=65, max_size=65).map(lambda raw: "0x" + raw.hex()))
def test_any_text_at_all_is_an_address_or_one_clear_line(given: str) -> None:
    try:
        found = signers("It is mine.", given, Space.CORE, 1029)
    except SignatureError as error:
        lines, found = str(error).splitlines(), set()
        assert len(lines) == 1
    assert all(address.is_address(one) for one in found)
