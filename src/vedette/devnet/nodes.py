"""One node of a devnet: where it lives and how to reach it."""

from pathlib import Path

import msgspec


class Ports(msgspec.Struct, frozen=True):
    """Those of peers, the public RPC and eSpace listen on 0.0.0.0, for a node has no other way."""

    p2p: int
    http: int
    ws: int
    local_http: int
    local_ws: int
    espace_http: int
    espace_ws: int
    metrics: int

    def all(self) -> tuple[int, ...]:
        return msgspec.structs.astuple(self)


PORTS_PER_NODE = len(Ports.__struct_fields__)


class Urls(msgspec.Struct, frozen=True):
    """The public port answers cfx, txpool, pubsub and pos; the local one everything, debug and test too."""

    public: str
    local: str
    ws: str
    local_ws: str
    espace: str
    espace_ws: str
    metrics: str


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """One validator, or one that may register as such. `pid` is None while it does not run."""

    index: int
    dir: Path
    ports: Ports
    pos_address: str  # 0x and 64 hex digits
    pow_address: str  # base32, of the account that holds its stake
    node_id: str  # 128 hex digits, its name among peers
    in_genesis: bool
    pid: int | None = None

    @property
    def urls(self) -> Urls:
        ports = self.ports
        return Urls(
            public=f"http://127.0.0.1:{ports.http}",
            local=f"http://127.0.0.1:{ports.local_http}",
            ws=f"ws://127.0.0.1:{ports.ws}",
            local_ws=f"ws://127.0.0.1:{ports.local_ws}",
            espace=f"http://127.0.0.1:{ports.espace_http}",
            espace_ws=f"ws://127.0.0.1:{ports.espace_ws}",
            metrics=f"http://127.0.0.1:{ports.metrics}/metrics",
        )

    @property
    def peer_url(self) -> str:
        return f"cfxnode://{self.node_id}@127.0.0.1:{self.ports.p2p}"

    @property
    def planned_stop_file(self) -> Path:
        return self.dir / "planned-stop.json"

    @property
    def output_file(self) -> Path:
        """What the process wrote to stdout and stderr: a panic ends up here."""
        return self.dir / "stdout.log"
