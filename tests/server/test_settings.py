"""Settings: everything wrong at once, secrets from files, nothing guessed."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from vedette.model.errors import SettingError
from vedette.server.settings import PoolSetting, Settings, limits_of, load
from vedette.server.tokens import ingest_token

ALICE = "0x" + "a1" * 32
PHX = "cfx:acdj1y1r00mzvuw9s831rj1t5amst2405jv582syu0"
USER = "cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "server.toml"
    path.write_text(text)
    return path


def problems(path: Path | None, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingError) as error:
        load(path, environment or {})
    return str(error.value).split("\n")


FULL = f"""
database = "data/vedette.db"
watch = ["{ALICE.upper().replace("0X", "0x")}"]
ingest_token_file = "enrol"
read_token = "let-me-read-let-me-read"
[server]
host = "::1"
port = 9000
public_url = "https://watch.example/"
trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]
proxy_header = "Forwarded"
[[endpoints]]
name = "mine"
url = "http://127.0.0.1:12537"
[[endpoints]]
name = "gateway"
url = "https://gateway.example/key"
calls_per_s = 2.5
[[pools]]
name = "Zug und Söhne"
contract = "CFX:TYPE.CONTRACT:ACDJ1Y1R00MZVUW9S831RJ1T5AMST2405JV582SYU0"
[mail]
server = "smtp://u:p@mail.example:587"
from = "vedette@example.org"
to = ["a@example.org", "b@example.org"]
[[webhooks]]
name = "hook"
url = "http://127.0.0.1:9/hook"
[limits]
per_minute = 100
live_streams = 0
[alerts]
absent_blocks = 12
language = "zh"
apprise = true
preset = "quiet"
[alerts.rules.disk_filling]
warning_days = 30
[alerts.subjects.n1.few_peers]
is_on = false
"""


NOT_FALLING = (
    "wrong setting: series.raw_days (91), minute_days (90) and hour_days (1095) must not fall:"
    " what is coarser is kept longer"
)
RATES = "a number of calls a second from 0.1 to 10000"


def test_a_full_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "enrol").write_text("enrol-me-enrol-me-enrol-me\n")
    settings = load(written(tmp_path, FULL), {})
    assert settings.database == str(tmp_path / "data/vedette.db")
    assert settings.watch == (ALICE,)
    assert settings.ingest_token == "enrol-me-enrol-me-enrol-me"
    assert (settings.host, settings.port, settings.page_url) == ("::1", 9000, "https://watch.example")
    assert [(one.name, one.calls_per_s) for one in settings.endpoints] == [("mine", None), ("gateway", 2.5)]
    assert settings.pools == (PoolSetting("Zug und Söhne", PHX),)
    assert settings.mail is not None
    assert settings.mail.to == ("a@example.org", "b@example.org")
    assert settings.webhooks[0].secret is None
    assert (settings.alerts.absent_blocks, settings.alerts.language) == (12, "zh")
    assert settings.alerts.apprise
    assert settings.alerts.preset == "quiet"
    assert settings.alerts.rules == {"disk_filling": {"warning_days": 30.0}}
    assert settings.alerts.subjects == {"n1": {"few_peers": {"is_on": False}}}
    assert not settings.trust_loopback  # behind a proxy everyone comes from loopback
    assert [str(one) for one in settings.trusted.networks] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]
    assert settings.trusted.header == "Forwarded"
    assert (settings.limits.per_minute, settings.limits.live_streams) == (100, 0)
    assert settings.limits.known_per_minute == 6_000


def test_rules_are_set_in_the_environment_as_json() -> None:
    told = load(None, {"VEDETTE_ALERTS_RULES": '{"few_peers": {"few_count": 1}}'}).alerts.rules
    assert told == {"few_peers": {"few_count": 1}}
    with pytest.raises(SettingError, match=r"alerts\.rules must be a JSON object"):
        load(None, {"VEDETTE_ALERTS_RULES": "few_peers"})


def test_a_rules_own_value_outranks_the_setting_of_its_limit(tmp_path: Path) -> None:
    both = "[alerts]\ndown_critical_seconds = 5\n[alerts.rules.node_down]\ncritical_after_ms = 9000\n"
    assert (
        limits_of(load(written(tmp_path, both), {}).alerts).rules["node_down"]["critical_after_ms"] == 9_000
    )
    assert limits_of(load(None, {}).alerts).rules == {}, "a default stands before no preset"


def test_no_file_at_all_is_a_server_on_loopback() -> None:
    settings = load(None, {})
    assert (settings.host, settings.trust_loopback, settings.database) == ("127.0.0.1", True, "vedette.db")


def test_whoever_names_a_proxy_has_one_and_nobody_is_a_neighbour_by_himself(tmp_path: Path) -> None:
    behind = '[server]\ntrusted_proxies = ["127.0.0.1"]\n'
    assert not load(written(tmp_path, behind), {}).trust_loopback
    assert load(written(tmp_path, behind + "trust_loopback = true"), {}).trust_loopback


def test_everything_wrong_is_said_at_once_a_line_each(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        watch = ["0x12"]
        read_token = "short"
        surprise = 1
        [server]
        port = "8642"
        [[endpoints]]
        name = "a b"
        [[webhooks]]
        name = "email"
        url = "ftp://x"
        [mail]
        server = "smtp://m.example"
        to = "me"
        """,
    )
    assert problems(path, {"VEDETTE_SERVR_PORT": "1"}) == sorted(EXPECTED)


