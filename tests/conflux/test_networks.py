from collections.abc import Iterator
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from vedette.conflux import networks
from vedette.conflux.networks import (
    Network,
    calls_per_s,
    client_version,
    doubts,
    epoch_of_height,
    known,
    network,
    of_file,
    round_seconds,
)
from vedette.model.errors import SettingError


def of(chain_id: int) -> Network:
    found = network(chain_id)
    assert found is not None
    return found


def test_a_private_chain_is_no_public_network() -> None:
    assert network(1234) is None


@pytest.mark.parametrize(
    "chain_id, height, epoch",
    [
        (1029, 1, 1),
        (1029, 60, 1),
        (1029, 61, 2),
        (1029, 1_684_080, 28_068),  # the last before CIP-136
        (1029, 1_684_081, 28_069),
        (1029, 1_684_200, 28_069),  # a multiple of the term ends its epoch
        (1029, 1_684_201, 28_070),
        (1029, 3_749_400, 45_279),
        (1, 1_685_520, 28_092),
        (1, 1_685_521, 28_093),
        (1, 1_685_641, 28_094),
    ],
)
def test_a_height_lies_in_its_epoch(chain_id: int, height: int, epoch: int) -> None:
    assert epoch_of_height(of(chain_id).terms, height) == epoch


@pytest.mark.parametrize(
    "chain_id, epoch, seconds", [(1029, 12_769, 60), (1029, 12_770, 30), (1, 12_365, 30)]
)
def test_a_round_takes_its_time(chain_id: int, epoch: int, seconds: int) -> None:
    assert round_seconds(of(chain_id).rounds, epoch) == seconds


def test_public_gateways_have_a_budget_and_own_nodes_have_none() -> None:
    assert calls_per_s("https://main.confluxrpc.com/some-key") == 5
    assert calls_per_s("http://127.0.0.1:12539") is None


def test_forks_and_terms_ascend() -> None:
    for each in known().networks:
        starts = [term.from_height for term in each.terms]
        heights = [fork.pos_height for fork in each.forks if fork.pos_height is not None]
        epochs = [fork.pow_epoch for fork in each.forks if fork.pow_epoch is not None]
        assert starts == sorted(set(starts))
        assert starts[0] == 0
        assert heights == sorted(set(heights))
        assert epochs == sorted(set(epochs))


def test_pools_are_named_once_and_on_their_own_network() -> None:
    for each in known().networks:
        prefix = {"mainnet": "cfx:", "testnet": "cfxtest:"}[each.name]
        contracts = [pool.contract for pool in each.pools]
        assert all(
            contract.startswith(prefix) and len(contract) == len(prefix) + 42 for contract in contracts
        )
        assert len({*contracts}) == len(contracts) == len({pool.name for pool in each.pools})


BROUGHT = resources.files("vedette.conflux").joinpath("networks.toml").read_text("utf-8")


@pytest.fixture
def no_other_data() -> Iterator[None]:
    yield
    networks.use(None)


def test_other_data_takes_the_place_of_what_we_bring(tmp_path: Path, no_other_data: None) -> None:
    path = tmp_path / "networks.toml"
    path.write_text(BROUGHT.replace("2026-08-04", "2027-01-02").replace("main.confluxrpc.com", "new.example"))
    networks.use(of_file(path))
    assert known().as_of == date(2027, 1, 2)
    assert calls_per_s("https://new.example") == 5
    networks.use(None)
    assert calls_per_s("https://new.example") is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("as_of = 2026-08-04", "", "missing required field `as_of`"),
        ("as_of = 2026-08-04", "as_of = 5", "Expected `date`, got `int`"),
        ("as_of", "surprise = 1\nas_of", "unknown field `surprise`"),
        ('explorer = "https://confluxscan.org"', "", "missing required field `explorer`"),
        ("chain_id = 1029 ", "chain_id = 1 ", "two networks have the same chain_id"),
        ("https://main.confluxrpc.com", "http://main.confluxrpc.com", "must be an https URL without user"),
        (
            "https://main.confluxrpc.com",
            "https://u:p@main.confluxrpc.com",
            "must be an https URL without user",
        ),
        ("endpoint_calls_per_s = 5", "endpoint_calls_per_s = 0", "endpoint_calls_per_s must be more than 0"),
        ("from_height = 1684080", "from_height = 0", "terms must begin at 0 and ascend"),
        ("{ from_epoch = 0, seconds = 60 }", "{ from_epoch = 0, seconds = 0 }", "must be 1 at least"),
        ('version = "3.1.0"', 'version = "three"', "version 'three' must be like 3.1.0"),
        ("cfx:achduvbt35", "cfx:achduvbt36", "pool 'Validation Cloud'"),
        ("as_of = 2026-08-04", "as_of = ", "is not TOML"),
    ],
)
def test_data_with_any_fault_is_refused_as_a_whole(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    path = tmp_path / "networks.toml"
    assert old in BROUGHT
    path.write_text(BROUGHT.replace(old, new, 1))
    with pytest.raises(SettingError, match=r"networks\.toml") as error:
        of_file(path)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value).strip()


def test_a_file_that_is_missing_binary_or_huge_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="No such file"):
        of_file(tmp_path / "no")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="is not TOML"):
        of_file(tmp_path / "binary")
    (tmp_path / "huge").write_bytes(b"#" * (2 << 20))
    with pytest.raises(SettingError, match="more than 1 MiB"):
        of_file(tmp_path / "huge")


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("conflux-rust/v3.0.2-fd68efe-20260110/x86_64-linux-gnu/rustc1.86.0", (3, 0, 2)),
        ("conflux-rust/v3.0.3-fix-abcdef0-20260519/x", (3, 0, 3)),
        ("conflux-rust/v3.1.0-testnet-abcdef0-20260803/x", (3, 1, 0)),
        ("Geth/v1.13.0", None),
        ("", None),
    ],
)
def test_a_nodes_version_is_its_three_numbers(told: str, version: tuple[int, int, int] | None) -> None:
    assert client_version(told) == version


FRESH = date(2026, 9, 1)
V = "conflux-rust/v{}-fd68efe-20260110/x"


@pytest.mark.parametrize(
    ("today", "clients", "words"),
    [
        (FRESH, {}, []),
        (date(2026, 9, 18), {}, []),  # 45 days
        (date(2026, 9, 19), {}, ["of 2026-08-04, 46 days old"]),
        (FRESH, {1029: ["3.1.0", "3.0.3"]}, []),
        (FRESH, {1029: ["3.2.0", "3.1.0"]}, []),  # half of them are not most
        (FRESH, {1029: ["3.2.0", "3.1.0", "3.1.1"]}, ["2 of 3 references of mainnet run 3.2.0"]),
        (FRESH, {1: ["3.2.0"]}, ["1 of 1 references of testnet run 3.2.0"]),
        (FRESH, {4242: ["9.9.9"]}, []),
    ],
)
def test_old_data_and_newer_references_are_doubts_with_a_remedy(
    today: date, clients: dict[int, list[str]], words: list[str]
) -> None:
    told = doubts(networks.brought(), today, {c: [V.format(v) for v in vs] for c, vs in clients.items()})
    assert len(told) == len(words)
    for line, part in zip(told, words, strict=True):
        assert part in line
        assert "vedette networks update --from FILE" in line
