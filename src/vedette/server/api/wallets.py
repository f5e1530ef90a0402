"""What a wallet has in the pools, asked live. Nobody keeps the answer but the server, for a minute."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Response

from vedette.conflux.address import AddressError
from vedette.conflux.wire import Unreachable
from vedette.model.pool import KnownPool, PoolQueued, PoolStake
from vedette.model.pool_performance import pow_wait_ms
from vedette.server.api.pool_shapes import UntoldPool, WalletPool, WalletQueued, WalletShape
from vedette.server.api.talk import Rooms, reply
from vedette.server.asking import TooManyError
from vedette.server.problems import ProblemError
from vedette.server.wallets import OtherNetworkError, Wallet

router = APIRouter(prefix="/wallets", tags=["pools"])

WalletAddress = Annotated[
    str,
    Path(
        max_length=120,
        description="Core Space address (CIP-37) of whoever staked",
        examples=["cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg"],
    ),
]


@router.get("/{address}", response_model=WalletShape)
async def one_wallet(address: WalletAddress, rooms: Rooms) -> Response:
    """Its votes, its interest, and when its votes come free, in every pool that is listed."""
    return reply(shape_of(await _asked(address, rooms)))


async def _asked(address: str, rooms: Rooms) -> Wallet:
    try:
        return await rooms.wallets.of(address)
    except (AddressError, OtherNetworkError) as error:
        raise ProblemError(422, f"address: {error}") from error
    except TooManyError as error:
        line = f"Too many wallets are being asked about; try again in {error.retry_after_s} s."
        raise ProblemError(429, line, {"Retry-After": str(error.retry_after_s)}) from error
    except Unreachable as error:
        line = "No endpoint answers now, so no pool can be asked; try again in a minute."
        raise ProblemError(503, line) from error


def shape_of(wallet: Wallet) -> WalletShape:
    rows = [_pool(pool, stake, wallet) for pool, stake in wallet.stakes]
    return WalletShape(
        address=wallet.address,
        at_ms=wallet.at_ms,
        block_number=wallet.block_number,
        votes=sum(row.votes for row in rows),
        interest_drip=str(sum(stake.interest_drip or 0 for _, stake in wallet.stakes)),
        asked_pools=wallet.asked_count,
        pools=rows,
        untold=[
            UntoldPool(contract=pool.contract, name=pool.listed_name, why=why) for pool, why in wallet.untold
        ],
    )


def _pool(pool: KnownPool, stake: PoolStake, wallet: Wallet) -> WalletPool:
    summary = stake.summary
    assert summary is not None  # those that do not tell are `untold`
    return WalletPool(
        contract=pool.contract,
        name=pool.listed_name,
        pos_address=pool.pos_address,
        votes=summary.votes,
        available_votes=summary.available_votes,
        locked_votes=summary.locked_votes,
        unlocked_votes=summary.unlocked_votes,
        interest_drip=None if stake.interest_drip is None else str(stake.interest_drip),
        claimed_drip=str(summary.claimed_drip),
        locking=_queue(stake.in_queue, wallet),
        unlocking=_queue(stake.out_queue, wallet),
    )


def _queue(queue: Sequence[PoolQueued] | None, wallet: Wallet) -> list[WalletQueued] | None:
    if queue is None:
        return None
    return [
        WalletQueued(votes=one.votes, end_block=one.end_block, at_ms=_at_ms(one.end_block, wallet))
        for one in queue
    ]


def _at_ms(block: int, wallet: Wallet) -> int:
    """About when that block is; what has ended is now."""
    return wallet.at_ms + (pow_wait_ms(block - wallet.block_number) or 0)
