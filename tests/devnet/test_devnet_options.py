"""What may be chosen, and the files that come of it."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from vedette.devnet.config import conflux_settings, log_yaml, pos_yaml, toml
from vedette.devnet.nodes import Node, Ports
from vedette.devnet.options import DevnetOptions, settings_from
from vedette.model.errors import SettingError

FORKS = ("", "cip99_", "cip136_")
"""A node reads the lengths of the queues from the keys of the fork that holds at a view."""


def a_node(index: int, folder: Path = Path("/net")) -> Node:
    return Node(
        index=index,
        dir=folder / f"node{index}",
        ports=Ports(*range(20_000 + 8 * index, 20_008 + 8 * index)),
        pos_address="0x" + f"{index}" * 64,
        pow_address="net1234:a",
        node_id=f"{index}" * 128,
        in_genesis=True,
    )


def settings_of(index: int, options: DevnetOptions) -> dict[str, object]:
    nodes = [a_node(0), a_node(1), a_node(2)]
    return dict(tomllib.loads(toml(conflux_settings(nodes[index], nodes, options, secret=1))))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"nodes": 0}, "nodes is 0: choose 1 to 32"),
        ({"round_ms": 5}, "round_ms is 5: choose 100 to 600000"),
        ({"genesis_validators": 5}, "genesis_validators is 5, yet there are only 4 nodes"),
        ({"dispute_lock_rounds": 0}, "dispute_lock_rounds is 0: choose 1 to 10000000"),
        ({"log_level": "loud"}, "log_level is loud: choose error, warn, info, debug or trace"),
        ({"set": {"tcp_port": 1}}, "--set tcp_port: the devnet chooses this key itself"),
        ({"set": {"A B": 1}}, "--set 'A B': not the name of a conflux.toml key"),
    ],
)
def test_a_wrong_option_is_named_with_what_would_be_right(wrong: dict[str, object], complaint: str) -> None:
    with pytest.raises(SettingError) as refusal:
        DevnetOptions(**wrong)  # type: ignore[arg-type]  # any option
    assert str(refusal.value) == complaint


def test_all_wrong_options_are_named_at_once() -> None:
    with pytest.raises(SettingError) as refusal:
        DevnetOptions(nodes=0, votes=0)
    assert str(refusal.value) == "nodes is 0: choose 1 to 32; votes is 0: choose 1 to 1000000"


def test_values_of_set_are_what_they_look_like() -> None:
    given = settings_from(["a=true", "b=7", "c=0.5", "d=safe,pos", "e=x=y", "f="])
    assert given == {"a": True, "b": 7, "c": 0.5, "d": "safe,pos", "e": "x=y", "f": ""}


def test_a_setting_without_a_value_is_refused() -> None:
    with pytest.raises(SettingError, match="--set 'alone': write it as key=value"):
        settings_from(["a=1", "alone"])


def test_what_was_set_has_the_last_word() -> None:
    options = DevnetOptions(set={"public_rpc_apis": "all", "pos_cip156_transition_view": 900})
    settings = settings_of(0, options)
    assert settings["public_rpc_apis"] == "all"
    assert settings["pos_cip156_transition_view"] == 900


def test_the_public_port_offers_nothing_that_changes_a_node() -> None:
    assert settings_of(1, DevnetOptions())["public_rpc_apis"] == "safe,pos"


def test_one_node_makes_the_pow_blocks_and_each_knows_the_others() -> None:
    miner, other = settings_of(0, DevnetOptions(block_ms=300)), settings_of(1, DevnetOptions())
    assert miner["dev_block_interval_ms"] == 300
    assert "dev_block_interval_ms" not in other
    assert "@127.0.0.1:20000,cfxnode://2" in str(other["bootnodes"])
    assert "20008" not in str(other["bootnodes"])


def test_stake_waits_two_terms_unless_told_otherwise() -> None:
    assert settings_of(0, DevnetOptions(term_rounds=10))["pos_in_queue_locked_views"] == 20
    chosen = settings_of(0, DevnetOptions(term_rounds=10, in_queue_rounds=7, out_queue_rounds=9))
    assert {chosen[f"pos_{fork}in_queue_locked_views"] for fork in FORKS} == {7}
    assert {chosen[f"pos_{fork}out_queue_locked_views"] for fork in FORKS} == {9}


def test_a_double_voters_stake_is_locked_as_long_as_on_mainnet_unless_told_otherwise() -> None:
    assert settings_of(0, DevnetOptions())["pos_cip156_dispute_locked_views"] == 518_400
    short = settings_of(0, DevnetOptions(dispute_lock_rounds=60))
    assert short["pos_cip156_dispute_locked_views"] == 60
    assert short["pos_cip156_transition_view"] == 1


def test_the_first_committee_is_shared_evenly() -> None:
    assert DevnetOptions(votes=50).committee_share == 50
    assert DevnetOptions(votes=500, elected=50).committee_share == 75  # 6 terms of 50 seats, 4 validators


def test_a_folder_of_any_name_stays_in_its_place() -> None:
    folder = Path('/tmp/a "b": {c} #d é')
    assert (
        yaml.safe_load(pos_yaml(folder, DevnetOptions(), "0:aa"))["storage"]["dir"] == f"{folder}/pos_db/db"
    )
    assert yaml.safe_load(log_yaml(folder, "warn"))["appenders"]["file"]["path"] == f"{folder}/conflux.log"
    node = a_node(0, folder)
    settings = tomllib.loads(toml(conflux_settings(node, [node], DevnetOptions(), secret=1)))
    assert settings["pos_private_key_path"] == f"{node.dir}/pos_key"


def test_pos_is_configured_by_what_was_chosen() -> None:
    config = json.loads(pos_yaml(Path("/net/node0"), DevnetOptions(round_ms=700), "0:aa"))
    assert config["consensus"]["round_initial_timeout_ms"] == 700
    assert config["base"]["waypoint"] == {"from_config": "0:aa"}
    assert config["execution"]["genesis_file_location"] == "/net/genesis_file"


@pytest.mark.parametrize(("height", "before"), [(1, 120), (60, 120), (61, None), (5_000, None)], ids=str)
def test_in_the_first_epoch_nobody_may_leave_for_long(height: int, before: int | None) -> None:
    assert DevnetOptions().must_return_before(height) == before