NAMES = "a name of at most 40 letters, digits, dots, dashes or underscores"
KNOWN = [
    "accounts",
    "alerts",
    "audit",
    "database",
    "endpoints",
    "geo",
    "ingest_token",
    "ingest_token_file",
    "key_file",
    "limits",
    "mail",
    "networks",
    "oidc",
    "pool_seconds",
    "pools",
    "public_references",
    "read_token",
    "read_token_file",
    "security",
    "series",
    "server",
    "watch",
    "webhooks",
]
EXPECTED = [
    "missing setting: endpoints[0].url",
    "missing setting: mail.from",
    f"wrong setting: endpoints[0].name must be {NAMES}",
    "unknown setting: VEDETTE_SERVR_PORT in the environment",
    "unknown setting: surprise (known here: " + ", ".join(KNOWN) + ")",
    "wrong setting: mail.to must be a list",
    "wrong setting: read_token must be at least 16 printable characters without spaces",
    "wrong setting: server.port must be a whole number from 0 to 65535",
    "wrong setting: watch must be PoS addresses: 0x and 64 hex digits each",
    "wrong setting: webhooks[0].url must be a URL that starts with http:// or https://",
    'wrong setting: webhooks: "email" is the name of the mail; choose another',
]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("server = 5", "wrong setting: server must be a table"),
        (
            "[series]\nhour_days = 30",
            "wrong setting: series.hour_days must be a whole number from 31 to 36500",
        ),
        (
            "[series]\nraw_days = 91",
            NOT_FALLING,
        ),
        ("endpoints = 5", "wrong setting: write [[endpoints]], one for each"),
        *(
            (
                f'[[endpoints]]\nname = "a"\nurl = "http://x"\ncalls_per_s = {wrong}',
                f"wrong setting: endpoints[0].calls_per_s must be {RATES}",
            )
            for wrong in ("0", "-1", "true", "nan", "inf", '"5"')
        ),
        (
            '[accounts]\nsign_up = "all"',
            'wrong setting: accounts.sign_up must be "closed" or "invited" or "open"',
        ),
        (
            "[accounts]\npassword_memory_kib = 32",
            "wrong setting: accounts.password_memory_kib must be a whole number from 19456 to 1048576",
        ),
        (
            '[oidc]\nissuer = "http://id.example"\nclient_id = "a"\nclient_secret = "b"',
            "wrong setting: oidc.issuer must start with https://",
        ),
        (
            '[oidc]\nissuer = "https://id.example"\nclient_id = "a"',
            "missing setting: oidc.client_secret (or client_secret_file)",
        ),
        ("[server]\nport = true", "wrong setting: server.port must be a whole number from 0 to 65535"),
        ('ingest_token_file = "gone"', "wrong setting: ingest_token_file: cannot read gone: No such file"),
        (
            f'[[pools]]\nname = "a"\ncontract = "{PHX[:-1]}1"',
            f"must be a contract's Core Space address: '{PHX[:-1]}1' is no address: its checksum",
        ),
        (
            f'[[pools]]\nname = "a"\ncontract = "{USER}"',
            "pools[0].contract must be the address of a contract, and this one is of type user",
        ),
        (
            f'[[pools]]\nname = "{"x" * 81}"\ncontract = "{PHX}"',
            "pools[0].name must be a printable text of at most 80 characters",
        ),
        (f'[[pools]]\ncontract = "{PHX}"', "missing setting: pools[0].name"),
        ("[limits]\nper_minute = -1", "limits.per_minute must be a whole number from 0 to 1000000"),
        ("pool_seconds = 4", "pool_seconds must be a whole number from 5 to 86400"),
        ('[server]\ntrusted_proxies = ["proxy"]', "trusted_proxies must be addresses or networks such as"),
        ('[server]\ntrusted_proxies = ["10.0.0.1/8"]', "'10.0.0.1/8' is neither"),
        ('[server]\ntrusted_proxies = ["::/0"]', "trusted_proxies must be some addresses and not all"),
        ('[server]\nproxy_header = "X-Real-IP"', 'must be "X-Forwarded-For" or "Forwarded"'),
        ('[server]\ntrust_loopback = "yes"', "wrong setting: server.trust_loopback must be true or false"),
        ('[alerts]\nlanguage = "fr"', 'wrong setting: alerts.language must be "en" or "zh"'),
        ('[alerts]\npreset = "loud"', 'alerts.preset must be "quiet" or "normal" or "paranoid"'),
        ("[alerts.rules.disk_filling]\nwarning_days = -1", "alerts.rules must be as rules take it: "),
        ("[alerts.rules.disk_filing]", "there is no rule disk_filing (see `vedette rules`)"),
        ("[alerts.subjects.n1.few_peers]\nfew = 1", "subjects.n1.few_peers: unknown limit few (known: "),
        ("database = ", "are not TOML"),
        (
            '[security]\ncontact = ["http://x"]',
            "security.contact must be e-mail addresses or URLs that start with https://, mailto: or tel:",
        ),
        (
            '[security]\nallow_private_targets = ["10.0.0.1/8"]',
            'security.allow_private_targets must be addresses or networks such as "10.0.0.5"',
        ),
        ("[mail]", "missing setting: mail.server (or server_file)"),
    ],
)
def test_a_wrong_value_is_told_with_what_would_be_right(tmp_path: Path, text: str, line: str) -> None:
    assert any(line in told for told in problems(written(tmp_path, text)))


