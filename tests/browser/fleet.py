"""Nodes of every kind and condition for the stage, with figures as mainnet has them, and their past."""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, field

from vedette.server.api import shapes

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
GIB = 1 << 30
WINDOWS_DAYS = {"24h": 1, "7d": 7, "30d": 30, "365d": 365, "all": 420}
LAYERS = ("execution", "pow", "pos", "validator")
Layer = tuple[str, str, dict[str, float]]
WELL: dict[str, Layer] = {
    "execution": ("healthy", "execution_near", {"lag": 5, "limit": 50}),
    "pow": ("healthy", "pow_near", {"lag": 1, "limit": 100}),
    "pos": ("healthy", "pos_near", {"lag": 0, "limit": 5}),
    "validator": ("healthy", "signing", {"unsigned_blocks": 0, "limit_blocks": 10}),
}
ORDER = ("down", "forked", "zombie", "stalled", "lagging", "syncing", "unknown", "healthy")


@dataclass(frozen=True)
class Actor:
    """One node of the scene: what differs from a node that is well."""

    name: str
    role: str
    state: str = "up"
    layers: dict[str, Layer] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    version: str = "conflux-rust/v3.0.2-1e2b7a4-20260301/x86_64-linux-gnu/rustc1.77.2"
    endpoint: dict[str, object] | None = None
    heard_ago_ms: int = 2_000
    place: tuple[str, str | None, float | None, float | None] | None = None
    group: str | None = None
    labels: tuple[str, ...] = ()


def every(state: str, reason: str, figures: dict[str, float] | None = None) -> dict[str, Layer]:
    return dict.fromkeys(LAYERS, (state, reason, figures or {}))


CLIMB = {"lag_epochs": 1_204_331, "progress_ratio": 0.9915, "eta_seconds": 20_940, "sync.step": 3}
NOT_MEMBER: dict[str, Layer] = {"validator": ("healthy", "not_member", {})}
UNTOLD: dict[str, Layer] = {"validator": ("unknown", "membership_unknown", {})}


def watched(state: str, reason: str | None, lag: int, **other: object) -> dict[str, object]:
    methods = [("cfx_getStatus", 48, 96), ("pos_getStatus", 51, 130), ("cfx_getBlockByEpochNumber", 62, 240)]
    return {
        "space": "core",
        "state": state,
        "reason": reason,
        "references": 3,
        "lag_epochs": lag,
        "lag_blocks": 0,
        "pivot_agrees": True,
        "pivot_epoch": 142_379_952,
        "latencies": [{"method": name, "p50_ms": half, "p95_ms": most} for name, half, most in methods],
        "tls_days": 61,
        "websocket_ms": 412,
        "archive": None,
        "archive_epoch": None,
        "interval_ms": 10_000,
    } | other


