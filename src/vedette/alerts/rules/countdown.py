"""What several rules ask of the chain's clock: where it is, and when something will be."""

from vedette.model.forecast import Pace, epoch_last_height
from vedette.model.view import NetworkView, View

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


def pace_of(network: NetworkView) -> Pace | None:
    """Where the chain is and how fast it goes; None while any of it is not known."""
    epoch, height, last = network.epoch, network.height, network.epoch_last_height
    term, interval = network.term_blocks, network.block_interval_ms
    if epoch is None or height is None or last is None or term is None or interval is None:
        return None
    if height > last and term > 0:  # the end was told before the newest block, which is of a later epoch
        last = epoch_last_height(height, last, term)
    return Pace(epoch, height, last, term, interval)


def whole_minute(view: View, left_ms: int) -> int:
    """The moment so far ahead, to the minute before: an estimate that steps less is read more easily."""
    at_ms = view.now_ms + left_ms
    return at_ms - at_ms % MINUTE_MS
