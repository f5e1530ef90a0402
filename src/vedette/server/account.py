"""What a person changes in his own account, and how he comes back into it."""

from typing import Final

from sqlalchemy.exc import IntegrityError

from vedette.model.errors import SettingError
from vedette.model.people import Who
from vedette.notify.mail import address
from vedette.server import passkeys
from vedette.server.ears import Ears
from vedette.server.guesses import Guesses
from vedette.server.passkeys import Asked, Place
from vedette.server.passwords import Passwords, demand
from vedette.server.post import Post
from vedette.server.problems import ProblemError
from vedette.server.second import SecondFactor, Secret, new_recovery_codes, new_secret, spaced
from vedette.server.signing import Answer, Begun, Signing, Visitor, subject_of
from vedette.store import audit, forget, proofs, sessions, teams, tickets, users
from vedette.store.database import Conn, Database
from vedette.store.users import NameTakenError, UserRow

RESET: Final = "reset"
EMAIL: Final = "email"
RESET_LASTS_MS: Final = 1_800_000
EMAIL_LASTS_MS: Final = 86_400_000

GIVE_OLD: Final = "Give your present password as well."
FIRST_CONFIRM: Final = "Prove once more that it is you, with POST /api/v1/session/confirm, then try again."
LINK_IS_OVER: Final = "This link was used already, or is too old: ask for another one."
HAS_TOTP: Final = "An authenticator is set up already: take it away first."
NO_TOTP: Final = "Begin with POST /api/v1/account/totp: there is no authenticator yet."
WRONG_DIGITS: Final = "Those are not the digits that belong to this secret now: look again, and at the clock."
NO_EMAIL: Final = "There is no address to verify: give one first."
NOT_AN_ADDRESS: Final = "That is no e-mail address: give one like name@example.org."
TAKEN_EMAIL: Final = "Another account has this address: remove it there first."
TAKEN_NAME: Final = "Somebody else has this name: choose another."
NO_PASSKEY: Final = "There is no such passkey in your account."
LAST_OWNER: Final = "The team {team} would have no owner: make somebody else one first."
LAST_ADMIN: Final = "Nobody would look after this installation: make somebody else its administrator first."
EMAIL_CHARS_MAX: Final = 254