FRANKFURT = ("DE", "Frankfurt am Main", 50.11, 8.68)
SINGAPORE = ("SG", "Singapore", 1.29, 103.85)
CAST = (
    Actor("fra-voter-1", "voter", place=FRANKFURT, group="Europe", labels=("pool", "rack-7")),
    Actor(
        "hel-voter-2",
        "voter",
        place=("FI", "Helsinki", 60.17, 24.94),
        group="Europe",
        labels=("pool",),
        layers={
            "validator": (
                "zombie",
                "voting_not_signing",
                {"unsigned_blocks": 14, "limit_blocks": 10, "guard_age_seconds": 455, "limit_seconds": 300},
            )
        },
        numbers={
            "guard.age_seconds": 455,
            "peers.deaf_count": 6,
            "log.stuck.hour_count": 2,
            "log.mempool_timeout.hour_count": 17,
        },
        states={
            "log.stuck.severity": "critical",
            "log.stuck.line": "2026-11-29T08:12:44 epoch_manager: no vote in round 41; idle for 186 s",
            "log.mempool_timeout.severity": "warning",
            "log.mempool_timeout.line": "2026-11-29T08:13:02 mempool timed out after 500 ms",
        },
    ),
    Actor(
        "sgp-backup-1",
        "backup",
        place=SINGAPORE,
        group="Asia",
        state="syncing",
        layers=every("syncing", "sync_phase", CLIMB),
        numbers={"sync.step": 3, "pow.latest_epoch": 141_175_600, "pow.epochs_per_second": 58.7},
        states={"node.sync_phase": "CatchUpSyncBlockHeader", "sync.source": "rpc"},
    ),
    Actor(
        "sgp-archive-1",
        "archive",
        place=SINGAPORE,
        group="Asia",
        state="syncing",
        layers=every("syncing", "sync_phase", {"sync.step": 2, "sync.recovered_height": 139_830_112}),
        numbers={
            "sync.step": 2,
            "sync.recovered_height": 139_830_112,
            "sync.recovered_per_second": 842.0,
            "disk.data.used_bytes": 3_480 * GIB,
            "disk.data.total_bytes": 3_725 * GIB,
            "disk.data.seconds_to_full": 3.4 * 86_400,
        },
        states={"sync.source": "log", "sync.log_phase": "CatchUpCheckpoint"},
    ),
    Actor(
        "nyc-full-1",
        "full",
        place=("US", "New York", 40.71, -74.01),
        layers={
            **NOT_MEMBER,
            "pow": ("lagging", "pow_behind", {"lag": 164, "limit": 100}),
        },
        version="conflux-rust/v2.4.0-71f5fbf-20250301/x86_64-linux-gnu/rustc1.77.2",
        numbers={"host.clock.offset_ms": -341, "host.clock.synchronised": 0},
        states={"node.exposed": "debug, test, local port"},
    ),
    Actor(
        "gru-full-2", "full", state="silent", layers=every("unknown", "agent_silent"), heard_ago_ms=431_000
    ),
    Actor(
        "ams-full-3",
        "full",
        state="down",
        layers=every("down", "process_gone"),
        place=("NL", "Amsterdam", 52.37, 4.9),
    ),
    Actor("fra-full-4", "full", layers=NOT_MEMBER, place=FRANKFURT),
    Actor(
        "public-main",
        "rpc",
        layers=UNTOLD,
        version="conflux-rust/v3.0.2",
        numbers={"endpoint.lag_epochs": -2},
        endpoint=watched("healthy", None, -2),
    ),
    Actor(
        "archive-eu",
        "archive",
        layers={**UNTOLD, "pow": ("lagging", "pow_far_behind", {"lag": 712, "limit": 600})},
        version="conflux-rust/v3.0.1",
        numbers={"endpoint.lag_epochs": 712},
        endpoint=watched(
            "lagging",
            "712 epochs behind the references",
            712,
            tls_days=9,
            archive="agrees",
            archive_epoch=61_220_417,
        ),
    ),
)


def address(name: str) -> str:
    return "0x" + hashlib.sha256(name.encode()).hexdigest()


def machine(latest: int, height: int) -> dict[str, float]:
    """A node's numbers where all is well."""
    return {
        "pow.latest_epoch": latest,
        "pow.state_epoch": latest - 5,
        "pow.confirmed_epoch": latest - 48,
        "pow.finalized_epoch": latest - 331,
        "pow.execution_lag_epochs": 5,
        "pow.confirm_lag_epochs": 48,
        "pow.finality_gap_epochs": 331,
        "pow.retained_epochs": 101_200,
        "pos.epoch": height // 60,
        "pos.committed_height": height,
        "pos.voted_height": height + 2,
        "pos.uncommitted_blocks": 2,
        "peers.all_count": 34,
        "peers.outgoing_count": 16,
        "peers.incoming_count": 18,
        "peers.deaf_count": 0,
        "peers.unready_count": 1,
        "host.cpu.used_ratio": 0.31,
        "host.cpu.cores_count": 8,
        "host.cpu.iowait_ratio": 0.021,
        "host.load_1m": 1.82,
        "host.memory.used_bytes": 11.4 * GIB,
        "host.memory.total_bytes": 31.2 * GIB,
        "host.disk.used_bytes": 612 * GIB,
        "host.disk.total_bytes": 931 * GIB,
        "host.disk.used_ratio": 612 / 931,
        "host.clock.offset_ms": 0.4,
        "host.clock.synchronised": 1,
        "disk.data.used_bytes": 612 * GIB,
        "disk.data.total_bytes": 931 * GIB,
        "disk.data.seconds_to_full": 74 * 86_400,
        "disk.log.used_bytes": 11 * GIB,
        "disk.log.total_bytes": 49 * GIB,
        "process.rss_bytes": 7.9 * GIB,
        "process.cpu.used_cores": 0.74,
        "process.open_files_count": 1203,
        "process.up_seconds": 86_400 * 12 + 4_000,
        "process.restarts_count": 1,
        "process.running": 1,
        "guard.age_seconds": 21,
        "guard.epoch": height // 60,
        "guard.last_voted_round": 34,
        "agent.rss_bytes": 31 << 20,
        "log.new_epoch.hour_count": 1,
        "log.read_bytes": 41_200,
        "probe.pow.ms": 1.7,
    }


TEXTS = {
    "process.state": "running",
    "host.os": "Debian GNU/Linux 12",
    "agent.version": "0.0.1",
    "node.config.node_type": "full",
    "node.config.started_as_voter": "true",
    "node.binary.path": "/opt/conflux/conflux",
    "node.exposed": "nothing",
    "guard.file": "present",
    "disk.data.path": "/var/lib/conflux/blockchain_data",
    "disk.log.path": "/var/log/conflux",
    "log.new_epoch.severity": "info",
    "log.new_epoch.line": "2026-11-29T08:01:17 diem_consensus::epoch_manager: start of epoch 4212",
}


