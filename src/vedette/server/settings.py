"""The server's settings: one TOML file, then VEDETTE_* of the environment, then the command line.

Everything wrong is said at once, one line each, and a name that we do not know is never passed over.
"""

import ipaddress
import json
import re
import tomllib
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args
from urllib.parse import urlsplit

from vedette.alerts import limits
from vedette.alerts.limits import OfRules, Preset
from vedette.conflux import address as core_space
from vedette.model.errors import SettingError
from vedette.model.pos import PosAddress
from vedette.notify.words import COMMON, Lang
from vedette.server.caller import FORWARDED_FOR, NOBODY, PROXY_HEADERS, Network, Trusted

T = TypeVar("T")

TOKEN_LENGTH_MIN = 16
DEFAULT_PORT = 8642
RATE_MIN, RATE_MAX = 0.1, 10_000
ENDPOINTS_MAX = 500
LABEL_CHARS_MAX = 80
DAYS_MAX, HOUR_DAYS_MIN = 36_500, 31


@dataclass(frozen=True, slots=True)
class EndpointSetting:
    """One JSON-RPC endpoint; `name` is what the page calls it.

    With a `role` it is watched as a node of the team. Without one it is what the follower reads.
    """

    name: str
    url: str = field(repr=False)  # may carry a key
    calls_per_s: float | None = (
        None  # ask at most so often; None: as networks.toml says, or as fast as it can
    )
    kind: str = "core"  # or espace
    role: str | None = None  # full, archive or rpc
    ws: str | None = field(default=None, repr=False)
    header: tuple[str, str] | None = field(default=None, repr=False)  # sent with every question
    follow: bool = True  # whether the follower reads the PoS chain from it

    @property
    def headers(self) -> dict[str, str] | None:
        """What is sent with every question: never shown, never logged."""
        return None if self.header is None else dict([self.header])


@dataclass(frozen=True, slots=True)
class MailSetting:
    """Where mail goes: `server` is smtp://user:password@host:port, or smtps:// (TLS from the first byte)."""

    server: str = field(repr=False)
    sender: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebhookSetting:
    """One webhook; with a secret every message carries an HMAC signature."""

    name: str
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AlertSetting:
    """When to speak. Blocks are consecutive settled PoS blocks (about one a minute). Remind at 0: never."""

    remind_minutes: int = 240
    remind_critical_minutes: int = 30
    absent_blocks: int = 10
    absent_critical_blocks: int = 30
    absent_recovered_blocks: int = 3
    down_critical_seconds: int = 60
    silent_critical_seconds: int = 900
    language: Lang = "en"
    apprise: bool = False  # whether contact points may be of a service that only apprise knows
    log_days: int = 90  # for which messages that were taken or given up are kept, with their attempts
    evidence_days: int = 365  # for which it is kept what led to an incident, from its end on
    preset: Preset = Preset.NORMAL
    rules: OfRules = field(default_factory=dict)
    subjects: Mapping[str, OfRules] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeartbeatSetting:
    """Who outside is told each minute that we judge and tell: hearing nothing more, he wakes people."""

    url: str = field(repr=False)
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class SeriesSetting:
    """How long a node's past is kept as it was told, by the minute, by the hour; by the day it is always."""

    raw_days: int = 7
    minute_days: int = 90
    hour_days: int = 1095


@dataclass(frozen=True, slots=True)
class SecuritySetting:
    """Whom to tell of a weakness, and which private networks the URLs of users may lead to."""

    contact: tuple[str, ...] = ()
    allow_private_targets: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitSetting:
    """How much may be asked a minute: by a stranger's address, by a person or a known key. 0: no limit."""

    per_minute: int = 600
    known_per_minute: int = 6_000
    searches_per_minute: int = 60
    known_searches_per_minute: int = 600
    live_streams: int = 16


@dataclass(frozen=True, slots=True)
class PoolSetting:
    """One staking pool to watch beside those that networks.toml knows."""

    name: str
    contract: str  # base32, simple form
    bridge: str | None = None  # of an eSpace pool: the contract in Core Space that carries its stakes over


SignUp = Literal["closed", "invited", "open"]


