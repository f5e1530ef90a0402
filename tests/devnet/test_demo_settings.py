"""The settings that the demo writes are settings that the server reads."""

import tomllib
from pathlib import Path

from tests.devnet.test_devnet_options import a_node
from vedette.devnet.demo import Plan, settings
from vedette.server.settings import load


def test_the_server_reads_what_the_demo_writes(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 8420, None, "http://127.0.0.1:9/hook", "smtp://127.0.0.1:2525")
    nodes = [a_node(index) for index in range(4)]
    plan.token_file.write_text("a-token-of-some-length")
    config = tmp_path / "server.toml"
    config.write_text(settings(plan, nodes))
    read = load(config, {})
    assert read.port == 8420
    assert [endpoint.name for endpoint in read.endpoints] == ["node0", "node1", "node2", "node3"]
    assert read.watch == tuple(node.pos_address for node in nodes)
    assert read.ingest_token == "a-token-of-some-length"
    assert [hook.url for hook in read.webhooks] == ["http://127.0.0.1:9/hook"]
    assert read.mail is not None
    assert read.mail.server == "smtp://127.0.0.1:2525"
    assert read.alerts.rules == {"few_peers": {"few_count": 0}}


def test_without_channels_none_is_written(tmp_path: Path) -> None:
    written = tomllib.loads(settings(Plan(tmp_path, 8420, None, None, None), [a_node(0)]))
    assert not written.keys() & {"mail", "webhooks"}