def test_a_settings_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert problems(tmp_path / "no.toml") == [
        f"cannot read the settings {tmp_path}/no.toml: No such file or directory"
    ]


def test_two_endpoints_of_one_name_are_one_too_many() -> None:
    twins = {"VEDETTE_ENDPOINTS": "a=http://x:1,a=http://y:2"}
    assert problems(None, twins) == ['wrong setting: endpoints: the name "a" is given twice']


def test_two_pools_of_one_contract_are_one_too_many() -> None:
    twins = {"VEDETTE_POOLS": f"a={PHX}, b={PHX.upper()}"}
    assert problems(None, twins) == [f'wrong setting: pools: the contract "{PHX}" is given twice']


def test_the_environment_outranks_the_file_and_an_option_outranks_both(tmp_path: Path) -> None:
    path = written(tmp_path, 'database = "a.db"\n[server]\nport = 1000')
    environment = {
        "VEDETTE_SERVER_PORT": "2000",
        "VEDETTE_WATCH": f"{ALICE}, {ALICE}",
        "VEDETTE_ENDPOINTS": "a=http://x:1,b=https://y",
        "VEDETTE_MAIL_SERVER": "smtp://m.example",
        "VEDETTE_MAIL_FROM": "v@example.org",
        "VEDETTE_MAIL_TO": "a@example.org,b@example.org",
        "VEDETTE_AGENT_SERVER": "another command's",
        "HOME": "/root",
    }
    settings = load(path, environment, database="c.db")
    assert (settings.port, settings.database, settings.watch) == (2000, "c.db", (ALICE,))
    assert [endpoint.url for endpoint in settings.endpoints] == ["http://x:1", "https://y"]
    assert settings.mail is not None
    assert len(settings.mail.to) == 2
    assert load(path, environment, port=3000).port == 3000


