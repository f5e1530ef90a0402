"""An agent between a stub node and a stub server; all of it real sockets, files and threads."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.agent.stand_ins import TOKEN, Server, StubNode, StubServer, serving
from vedette.agent.agent import Agent
from vedette.agent.config import Settings


@dataclass
class Scene:
    """The parts of one test."""

    node: StubNode
    node_at: Server
    server: StubServer
    server_at: Server
    settings: Settings
    start: Callable[..., Agent]


@pytest.fixture
def node() -> StubNode:
    return StubNode()


@pytest.fixture
def server() -> StubServer:
    return StubServer()


@pytest.fixture
def scene(node: StubNode, server: StubServer, tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        node_at = stack.enter_context(serving(node.respond))
        server_at = stack.enter_context(serving(server.respond))
        settings = settings_for(tmp_path, server_at.url, node_at.url)

        def start(**changes: Any) -> Agent:
            agent = Agent(msgspec.structs.replace(settings, **changes))
            agent.start()
            stack.callback(agent.end)
            return agent

        yield Scene(node, node_at, server, server_at, settings, start)


def settings_for(folder: Path, server: str, node: str) -> Settings:
    token = folder / "token"
    token.write_text(f"{TOKEN}\n")
    config = folder / "hydra.toml"
    config.write_text(f'conflux_data_dir = "{folder}"\n')
    return Settings(
        server=server,
        node=node,
        name="alice",
        dir=str(folder / "agent"),
        token_file=str(token),
        interval_ms=1_000,
        config=str(config),
        planned_stop_file=str(folder / "agent" / "planned-stop.json"),
    )
