"""Claims of validators: whom the chain lets sign, what they sign, and whether it still names them.

Who may sign is asked live: what was read of rewards long ago may be another owner's. A claim is looked at
again each hour, and lapses while the chain names somebody else; nothing told changes nothing.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from vedette.conflux import address as core_space
from vedette.conflux import networks, owners, signatures
from vedette.conflux.signatures import SignatureError
from vedette.conflux.wire import RpcError, Unreachable
from vedette.model.claims import CHALLENGE_MS, Challenge, Claim, Signer, challenge_text
from vedette.model.errors import VedetteError
from vedette.model.people import Who
from vedette.model.pos import PosAddress
from vedette.server.asking import Asking, Purse
from vedette.server.ears import Ears
from vedette.server.follower import Follower
from vedette.server.loops import Failures
from vedette.store import claims, profiles
from vedette.store.claims import Shown
from vedette.store.database import Database

log = logging.getLogger(__name__)

EACH_MS: Final = 3_600_000
PAUSE_MS: Final = 1_000
"""Between two claims that are looked at again: an endpoint has better things to do."""
SHOWN_MS: Final = 60_000
"""Another server of the same database may have changed what is shown."""


class UnboundError(Exception):
    """The chain's register knows no such validator."""


class NobodyError(VedetteError):
    """Nobody can sign for a validator; the line says why."""


class OverError(Exception):
    """There is no such challenge, or not any more."""


