"""One PoS account that nobody has seen yet, asked live; one that exists is remembered from then on."""

from functools import partial
from typing import Final

from vedette.conflux import pos
from vedette.conflux.wire import Garbled, RpcError
from vedette.model.pos import Account, PosAddress
from vedette.server.asking import Asking, Purse
from vedette.server.ears import Ears
from vedette.server.follower import Follower
from vedette.server.tip import Tips
from vedette.store import accounts
from vedette.store.database import Database

IDLE_MAX: Final = 100
"""Accounts that were looked up and never signed: an epoch's end asks for their stake as well."""


class NoAccountError(Exception):
    """The chain has no such account."""


class FullError(Exception):
    """So many idle accounts are remembered already that there is no room for another."""


class Lookups:
    """Asks for one account at a time."""

    def __init__(self, purse: Purse, follower: Follower, database: Database, ears: Ears, tips: Tips) -> None:
        self._purse = purse
        self._follower = follower
        self._database = database
        self._ears = ears
        self._tips = tips
        self._asking: Asking[Account] = Asking(ears)

    async def of(self, address: PosAddress) -> None:
        """Whoever that is, is known from now on. Raises NoAccountError, FullError, TooManyError, RpcError."""
        account = await self._asking.of(address, lambda: self._ask(address))
        if not account.exists:
            raise NoAccountError
        await self._remember(account)

    async def _ask(self, address: PosAddress) -> Account:
        self._purse.spend(1)
        (told,) = await self._follower.ask([(pos.ACCOUNT, (address,))])
        if isinstance(told, RpcError):
            raise told
        account = pos.account(told)
        if account.address != address:
            raise Garbled(f"{pos.ACCOUNT}: asked for {address}, told of {account.address}")
        return account

    async def _remember(self, account: Account) -> None:
        """Its stake is asked for again as each epoch ends, as of everybody who is known."""
        busy, at_ms = set((await self._tips.now()).last_signed), self._ears.now_ms()
        deed = partial(
            accounts.remember_looked_up, account=account, now_ms=at_ms, busy=busy, idle_max=IDLE_MAX
        )
        if not await self._database.write(deed):
            raise FullError
        self._tips.forget()
