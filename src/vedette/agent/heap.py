"""What starting needed and living does not is given back to the machine, and threads share what they need."""

import ctypes
import gc

M_ARENA_MAX = -8
"""As mallopt(3) of the GNU C library counts its parameters."""


def share() -> None:
    """One heap for all threads, which take turns anyway; called before there are any."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(M_ARENA_MAX, 1)


def give_back() -> None:
    """Where the C library can (musl cannot)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
