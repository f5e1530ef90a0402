"""People and things that the store's tests speak of."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256

from vedette.model.incident import Incident, Severity, Subject, SubjectKind
from vedette.model.pos import Account, Committee, PosAddress, PosBlock
from vedette.model.report import PROTOCOL, Envelope, Live, Report
from vedette.store.database import Conn
from vedette.store.nodes import Delivery, agent_id, enroll

NOON = 1_700_000_400_000  # the start of a 10-minute window
TEN_S = 10_000


def account(name: str) -> PosAddress:
    return PosAddress("0x" + sha256(name.encode()).hexdigest())


ALICE, BOB, CAROL, DAVE = (account(name) for name in ("alice", "bob", "carol", "dave"))
FOUR = {ALICE: 10, BOB: 20, CAROL: 30, DAVE: 40}


def committee(epoch: int, votes: Mapping[PosAddress, int]) -> Committee:
    total = sum(votes.values())
    return Committee(epoch, total * 2 // 3 + 1, total, votes)


def block(
    height: int,
    signers: Iterable[PosAddress],
    *,
    epoch: int = 1,
    proposer: PosAddress | None = None,
    fork: str = "",
    votes: Mapping[PosAddress, int] = FOUR,
) -> PosBlock:
    return PosBlock(
        height=height,
        hash="0x" + sha256(f"{height}{fork}".encode()).hexdigest(),
        epoch=epoch,
        round=height,
        at_us=NOON * 1000 + height * 60_000_000,
        proposer=proposer,
        pivot_height=height * 60,
        last_tx_number=height,
        signers={address: votes.get(address, 1) for address in signers},
    )


def stake(address: PosAddress, height: int, locked: int) -> Account:
    return Account(address, height, locked, locked, (), (), 0, 0, None)


def report(seq: int, at_ms: int, **numbers: float) -> Report:
    told: dict[str, int | float] = {**numbers} or {"pow.latest_epoch": seq}
    return Report(seq, at_ms, told, {"node.sync_phase": "NormalSyncPhase"})


def envelope(agent: str, *reports: Report, spool: str = "spool001", live: Live | None = None) -> Envelope:
    return Envelope(PROTOCOL, agent, spool, NOON, TEN_S, live, list(reports))


async def enrolled(conn: Conn, name: str, team_id: int = 1) -> tuple[str, str]:
    """A node of this name; its id and its agent's."""
    key = sha256(name.encode()).digest()
    return await enroll(conn, team_id, key.hex(), name, "full", NOON), agent_id(key)


def delivery(node_id: str, told: Envelope, heard_at_ms: int = NOON, team_id: int = 1) -> Delivery:
    return Delivery(node_id, team_id, told, heard_at_ms, heard_at_ms + 30_000)


TROUBLE = Incident(
    id=0,
    key="node_down/ab12",
    rule="node_down",
    team_id=1,
    severity=Severity.WARNING,
    subject=Subject(SubjectKind.NODE, "ab12", "node one"),
    facts={"died_at_ms": NOON, "name": "node one", "share": 0.5},
    opened_at_ms=NOON,
)


def told(incident: Incident, at_ms: int = NOON) -> Incident:
    """The incident, one message later."""
    return replace(
        incident, told_at_ms=at_ms, told_severity=incident.severity, told_count=incident.told_count + 1
    )
