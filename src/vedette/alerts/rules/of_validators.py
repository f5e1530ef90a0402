"""What rules about validators share: a finding about one."""

from vedette.alerts.rules.subjects import validator_subject
from vedette.model.incident import Facts, Finding, Severity
from vedette.model.view import ValidatorView, View


def finding(
    rule: str, view: View, validator: ValidatorView, severity: Severity, facts: Facts, hold_ms: int = 0
) -> Finding:
    """What is wrong with a validator."""
    return Finding(
        key=f"{rule}/{validator.address}",
        rule=rule,
        team_id=validator.team_id,
        severity=severity,
        subject=validator_subject(view, validator),
        facts=facts,
        hold_ms=hold_ms,
    )
