"""One validator's past: how well it did, epoch by epoch, what it was paid, and what it held."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Response

from vedette.model.history import Of, OfNetwork
from vedette.model.pos import Account
from vedette.server.api import exports
from vedette.server.api.figures import detail
from vedette.server.api.history_shapes import (
    Balance,
    BalancePoint,
    PerformanceShape,
    RewardLine,
    Rewards,
    StakePoint,
    ValidatorEpoch,
    ValidatorEpochs,
)
from vedette.server.api.sent import LIVE
from vedette.server.api.shapes import Shape
from vedette.server.api.talk import (
    PAGE_ROWS,
    TABLE,
    Address,
    Before,
    Format,
    FromMs,
    Rooms,
    Rows,
    Span,
    ToMs,
    known,
    reply,
)
from vedette.server.problems import ProblemError
from vedette.store import accounts, economics, epochs, pages, rewards
from vedette.store.economics import Balance as Held
from vedette.store.epochs import EpochSpan
from vedette.store.pages import AccountEpoch

router = APIRouter(prefix="/validators/{address}", tags=["validators"])

DAY_MS: Final = 86_400_000
SPAN_MAX_MS: Final = 400 * DAY_MS
USUAL_SPAN_MS: Final = 30 * DAY_MS


@router.get("/performance", response_model=PerformanceShape)
async def validator_performance(address: Address, rooms: Rooms, span: Span = "24h") -> Response:
    """Every figure of one validator over a window, each with its formula."""
    one, _ = await known(address, rooms)
    standing = await rooms.standings.of(span)
    return reply(detail(standing.of(one), standing), LIVE)


# --- epochs -----------------------------------------------------------------------------------------------


@router.get("/epochs", response_model=ValidatorEpochs, responses=TABLE)
async def validator_epochs(
    address: Address, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """Epoch by epoch: votes, what it signed and led, and what it was paid; newest first."""
    one, _ = await known(address, rooms)

    async def page(before: int | None, limit: int) -> tuple[list[ValidatorEpoch], int | None]:
        async with rooms.database.read() as conn:
            lines = await pages.account_epochs(conn, one, before, limit)
            spans = await epochs.spans_between(conn, lines[-1].epoch, lines[0].epoch) if lines else {}
        shapes = [_epoch(line, spans[line.epoch]) for line in lines if line.epoch in spans]
        return shapes, lines[-1].epoch if len(lines) == limit else None

    if form != "json":
        return await exports.stream(rooms, form, f"epochs-{one}", ValidatorEpoch, page, before, limit)
    rows, next_before = await page(before, limit or PAGE_ROWS)
    return reply(ValidatorEpochs(epochs=rows, next_before=next_before), LIVE)


def _epoch(told: AccountEpoch, span: EpochSpan) -> ValidatorEpoch:
    line, network = told.line, told.network
    paid = network[OfNetwork.REWARDED_EPOCHS] > 0
    seats, due = line[Of.SEAT_EPOCHS], line[Of.COMMITTEE_DUE_GDRIP]
    due_known = paid and (due > 0 or not seats)  # payments may leave open what a seat was worth
    judged = seats > 0 and network[OfNetwork.KNOWN_BLOCKS] * 2 >= network[OfNetwork.BLOCKS] > 0
    return ValidatorEpoch(
        epoch=told.epoch,
        first_height=span.first_height,
        last_height=span.last_height,
        first_at_ms=span.first_at_us // 1000,
        last_at_ms=span.last_at_us // 1000,
        votes=seats,
        signed_blocks=line[Of.SIGNED_BLOCKS],
        known_blocks=network[OfNetwork.KNOWN_BLOCKS],
        blocks=network[OfNetwork.BLOCKS],
        led_blocks=line[Of.LED_BLOCKS],
        silent=line[Of.SILENT_EPOCHS] > 0 if judged else None,
        reward_gdrip=str(line[Of.REWARD_GDRIP]) if paid else None,
        expected_gdrip=str(line[Of.FAIR_GDRIP]) if line[Of.STAKED_EPOCHS] else None,
        due_gdrip=str(due) if due_known else None,
        lost_gdrip=str(line[Of.SILENT_LOSS_GDRIP]) if due_known else None,
        cumulative_gdrip=str(told.cumulative[Of.REWARD_GDRIP]),
    )


# --- rewards ----------------------------------------------------------------------------------------------


@router.get("/rewards", response_model=Rewards, responses=TABLE)
async def validator_rewards(
    address: Address, rooms: Rooms, before: Before = None, limit: Rows = None, form: Format = "json"
) -> Response:
    """What it was paid for each epoch, to the last Drip; newest first."""
    one, _ = await known(address, rooms)

    async def page(before: int | None, limit: int) -> tuple[list[RewardLine], int | None]:
        async with rooms.database.read() as conn:
            found = await rewards.payments_before(conn, one, before, limit)
        return [_reward(paid) for paid in found], found[-1].epoch if len(found) == limit else None

    if form != "json":
        return await exports.stream(rooms, form, f"rewards-{one}", RewardLine, page, before, limit)
    rows, next_before = await page(before, limit or PAGE_ROWS)
    async with rooms.database.read() as conn:
        home = (await accounts.pow_addresses(conn)).get(one)
    return reply(Rewards(pow_address=home, rewards=rows, next_before=next_before), LIVE)


def _reward(paid: rewards.Paid) -> RewardLine:
    return RewardLine(
        epoch=paid.epoch,
        reward_drip=str(paid.drip),
        pow_epoch=paid.pow_epoch,
        paid_at_ms=None if paid.paid_at_s is None else paid.paid_at_s * 1000,
    )


# --- balance ----------------------------------------------------------------------------------------------


class BalanceLine(Shape):
    """A row of the table of balances: a change of the one kind or of the other."""

    at_ms: int
    stake: StakePoint | None = None
    pow: BalancePoint | None = None


@router.get("/balance", response_model=Balance, responses=TABLE)
async def validator_balance(
    address: Address, rooms: Rooms, from_ms: FromMs = None, to_ms: ToMs = None, form: Format = "json"
) -> Response:
    """What it held over time, in PoS and at its PoW address; without times, the last 30 days."""
    one, _ = await known(address, rooms)
    end = to_ms if to_ms is not None else rooms.ears.now_ms()
    begin = from_ms if from_ms is not None else max(0, end - USUAL_SPAN_MS)
    if not 0 < end - begin <= SPAN_MAX_MS:
        raise ProblemError(422, "from_ms must lie before to_ms, by at most 400 days")
    async with rooms.database.read() as conn:
        stake = [_stake(*point) for point in await accounts.stake_history(conn, one, begin, end)]
        held = [_held(point) for point in await economics.balances(conn, one, begin, end)]
        home = (await accounts.pow_addresses(conn)).get(one)
    if form != "json":
        return await exports.rows(rooms, form, f"balance-{one}", BalanceLine, _merged(stake, held))
    return reply(Balance(from_ms=begin, to_ms=end, pow_address=home, stake=stake, pow=held), LIVE)


def _merged(stake: Sequence[StakePoint], held: Sequence[BalancePoint]) -> list[BalanceLine]:
    lines = [BalanceLine(at_ms=one.at_ms, stake=one) for one in stake]
    lines += [BalanceLine(at_ms=one.at_ms, pow=one) for one in held]
    return sorted(lines, key=lambda line: line.at_ms)


def _stake(at_ms: int, account: Account) -> StakePoint:
    return StakePoint(
        at_ms=at_ms,
        height=account.height,
        available_votes=account.available_votes,
        locked_votes=account.locked_votes,
        in_queue_votes=sum(queued.votes for queued in account.in_queue),
        out_queue_votes=sum(queued.votes for queued in account.out_queue),
        unlocked_votes=account.unlocked_votes,
        forfeited_votes=account.forfeited_votes,
        force_retired_height=account.force_retired_height,
    )


def _held(point: Held) -> BalancePoint:
    return BalancePoint(
        at_ms=point.at_ms, balance_drip=str(point.balance_drip), staking_drip=str(point.staking_drip)
    )
