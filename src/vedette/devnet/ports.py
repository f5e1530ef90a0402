"""Free ports, below those that the kernel hands out to outgoing connections."""

import errno
import random
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from vedette.model.errors import SettingError

FIRST, END = 20_000, 32_000  # outgoing connections start at 32768
TRIES = 200


def free_ports(count: int) -> list[int]:
    """That many ports which nobody listens on, in one run.

    The start is drawn, so that two devnets made at the same moment hardly ever choose alike.
    """
    draw = random.SystemRandom()
    for _ in range(TRIES):
        first = draw.randrange(FIRST, END - count, 4)
        candidates = list(range(first, first + count))
        if not any(taken(candidates)):
            return candidates
    raise SettingError(f"no {count} free ports in a row between {FIRST} and {END}: stop what listens there")


def taken(ports: Iterable[int]) -> Iterator[int]:
    """Those of the ports that somebody listens on, on any address of this machine.

    Raises OSError for a port that cannot be had at all.
    """
    for port in ports:
        try:
            _bind("0.0.0.0", port)  # noqa: S104  # the node binds all addresses too
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            yield port


@contextmanager
def reserved(port: int) -> Iterator[None]:
    """Keep a port from whoever looks for free ones, until who it is for listens on it.

    Only its UDP is held: TCP stays to be had, and `taken` looks at both. Raises SettingError.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        try:
            held.bind(("0.0.0.0", port))  # noqa: S104  # as `taken` looks
        except OSError as error:
            raise SettingError(f"port {port} was taken in this moment: choose another") from error
        yield


def _bind(host: str, port: int) -> None:
    with ExitStack() as stack:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            listener = stack.enter_context(socket.socket(socket.AF_INET, kind))
            if kind is socket.SOCK_STREAM:
                # Connections of a process that just ended do not count; a listener still does.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