class Account:
    """Changes of one's own account. Each is noted, and ends what rested on what was changed."""

    def __init__(
        self,
        database: Database,
        ears: Ears,
        signing: Signing,
        passwords: Passwords,
        guesses: Guesses,
        second: SecondFactor,
        post: Post,
    ) -> None:
        self._database = database
        self._ears = ears
        self._signing = signing
        self._passwords = passwords
        self._guesses = guesses
        self._second = second
        self._post = post

    # --- the password

    async def change_password(
        self, who: Who, old: str | None, new: str, visitor: Visitor, accepts: str
    ) -> Begun:
        """A new password. Every sign-in ends, this one too, which begins anew."""
        user = await self._signing.person(who)
        if user.password_hash is None:
            self._demand_fresh(who)
        elif not old:
            raise ProblemError(422, GIVE_OLD)
        else:
            await self._signing.proves(user, old, visitor.site)
        demand(new, user.name, user.email)
        kept = await self._passwords.hashed(new)

        async def change(conn: Conn) -> tuple[Begun, list[str]]:
            gone = await self._set_password(conn, user, kept)
            begun = await self._signing.begin(conn, user, visitor, "new password")
            await audit.note(conn, self._ears.now_ms(), begun.who, "account.password", subject_of(user))
            return begun, gone

        begun, gone = await self._database.write(change)
        self._signing.ended(gone)
        self._tell_changed(user, accepts)
        return begun

    async def ask_reset(self, given: str, site: str, accepts: str) -> None:
        """Send a link to whoever has this name or address, and say to nobody whether there is one."""
        await self._guesses.take(None, site)
        wanted = given.strip().lower()
        async with self._database.read() as conn:
            user = await (users.by_email if "@" in wanted else users.by_name)(conn, wanted)
        if user is not None and user.may_be_written_to:
            # After the answer, so that it comes as soon for a name that nobody has.
            self._post.later(self._send_reset(user, accepts))

    async def _send_reset(self, user: UserRow, accepts: str) -> None:
        if user.email is None or not await self._guesses.letter(user.email):
            return
        now_ms = self._ears.now_ms()

        async def make(conn: Conn) -> str:
            await tickets.end(conn, RESET, user.id)
            return await tickets.make(conn, RESET, now_ms, RESET_LASTS_MS, user_id=user.id)

        token = await self._database.write(make)
        await self._post.send(user.email, self._post.letter(RESET, user.name, accepts, "/reset", token))

    async def reset_password(self, token: str, new: str, site: str, accepts: str) -> None:
        """A new password for whoever came by the link. He is to sign in with it: a code may be asked for."""
        await self._guesses.take(None, site)
        demand(new)
        kept, now_ms = await self._passwords.hashed(new), self._ears.now_ms()

        async def reset(conn: Conn) -> tuple[UserRow, list[str]]:
            used = await tickets.use(conn, RESET, token, now_ms)
            user = None if used is None or used.user_id is None else await users.by_id(conn, used.user_id)
            if user is None or user.disabled_at_ms is not None:
                raise ProblemError(403, LINK_IS_OVER)
            demand(new, user.name, user.email)
            gone = await self._set_password(conn, user, kept)
            himself = Who(None, user_id=user.id)
            await audit.note(conn, now_ms, himself, "account.password-reset", subject_of(user))
            await self._guesses.forget(conn, user.name, site)
            return user, gone

        user, gone = await self._database.write(reset)
        self._signing.ended(gone)
        self._tell_changed(user, accepts)

    async def _set_password(self, conn: Conn, user: UserRow, kept: str) -> list[str]:
        await users.change(conn, user.id, password_hash=kept)
        await tickets.end(conn, RESET, user.id)
        return await sessions.end(conn, user.id)

    def _tell_changed(self, user: UserRow, accepts: str) -> None:
        """Whoever did not change it himself must hear of it."""
        if user.email is not None and user.may_be_written_to:
            letter = self._post.letter("changed", user.name, accepts, "/reset")
            self._post.later(self._post.send(user.email, letter))

    def _demand_fresh(self, who: Who) -> None:
        if who.fresh_until_ms <= self._ears.now_ms():
            raise ProblemError(403, FIRST_CONFIRM, need="confirm")

    # --- authenticator and recovery codes

    async def begin_totp(self, who: Who) -> Secret:
        """A secret for an authenticator. It asks for no code before one was right."""
        user = await self._signing.person(who)
        if user.has_totp:
            raise ProblemError(409, HAS_TOTP)
        secret = new_secret(user.name)
        sealed = self._second.seal(secret.secret)
        change = {"totp_sealed": sealed, "totp_confirmed_at_ms": None, "totp_last_step": 0}
        await self._database.write(lambda conn: users.change(conn, user.id, **change))
        return secret

    async def confirm_totp(self, who: Who, code: str) -> list[str]:
        """The authenticator shows the right digits, and is asked from now on. Returns recovery codes."""
        now_ms, codes = self._ears.now_ms(), new_recovery_codes()

        async def confirm(conn: Conn) -> None:
            user = await self._again(conn, who)
            if user.has_totp:
                raise ProblemError(409, HAS_TOTP)
            if user.totp_sealed is None:
                raise ProblemError(409, NO_TOTP)
            if not await self._second.passes(conn, user, code, now_ms):
                raise ProblemError(422, WRONG_DIGITS)
            await users.change(conn, user.id, totp_confirmed_at_ms=now_ms)
            await proofs.set_recovery_codes(conn, user.id, codes)
            await audit.note(conn, now_ms, who, "account.totp-on", subject_of(user))

        await self._database.write(confirm)
        return [spaced(one) for one in codes]

    async def remove_totp(self, who: Who) -> None:
        now_ms = self._ears.now_ms()

        async def remove(conn: Conn) -> None:
            await drop_totp(conn, await self._again(conn, who), who, now_ms)

        await self._database.write(remove)

    async def renew_recovery_codes(self, who: Who) -> list[str]:
        """Ten new codes; the old ones open nothing any more."""
        now_ms, codes = self._ears.now_ms(), new_recovery_codes()

        async def renew(conn: Conn) -> None:
            user = await self._again(conn, who)
            if not user.has_totp:
                raise ProblemError(409, NO_TOTP)
            await proofs.set_recovery_codes(conn, user.id, codes)
            await audit.note(conn, now_ms, who, "account.recovery-codes", subject_of(user))

        await self._database.write(renew)
        return [spaced(one) for one in codes]

    # --- passkeys

    async def ask_new_passkey(self, who: Who, place: Place) -> Asked:
        user, now_ms = await self._signing.person(who), self._ears.now_ms()
        return await self._database.write(lambda conn: passkeys.ask_for_new(conn, user, place, now_ms))

    async def add_passkey(self, who: Who, answer: Answer, name: str) -> None:
        """Keep a new passkey. The question is used up first, whatever the answer is worth."""
        now_ms = self._ears.now_ms()
        asked = await self._database.write(
            lambda conn: tickets.use(conn, passkeys.REGISTER, answer.ticket, now_ms)
        )
        if asked is None or asked.user_id != who.user_id:
            raise ProblemError(409, passkeys.TOO_LATE)
        new = passkeys.registered(asked.payload, answer.credential, answer.place)

        async def add(conn: Conn) -> None:
            user = await self._again(conn, who)
            if await proofs.passkey(conn, new.credential_id) is not None:
                raise ProblemError(409, passkeys.HAS_IT)
            await proofs.add_passkey(
                conn, user.id, new.credential_id, new.public_key, new.sign_count, name, now_ms
            )
            await audit.note(conn, now_ms, who, "passkey.add", subject_of(user))

        await self._database.write(add)

    async def remove_passkey(self, who: Who, passkey_id: int) -> None:
        async def remove(conn: Conn) -> None:
            user = await self._again(conn, who)
            if not await proofs.remove_passkey(conn, user.id, passkey_id):
                raise ProblemError(404, NO_PASSKEY)
            await audit.note(conn, self._ears.now_ms(), who, "passkey.remove", subject_of(user))

        await self._database.write(remove)

    # --- the address

    async def set_email(self, who: Who, given: str | None, accepts: str) -> None:
        """Another address, or none. A new one counts when the link in its letter was opened."""
        if given is None:
            await self._database.write(lambda conn: self._drop_email(conn, who))
            return
        self._post.demand()
        wanted, now_ms = _address(given), self._ears.now_ms()

        async def ask(conn: Conn) -> None:
            user = await self._again(conn, who)
            await audit.note(conn, now_ms, who, "account.email-asked", subject_of(user))

        await self._database.write(ask)
        await self._send_verification(who, wanted, accepts)

    async def _drop_email(self, conn: Conn, who: Who) -> None:
        user = await self._again(conn, who)
        await tickets.end(conn, EMAIL, user.id)
        await tickets.end(conn, RESET, user.id)
        await users.change(conn, user.id, email=None, email_verified_at_ms=None)
        await audit.note(conn, self._ears.now_ms(), who, "account.email-removed", subject_of(user))

    async def verify_again(self, who: Who, accepts: str) -> None:
        """The letter once more, to the address that waits."""
        self._post.demand()
        user, now_ms = await self._signing.person(who), self._ears.now_ms()
        async with self._database.read() as conn:
            waiting = await waiting_email(conn, user, now_ms)
        if waiting is None:
            raise ProblemError(409, NO_EMAIL)
        await self._send_verification(who, waiting, accepts)

    async def _send_verification(self, who: Who, to: str, accepts: str) -> None:
        user, now_ms = await self._signing.person(who), self._ears.now_ms()
        await self._guesses.demand_letter(to)

        async def make(conn: Conn) -> str:
            await tickets.end(conn, EMAIL, user.id)
            return await tickets.make(
                conn, EMAIL, now_ms, EMAIL_LASTS_MS, user_id=user.id, payload=to.encode()
            )

        token = await self._database.write(make)
        await self._post.send(to, self._post.letter("verify", user.name, accepts, "/verify", token))

    async def verify(self, token: str, site: str) -> None:
        """Whoever has the letter has the address."""
        await self._guesses.take(None, site)
        now_ms = self._ears.now_ms()

        async def take(conn: Conn) -> None:
            used = await tickets.use(conn, EMAIL, token, now_ms)
            user = None if used is None or used.user_id is None else await users.by_id(conn, used.user_id)
            if used is None or user is None or user.disabled_at_ms is not None:
                raise ProblemError(403, LINK_IS_OVER)
            email = used.payload.decode()
            if not await users.take_email(conn, user.id, email, now_ms):
                raise ProblemError(409, TAKEN_EMAIL)
            himself = Who(None, user_id=user.id)
            await audit.note(conn, now_ms, himself, "account.email", subject_of(user))
            await self._guesses.forget(conn, None, site)

        await self._database.write(take)

    # --- the whole

    async def rename(self, who: Who, name: str) -> None:
        async def change(conn: Conn) -> None:
            user = await self._again(conn, who)
            await users.rename(conn, user.id, name)
            await audit.note(conn, self._ears.now_ms(), who, "account.name", subject_of(user))

        try:
            await self._database.write(change)
        except (NameTakenError, IntegrityError) as error:
            raise ProblemError(409, TAKEN_NAME) from error

    async def remove(self, who: Who) -> None:
        """The account and all that is its own. What he did stays in the log, under his pseudonym."""

        async def remove(conn: Conn) -> UserRow:
            user = await self._again(conn, who)
            await demand_spare(conn, user)
            await forget.forget_user(conn, who, user.id, self._ears.now_ms(), "account.remove")
            return user

        user = await self._database.write(remove)
        self._signing.ended_for(user.id)

    async def _again(self, conn: Conn, who: Who) -> UserRow:
        """Who is signed in, as he is in this transaction."""
        user = None if who.user_id is None else await users.by_id(conn, who.user_id)
        if user is None or user.disabled_at_ms is not None:
            raise ProblemError(401, "Your account is no more: sign in anew.")
        return user


