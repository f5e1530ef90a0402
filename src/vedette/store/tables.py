"""The schema, once, for both databases. Owned rows carry `team_id`; the chain belongs to everyone."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only when the key is exactly INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")

marks = Table(
    "marks",
    metadata,
    Column("name", String(40), primary_key=True),  # "schema": the fingerprint; "alive": when we last ran
    Column("text", Text, nullable=False),
)

# --- people and nodes -------------------------------------------------------------------------------------

teams = Table(
    "teams",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False, server_default=text("0")),
    # What the team tells the public, if it wishes to: /status/{slug}.
    Column("slug", String(40), unique=True),
    Column("is_public", Boolean, nullable=False, server_default=text("false")),
    Column("about", Text, nullable=False, server_default=""),
    Column("links", JSON, nullable=False, server_default=text("'[]'")),  # [{"label", "url"}]
    Column("shows_incidents", Boolean, nullable=False, server_default=text("false")),
)

# Whoever can sign in. Passwords are argon2id; what must be read again is sealed with the key file.
users = Table(
    "users",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String(40), nullable=False, unique=True),  # in lower case
    Column("pseudonym", String(24), nullable=False, unique=True),  # what the audit log calls him
    Column("email", String(254), unique=True),  # in lower case
    Column("email_verified_at_ms", BigInteger),
    Column("password_hash", Text),
    Column("totp_sealed", LargeBinary),
    Column("totp_confirmed_at_ms", BigInteger),
    Column("totp_last_step", BigInteger, nullable=False, server_default=text("0")),  # a code works once
    Column("is_admin", Boolean, nullable=False, server_default=text("false")),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("disabled_at_ms", BigInteger),
    Column("oidc_issuer", String(200)),
    Column("oidc_subject", String(255)),
    UniqueConstraint("oidc_issuer", "oidc_subject"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("team_id", ForeignKey("teams.id"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", String(10), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)

# Of every token here only the SHA-256 is kept: it is too random to be guessed, so no salt is needed.
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),  # what the list of sessions calls it; no secret
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("team_id", ForeignKey("teams.id")),  # the team that he looks at
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("fresh_until_ms", BigInteger, nullable=False),  # until then he need not prove himself again
    Column("browser", String(120), nullable=False),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", String(80), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
    Column("used_at_ms", BigInteger),
)

# Tokens that work once: to verify an address, to set a new password, to answer a challenge, to set up.
tickets = Table(
    "tickets",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("purpose", String(20), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("payload", LargeBinary),
    Column("expires_at_ms", BigInteger, nullable=False, index=True),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("role", String(10), nullable=False),
    Column("email", String(254)),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
)

# How often somebody tried: here and not in memory, so that a restart or a second server forgets nothing.
tries = Table(
    "tries",
    metadata,
    Column("subject_hash", LargeBinary, primary_key=True),  # keyed hash of a name or an address
    Column("count", Integer, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False, index=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),  # who made it
    Column("name", String(80), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("hint", String(12), nullable=False),  # its last letters, to tell it from others
    Column("scopes", JSON, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger),
    Column("used_at_ms", BigInteger),
    Column("revoked_at_ms", BigInteger),
)

# Public halves, to be shown: no agent trusts a key because it stands here.
operator_keys = Table(
    "operator_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("name", String(80), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("made_by", String(10), nullable=False),  # browser: may never start a voter; cli
    Column("created_at_ms", BigInteger, nullable=False),
    Column("revoked_at_ms", BigInteger),
    UniqueConstraint("team_id", "public_key"),
)

# A validator whose owner proved that he is: by a signature of the PoW address that is bound to it.
claims = Table(
    "claims",
    metadata,
    Column("address", String(66), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("signer", String(80), nullable=False),  # the address that signed, in its own spelling
    Column("space", String(10), nullable=False),  # core, espace: where that is an address
    Column("message", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("claimed_at_ms", BigInteger, nullable=False),
    Column("lapsed_at_ms", BigInteger),  # since then the chain names another owner
    Column("is_public", Boolean, nullable=False, server_default=text("false")),
    Column("name", String(80)),
    Column("about", Text, nullable=False, server_default=""),
    Column("links", JSON, nullable=False, server_default=text("'[]'")),
)

claim_challenges = Table(
    "claim_challenges",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("address", String(66), nullable=False),
    Column("message", Text, nullable=False),
    Column("signers", JSON, nullable=False),  # the addresses whose signature proves it, found when asked
    Column("expires_at_ms", BigInteger, nullable=False, index=True),
)

# Who did what, each line bound to the one before by its hash. Persons stand here by pseudonym.
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # without a gap: found when written
    Column("at_ms", BigInteger, nullable=False),
    Column("team_id", BigInteger, index=True),
    Column("actor", String(40), nullable=False),
    Column("act", String(60), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Text, nullable=False),  # JSON, in the very letters that were hashed
    Column("hash", LargeBinary, nullable=False),
)

# A browser that wants to be told of public validators; it needs no account.
push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),  # whoever holds the token may change it
    Column("endpoint_hash", LargeBinary, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),  # the push service's URL and keys
    Column("addresses", JSON, nullable=False),
    Column("language", String(5), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
)

# The secret by which push services know this server. There is one; browsers hold its public half.
push_keys = Table(
    "push_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)

watches = Table(
    "watches",
    metadata,
    Column("team_id", ForeignKey("teams.id"), primary_key=True),
    Column("address", String(66), primary_key=True),
    Column("of_settings", Boolean, nullable=False, server_default=text("false")),  # else the team's own word
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("agent", String(64), nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("name", String(80), nullable=False),
    Column("role", String(20), nullable=False),
    Column(
        "kind", String(10), nullable=False, server_default="agent"
    ),  # or "endpoint": nobody reports for it
    Column("enrolled_at_ms", BigInteger, nullable=False),
    Column("revoked_at_ms", BigInteger),  # since then its agent is refused, until a ticket lets it in again
    # What its operator said outranks what its agent tells. Null: nothing was said.
    Column("set_name", String(80)),
    Column("set_role", String(20)),
    Column("set_place", JSON(none_as_null=True)),
    Column("labels", JSON, nullable=False, server_default=text("'[]'")),
    Column("group_name", String(40)),
    Column("is_public", Boolean, nullable=False, server_default=text("false")),
    Column("publish", String(10), nullable=False, server_default="nothing"),  # of its place: country, city
    Column("seen_place", JSON(none_as_null=True)),  # looked up when it reported; the address is not kept
)

# Tokens that let one agent in, once. The token itself is nowhere: only its SHA-256.
enrolments = Table(
    "enrolments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
    Column("node_id", String(64)),
)

# What each agent said last. Written with each delivery, so it is apart from the node's own row.
latest = Table(
    "latest",
    metadata,
    Column("node_id", ForeignKey("nodes.id"), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("heard_at_ms", BigInteger, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("live_at_ms", BigInteger),
    Column("numbers", LargeBinary),
    Column("states", LargeBinary),
    Column("running_since_ms", BigInteger),
    Column("planned_stop_until_ms", BigInteger),
    Column("died_at_ms", BigInteger),
)

# How far each spool was taken over: advanced in the transaction of the rows themselves.
spools = Table(
    "spools",
    metadata,
    Column("agent", String(64), primary_key=True),
    Column("spool", String(64), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("acknowledged_seq", BigInteger, nullable=False),
    Column("gap_count", BigInteger, nullable=False, server_default=text("0")),  # reports that never came
    sqlite_with_rowid=False,
)

# --- series -----------------------------------------------------------------------------------------------

# Not clustered by its key: rows of more than a kilobyte would each spill into a page of their own.
hot = Table(
    "hot",
    metadata,
    Column("node_id", String(64), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("team_id", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("row", LargeBinary, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column("node_id", String(64), primary_key=True),
    Column("start_ms", BigInteger, primary_key=True),
    Column("span_ms", BigInteger, nullable=False),
    Column("team_id", BigInteger, nullable=False),
    Column("sample_count", Integer, nullable=False),
    Column("dirty", Boolean, nullable=False),  # the tiers do not hold it, or not as it is now
    Column("body", LargeBinary, nullable=False),
)
# Those that wait to be folded further, or for the tiers, and those that may be dropped.
Index("ix_chunks_span_ms", chunks.c.span_ms, chunks.c.dirty, chunks.c.start_ms)

# Buckets of a minute, an hour, a day. Derived from chunks, and all that is left of those that were dropped.
tiers = Table(
    "tiers",
    metadata,
    Column("node_id", String(64), primary_key=True),
    Column("step_ms", BigInteger, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True),
    Column("team_id", BigInteger, nullable=False),
    Column("bucket_count", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("ix_tiers_step_ms", tiers.c.step_ms, tiers.c.start_ms)  # those that may be dropped

# From when on a node's samples, minutes and hours are there: all before was dropped. No row: nothing was.
kept = Table(
    "kept",
    metadata,
    Column("node_id", String(64), primary_key=True),
    Column("team_id", BigInteger, nullable=False),
    Column("raw_from_ms", BigInteger, nullable=False),
    Column("minute_from_ms", BigInteger, nullable=False),
    Column("hour_from_ms", BigInteger, nullable=False),
)

# --- the PoS chain ----------------------------------------------------------------------------------------

pos_accounts = Table(
    "pos_accounts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("address", String(66), nullable=False, unique=True),
    Column("last_signed_height", BigInteger),
    Column("pow_address", String(120)),  # where its rewards go: base32, simple lower-case form
)

pos_committees = Table(
    "pos_committees",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("quorum_votes", BigInteger, nullable=False),
    Column("total_votes", BigInteger, nullable=False),
    Column("members", LargeBinary, nullable=False),  # account ids, ascending: the order of every bitmap
    Column("votes", LargeBinary, nullable=False),
)

pos_witnesses = Table(
    "pos_witnesses",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("read", JSON, nullable=False),  # [[first, last], ...]: heights read from it, apart and ascending
)

# Blocks of the epoch under way, and of past ones that are not whole. Whole epochs move to `pos_epochs`.
pos_blocks = Table(
    "pos_blocks",
    metadata,
    Column("height", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("epoch", BigInteger, nullable=False, index=True),
    Column("round", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("proposer", BigInteger),
    Column("pivot_height", BigInteger),
    Column("last_tx_number", BigInteger, nullable=False),
    Column(
        "seats", Integer, nullable=False
    ),  # committee members that the bitmaps begin with; 0: not known yet
    Column("extra", LargeBinary),  # signers beyond those seats: account ids and votes
    Column("signers", LargeBinary),  # union of all witnesses; null: no certificate was seen
    Column("told", LargeBinary, nullable=False),  # witness -> its own bitmap
    Column("witness_count", SmallInteger, nullable=False),
)


def _stake_columns() -> list[Column[int]]:
    return [
        Column("height", BigInteger, nullable=False),
        Column("available_votes", BigInteger, nullable=False),
        Column("locked_votes", BigInteger, nullable=False),
        Column("in_queue", JSON, nullable=False),
        Column("out_queue", JSON, nullable=False),
        Column("unlocked_votes", BigInteger, nullable=False),
        Column("forfeited_votes", BigInteger, nullable=False),
        Column("force_retired_height", BigInteger),
    ]


pos_stakes = Table(
    "pos_stakes",
    metadata,
    Column("account", ForeignKey("pos_accounts.id"), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    *_stake_columns(),
)

pos_stake_history = Table(
    "pos_stake_history",
    metadata,
    Column("account", ForeignKey("pos_accounts.id"), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    *_stake_columns(),
    sqlite_with_rowid=False,
)

# --- the PoS chain's past, an epoch a row -------------------------------------------------------------------

# A finished epoch. What its blobs hold, and how: store/packs.py.
pos_epochs = Table(
    "pos_epochs",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("first_height", BigInteger, nullable=False, index=True),
    Column("last_height", BigInteger, nullable=False),
    Column("first_at_us", BigInteger, nullable=False),
    Column("last_at_us", BigInteger, nullable=False, index=True),
    Column("votes", LargeBinary, nullable=False),  # who signed what: a bit a member and block
    Column("blocks", LargeBinary, nullable=False),  # hashes, rounds, times, and what each witness told
    Column("counts", LargeBinary, nullable=False),  # what the votes add up to, by account
)

# What accounts held when their epoch ended, as far as it was seen live; nobody can be asked afterwards.
pos_epoch_stakes = Table(
    "pos_epoch_stakes",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("accounts", LargeBinary, nullable=False),  # account ids, ascending
    Column("votes", LargeBinary, nullable=False),  # available votes of each
    Column("network_votes", BigInteger),  # of all accounts together, if known
)

pos_rewards = Table(
    "pos_rewards",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("pow_hash", LargeBinary, nullable=False),
    Column("pow_epoch", BigInteger),  # null: its PoW block was not asked for yet, or is forgotten
    Column("paid_at_s", BigInteger),
    Column("accounts", LargeBinary, nullable=False),  # account ids, ascending
    Column("drips", LargeBinary, nullable=False),  # of each, exact
)

# Sums of counts and rewards from the start of the segment (512 epochs) through this epoch. Derived.
pos_sums = Table(
    "pos_sums",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

# A segment's base is the sum of all segments before it. Derived, too.
pos_segments = Table(
    "pos_segments",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("base", LargeBinary),
    Column("dirty_from", BigInteger),  # the first epoch whose sum is no longer right; null: none
    Column("version", BigInteger, nullable=False),  # moves with each change below
)

# A term's election: who sent an Election transaction that was executed, and who was elected when seen live.
pos_elections = Table(
    "pos_elections",
    metadata,
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("candidates", LargeBinary),  # a bit an account id; null: its transactions were not read
    Column("start_height", BigInteger),
    Column("is_finalized", Boolean),
    Column("elected_accounts", LargeBinary),
    Column("elected_votes", LargeBinary),
    Column("seen_at_ms", BigInteger),
)

# Transactions other than the chain's own and elections: who registered, added, retired, was disputed.
pos_events = Table(
    "pos_events",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("height", BigInteger, nullable=False, index=True),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("status", String(10), nullable=False),
    Column("account", BigInteger, index=True),
    Column("sender", BigInteger),
    Column("votes", BigInteger),
    Column("conflict", String(20)),
)

# How far transactions were read, as spans of their numbers.
pos_readings = Table(
    "pos_readings",
    metadata,
    Column("what", String(40), primary_key=True),
    Column("read", JSON, nullable=False),
)

# The network's parameters, ten minutes apart. Drip as decimal text: SQLite's integers end at 9.2 CFX.
pos_economics = Table(
    "pos_economics",
    metadata,
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("pos_staking_drip", String(40), nullable=False),
    Column("distributable_drip", String(40), nullable=False),
    Column("last_distribute_block", BigInteger, nullable=False),
    Column("interest_rate", BigInteger, nullable=False),
    Column("circulating_drip", String(40), nullable=False),
    Column("staking_drip", String(40), nullable=False),
    Column(
        "finality_gap_epochs", BigInteger
    ),  # PoW epochs from the newest to the finalized one; null: not asked
)

# What the PoW address of an account holds; a row whenever it changed.
pow_balances = Table(
    "pow_balances",
    metadata,
    Column("account", ForeignKey("pos_accounts.id"), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("balance_drip", String(40), nullable=False),
    Column("staking_drip", String(40), nullable=False),
    sqlite_with_rowid=False,
)

# --- incidents and their messages -------------------------------------------------------------------------

incidents = Table(
    "incidents",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("key", String(200), nullable=False),
    Column("rule", String(80), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("subject_kind", String(20), nullable=False),
    Column("subject_id", String(120), nullable=False),
    Column("subject_name", String(200), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("told_at_ms", BigInteger),
    Column("told_severity", String(20)),
    Column("told_count", Integer, nullable=False),
    Column("resolved_at_ms", BigInteger),
    Column("muted_by", String(200)),
    Column("decision", String(20)),  # why it is, or is not, told now
    Column("clear_since_ms", BigInteger),  # since then it is no longer found, though not over yet
    Column("flaps", Integer, nullable=False, server_default=text("0")),  # how often it came back
    Column("acked_at_ms", BigInteger),
    Column("acked_by", String(80)),  # a person's name, or a contact point's, as it was then
    Column("acked_until_ms", BigInteger),  # null: until it is over, or more severe than it was
    Column("acked_severity", String(20)),
    Column("closed_by", String(80)),  # somebody ended it by hand
    Column("closed_severity", String(20)),  # as it was then: a worse one is open again
    Column("step", Integer, nullable=False, server_default=text("0")),  # escalation steps that were told
)

# Two judges cannot open the same trouble twice.
Index(
    "uq_incidents_unresolved",
    incidents.c.team_id,
    incidents.c.key,
    unique=True,
    sqlite_where=incidents.c.resolved_at_ms.is_(None),
    postgresql_where=incidents.c.resolved_at_ms.is_(None),
)
Index("ix_incidents_team_id", incidents.c.team_id, incidents.c.id)
Index("ix_incidents_resolved_at_ms", incidents.c.resolved_at_ms)

# What became of an incident: found, told, acknowledged, silenced, over; a row whenever something changed.
incident_events = Table(
    "incident_events",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("incident_id", ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("detail", JSON, nullable=False),  # plain facts of that kind
)

# What was seen when an incident was opened, grew worse, and ended: packed, so that it outlives the series.
incident_evidence = Table(
    "incident_evidence",
    metadata,
    Column("incident_id", ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("what", String(20), nullable=False),  # opened, escalated, resolved
    Column("packed", LargeBinary, nullable=False),
)

# Where messages of a team can go. Those of the settings file are not here.
contact_points = Table(
    "contact_points",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # its whole configuration, as JSON
    Column("hint", String(200), nullable=False),  # what may be shown of it: a host, a masked number
    Column("language", String(5), nullable=False),
    Column("wakes", Boolean, nullable=False, server_default=text("false")),  # it rings, wherever people are
    Column("fallback_id", String(40)),  # told when this one fails: another contact point
    Column("created_at_ms", BigInteger, nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),  # who made it
    Column("disabled_at_ms", BigInteger),
    Column("disabled_why", Text),
    Column("tested_at_ms", BigInteger),  # when a test was last taken
    Column("sent_at_ms", BigInteger),
    Column("failing_since_ms", BigInteger),
    Column("error", Text),
    UniqueConstraint("team_id", "name"),
)

# How a team wants to be told: a row a team; what is missing is as a fresh team has it.
alert_policies = Table(
    "alert_policies",
    metadata,
    Column("team_id", ForeignKey("teams.id"), primary_key=True),
    Column("routing", JSON(none_as_null=True)),  # routes, escalations, on-call schedules, quiet hours
    Column("limits", JSON(none_as_null=True)),  # alerts/limits.py: preset, rules, subjects
    Column("digest", JSON(none_as_null=True)),  # how often, when, to whom
    Column("feed_token_hash", LargeBinary, unique=True),  # opens the calendar of deadlines
    Column("version", Integer, nullable=False, server_default=text("0")),  # the second of two editors is told
    Column("changed_at_ms", BigInteger, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("matcher", JSON, nullable=False),
    Column("comment", Text, nullable=False),
    Column("made_by", String(80), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("starts_at_ms", BigInteger, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),  # moved to now when it is ended by hand
)

# Times in which work is expected: once, from start to end, or by `cron` in `zone`, each `duration_ms` long.
maintenances = Table(
    "maintenances",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("matcher", JSON, nullable=False),
    Column("comment", Text, nullable=False, server_default=""),
    Column("made_by", String(80), nullable=False),  # a person, or "control" for an act's own
    Column("created_at_ms", BigInteger, nullable=False),
    Column("starts_at_ms", BigInteger, nullable=False),
    Column("ends_at_ms", BigInteger),  # null: it has no end but its owner's word
    Column("cron", String(100)),
    Column("zone", String(60)),  # IANA
    Column("duration_ms", BigInteger),
)

# Messages on their way. `incident_id` is null for a digest and a test.
outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("kind", String(10), nullable=False, server_default="incident"),  # or digest, test, notice
    Column("incident_id", ForeignKey("incidents.id"), index=True),
    Column("incident", JSON, nullable=False),  # as it was when the message was decided; else its matter
    Column("channel", String(80), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("key", String(200), nullable=False),
    Column("state", String(10), nullable=False),  # waiting, sent, failed, superseded
    Column("is_held", Boolean, nullable=False, server_default=text("false")),  # quiet hours held it back
    Column("created_at_ms", BigInteger, nullable=False),
    Column(
        "next_at_ms", BigInteger, nullable=False
    ),  # not before; pushed forward while somebody is sending it
    Column("sent_at_ms", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("receipt", Text),  # what the other side called it when it took it
    Column("instead_of", BigInteger),  # the message whose channel failed, so that this one goes to the next
    Column("told_with", BigInteger),  # the message in which it was told, or which was told instead
    UniqueConstraint("key"),
)
Index("ix_outbox_team_id", outbox.c.team_id, outbox.c.id)

# Every attempt to deliver: what the delivery log shows.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("team_id", ForeignKey("teams.id"), nullable=False),
    Column("notice_id", ForeignKey("outbox.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("outcome", String(10), nullable=False),  # sent, failed, refused
    Column("detail", Text),  # an error or a receipt; never a secret
)
Index(
    "ix_outbox_waiting",
    outbox.c.next_at_ms,
    sqlite_where=outbox.c.state == "waiting",
    postgresql_where=outbox.c.state == "waiting",
)

# --- pools ------------------------------------------------------------------------------------------------

# Contracts of the PoW chain that stake for others.
pools = Table(
    "pools",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("contract", String(120), nullable=False, unique=True),  # base32, simple lower-case form
    Column("listed_name", String(80), nullable=False),  # as the settings or networks.toml call it
    Column("is_listed", Boolean, nullable=False),  # false: neither of them names it any more
    Column("own_name", String(200)),  # as its contract calls itself
    Column("pos_address", String(66), index=True),
    Column("is_registered", Boolean),  # whether the chain's own register says so, too
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("told_at_ms", BigInteger),  # when it last told anything; null: never
    Column("trouble", Text),  # why less is known of it than might be
)

# What a pool's operator decides; a row whenever that changed.
pool_terms = Table(
    "pool_terms",
    metadata,
    Column("pool", ForeignKey("pools.id"), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("user_share_hundredths", BigInteger),  # of 10,000; the rest is the pool's fee
    Column("owner", String(120)),
    Column("is_upgradable", Boolean),
    Column("implementation", String(120)),
    Column("lock_blocks", BigInteger),  # PoW blocks
    Column("unlock_blocks", BigInteger),
    sqlite_with_rowid=False,
)

# What a pool holds and has earned; a row whenever that changed. Drip as decimal text.
pool_holdings = Table(
    "pool_holdings",
    metadata,
    Column("pool", ForeignKey("pools.id"), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("available_votes", BigInteger),
    Column("own_interest_drip", String(40)),
    Column("total_interest_drip", String(40)),
    Column("apy_hundredths", BigInteger),  # as the contract reckons it, before its fee
    Column("staker_count", BigInteger),
    Column("registered_votes", BigInteger),  # both as the PoW side's register counts them, and only growing
    Column("unlocked_votes", BigInteger),
    Column("balance_drip", String(40)),
    Column("withdrawable_drip", String(40)),
    sqlite_with_rowid=False,
)