class Claims:
    """Makes challenges, takes their signatures, and knows what the public is told."""

    def __init__(self, site: str, purse: Purse, follower: Follower, database: Database, ears: Ears) -> None:
        self._site = site
        self._purse = purse
        self._follower = follower
        self._database = database
        self._ears = ears
        self._asking: Asking[tuple[Signer, ...]] = Asking(ears)
        self._shown: tuple[int, Mapping[PosAddress, Shown]] | None = None
        self._changes = 0

    # --- proving

    async def challenge(self, who: Who, validator: PosAddress) -> tuple[Challenge, dict[str, Any]]:
        """A text to be signed by the validator's owner, and the same as typed data.

        Raises UnboundError, NobodyError, TooManyError, RpcError.
        """
        chain_id = self._chain_id()
        found = await self._asking.of(validator, lambda: self._ask(validator, chain_id))
        now_ms = self._ears.now_ms()
        expires_at_ms = now_ms + CHALLENGE_MS
        async with self._database.read() as conn:
            team = await profiles.profile(conn, who)
        assert who.team_id is not None  # only an owner gets here
        assert team is not None
        network = _network_name(chain_id)
        nonce = secrets.token_hex(16)
        text = challenge_text(validator, network, team.name, self._site, nonce, expires_at_ms)
        one = Challenge(secrets.token_hex(16), who.team_id, validator, text, found, expires_at_ms)
        await self._database.write(partial(claims.ask, one=one, who=who, now_ms=now_ms))
        return one, signatures.typed_data(text, chain_id)

    async def prove(self, who: Who, challenge_id: str, signature: str) -> Claim:
        """Take a challenge's signature: its validator is the team's from now on.

        Raises OverError, SignatureError, Unreachable.
        """
        now_ms = self._ears.now_ms()
        async with self._database.read() as conn:
            one = await claims.challenge(conn, who, challenge_id, now_ms)
        if one is None:
            raise OverError
        # The curve in plain Python takes milliseconds, and longer before its library is read.
        signer = await asyncio.to_thread(signer_of, one, signature, self._chain_id())
        raw = signatures.signature_of(signature)
        taken = await self._database.write(
            partial(claims.claim, who=who, signed=one, signer=signer, signature=raw, now_ms=now_ms)
        )
        async with self._database.read() as conn:
            claim = await claims.claim_of(conn, who, one.address)
        self.forget()
        if not taken or claim is None:
            raise OverError
        return claim

    def _chain_id(self) -> int:
        """Raises Unreachable."""
        now = self._follower.pow_now
        if now is None:
            raise Unreachable("no endpoint has answered yet")
        return now.status.chain_id

    async def _ask(self, validator: PosAddress, chain_id: int) -> tuple[Signer, ...]:
        """Who may sign for it. Raises UnboundError, NobodyError, TooManyError, RpcError."""
        self._purse.spend(1 + len(owners.MANAGERS))
        bound, found = await self._signers(validator, chain_id)
        if bound is None:
            raise UnboundError
        if not found:
            raise NobodyError(
                f"The stake is bound to {core_space.encode(bound, chain_id)}, a contract that names no"
                " owner and no manager who could sign: owner() and manager() were asked."
            )
        return found

    async def _signers(self, validator: PosAddress, chain_id: int) -> tuple[bytes | None, tuple[Signer, ...]]:
        """The PoW address that is bound to it, if any, and who may sign. Raises RpcError."""
        (told,) = await self._follower.ask([owners.holder_call(validator, chain_id)])
        if isinstance(told, RpcError):
            raise told
        bound = owners.HOLDER.read(told)
        if bound is None:
            return None, ()
        asked = owners.manager_calls(bound, chain_id)
        replies = await self._follower.ask(asked) if asked else []
        return bound, tuple(owners.signers(bound, chain_id, replies))

    # --- looking again

    async def run(self, failures: Failures) -> None:
        await self._follower.first_asked()
        while True:
            await failures.guard("claims", self.round)
            await self._ears.sleep_ms(EACH_MS)

    async def round(self) -> None:
        """Ask the chain about every claim once more."""
        async with self._database.read() as conn:
            every = await claims.every_claim(conn)
        for one in every:
            holds = await self._holds(one)
            if holds is not None:
                await self._judge(one, holds)
            await self._ears.sleep_ms(PAUSE_MS)

    async def _holds(self, one: Claim) -> bool | None:
        """Whether the chain still names who signed; None: nobody tells."""
        try:
            bound, found = await self._signers(one.address, self._chain_id())
        except RpcError as error:
            log.debug("the claim of %s was not looked at: %s", one.address, error)
            return None
        if bound is None:  # a validator that registered once stays in the register
            return None
        return one.signer in {signer.address for signer in found}

    async def _judge(self, one: Claim, holds: bool) -> None:
        now_ms = self._ears.now_ms()
        if await self._database.write(partial(claims.judge, one=one, holds=holds, now_ms=now_ms)):
            log.info("the claim of %s %s", one.address, "holds again" if holds else "lapsed")
            self.forget()

    # --- showing

    async def shown(self) -> Mapping[PosAddress, Shown]:
        """What the public is told of validators: the same mapping until something in it changes."""
        now = self._ears.steady_ms()
        kept, changes = self._shown, self._changes
        if kept is not None and now - kept[0] < SHOWN_MS:
            return kept[1]
        async with self._database.read() as conn:
            found: Mapping[PosAddress, Shown] = await claims.shown(conn)
        if kept is not None and kept[1] == found:
            found = kept[1]
        # What changed while it was read may not be in it.
        self._shown = now if changes == self._changes else now - SHOWN_MS, found
        return found

    def forget(self) -> None:
        """Something that is shown has changed."""
        self._changes += 1
        if self._shown is not None:
            self._shown = self._shown[0] - SHOWN_MS, self._shown[1]


def signer_of(one: Challenge, signature: str, chain_id: int) -> Signer:
    """Which of those who may sign a challenge has signed it. Raises SignatureError."""
    for signer in one.signers:
        if signer.address in signatures.signers(one.message, signature, signer.space, chain_id):
            return signer
    raise SignatureError(
        f"this is no signature of this message by {_either(one.signers)}: choose that account in the wallet,"
        " and let it sign the message as it stands"
    )


def _either(signers: Iterable[Signer]) -> str:
    return " or ".join(one.address for one in signers)


def _network_name(chain_id: int) -> str:
    known = networks.network(chain_id)
    return f"Conflux {known.name} ({chain_id})" if known else f"a private network ({chain_id})"
