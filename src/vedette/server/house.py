"""Everything of a running server, opened in one place and closed in reverse."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from vedette.alerts.life import MINUTE_MS, Patience
from vedette.conflux import networks
from vedette.model.clock import Clock
from vedette.model.incident import Incident, Notice
from vedette.model.people import FIRST_TEAM
from vedette.notify import channels
from vedette.notify.channels import Channel, MailSettings, WebhookSettings, mail_settings
from vedette.notify.guard import Guard
from vedette.notify.kinds import Means
from vedette.notify.push import Pusher
from vedette.notify.summary import summary
from vedette.notify.targets import Targets
from vedette.notify.text import Message, bare, render
from vedette.notify.words import Lang
from vedette.server import digests, loops, members_mail
from vedette.server.access import DAY_MS, Access
from vedette.server.account import Account
from vedette.server.ack import Ack
from vedette.server.asking import Purse
from vedette.server.batcher import Batcher
from vedette.server.bridges import Bridges
from vedette.server.budgets import Budgets
from vedette.server.changes import Changes
from vedette.server.claims import Claims
from vedette.server.contacts import Contacts
from vedette.server.digests import Digests
from vedette.server.ears import Ears
from vedette.server.follower import Follower
from vedette.server.geo import Geo
from vedette.server.guesses import Guesses
from vedette.server.heartbeat import DeadMansSwitch
from vedette.server.ingest import Ingest
from vedette.server.key_use import KeyUse
from vedette.server.live import Live
from vedette.server.lookups import Lookups
from vedette.server.loops import Failures, Judge
from vedette.server.members_mail import MembersMail
from vedette.server.news import News
from vedette.server.oidc import Oidc
from vedette.server.outbox import Outbox, Render
from vedette.server.parquet import Kiln
from vedette.server.passwords import Passwords
from vedette.server.pins import Pins
from vedette.server.policies import FOR_PEOPLE, MAIL_CHANNEL, Policies
from vedette.server.pools import Pools
from vedette.server.post import Post
from vedette.server.push import Push
from vedette.server.rehearsals import Rehearsals
from vedette.server.second import SecondFactor
from vedette.server.settings import (
    AccountSetting,
    AlertSetting,
    MailSetting,
    SeriesSetting,
    Settings,
    is_loopback,
    limits_of,
)
from vedette.server.sights import Sights
from vedette.server.signing import Signing
from vedette.server.standings import Standings
from vedette.server.tip import Tips
from vedette.server.tokens import ingest_token
from vedette.server.uptimes import Uptimes
from vedette.server.vault import Vault
from vedette.server.wallets import Wallets
from vedette.server.watch import Watch
from vedette.server.whereabouts import Whereabouts
from vedette.store import people
from vedette.store.database import Database
from vedette.store.sessions import Lasting
from vedette.store.tiering import Keep

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """The parts that requests ask for."""

    settings: Settings
    database: Database
    vault: Vault
    pins: Pins
    ears: Ears
    ack: Ack
    access: Access
    passwords: Passwords
    signing: Signing
    account: Account
    post: Post
    key_use: KeyUse
    guesses: Guesses
    oidc: Oidc
    changes: Changes
    budgets: Budgets
    live: Live
    tips: Tips
    standings: Standings
    follower: Follower
    watch: Watch
    pools: Pools
    wallets: Wallets
    lookups: Lookups
    claims: Claims
    push: Push
    uptimes: Uptimes
    batcher: Batcher
    ingest: Ingest
    sights: Sights
    judge: Judge
    policies: Policies
    outbox: Outbox
    digests: Digests
    contacts: Contacts
    rehearsals: Rehearsals
    news: News
    whereabouts: Whereabouts
    kiln: Kiln
    failures: Failures


@asynccontextmanager
async def opened(settings: Settings, clock: Clock) -> AsyncIterator[House]:
    """Open everything, let it run, and close it in reverse. Raises VedetteError: a person must right it."""
    ways = build_channels(settings)
    async with AsyncExitStack() as stack:
        for way in ways.values():
            stack.push_async_callback(way.close)
        database = await Database.open(settings.database)
        stack.push_async_callback(database.close)
        token = ingest_token(settings)
        ears = Ears(clock, database)
        await ears.wake()
        given = partial(people.watch, team_id=FIRST_TEAM, addresses=settings.watch, of_settings=True)
        await database.write(given)
        house = build(settings, clock, database, ears, ways, token)
        stack.push_async_callback(house.push.pusher.close)
        stack.push_async_callback(house.contacts.close)
        await _offer_setup(house)
        stack.push_async_callback(house.post.close)
        stack.push_async_callback(house.oidc.close)
        house.vault.keys()  # one that cannot be used is told now, not when somebody needs it
        stack.push_async_callback(house.failures.guard, "audit", house.pins.pin)
        stack.push_async_callback(house.failures.guard, "key use", house.key_use.write)
        house.watch.data.open()
        house.whereabouts.look()
        stack.callback(networks.use, None)
        await house.watch.keep()
        for name, loop in running(house).items():
            stack.push_async_callback(_ended, asyncio.create_task(loop, name=name))
        stack.callback(house.live.close)
        yield house


async def _offer_setup(house: House) -> None:
    """While nobody has an account: tell whoever reads the log how to make the first one from elsewhere."""
    code = await house.signing.setup_code()
    settings = house.settings
    if code is not None and not (settings.trust_loopback and is_loopback(settings.host)):
        log.warning(
            "nobody has an account here yet: open %s/setup and make the first one with the setup code %s",
            settings.page_url,
            code,
        )


def build(
    settings: Settings,
    clock: Clock,
    database: Database,
    ears: Ears,
    ways: dict[str, Channel],
    token: str,
) -> House:
    """Wire the parts to each other."""
    language = settings.alerts.language
    key_use = KeyUse(database, ears)
    access = Access(
        database,
        ears.now_ms,
        settings.read_token,
        settings.trust_loopback,
        is_https=settings.is_https,
        on_key=key_use.note,
        lasting=lasting_of(settings.accounts),
    )
    live = Live(access.who, ears.now_ms, settings.limits.live_streams)
    passwords = Passwords(settings.accounts.password_memory_kib, settings.accounts.password_rounds)
    guesses = Guesses(database, ears.now_ms, token)
    vault, post = Vault(settings.keys_path), Post(settings)
    ack = Ack(vault, settings.page_url, ears.now_ms)
    second = SecondFactor(vault)
    signing = Signing(database, ears, access, live, passwords, guesses, second)
    tips = Tips(database, ears)
    follower = Follower(
        settings.followed,
        database,
        clock,
        on_blocks=lambda heights: news.blocks_changed(heights),  # noqa: PLW0108 - made below
        on_accounts=lambda changed: sights.accounts_changed(changed),  # noqa: PLW0108 - made below
        judged=lambda: sights.judged,
    )
    news = News(database, ears, live, tips, language, lambda: follower.committed_height)
    batcher = Batcher(database, ears, news.heard)
    purse = Purse(settings.followed, ears)
    claims = Claims(settings.page_url, purse, follower, database, ears)
    push = Push(database, ears, vault, pusher_of(settings, ears), claims)
    members = _members_mail(settings, database)
    contacts = Contacts(
        database,
        ears,
        vault,
        means_of(settings, ears),
        ways | members,
        settings.page_url,
        language,
        is_apprise_allowed=settings.alerts.apprise,
    )
    outbox = Outbox(
        database,
        ears,
        ways | members,
        FOR_PEOPLE,
        contacts,
        _renderer(settings, ears, ack),
        lambda one: news.incidents_changed([one]),
        push.send,
    )

    def saved(incidents: list[Incident]) -> None:
        news.incidents_changed(incidents)
        outbox.wake.set()

    whereabouts = Whereabouts(Geo(settings.geo_file), database, news)
    limits, patience = limits_of(settings.alerts), patience_of(settings.alerts)
    watch, failures = Watch(settings, database, ears, news.changed), Failures(clock.steady_ms)
    bridges, references = Bridges(settings.pools, follower), watch.references
    sights = Sights(database, ears, tips, follower, references, purse, failures, bridges, news.judge_wake)
    policies = Policies(limits, (tuple(ways), tuple(members)), ears)
    judge = Judge(database, ears, policies, patience, saved, news.judge_wake, push.audience, sights.views)
    return House(
        settings=settings,
        database=database,
        vault=vault,
        pins=Pins(settings.head_path, database, ears),
        ears=ears,
        ack=ack,
        access=access,
        key_use=key_use,
        passwords=passwords,
        signing=signing,
        account=Account(database, ears, signing, passwords, guesses, second, post),
        post=post,
        guesses=guesses,
        oidc=Oidc(settings, database, ears, signing),
        changes=Changes(clock.steady_ms),
        budgets=Budgets(settings.limits, clock.steady_ms),
        live=live,
        tips=tips,
        standings=Standings(database, ears),
        follower=follower,
        watch=watch,
        pools=Pools(settings.pools, 1000 * settings.pool_seconds, follower, database, ears),
        wallets=Wallets(purse, follower, database, ears),
        lookups=Lookups(purse, follower, database, ears, tips),
        claims=claims,
        push=push,
        uptimes=Uptimes(ears),
        batcher=batcher,
        ingest=Ingest(database, ears, batcher, token, news.enrolled, whereabouts.seen),
        sights=sights,
        judge=judge,
        policies=policies,
        outbox=outbox,
        digests=Digests(database, ears),
        contacts=contacts,
        rehearsals=Rehearsals(database, patience_of(settings.alerts)),
        news=news,
        whereabouts=whereabouts,
        kiln=Kiln(),
        failures=failures,
    )


def running(house: House) -> dict[str, Coroutine[Any, Any, None]]:
    """The loops, in the order in which they begin."""
    failures = house.failures
    return {
        "ingest": house.batcher.run(),
        "heartbeat": loops.heartbeat(house.ears, failures),
        "live": house.live.beat(),
        "lapse": loops.lapse(house.database, house.ears, house.live, failures),
        "news": house.news.run(failures),
        "outbox": house.outbox.run(failures),
        "digests": house.digests.run(failures),
        "whereabouts": house.whereabouts.run(failures),
        "seal": loops.seal(house.database, house.ears, keep_of(house.settings.series), failures),
        "tidy": loops.tidy(
            house.database,
            house.ears,
            house.settings.alerts.log_days,
            house.settings.alerts.evidence_days,
            failures,
        ),
        "sights": house.sights.run(failures),
        "judge": house.judge.run(failures),
        "switch": DeadMansSwitch(house.settings.heartbeat, house.ears, house.judge, house.outbox).run(
            failures
        ),
        "audit": house.pins.run(failures),
        "key use": house.key_use.run(failures),
        "agents": house.ingest.run(failures),
        "follower": loops.again("follower", house.follower.run, failures),
        "pools": house.pools.run(failures),
        "claims": house.claims.run(failures),
        "watch": loops.again("watch", lambda: house.watch.run(failures), failures),
    }


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def pusher_of(settings: Settings, ears: Ears) -> Pusher:
    """What calls push services: their URLs come from anybody."""
    contact = settings.page_url if settings.is_https else None
    guard = Guard(targets=Targets(settings.security.allow_private_targets))
    return Pusher(guard, contact, lambda: ears.now_ms() // 1000)


def means_of(settings: Settings, ears: Ears) -> Means:
    """What contact points are built with: their URLs come from anybody in a team."""
    mail = None if settings.mail is None else _mail_of(settings.mail)
    guard = Guard(targets=Targets(settings.security.allow_private_targets))
    return Means(guard=guard, mail=mail, unix_s=lambda: ears.now_ms() / 1000)


def _mail_of(mail: MailSetting) -> MailSettings:
    return mail_settings(MAIL_CHANNEL, mail.server, mail.sender, mail.to)


def build_channels(settings: Settings) -> dict[str, Channel]:
    wanted: list[MailSettings | WebhookSettings] = [
        WebhookSettings(one.name, one.url, one.secret) for one in settings.webhooks
    ]
    if settings.mail is not None:
        wanted.append(_mail_of(settings.mail))
    return channels.build(wanted)


def _members_mail(settings: Settings, database: Database) -> dict[str, Channel]:
    """How teams are told that the settings' channels are not for."""
    if settings.mail is None:
        return {}
    return {members_mail.NAME: MembersMail(_mail_of(settings.mail), database)}


