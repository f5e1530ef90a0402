"""What starting needed and living does not is given back to the machine: two megabytes of forty."""

import ctypes
import gc


def give_back() -> None:
    """Where the C library can (musl cannot)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
