"""Performance as JSON has it."""

from collections.abc import Mapping

from vedette.model.history import Of, OfNetwork
from vedette.model.performance import PPM, Fact, Figure, Performance, Why, explain
from vedette.server.api.history_shapes import CoverageShape, FactShape, Figures, PerformanceShape
from vedette.server.api.shapes import PerformanceSummary, WindowHeader
from vedette.server.standings import Standing

OVER_EXPECTED = "paid_over_expected_ppm"
IN_SUMMARY: Mapping[str, Figure] = {
    "vote_rate_ppm": Figure.VOTE_RATE_PPM,
    "served_epochs": Figure.SERVED_EPOCHS,
    "silent_epochs": Figure.SILENT_EPOCHS,
    "seats": Figure.SEAT_TERMS,
    "led_blocks": Figure.LED_BLOCKS,
    "reward_gdrip": Figure.REWARD_GDRIP,
    "loss_silent_gdrip": Figure.LOSS_SILENT_GDRIP,
    "apy_ppm": Figure.APY_PPM,
    "earned_ppm": Figure.EARNED_PPM,
}


def window_header(standing: Standing) -> WindowHeader:
    window, through_us = standing.window, standing.through_us
    return WindowHeader.model_validate(
        {
            "name": standing.name,
            "first_epoch": None if through_us is None else window.first_epoch,
            "last_epoch": None if through_us is None else window.last_epoch,
            "asked_epochs": window.asked_epochs,
            "known_epochs": window.known_epochs,
            "rewarded_epochs": window.network[OfNetwork.REWARDED_EPOCHS],
            "through_ms": None if through_us is None else through_us // 1000,
        }
    )


def summary(told: Performance) -> PerformanceSummary:
    """The line of a leaderboard."""
    over, why = paid_over_expected(told)
    unknown = {name: told.unknown[figure] for name, figure in IN_SUMMARY.items() if figure in told.unknown}
    if why is not None:
        unknown[OVER_EXPECTED] = why
    return PerformanceSummary.model_validate(
        {name: _as_json(figure, told.figures[figure]) for name, figure in IN_SUMMARY.items()}
        | {
            "score": told.figures[Figure.SCORE],
            "reason": told.unknown.get(Figure.SCORE),
            "staked_epochs": told.coverage.staked_epochs,
            OVER_EXPECTED: over,
            "unknown": unknown,
        }
    )


def paid_over_expected(told: Performance) -> tuple[int | None, Why | None]:
    """What was paid, of the fair share by stake: 1,000,000 is all of it; luck of elections moves it."""
    why = told.unknown.get(Figure.REWARD_FAIR_GDRIP)
    fair = told.sums[Of.FAIR_GDRIP]
    if why is not None or not fair:
        return None, why or Why.NOTHING_DUE
    return PPM * told.sums[Of.REWARD_STAKED_GDRIP] // fair, None


def _as_json(figure: Figure, value: int | None) -> int | str | None:
    return str(value) if value is not None and figure.endswith("_gdrip") else value


def detail(told: Performance, standing: Standing) -> PerformanceShape:
    """Everything that is told of one account."""
    coverage = told.coverage
    return PerformanceShape(
        address=told.address,
        window=window_header(standing),
        coverage=CoverageShape(**{name: getattr(coverage, name) for name in CoverageShape.model_fields}),
        figures=Figures.model_validate({each.value: _as_json(each, told.figures[each]) for each in Figure}),
        paid_over_expected_ppm=paid_over_expected(told)[0],
        unknown=dict(told.unknown),
        explain=[_fact(each) for each in explain(told)],
    )


def _fact(fact: Fact) -> FactShape:
    return FactShape(
        key=fact.key,
        value=_text(fact.value),
        why=fact.why,
        formula=fact.formula,
        inputs={name: _text(value) for name, value in fact.inputs.items()},
    )


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
