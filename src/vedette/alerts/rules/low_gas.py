"""The account that would have to act for a validator cannot pay for a transaction.

After a forced retirement somebody must stake anew, and a stake can only leave, by a transaction of the
owner's PoW account (for a pool: of its owner's). Without some CFX for gas it cannot, when it must.
Contracts pay for nothing, so an owner that is one is not judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vedette.alerts.rules.of_validators import finding
from vedette.alerts.rules.rule import Ask, Limit, Rule
from vedette.model.incident import Finding, Incident, Severity, SubjectKind
from vedette.model.pos import PosAddress
from vedette.model.view import ValidatorView, View

NAME = "low_gas"
DRIP_PER_CFX, GDRIP = 10**18, 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class LowGasLimit(Limit):
    """How much must be there. A registration costs some thousandths of a CFX, and collateral for storage."""

    loudest: Severity = Severity.WARNING
    least_cfx: float = 1.0
    over_percent: int = 150  # of the least: over
    hold_ms: int = 660_000  # the balance is asked for each ten minutes: two answers


def judge(view: View, ask: Ask[LowGasLimit]) -> Iterator[Finding]:
    """An owner has too little to pay for transactions."""
    for validator in view.validators.values():
        limit, held = ask(validator.address), validator.gas_drip
        if held is not None and held < limit.least_cfx * DRIP_PER_CFX:
            yield _finding(view, validator, held, limit)


def ending(incident: Incident, view: View, limit: LowGasLimit) -> str | None:
    """There is enough; None: not known."""
    validator = view.validators.get(PosAddress(incident.subject.id))
    if validator is None:
        return "not_watched"
    held = validator.gas_drip
    enough = held is not None and 100 * held >= limit.over_percent * limit.least_cfx * DRIP_PER_CFX
    return "enough" if enough else None


def _finding(view: View, validator: ValidatorView, held_drip: int, limit: LowGasLimit) -> Finding:
    facts: dict[str, str | int | float] = {
        "balance_cfx": f"{held_drip / DRIP_PER_CFX:.4f}",
        "least_cfx": f"{limit.least_cfx:g}",
        "value": held_drip // GDRIP,
        "limit": round(limit.least_cfx * DRIP_PER_CFX / GDRIP),
        "measure": "gdrip",
    }
    if validator.pow_address is not None:
        facts["pow_address"] = validator.pow_address
    return finding(NAME, view, validator, Severity.WARNING, facts, limit.hold_ms)


rule = Rule(
    name=NAME,
    about=SubjectKind.VALIDATOR,
    limit=LowGasLimit,
    judge=judge,
    ending=ending,
    remind_ms=86_400_000,
)
