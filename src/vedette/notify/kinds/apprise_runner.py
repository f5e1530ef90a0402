"""A process that lets apprise send one message, and judges every address at the moment of connecting to it.

`python -m vedette.notify.kinds.apprise_runner`: one order on its input, one word on its output.
"""

import ipaddress
import socket
import sys
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

Answer = Literal["sent", "failed", "refused", "unknown_url", "no_library"]

CONNECTS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"})
STARTS: Final = frozenset(
    {
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
        "os.startfile",
        "pty.spawn",
    }
)
ADDRESS_AT: Final = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What to send, whereto, and which private networks it may reach; None: all."""

    url: str = field(repr=False)
    title: str
    body: str
    type: str
    allowed: list[str] | None


class Watchman:
    """Sees what this process does, and forbids what leads where it may not go. It stays."""

    def __init__(self, allowed: list[str] | None) -> None:
        from vedette.notify.targets import is_public

        self._is_public = is_public
        self._any = allowed is None
        self._allowed = [ipaddress.ip_network(one) for one in allowed or []]
        self.refused = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event in STARTS or (event in CONNECTS and not self._may(args)):
            self.refused = True
            raise PermissionError(event)

    def _may(self, args: tuple[Any, ...]) -> bool:
        place = args[ADDRESS_AT] if len(args) > ADDRESS_AT else None
        if args[0].family not in (socket.AF_INET, socket.AF_INET6):
            return False  # a socket of this machine
        if not isinstance(place, tuple):
            return False
        try:
            address = ipaddress.ip_address(place[0])
        except ValueError:
            return False  # a name, which would be looked up behind our back
        return self._any or self._is_public(address) or any(address in one for one in self._allowed)


def run(order: Order) -> Answer:
    try:
        import apprise
    except ImportError:
        return "no_library"
    asset = apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY, async_mode=False)
    asset.http_redirects = False
    watchman = Watchman(order.allowed)
    service = apprise.Apprise.instantiate(order.url, asset=asset, suppress_exceptions=True)
    if service is None:
        return "unknown_url"
    service.redirects = False  # whatever the URL says
    sys.addaudithook(watchman)
    carrier = apprise.Apprise(asset=asset)
    carrier.add(service)
    sent = carrier.notify(
        body=order.body, title=order.title, notify_type=order.type, body_format=apprise.NotifyFormat.TEXT
    )
    if watchman.refused:
        return "refused"
    return "sent" if sent else "failed"


def main() -> None:
    sys.dont_write_bytecode = True
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(run(order)))


if __name__ == "__main__":
    main()