@dataclass(frozen=True, slots=True)
class AccountSetting:
    """Who may have an account, how long a sign-in lasts, and what one look at a password costs."""

    sign_up: SignUp = "invited"  # closed, invited or open
    session_days: int = 30
    idle_days: int = 7
    password_memory_kib: int = 65_536
    password_rounds: int = 3


@dataclass(frozen=True, slots=True)
class OidcSetting:
    """Another place's sign-in that is taken here (OpenID Connect)."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str = "OpenID Connect"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that `vedette serve` was told."""

    database: str = "vedette.db"
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    public_url: str | None = None
    trust_loopback: bool = True
    trusted: Trusted = NOBODY
    endpoints: tuple[EndpointSetting, ...] = ()
    watch: tuple[PosAddress, ...] = ()
    pools: tuple[PoolSetting, ...] = ()
    pool_seconds: int = 600
    ingest_token: str | None = field(default=None, repr=False)
    read_token: str | None = field(default=None, repr=False)
    mail: MailSetting | None = None
    webhooks: tuple[WebhookSetting, ...] = ()
    alerts: AlertSetting = AlertSetting()
    heartbeat: HeartbeatSetting | None = None
    series: SeriesSetting = SeriesSetting()
    security: SecuritySetting = SecuritySetting()
    limits: LimitSetting = LimitSetting()
    accounts: AccountSetting = AccountSetting()
    oidc: OidcSetting | None = None
    home: Path = Path()  # where relative paths of the file start
    networks_file: Path = Path("networks.toml")  # outranks the data that we bring, if it is there
    public_references: bool = True
    geo_file: Path = Path("geo.mmdb")  # by which nodes are placed, if it is there
    key_file: Path | None = None  # seals what is in the database; None: beside it
    audit_head_file: Path | None = None  # where the audit log's head is told outside; None: by the key file

    @property
    def followed(self) -> tuple[EndpointSetting, ...]:
        """The endpoints from which the PoS chain is read."""
        return tuple(one for one in self.endpoints if one.follow)

    @property
    def watched(self) -> tuple[EndpointSetting, ...]:
        """The endpoints that are nodes of the team."""
        return tuple(one for one in self.endpoints if one.role is not None)

    @property
    def is_https(self) -> bool:
        """Whether people come over TLS: a proxy's before us."""
        return (self.public_url or "").startswith("https://")

    @property
    def keys_path(self) -> Path:
        """The key file; with PostgreSQL beside the settings, since its database is no place of ours."""
        if self.key_file is not None:
            return self.key_file
        folder = self.home if "://" in self.database else Path(self.database).absolute().parent
        return folder / "secret-keys"

    @property
    def head_path(self) -> Path:
        return self.audit_head_file or self.keys_path.parent / "audit-head"

    @property
    def page_url(self) -> str:
        """Where a message's link leads."""
        return self.public_url or f"http://{_bracketed(self.host)}:{self.port}"


class EnvText(str):
    """A value from the environment: numbers and lists arrive spelled out."""

    __slots__ = ()


Kind = Callable[[object], T]
"""Turns a given value into a setting, or raises ValueError with what would be right."""


def text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text that is not empty")
    return str(value).strip()