def test_a_secret_of_the_environment_replaces_the_files_however_it_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file-from-a-file")
    path = written(tmp_path, 'read_token = "in-the-file-in-the-file"')
    environment = {"VEDETTE_READ_TOKEN_FILE": str(tmp_path / "secret")}
    assert load(path, environment).read_token == "from-a-file-from-a-file"


def test_a_secret_given_twice_is_a_question() -> None:
    twice = {"VEDETTE_READ_TOKEN": "x" * 20, "VEDETTE_READ_TOKEN_FILE": "/nowhere"}
    line = (
        "wrong setting: VEDETTE_READ_TOKEN and VEDETTE_READ_TOKEN_FILE are both in the environment; keep one"
    )
    assert line in problems(None, twice)


def test_no_secret_is_in_what_settings_say_of_themselves(tmp_path: Path) -> None:
    (tmp_path / "enrol").write_text("enrol-me-enrol-me-enrol-me\n")
    said = repr(load(written(tmp_path, FULL), {}))
    for secret in ("enrol-me", "let-me-read", "u:p@"):
        assert secret not in said


def test_without_a_configured_token_one_is_made_for_our_eyes_only_and_kept(tmp_path: Path) -> None:
    settings = load(None, {}, database=str(tmp_path / "deep" / "vedette.db"))
    made = ingest_token(settings)
    path = tmp_path / "deep" / "ingest-token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(made) >= 32
    assert ingest_token(settings) == made
    assert [file.name for file in path.parent.iterdir()] == ["ingest-token"]


def test_a_broken_token_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "ingest-token").write_text("")
    with pytest.raises(SettingError, match="remove the file for a new one"):
        ingest_token(load(None, {}, database=str(tmp_path / "vedette.db")))


def test_with_postgresql_a_token_is_asked_for() -> None:
    with pytest.raises(SettingError, match="missing setting: ingest_token"):
        ingest_token(load(None, {}, database="postgresql://localhost/x"))


WATCHED = """
[[endpoints]]
name = "reference"
url = "https://main.example"
[[endpoints]]
name = "archive"
url = "https://archive.example/rpc"
ws = "wss://archive.example/ws"
role = "archive"
header_file = "key"
[[endpoints]]
name = "evm"
url = "https://evm.example"
kind = "espace"
role = "rpc"
header_env = "EVM_KEY"
[[endpoints]]
name = "both"
url = "http://127.0.0.1:12537"
role = "full"
follow = true
"""


def test_what_has_a_role_is_watched_and_what_has_none_is_followed(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("Authorization: Bearer hunter2-hunter2\n")
    settings = load(written(tmp_path, WATCHED), {"EVM_KEY": "X-Api-Key: swordfish"})
    assert [one.name for one in settings.followed] == ["reference", "both"]
    assert [(one.name, one.kind, one.role) for one in settings.watched] == [
        ("archive", "core", "archive"),
        ("evm", "espace", "rpc"),
        ("both", "core", "full"),
    ]
    assert settings.watched[0].headers == {"Authorization": "Bearer hunter2-hunter2"}
    assert settings.watched[1].headers == {"X-Api-Key": "swordfish"}
    assert settings.watched[0].ws == "wss://archive.example/ws"
    assert not {"hunter2", "swordfish"} & set(repr(settings).replace('"', " ").replace("'", " ").split())
    assert "hunter2" not in repr(settings)
    assert "swordfish" not in repr(settings)


LINE = 'one line like "Authorization: Bearer ..."'
NO_POS = (
    "endpoints[0].kind espace has no PoS chain to follow: give it a role (full, archive or rpc) and"
    " no follow = true"
)
BARE = (
    "a URL without user and password: keep them in a file, as a line like"
    ' "Authorization: Basic ...", and name it in header_file'
)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('url = "https://user:hunter2@x.example"', f"endpoints[0].url must be {BARE}"),
        ('url = "https://hunter2@x.example"', f"endpoints[0].url must be {BARE}"),
        ('url = "http://x"\nws = "wss://u:hunter2@x"', f"endpoints[0].ws must be {BARE}"),
        (
            'url = "http://x"\nws = "http://x"',
            "endpoints[0].ws must be a URL that starts with ws:// or wss://",
        ),
        ('url = "http://x"\nkind = "evm"', 'endpoints[0].kind must be "core" or "espace"'),
        ('url = "http://x"\nheader_file = "no"', "endpoints[0].header_file: no is missing or cannot be read"),
        (
            'url = "http://x"\nheader_env = "NO"',
            "endpoints[0].header_env: the environment's NO is missing or cannot be read",
        ),
        (
            'url = "http://x"\nheader_env = "BAD"',
            f"endpoints[0].header_env: the environment's BAD must hold {LINE}",
        ),
        (
            'url = "http://x"\nheader_env = "OURS"',
            f"endpoints[0].header_env: the environment's OURS must hold {LINE}",
        ),
        (
            'url = "http://x"\nheader_env = "BAD"\nheader_file = "no"',
            "endpoints[0].header_file and header_env are both given; keep one",
        ),
        (
            'url = "http://x"\nkind = "espace"\nfollow = true',
            NO_POS,
        ),
    ],
)
def test_a_wrong_endpoint_to_watch_is_one_line_that_quotes_no_secret(
    tmp_path: Path, line: str, complaint: str
) -> None:
    path = written(tmp_path, f'[[endpoints]]\nname = "a"\nrole = "rpc"\n{line}')
    told = problems(path, {"BAD": "hunter2-without-a-name", "OURS": "Host: hunter2"})
    assert told == [f"wrong setting: {complaint}"]
    assert "hunter2" not in told[0]