def layer(given: Layer) -> dict[str, object]:
    state, reason, figures = given
    return {"state": state, "reason": reason, "figures": figures, "since_ms": None}


def place(actor: Actor) -> dict[str, object] | None:
    if actor.place is None:
        return None
    country, city, latitude, longitude = actor.place
    return {
        "country": country,
        "city": city,
        "latitude": latitude,
        "longitude": longitude,
        "source": "operator" if actor.group else "address",
        "hosting": None,
    }


def outside(latest: int, height: int) -> dict[str, float]:
    """What an endpoint tells."""
    told = {name: n for name, n in machine(latest, height).items() if name.startswith(("pow.", "pos."))}
    return told | {"rpc.cfx_get_status.p95_ms": 96, "rpc.pos_get_status.p95_ms": 130}


def node(index: int, height: int, latest: int, at_ms: int) -> shapes.Node:
    """The cast's node of that number, as it is now."""
    actor = CAST[index]
    layers = {**WELL, **actor.layers}
    agent = actor.endpoint is None
    numbers = machine(latest, height) if agent else outside(latest, height)
    gone = actor.state == "down"
    return shapes.Node.model_validate(
        {
            "id": f"n000000{index}",
            "revoked_at_ms": None,
            "name": actor.name,
            "kind": "agent" if agent else "endpoint",
            "role": actor.role,
            "state": actor.state,
            "since_ms": at_ms - 134_000 if gone else at_ms - DAY_MS,
            "heard_at_ms": at_ms - actor.heard_ago_ms,
            "due_at_ms": at_ms + 13_000,
            "planned_stop_until_ms": None,
            "pos_address": address(f"node{index}") if actor.role == "voter" else None,
            "version": actor.version,
            "sync_phase": actor.states.get("node.sync_phase", "NormalSyncPhase"),
            "voting": True if actor.role == "voter" else None,
            "numbers": numbers | actor.numbers,
            "states": {**(TEXTS if agent else {}), **actor.states}
            | ({"process.state": "gone"} if gone else {}),
            "failures": [],
            "endpoint": actor.endpoint,
            "incidents": [],
            "labels": list(actor.labels),
            "group": actor.group,
            "is_public": False,
            "publish": "nothing",
            "place": place(actor),
            "health": {
                "state": min((one[0] for one in layers.values()), key=ORDER.index),
                **{name: layer(layers[name]) for name in LAYERS},
            },
        }
    )


def told(node: dict[str, object], said: dict[str, object]) -> dict[str, object]:
    """The node as its operator calls it."""
    given = said.get("place")
    there = {"city": None, "latitude": None, "longitude": None, "hosting": None, "source": "operator"}
    return node | said | ({"place": there | given} if isinstance(given, dict) else {})


# --- the fleet as a whole


def world_map(nodes: list[shapes.Node]) -> shapes.WorldMap:
    """The cast by place; a country alone stands in its middle."""
    middle = {"BR": (-10.8, -53.1), "CA": (61.4, -98.3)}
    found: dict[tuple[str, str | None], list[shapes.Node]] = {}
    for one in nodes:
        if one.place:
            found.setdefault((one.place.country, one.place.city), []).append(one)
    return shapes.WorldMap.model_validate(
        {
            "places": [
                {
                    "country": country,
                    "city": city,
                    "latitude": there[0].place.latitude or middle.get(country, (0, 0))[0],  # type: ignore[union-attr]  # placed
                    "longitude": there[0].place.longitude or middle.get(country, (0, 0))[1],  # type: ignore[union-attr]  # placed
                    "nodes": len(there),
                    "voting_nodes": len([one for one in there if one.role == "voter"]),
                    "up": len([one for one in there if one.state in {"up", "syncing"}]),
                    "releases": Counter(release(one) for one in there),
                    "names": [one.name for one in there],
                }
                for (country, city), there in found.items()
            ],
            "unplaced": len([one for one in nodes if one.place is None]),
            "data": {"source": "DB-IP", "as_of": "2026-11-01"},
        }
    )


def release(node: shapes.Node) -> str:
    return (node.version or "").removeprefix("conflux-rust/v").split("-")[0]