def whole(least: int, most: int) -> Kind[int]:
    def kind(value: object) -> int:
        wanted = f"a whole number from {least} to {most}"
        if isinstance(value, EnvText) and re.fullmatch(r"[0-9]{1,18}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(wanted)
        return value

    return kind


def rate(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and RATE_MIN <= value <= RATE_MAX:
        return float(value)
    raise ValueError(f"a number of calls a second from {RATE_MIN} to {RATE_MAX}")


def flag(value: object) -> bool:
    if isinstance(value, EnvText):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004  # one kind of error for all kinds
    return value


def network(value: object) -> Network:
    """An address, or a network of them; never all of them."""
    try:
        found = ipaddress.ip_network(text(value))
    except ValueError as error:
        wanted = 'addresses or networks such as "10.0.0.5" or "10.0.0.0/8"'
        raise ValueError(f"{wanted}: {value!r} is neither ({error})") from None
    if found.prefixlen == 0:
        raise ValueError("some addresses and not all: whoever trusts everybody trusts whatever is claimed")
    return found


def language(value: object) -> Lang:
    for known in COMMON:
        if value == known:
            return known
    raise ValueError(" or ".join(f'"{known}"' for known in COMMON))


def preset(value: object) -> Preset:
    if value not in list(Preset):
        raise ValueError(" or ".join(f'"{known}"' for known in Preset))
    return Preset(str(value))


def of_rules(value: object) -> OfRules:
    """Values of rules' limits, by rule; in the environment as JSON."""
    return _limits_of({"rules": _from_json(value)}).rules


def of_subjects(value: object) -> Mapping[str, OfRules]:
    """The same, by the id of a node or validator."""
    return _limits_of({"subjects": _from_json(value)}).subjects


def _limits_of(data: object) -> limits.Limits:
    try:
        return limits.parse(data)
    except SettingError as error:
        raise ValueError(f"as rules take it: {'; '.join(str(error).splitlines())}") from error


def _from_json(value: object) -> object:
    if not isinstance(value, EnvText):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError("a JSON object") from error


def sign_up(value: object) -> SignUp:
    for known in get_args(SignUp):
        if value == known:
            return cast("SignUp", known)
    raise ValueError(" or ".join(f'"{known}"' for known in get_args(SignUp)))


def many(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """A list of one kind; in the environment its parts are divided by commas."""

    def kinds(value: object) -> tuple[T, ...]:
        if isinstance(value, EnvText):
            value = [EnvText(part.strip()) for part in value.split(",") if part.strip()]
        if not isinstance(value, list):
            raise ValueError("a list")  # noqa: TRY004
        return tuple(kind(part) for part in value)

    return kinds


def url(*schemes: str) -> Kind[str]:
    wanted = "a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes)

    def kind(value: object) -> str:
        given = text(value)
        try:
            parts = urlsplit(given)
            sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound or any(char.isspace() for char in given):
            raise ValueError(wanted)
        return given

    return kind


def bare_url(*schemes: str) -> Kind[str]:
    """A URL without user and password: what is in a URL ends in logs of every proxy on the way."""
    plain = url(*schemes)

    def kind(value: object) -> str:
        given = plain(value)
        if "@" in urlsplit(given).netloc:
            raise ValueError(
                "a URL without user and password: keep them in a file, as a line like"
                ' "Authorization: Basic ...", and name it in header_file'
            )
        return given

    return kind


def one_of(*words: str) -> Kind[str]:
    def kind(value: object) -> str:
        if value not in words:
            raise ValueError(" or ".join(f'"{word}"' for word in words))
        return str(value)

    return kind


def header(value: object) -> tuple[str, str]:
    """One HTTP header, as it is written: "Name: value"."""
    name, colon, told = (value if isinstance(value, str) else "").partition(":")
    told = told.strip()
    named = re.fullmatch(r"[A-Za-z0-9-]{1,64}", name) and name.lower() not in OUR_HEADERS
    if not colon or not named or not re.fullmatch(r"[\x20-\x7e]{1,4000}", told):
        raise ValueError('one line like "Authorization: Bearer ..."')
    return name, told


OUR_HEADERS = {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"}


def pos_address(value: object) -> PosAddress:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
        raise ValueError("PoS addresses: 0x and 64 hex digits each")
    return PosAddress(value.lower())


def contract(value: object) -> str:
    try:
        given = core_space.decode(text(value))
    except core_space.AddressError as error:
        raise ValueError(f"a contract's Core Space address: {error}") from error
    if core_space.kind(given.raw) is not core_space.AddressKind.CONTRACT:
        raise ValueError(f"the address of a contract, and this one is of type {core_space.kind(given.raw)}")
    return core_space.encode(*given)


def label(value: object) -> str:
    given = text(value)
    if len(given) > LABEL_CHARS_MAX or not given.isprintable():
        raise ValueError(f"a printable text of at most {LABEL_CHARS_MAX} characters")
    return given


def mailbox(value: object) -> str:
    given = text(value)
    if not re.fullmatch(r"[^@\r\n]+@[^@\s]+", given):
        raise ValueError("an e-mail address")
    return given


def contact(value: object) -> str:
    """A way to reach people, as RFC 9116 wants it: a URI; a bare e-mail address is made one."""
    given = text(value)
    uri = f"mailto:{given}" if re.fullmatch(r"[^@:/\s]+@[^@:/\s]+", given) else given
    if not re.fullmatch(r"(mailto:|https://|tel:)[\x21-\x7e]{3,500}", uri):
        raise ValueError("e-mail addresses or URLs that start with https://, mailto: or tel:")
    return uri


def short_name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", value):
        raise ValueError("a name of at most 40 letters, digits, dots, dashes or underscores")
    return str(value)


def token(value: object) -> str:
    given = text(value)
    if len(given) < TOKEN_LENGTH_MIN or not re.fullmatch(r"[\x21-\x7e]+", given):
        raise ValueError(f"at least {TOKEN_LENGTH_MIN} printable characters without spaces")
    return given


class Table:
    """One table of the settings, read name by name; what nobody asked for is unknown."""

    def __init__(self, path: str, given: object, problems: list[str], home: Path) -> None:
        self.problems = problems
        self.home = home
        self._path = path
        self._known: list[str] = []
        self._given: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
        if not isinstance(given, Mapping):
            problems.append(f"wrong setting: {path} must be a table")

    def named(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def take(self, name: str, kind: Kind[T], default: T) -> T:
        """The setting, or its default when it is not given (or wrong, and complained of)."""
        self._known.append(name)
        if name not in self._given:
            return default
        value = self._given.pop(name)
        try:
            return kind(value)
        except ValueError as error:
            self.problems.append(f"wrong setting: {self.named(name)} must be {error}")
            return default

    def need(self, name: str, kind: Kind[T], default: T) -> T:
        if name not in self._given:
            self.problems.append(f"missing setting: {self.named(name)}")
        return self.take(name, kind, default)

    def secret(self, name: str, kind: Kind[str]) -> str | None:
        """A secret, written here or in the file that `<name>_file` tells of."""
        path = self.take(f"{name}_file", text, None)
        if path is None:
            return self.take(name, kind, None)
        if name in self._given:
            self.problems.append(
                f"wrong setting: {self.named(name)} and {name}_file are both given; keep one"
            )
        try:
            self._given[name] = (self.home / path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not a text"
            self.problems.append(f"wrong setting: {self.named(name)}_file: cannot read {path}: {why}")
            self._given.pop(name, None)
            return None
        return self.take(name, kind, None)

    def need_secret(self, name: str, kind: Kind[str]) -> str:
        if name not in self._given and f"{name}_file" not in self._given:
            self.problems.append(f"missing setting: {self.named(name)} (or {name}_file)")
        return self.secret(name, kind) or ""

    def table(self, name: str) -> "Table | None":
        self._known.append(name)
        if name not in self._given:
            return None
        return Table(self.named(name), self._given.pop(name), self.problems, self.home)

    def tables(self, name: str, value: str = "url") -> list["Table"]:
        """Tables of that name; in the environment they are spelled name=value, divided by commas."""
        self._known.append(name)
        given = self._given.pop(name, [])
        if isinstance(given, EnvText):
            given = [_named(part, value) for part in given.split(",") if part.strip()]
        if not isinstance(given, list):
            self.problems.append(f"wrong setting: write [[{self.named(name)}]], one for each")
            return []
        start = self.named(name)
        return [Table(f"{start}[{i}]", part, self.problems, self.home) for i, part in enumerate(given)]

    def close(self) -> None:
        known = ", ".join(sorted(self._known))
        self.problems += [
            f"unknown setting: {self.named(name)} (known here: {known})" for name in self._given
        ]


def _named(part: str, value: str) -> dict[str, EnvText]:
    name, _, given = part.strip().partition("=")
    return {"name": EnvText(name), value: EnvText(given)}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str | None) -> bool:
    """Whether a host's name or address can only mean this machine."""
    if host is None:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)  # how a dual socket spells IPv4
    return (mapped or address).is_loopback


SECRETS = ("ingest_token", "read_token", "mail.server", "oidc.client_secret", "alerts.heartbeat_url")
ENVIRONMENT = {
    "VEDETTE_" + path.upper().replace(".", "_"): path
    for path in (
        "database",
        "endpoints",
        "watch",
        "webhooks",
        "pools",
        "pool_seconds",
        "networks",
        "public_references",
        "geo.database",
        "key_file",
        "audit.head_file",
        "server.host",
        "server.port",
        "server.public_url",
        "server.trust_loopback",
        "server.trusted_proxies",
        "server.proxy_header",
        "oidc.issuer",
        "oidc.client_id",
        "oidc.name",
        "mail.from",
        "mail.to",
        *(f"alerts.{name}" for name in AlertSetting.__dataclass_fields__),
        "alerts.heartbeat_method",
        *(f"series.{name}" for name in SeriesSetting.__dataclass_fields__),
        *(f"security.{name}" for name in SecuritySetting.__dataclass_fields__),
        *(f"limits.{name}" for name in LimitSetting.__dataclass_fields__),
        *(f"accounts.{name}" for name in AccountSetting.__dataclass_fields__),
        *SECRETS,
        *(f"{path}_file" for path in SECRETS),
    )
}
"""The environment's name of each setting: VEDETTE_SERVER_PORT is server.port."""

OTHERS = ("VEDETTE_AGENT_", "VEDETTE_DEVNET_", "VEDETTE_TEST_")
"""Names in the environment that belong to other commands."""


def load(
    config: Path | None,
    environment: Mapping[str, str],
    *,
    host: str | None = None,
    port: int | None = None,
    database: str | None = None,
) -> Settings:
    """Read everything; raise SettingError with all that is wrong, a line each."""
    problems: list[str] = []
    given = _of_file(config) if config else {}
    _add_environment(given, environment, problems)
    home = config.parent if config else Path()
    settings = read(given, problems, home, environment)
    named = {"host": host, "port": port, "database": database}
    settings = replace(settings, **{k: v for k, v in named.items() if v is not None})  # type: ignore[arg-type]
    if problems:
        raise SettingError("\n".join(sorted(problems)))
    return settings


def _of_file(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"cannot read the settings {config}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"the settings {config} are not TOML: {error}") from error


def _add_environment(given: dict[str, Any], environment: Mapping[str, str], problems: list[str]) -> None:
    """The environment outranks the file. Its relative paths start where the server was started."""
    for name, value in environment.items():
        if not name.startswith("VEDETTE_") or name.startswith(OTHERS):
            continue
        path = ENVIRONMENT.get(name)
        if f"{name}_FILE" in environment:
            problems.append(f"wrong setting: {name} and {name}_FILE are both in the environment; keep one")
        if path is None:
            problems.append(f"unknown setting: {name} in the environment")
            continue
        *tables, last = path.split(".")
        table = given
        for part in tables:
            table = table.setdefault(part, {})
        if isinstance(table, dict):
            _forget_twin(table, last)
            table[last] = EnvText(Path(value).absolute() if last.endswith("_file") else value)


def _forget_twin(table: dict[str, Any], name: str) -> None:
    """A secret in the environment replaces the file's, however either is spelled."""
    table.pop(name.removesuffix("_file") if name.endswith("_file") else f"{name}_file", None)


def read(
    given: Mapping[str, Any],
    problems: list[str],
    home: Path,
    environment: Mapping[str, str] = types.MappingProxyType({}),
) -> Settings:
    """Turn what was given into settings, adding to `problems` a line for each that is wrong."""
    usual = Settings()
    top = Table("", given, problems, home)
    server = top.table("server") or Table("server", {}, problems, home)
    alerts = top.table("alerts")
    public_url = server.take("public_url", url("http", "https"), None)
    proxies = server.take("trusted_proxies", many(network), usual.trusted.networks)
    settings = Settings(
        database=_database(top, home),
        host=server.take("host", text, usual.host),
        port=server.take("port", whole(0, 65535), usual.port),
        public_url=public_url.rstrip("/") if public_url else None,
        # Behind a proxy everyone comes from loopback: then only a token tells a member from the public.
        trust_loopback=server.take("trust_loopback", flag, _is_here(public_url) and not proxies),
        trusted=Trusted(
            networks=proxies,
            header=server.take("proxy_header", one_of(*PROXY_HEADERS), FORWARDED_FOR),
        ),
        endpoints=_endpoints(top, environment),
        watch=tuple(dict.fromkeys(top.take("watch", many(pos_address), usual.watch))),
        pools=_pools(top),
        pool_seconds=top.take("pool_seconds", whole(5, 86_400), usual.pool_seconds),
        ingest_token=top.secret("ingest_token", token),
        read_token=top.secret("read_token", token),
        mail=_mail(top.table("mail")),
        webhooks=_webhooks(top),
        heartbeat=_heartbeat(alerts),
        alerts=_alerts(alerts),
        series=_series(top.table("series")),
        security=_security(top.table("security")),
        limits=_limits(top.table("limits")),
        accounts=_accounts(top.table("accounts")),
        oidc=_oidc(top.table("oidc")),
        home=home,
        networks_file=_networks_file(top, home),
        public_references=top.take("public_references", flag, usual.public_references),
        geo_file=_geo_file(top.table("geo"), home),
        key_file=_path(top, "key_file", home),
        audit_head_file=_head_file(top.table("audit"), home),
    )
    server.close()
    top.close()
    return settings


def _is_here(public_url: str | None) -> bool:
    return public_url is None or is_loopback(urlsplit(public_url).hostname)


def _database(top: Table, home: Path) -> str:
    """A PostgreSQL URL, or the path of an SQLite file (one in the settings file starts beside that file)."""
    given = top.take("database", lambda value: value if isinstance(value, EnvText) else text(value), None)
    if given is None:
        return Settings().database
    return str(given) if isinstance(given, EnvText) or "://" in given else str(home / given)


def _networks_file(top: Table, home: Path) -> Path:
    return _file(top, "networks", Settings().networks_file, home)


def _geo_file(table: Table | None, home: Path) -> Path:
    if table is None:
        return home / Settings().geo_file
    found = _file(table, "database", Settings().geo_file, home)
    table.close()
    return found


def _head_file(table: Table | None, home: Path) -> Path | None:
    if table is None:
        return None
    found = _path(table, "head_file", home)
    table.close()
    return found


def _file(table: Table, name: str, usual: Path, home: Path) -> Path:
    return _path(table, name, home) or home / usual


def _path(table: Table, name: str, home: Path) -> Path | None:
    """A file's path; one in the settings file starts beside that file, one of the environment does not."""
    given = table.take(name, lambda value: value if isinstance(value, EnvText) else text(value), None)
    if given is None:
        return None
    return Path(given) if isinstance(given, EnvText) else home / given


def _endpoints(top: Table, environment: Mapping[str, str]) -> tuple[EndpointSetting, ...]:
    tables = top.tables("endpoints")
    if len(tables) > ENDPOINTS_MAX:
        top.problems.append(f"wrong setting: endpoints: {len(tables)} are given; at most {ENDPOINTS_MAX}")
    found = [_endpoint(table, environment) for table in tables[:ENDPOINTS_MAX]]
    _complain_of_twins("endpoints", [one.name for one in found], top.problems)
    return tuple(found)


def _endpoint(table: Table, environment: Mapping[str, str]) -> EndpointSetting:
    role = table.take("role", one_of("full", "archive", "rpc"), None)
    found = EndpointSetting(
        name=table.need("name", short_name, ""),
        url=table.need("url", bare_url("http", "https"), ""),
        calls_per_s=table.take("calls_per_s", rate, None),
        kind=table.take("kind", one_of("core", "espace"), "core"),
        role=role,
        ws=table.take("ws", bare_url("ws", "wss"), None),
        header=_header(table, environment),
        follow=table.take("follow", flag, role is None),
    )
    if found.kind == "espace" and found.follow:
        table.problems.append(
            f"wrong setting: {table.named('kind')} espace has no PoS chain to follow: give it a role"
            " (full, archive or rpc) and no follow = true"
        )
    if role is None and found.ws is not None:
        table.problems.append(f"wrong setting: {table.named('ws')} is only for an endpoint with a role")
    table.close()
    return found


def _header(table: Table, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """From a file or the environment, so that settings can be shown around."""
    variable = table.take("header_env", text, None)
    path = table.take("header_file", text, None)
    if variable is not None and path is not None:
        both = f"{table.named('header_file')} and header_env are both given; keep one"
        table.problems.append(f"wrong setting: {both}")
        return None
    if variable is not None:
        where, given = f"header_env: the environment's {variable}", environment.get(variable)
    elif path is not None:
        where, given = f"header_file: {path}", _read(table.home / path)
    else:
        return None
    return _sound(table, where, given)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _sound(table: Table, where: str, given: str | None) -> tuple[str, str] | None:
    """The header, or None and a complaint that does not quote it."""
    if given is None:
        table.problems.append(f"wrong setting: {table.named(where)} is missing or cannot be read")
        return None
    try:
        return header(given)
    except ValueError as error:
        table.problems.append(f"wrong setting: {table.named(where)} must hold {error}")
        return None


def _pools(top: Table) -> tuple[PoolSetting, ...]:
    found = []
    for table in top.tables("pools", "contract"):
        found.append(
            PoolSetting(
                table.need("name", label, ""),
                table.need("contract", contract, ""),
                table.take("bridge", contract, "") or None,
            )
        )
        table.close()
    _complain_of_twins("pools", [one.contract for one in found], top.problems, what="contract")
    return tuple(found)


def _mail(table: Table | None) -> MailSetting | None:
    if table is None:
        return None
    mail = MailSetting(
        server=table.need_secret("server", url("smtp", "smtps")),
        sender=table.need("from", mailbox, ""),
        to=table.need("to", many(mailbox), ()),
    )
    table.close()
    return mail


def _webhooks(top: Table) -> tuple[WebhookSetting, ...]:
    found = []
    for table in top.tables("webhooks"):
        name = table.need("name", short_name, "")
        address = table.need_secret("url", url("http", "https"))
        found.append(WebhookSetting(name, address, table.secret("secret", token)))
        table.close()
    names = [one.name for one in found]
    _complain_of_twins("webhooks", names, top.problems)
    for taken in sorted({"email", "members"} & set(names)):
        top.problems.append(f'wrong setting: webhooks: "{taken}" is the name of the mail; choose another')
    return tuple(found)


def _complain_of_twins(where: str, names: list[str], problems: list[str], what: str = "name") -> None:
    twins = sorted({name for name in names if name and names.count(name) > 1})
    problems += [f'wrong setting: {where}: the {what} "{name}" is given twice' for name in twins]


def _alerts(table: Table | None) -> AlertSetting:
    if table is None:
        return AlertSetting()
    usual = AlertSetting()
    blocks, seconds, minutes = whole(1, 120), whole(0, 86_400), whole(0, 10_080)
    alerts = AlertSetting(
        remind_minutes=table.take("remind_minutes", minutes, usual.remind_minutes),
        remind_critical_minutes=table.take("remind_critical_minutes", minutes, usual.remind_critical_minutes),
        absent_blocks=table.take("absent_blocks", blocks, usual.absent_blocks),
        absent_critical_blocks=table.take("absent_critical_blocks", blocks, usual.absent_critical_blocks),
        absent_recovered_blocks=table.take("absent_recovered_blocks", blocks, usual.absent_recovered_blocks),
        down_critical_seconds=table.take("down_critical_seconds", seconds, usual.down_critical_seconds),
        silent_critical_seconds=table.take("silent_critical_seconds", seconds, usual.silent_critical_seconds),
        language=table.take("language", language, usual.language),
        apprise=table.take("apprise", flag, usual.apprise),
        log_days=table.take("log_days", whole(1, DAYS_MAX), usual.log_days),
        evidence_days=table.take("evidence_days", whole(1, DAYS_MAX), usual.evidence_days),
        preset=table.take("preset", preset, usual.preset),
        rules=table.take("rules", of_rules, usual.rules),
        subjects=table.take("subjects", of_subjects, usual.subjects),
    )
    table.close()
    return alerts


def limits_of(alerts: AlertSetting) -> limits.Limits:
    """What all teams begin with: `alerts.rules` outranks the few limits that have a setting of their own."""
    return limits.Limits(alerts.preset, alerts.rules, alerts.subjects).over(_limits_by_name(alerts))


def _limits_by_name(alerts: AlertSetting) -> limits.Limits:
    """Only what was changed: a default must not stand before a preset."""
    usual = AlertSetting()
    given: dict[str, dict[str, int]] = {}
    for name, (rule, limit, factor) in LIMITS_BY_NAME.items():
        value = getattr(alerts, name)
        if value != getattr(usual, name):
            given.setdefault(rule, {})[limit] = value * factor
    return limits.Limits(rules=given)


LIMITS_BY_NAME: Mapping[str, tuple[str, str, int]] = {
    "absent_blocks": ("absent_votes", "absent_blocks", 1),
    "absent_critical_blocks": ("absent_votes", "critical_blocks", 1),
    "absent_recovered_blocks": ("absent_votes", "recovered_blocks", 1),
    "down_critical_seconds": ("node_down", "critical_after_ms", 1000),
    "silent_critical_seconds": ("node_silent", "critical_after_ms", 1000),
}
"""The few limits with a setting of their own: rule, limit, and how many of its units the setting's one is."""


def _heartbeat(table: Table | None) -> HeartbeatSetting | None:
    if table is None:
        return None
    address = table.secret("heartbeat_url", url("http", "https"))
    method = table.take("heartbeat_method", one_of("GET", "POST"), "GET")
    return None if address is None else HeartbeatSetting(address, method)


def _series(table: Table | None) -> SeriesSetting:
    if table is None:
        return SeriesSetting()
    usual = SeriesSetting()
    series = SeriesSetting(
        raw_days=table.take("raw_days", whole(1, DAYS_MAX), usual.raw_days),
        minute_days=table.take("minute_days", whole(1, DAYS_MAX), usual.minute_days),
        hour_days=table.take("hour_days", whole(HOUR_DAYS_MIN, DAYS_MAX), usual.hour_days),
    )
    if not series.raw_days <= series.minute_days <= series.hour_days:
        table.problems.append(
            f"wrong setting: series.raw_days ({series.raw_days}), minute_days ({series.minute_days})"
            f" and hour_days ({series.hour_days}) must not fall: what is coarser is kept longer"
        )
    table.close()
    return series


def _security(table: Table | None) -> SecuritySetting:
    if table is None:
        return SecuritySetting()
    security = SecuritySetting(
        contact=table.take("contact", many(contact), ()),
        allow_private_targets=table.take("allow_private_targets", many(network), ()),
    )
    table.close()
    return security


def _limits(table: Table | None) -> LimitSetting:
    usual = LimitSetting()
    if table is None:
        return usual
    given = {
        name: table.take(name, whole(0, 1_000_000), getattr(usual, name))
        for name in LimitSetting.__dataclass_fields__
    }
    table.close()
    return LimitSetting(**given)


def _oidc(table: Table | None) -> OidcSetting | None:
    if table is None:
        return None
    issuer = table.need("issuer", bare_url("https", "http"), "")
    if issuer.startswith("http://") and not is_loopback(urlsplit(issuer).hostname):
        table.problems.append(f"wrong setting: {table.named('issuer')} must start with https://")
    oidc = OidcSetting(
        issuer=issuer,
        client_id=table.need("client_id", text, ""),
        client_secret=table.need_secret("client_secret", text),
        name=table.take("name", label, "OpenID Connect"),
    )
    table.close()
    return oidc


def _accounts(table: Table | None) -> AccountSetting:
    if table is None:
        return AccountSetting()
    usual, days = AccountSetting(), whole(1, 365)
    accounts = AccountSetting(
        sign_up=table.take("sign_up", sign_up, usual.sign_up),
        session_days=table.take("session_days", days, usual.session_days),
        idle_days=table.take("idle_days", days, usual.idle_days),
        password_memory_kib=table.take(
            "password_memory_kib", whole(19_456, 1_048_576), usual.password_memory_kib
        ),
        password_rounds=table.take("password_rounds", whole(2, 20), usual.password_rounds),
    )
    table.close()
    return accounts