def test_an_endpoint_that_is_only_followed_has_no_websocket(tmp_path: Path) -> None:
    path = written(tmp_path, '[[endpoints]]\nname = "a"\nurl = "http://x"\nws = "ws://x"')
    assert problems(path) == ["wrong setting: endpoints[0].ws is only for an endpoint with a role"]


def test_more_endpoints_than_anybody_has_are_refused(tmp_path: Path) -> None:
    many = "".join(f'[[endpoints]]\nname = "n{i}"\nurl = "http://x"\n' for i in range(501))
    assert problems(written(tmp_path, many)) == ["wrong setting: endpoints: 501 are given; at most 500"]


def test_the_key_file_stands_beside_the_database_and_the_logs_head_beside_it(tmp_path: Path) -> None:
    usual = Settings(database=str(tmp_path / "data" / "v.db"), home=tmp_path)
    assert usual.keys_path == tmp_path / "data" / "secret-keys"
    assert usual.head_path == tmp_path / "data" / "audit-head"
    assert replace(usual, database="postgresql://h/v").keys_path == tmp_path / "secret-keys"
    config = tmp_path / "server.toml"
    config.write_text('key_file = "k/keys"\n[audit]\nhead_file = "h/head"\n')
    told = load(config, {})
    assert (told.keys_path, told.head_path) == (tmp_path / "k" / "keys", tmp_path / "h" / "head")
    apart = load(config, {"VEDETTE_KEY_FILE": "/run/keys"})
    assert apart.keys_path == Path("/run/keys")


def test_the_file_of_places_stands_beside_the_settings(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), {}).geo_file == tmp_path / "geo.mmdb"
    given = written(tmp_path, '[geo]\ndatabase = "data/g.mmdb"')
    assert load(given, {}).geo_file == tmp_path / "data/g.mmdb"
    assert load(given, {"VEDETTE_GEO_DATABASE": "here.mmdb"}).geo_file == Path("here.mmdb")
    wrong = written(tmp_path, "[geo]\ndatabse = 1")
    assert problems(wrong) == ["unknown setting: geo.databse (known here: database)"]


def test_the_networks_file_stands_beside_the_settings(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), {}).networks_file == tmp_path / "networks.toml"
    given = written(tmp_path, 'networks = "data/n.toml"\npublic_references = false')
    assert load(given, {}).networks_file == tmp_path / "data/n.toml"
    assert load(given, {}).public_references is False
    assert load(given, {"VEDETTE_NETWORKS": "here.toml"}).networks_file == Path("here.toml")


def test_a_contact_and_private_targets_come_from_file_or_environment(tmp_path: Path) -> None:
    given = written(tmp_path, '[security]\ncontact = ["sec@example.org", "https://example.org/report"]')
    found = load(given, {"VEDETTE_SECURITY_ALLOW_PRIVATE_TARGETS": "10.1.0.0/16, fd12::/48"}).security
    assert found.contact == ("mailto:sec@example.org", "https://example.org/report")
    assert [str(network) for network in found.allow_private_targets] == ["10.1.0.0/16", "fd12::/48"]
