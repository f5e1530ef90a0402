"""The files that a node reads: conflux.toml, pos_config.yaml and the settings of its log."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from vedette.devnet.files import replace_file
from vedette.devnet.nodes import Node
from vedette.devnet.options import CHAIN_ID, DevnetOptions, Value

MINER = 0
"""The node that makes all PoW blocks."""


def write_config(
    node: Node, network: Sequence[Node], options: DevnetOptions, secret: int, waypoint: str
) -> None:
    """Write the three files into the node's folder. `secret` is the key of its network identity."""
    settings = conflux_settings(node, network, options, secret)
    replace_file(node.dir / "config.toml", toml(settings))
    replace_file(node.dir / "pos_config.yaml", pos_yaml(node.dir, options, waypoint))
    replace_file(node.dir / "log.yaml", log_yaml(node.dir, options.log_level))


def conflux_settings(
    node: Node, network: Sequence[Node], options: DevnetOptions, secret: int
) -> Mapping[str, Value]:
    """All keys of conflux.toml. What was given as `--set` has the last word."""
    return {
        "mode": "dev",
        "chain_id": CHAIN_ID,
        "evm_chain_id": CHAIN_ID + 1,
        **_peers(node, network, secret),
        **_rpc(node),
        **_thrift(node.dir),
        **_forks(),
        **_pos(node.dir, options),
        **_mining(node, options),
        **options.set,
    }


def _peers(node: Node, network: Sequence[Node], secret: int) -> Mapping[str, Value]:
    others = ",".join(peer.peer_url for peer in network if peer.index != node.index)
    return {
        "net_key": f"{secret:064x}",
        "netconf_dir": f"{node.dir}/net_config",
        "tcp_port": node.ports.p2p,
        "udp_port": node.ports.p2p,
        "public_address": "127.0.0.1",
        "enable_discovery": False,
        "session_ip_limits": "0,0,0,0",  # all peers share one address
        "subnet_quota": 0,
        "min_phase_change_normal_peer_count": 1,
        "dev_allow_phase_change_without_peer": True,
        "check_phase_change_period_ms": 500,
        "heartbeat_period_interval_ms": 3000,
        **({"bootnodes": others} if others else {}),
    }


def _rpc(node: Node) -> Mapping[str, Value]:
    ports = node.ports
    return {
        "jsonrpc_http_port": ports.http,
        "jsonrpc_ws_port": ports.ws,
        "jsonrpc_local_http_port": ports.local_http,
        "jsonrpc_local_ws_port": ports.local_ws,
        "jsonrpc_http_eth_port": ports.espace_http,
        "jsonrpc_ws_eth_port": ports.espace_ws,
        # The public ports listen on every address, and a node offers no choice: so nothing that changes it.
        "public_rpc_apis": "safe,pos",
        "public_evm_rpc_apis": "evm",
        "metrics_enabled": True,
        "metrics_output_file": f"{node.dir}/metrics.log",
        "metrics_report_interval_ms": 5000,
        "metrics_prometheus_listen_addr": f"127.0.0.1:{ports.metrics}",
    }


def _thrift(folder: Path) -> Mapping[str, Value]:
    """The sizes of a chain that holds nothing."""
    return {
        "conflux_data_dir": f"{folder}/blockchain_data",
        "log_conf": f"{folder}/log.yaml",
        "persist_tx_index": True,
        "enable_single_mpt_storage": False,
        "storage_delta_mpts_cache_size": 200_000,
        "storage_delta_mpts_cache_start_size": 200_000,
        "storage_delta_mpts_slab_idle_size": 200_000,
        "ledger_cache_size": 256,
        "rocksdb_cache_size": 32,
    }


def _forks() -> Mapping[str, Value]:
    """Every rule that the binary knows holds from the start."""
    return {
        "hydra_transition_number": 0,
        "hydra_transition_height": 0,
        "cip43_init_end_number": 2**32 - 1,
        "pos_reference_enable_height": 0,
        "default_transition_time": 1,
        "cip112_transition_height": 1,
        "cip113_transition_height": 1,
        "sigma_fix_transition_number": 0,
        "pos_cip99_transition_view": 1,
        "pos_cip156_transition_view": 1,
        "nonce_limit_transition_view": 1,
    }


def _pos(folder: Path, options: DevnetOptions) -> Mapping[str, Value]:
    queues = {
        f"{prefix}{queue}_queue_locked_views": views
        for prefix in ("pos_", "pos_cip99_", "pos_cip136_")
        for queue, views in (("in", options.in_queue_views), ("out", options.out_queue_views))
    }
    return {
        "pos_config_path": f"{folder}/pos_config.yaml",
        "pos_initial_nodes_path": f"{folder.parent}/initial_nodes.json",
        "pos_private_key_path": f"{folder}/pos_key",
        "vrf_proposal_threshold": "0x" + "f" * 64,  # whoever leads a round may propose
        "pos_round_per_term": options.term_rounds,
        "pos_cip136_round_per_term": options.term_rounds,
        "pos_term_elected_size": options.elected,
        "pos_term_max_size": 10_000,
        "pos_pivot_decision_defer_epoch_count": 20,
        "cip113_pivot_decision_defer_epoch_count": 20,
        "pos_cip156_dispute_locked_views": options.dispute_lock_rounds,
        **queues,
    }


def _mining(node: Node, options: DevnetOptions) -> Mapping[str, Value]:
    if node.index != MINER:
        return {"mining_type": "disable"}
    return {"mining_type": "disable", "dev_block_interval_ms": options.block_ms}


def toml(settings: Mapping[str, Value]) -> str:
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in settings.items())


def _toml_value(value: Value) -> str:
    # JSON spells booleans, numbers and text as TOML does, as long as no letter is escaped in two halves.
    return json.dumps(value, ensure_ascii=False)


def pos_yaml(folder: Path, options: DevnetOptions, waypoint: str) -> str:
    # JSON is YAML: no path, whatever its letters, can break out of its place.
    tree = {
        "base": {
            "data_dir": f"{folder}/pos_db",
            "role": "validator",
            "waypoint": {"from_config": waypoint},
        },
        "consensus": {
            "round_initial_timeout_ms": options.round_ms,
            "cip113_round_initial_timeout_ms": options.round_ms,
            "cip113_transition_epoch": 1,
            "safety_rules": {"service": {"type": "local"}},
        },
        "execution": {"genesis_file_location": f"{folder.parent}/genesis_file"},
        "logger": {"file": f"{folder}/pos.log", "level": options.log_level.upper()},
        "mempool": {"shared_mempool_tick_interval_ms": 200},
        "storage": {"dir": f"{folder}/pos_db/db"},
    }
    return json.dumps(tree, indent=1)


def log_yaml(folder: Path, level: str) -> str:
    file = {
        "kind": "file",
        "path": f"{folder}/conflux.log",
        "encoder": {"pattern": "{d} {h({l}):5.5} {T:<20.20} {t:12.12} - {m}{n}"},
    }
    return json.dumps(
        {"appenders": {"file": file}, "root": {"level": level, "appenders": ["file"]}}, indent=1
    )