def versions(nodes: list[shapes.Node]) -> shapes.Versions:
    """Three releases; one node is not ready for the coming fork, and two were not for the last."""
    seats = {"3.0.2": 141, "3.0.1": 0, "2.4.0": 0}
    fork = {"pow_epoch": None, "pos_height": None, "when": None, "activates_at_ms": None, "unknown_nodes": 0}
    told = [one for one in nodes if release(one)]

    def readiness(needs: str) -> dict[str, object]:
        late = [one for one in told if release(one) < needs]
        return {
            "version": needs,
            "ready_nodes": len(told) - len(late),
            "not_ready_nodes": len(late),
            "ready_seats": 141,
            "not_ready_seats": 0,
            "not_ready": [{"id": one.id, "name": one.name, "release": release(one)} for one in late],
        }

    return shapes.Versions.model_validate(
        {
            "releases": [
                {
                    "release": name,
                    "nodes": len([one for one in told if release(one) == name]),
                    "voting_nodes": len(
                        [one for one in told if release(one) == name and one.role == "voter"]
                    ),
                    "seats": held,
                    "seats_ppm": held * 1_000_000 // 300,
                }
                for name, held in seats.items()
            ],
            "unknown_nodes": 1,
            "seats_known": 141,
            "seats_total": 300,
            "forks": [
                fork | {"name": "v2.4", "pow_epoch": 119_800_000, "state": "past", **readiness("2.4.0")},
                fork | {"name": "CIP-156", "pow_epoch": 138_000_000, "state": "past", **readiness("3.0.0")},
                fork
                | {"name": "v3.1", "pos_height": 1_780_000, "when": "2027-01", "state": "next"}
                | {"activates_at_ms": time.time_ns() // 1_000_000 + 34 * DAY_MS, **readiness("3.0.2")},
            ],
            "data_as_of": "2026-11-20",
        }
    )


# --- the past


def availability(node_id: str, window: str, at_ms: int, *, hourly: bool) -> shapes.Availability:
    """Up, but for four outages, a night that nobody told of, and the time before its enrolment."""
    days = WINDOWS_DAYS[window]
    cell_ms = HOUR_MS if days <= 7 or hourly else DAY_MS
    begin = (at_ms - days * DAY_MS) // cell_ms * cell_ms
    times = list(range(begin, at_ms, cell_ms))
    process = [cell(at, min(at + cell_ms, at_ms), at_ms, rpc=False) for at in times]
    rpc = [cell(at, min(at + cell_ms, at_ms), at_ms, rpc=True) for at in times]
    return shapes.Availability.model_validate(
        {
            "node_id": node_id,
            "window": window,
            "from_ms": begin,
            "to_ms": at_ms,
            "cell_ms": cell_ms,
            "cells_at_ms": times,
            "process": uptime(process),
            "rpc": uptime(rpc),
        }
    )


def cell(begin: int, end: int, now: int, *, rpc: bool) -> tuple[int, int, int]:
    """Milliseconds up, down and unknown."""
    slack = 200_000 if rpc else 0
    down = sum(
        shared(begin, end, now - int(days * DAY_MS), int(hours * HOUR_MS) + slack)
        for days, hours in ((0.3, 0.6), (4.2, 2.4), (19.6, 30.0), (140.0, 5.0))
    )
    unknown = shared(begin, end, now - int(11.5 * DAY_MS), 20 * HOUR_MS)
    unknown += shared(begin, end, 0, now - 290 * DAY_MS)
    return end - begin - down - unknown, down, unknown


def shared(begin: int, end: int, other: int, lasts: int) -> int:
    return max(0, min(end, other + lasts) - max(begin, other))


def uptime(cells: list[tuple[int, int, int]]) -> dict[str, object]:
    up, down, unknown = (sum(column) for column in zip(*cells, strict=True))
    return {
        "up_ms": up,
        "down_ms": down,
        "unknown_ms": unknown,
        "up_ppm": up * 1_000_000 // (up + down) if up + down else None,
        "cells_up_ms": [one[0] for one in cells],
        "cells_down_ms": [one[1] for one in cells],
        "cells_unknown_ms": [one[2] for one in cells],
    }


def states(node_id: str, names: list[str], from_ms: int, to_ms: int) -> shapes.States:
    """Three releases in the last year; a night in which nobody told."""
    runs: dict[str, list[tuple[int, str | None]]] = {
        "node.release": [
            (from_ms, None),
            (to_ms - 290 * DAY_MS, "2.4.0"),
            (to_ms - 131 * DAY_MS, "3.0.1"),
            (to_ms - 90 * DAY_MS, None),
            (to_ms - 89 * DAY_MS, "3.0.1"),
            (to_ms - 47 * DAY_MS, "3.0.2"),
        ]
    }
    return shapes.States(
        node_id=node_id,
        from_ms=from_ms,
        to_ms=to_ms,
        step_ms=DAY_MS,
        states={name: runs.get(name, []) for name in names},
        available=["node.release"],
    )