def _renderer(settings: Settings, ears: Ears, ack: Ack) -> Render:
    usual, page_url = settings.alerts.language, settings.page_url

    def rendered(notices: Sequence[Notice], lang: Lang | None) -> Message:
        lang, now_ms = lang or usual, ears.now_ms()
        urls = {one.id: url for one in notices if (url := ack.of(one)) is not None}
        if len(notices) > 1:
            return summary(notices, lang, page_url, now_ms, urls)
        (notice,) = notices
        if notice.kind == "digest":
            return digests.rendered(notice, lang, page_url)
        return render(notice.incident, notice.reason, lang, page_url, notice.key, now_ms, urls.get(notice.id))

    def rendered_anyhow(notices: Sequence[Notice], lang: Lang | None) -> Message:
        """A bug in our words about some facts holds up neither this message nor those behind it."""
        try:
            return rendered(notices, lang)
        except Exception:
            told = [(one.incident, one.reason) for one in notices]
            log.exception("a message about %s has a bug, and is told without facts", told[0][0].key)
            return bare(told, lang or usual, page_url, notices[0].key)

    return rendered_anyhow


def lasting_of(accounts: AccountSetting) -> Lasting:
    return Lasting(accounts.session_days * DAY_MS, accounts.idle_days * DAY_MS)


def keep_of(series: SeriesSetting) -> Keep:
    return Keep(series.raw_days, series.minute_days, series.hour_days)


def patience_of(alerts: AlertSetting) -> Patience:
    return Patience(
        remind_ms=alerts.remind_minutes * MINUTE_MS,
        remind_critical_ms=alerts.remind_critical_minutes * MINUTE_MS,
    )
