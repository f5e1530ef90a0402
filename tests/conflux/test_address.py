"""CIP-37, against vectors of others and against itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.conflux import address
from vedette.conflux.address import AddressError, AddressKind, Decoded
from vedette.conflux.networks import known

VECTORS = [
    # the examples of CIP-37, of the Conflux documentation and of cfx-address
    ("1a2f80341409639ea6a35bbcab8299066109aa55", 1029, "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg"),
    ("106d49f8505410eb4e671d51f7d96d2c87807b09", 1029, "cfx:aajg4wt2mbmbb44sp6szd783ry0jtad5bea80xdy7p"),
    ("1a2f80341409639ea6a35bbcab8299066109aa55", 1, "cfxtest:aarc9abycue0hhzgyrr53m6cxedgccrmmy8m50bu1p"),
    ("1ecde7223747601823f7535d7968ba98b4881e09", 1, "cfxtest:aatp533cg7d0agbd87kz48nj1mpnkca8be1rz695j4"),
    # the internal contracts PoSRegister and Staking
    ("0888000000000000000000000000000000000005", 1029, "cfx:aaejuaaaaaaaaaaaaaaaaaaaaaaaaaaaayf993ufd7"),
    ("0888000000000000000000000000000000000005", 1, "cfxtest:aaejuaaaaaaaaaaaaaaaaaaaaaaaaaaaaytypk0th1"),
    ("0888000000000000000000000000000000000002", 1029, "cfx:aaejuaaaaaaaaaaaaaaaaaaaaaaaaaaaajrwuc9jnb"),
]

# As a node of a private network answered.
VERBOSE = [
    ("NET1234:TYPE.USER:AAS42EJ3WNEHSR695AW807CCJ751MPMW361XWSS7R1", AddressKind.USER),
    ("NET1234:TYPE.NULL:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4U9N6H98", AddressKind.NULL),
]

REGISTER = "cfx:aaejuaaaaaaaaaaaaaaaaaaaaaaaaaaaayf993ufd7"

raws = st.binary(min_size=20, max_size=20)
network_ids = st.sampled_from([1, 71, 1029, 1030, 1234, 2**32 - 1]) | st.integers(1, 2**32 - 1)


@pytest.mark.parametrize("hex_digits, network_id, text", VECTORS)
def test_an_address_is_spelled_and_read_as_others_do(hex_digits: str, network_id: int, text: str) -> None:
    raw = bytes.fromhex(hex_digits)
    assert address.encode(raw, network_id) == text
    assert address.decode(text) == Decoded(raw, network_id)
    assert address.from_hex("0x" + hex_digits.upper(), network_id) == text
    assert address.to_hex(text.upper()) == "0x" + hex_digits


@pytest.mark.parametrize("text, kind", VERBOSE)
def test_what_a_node_answers_becomes_simple_and_back(text: str, kind: AddressKind) -> None:
    short = address.simple(text)
    assert short == "net1234:" + text.rpartition(":")[2].lower()
    assert address.verbose(short) == text
    assert address.kind(address.decode(text).raw) == kind


@pytest.mark.parametrize("pool", [pool for network in known().networks for pool in network.pools])
def test_every_pool_we_ship_has_the_address_of_a_contract_on_its_network(pool: object) -> None:
    contract = pool.contract  # type: ignore[attr-defined]  # a Pool; pytest shows its name
    raw, network_id = address.decode(contract)
    assert address.kind(raw) == AddressKind.CONTRACT
    assert pool in next(each.pools for each in known().networks if each.chain_id == network_id)


@given(raws, network_ids)
def test_what_is_encoded_is_read_again_in_both_forms(raw: bytes, network_id: int) -> None:
    for text in (address.encode(raw, network_id), address.encode(raw, network_id, verbose=True)):
        assert address.decode(text) == Decoded(raw, network_id)
        assert address.simple(text) == address.encode(raw, network_id)
        assert address.is_address(text.lower())
        assert address.is_address(text.upper())


@given(raws, network_ids, st.data())
def test_no_single_wrong_letter_passes(raw: bytes, network_id: int, data: st.DataObject) -> None:
    text = address.encode(raw, network_id)
    at = data.draw(st.integers(text.index(":") + 1, len(text) - 1))
    letter = data.draw(st.sampled_from(address.ALPHABET).filter(lambda each: each != text[at]))
    with pytest.raises(AddressError, match="its checksum is wrong"):
        address.decode(text[:at] + letter + text[at + 1 :])


@given(raws, network_ids, network_ids)
def test_an_address_of_one_network_is_none_of_another(raw: bytes, one: int, other: int) -> None:
    moved = address.encode(raw, other).partition(":")[0] + ":" + address.encode(raw, one).partition(":")[2]
    assert address.is_address(moved) == (one == other)


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "begins with cfx:"),
        ("cfx", "begins with cfx:"),
        ("0x0888000000000000000000000000000000000005", "begins with cfx:"),
        ("conflux:aa", "begins with cfx:"),
        (REGISTER.replace("cfx", "net1029"), "begins with cfx:"),
        (REGISTER.replace("cfx", "net1"), "begins with cfx:"),
        (REGISTER.replace("cfx", "net0"), "begins with cfx:"),
        (REGISTER.replace("cfx", "net007"), "begins with cfx:"),
        (REGISTER.replace("cfx", "net4294967296"), "begins with cfx:"),
        (REGISTER.replace("cfx", "net٣"), "ASCII letters of one case"),
        (REGISTER.replace("cfx", "CFX"), "ASCII letters of one case"),
        (REGISTER + "a" * 100, "ASCII letters of one case"),
        (REGISTER[:-1], "42 letters follow"),
        (REGISTER + "a", "42 letters follow"),
        ("cfx:", "42 letters follow"),
        (REGISTER.replace("yf", "oi"), "no address has the letter 'o'"),
        (REGISTER + "\n", r"no address has the letter '\\n'"),
        (REGISTER.replace("yf", "fy"), "its checksum is wrong"),
        (REGISTER.replace(":", ":type.user:"), "its type is builtin"),
        (REGISTER.replace(":", ":type.null:"), "its type is builtin"),
        (REGISTER.replace(":", ":type.:"), "its type is builtin"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(AddressError, match=words) as caught:
        address.decode(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200
    assert not address.is_address(text)


def test_options_that_nobody_knows_are_overlooked() -> None:
    assert address.simple(REGISTER.replace(":", ":memo.hello:type.builtin:")) == REGISTER


def test_an_unknown_version_is_refused_though_its_checksum_is_right() -> None:
    fives = [0, 4, *[0] * 32]  # version 1
    checked = address._checked("cfx")
    checksum = address._fives_of(address._polymod([*checked, *fives, *[0] * 8]).to_bytes(5, "big"))
    with pytest.raises(AddressError, match="its version is unknown"):
        address.decode("cfx:" + "".join(address.ALPHABET[five] for five in fives + checksum))


@pytest.mark.parametrize("raw", [b"", bytes(19), bytes(21), bytes(32)])
def test_only_twenty_bytes_are_an_address(raw: bytes) -> None:
    with pytest.raises(AddressError, match="an address has 20 bytes"):
        address.encode(raw, 1029)


@pytest.mark.parametrize("network_id", [0, -1, 2**32])
def test_a_network_has_a_number_of_four_bytes(network_id: int) -> None:
    with pytest.raises(AddressError, match="a network's number is 1 to 4294967295"):
        address.encode(bytes(20), network_id)


@pytest.mark.parametrize("text", ["", "0x", "0x12", "08" * 20, "0x" + "g" * 40, "0x" + "1" * 40 + "\n"])
def test_only_forty_hex_digits_are_a_hex_address(text: str) -> None:
    with pytest.raises(AddressError, match="0x and 40 hex digits"):
        address.from_hex(text, 1029)


@given(st.text() | st.text(alphabet="cfxnet:0123456789.aAypus"))
def test_no_text_raises_anything_but_an_address_error(text: str) -> None:
    try:
        assert address.simple(text) == address.simple(text.lower())
    except AddressError as error:
        assert str(error).isprintable()  # noqa: PT017  what it says is what is tested