async def drop_totp(conn: Conn, user: UserRow, who: Who, now_ms: int) -> None:
    """Ask for no code any more."""
    if user.totp_sealed is None:
        return
    change = {"totp_sealed": None, "totp_confirmed_at_ms": None, "totp_last_step": 0}
    await users.change(conn, user.id, **change)
    await proofs.set_recovery_codes(conn, user.id, ())
    await audit.note(conn, now_ms, who, "account.totp-off", subject_of(user))


async def demand_spare(conn: Conn, user: UserRow) -> None:
    """Refuse to let go of somebody whom nobody could stand in for. Raises ProblemError."""
    alone = await teams.owned_alone(conn, user.id)
    if alone:
        raise ProblemError(409, LAST_OWNER.format(team=alone[0].team_name))
    if user.is_admin and not await users.another_admin(conn, user.id):
        raise ProblemError(409, LAST_ADMIN)


async def waiting_email(conn: Conn, user: UserRow, now_ms: int) -> str | None:
    """The address that has not been shown to be his yet."""
    waiting = await tickets.waiting(conn, EMAIL, user.id, now_ms)
    if waiting is not None:
        return waiting.decode()
    return user.email if user.email_verified_at_ms is None else None


def _address(given: str) -> str:
    wanted = given.strip().lower()
    try:
        sound = address(wanted).addr_spec == wanted and len(wanted) <= EMAIL_CHARS_MAX
    except SettingError:
        sound = False
    if not sound:
        raise ProblemError(422, NOT_AN_ADDRESS)
    return wanted
