"""A port for a process that a test starts itself."""

from vedette.devnet.ports import free_ports


def free_port() -> int:
    """A port that nobody listens on just now, and that hardly anyone chooses at the same moment.

    It is none of those that the kernel deals out, of which other tests take hundreds a second.
    """
    (port,) = free_ports(1)
    return port
