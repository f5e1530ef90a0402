"""Claims, what a team tells of itself, and its status page, as JSON. Part of the document of `shapes`.

What people write for everybody to read is bounded and plain here; to show it as text is the page's part.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, StrictFloat

from vedette.server.api.shapes import Claimed, InLanguages, Label, NodeName, PosAddress, Shape, Validator

ABOUT_CHARS_MAX = 1_000
URL_CHARS_MAX = 300
ENDPOINT_CHARS_MAX = 1_000
LINKS_MAX = 5

Severity = Literal["info", "warning", "critical"]


def https_only(url: str) -> str:
    """A link that anybody may follow: to a site by TLS, spelled in letters that look like no others."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not url.isascii() or not url.isprintable() or set(url) & set(" \"'<>\\^`{|}"):
        raise ValueError("must begin with https:// and a host, and have no blanks, quotes or other letters")
    if "@" in parts.netloc:
        raise ValueError("must not carry a user name or a password")
    return url


def plain_lines(text: str) -> str:
    """Lines for people to read: nothing that turns, hides or moves letters."""
    lines = text.strip().splitlines()
    if not all(line.isprintable() for line in lines):
        raise ValueError("must be printable lines")
    return "\n".join(line.rstrip() for line in lines)


About = Annotated[str, Field(max_length=ABOUT_CHARS_MAX), AfterValidator(plain_lines)]
HttpsUrl = Annotated[
    str, Field(min_length=9, max_length=URL_CHARS_MAX, pattern=r"^https://"), AfterValidator(https_only)
]
Slug = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$", description="part of the page's address")
]
AnyAddress = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{64}$", description="PoS address, in either case")]


class LinkShape(Shape):
    label: Label
    url: HttpsUrl


Links = Annotated[list[LinkShape], Field(max_length=LINKS_MAX)]


# --- claims -----------------------------------------------------------------------------------------------


class ClaimWish(Shape):
    """The validator that is to be the team's."""

    address: AnyAddress


class SignerShape(Shape):
    """Whose signature proves it."""

    address: str = Field(description="Core Space: base32 of CIP-37; eSpace: 0x with the capitals of EIP-55")
    space: Literal["core", "espace"]
    why: str


class ClaimChallenge(Shape):
    """What is to be signed, once, by one of the signers."""

    id: str
    message: str = Field(description="for `personal_sign` of the wallet, as UTF-8")
    typed_data: dict[str, Any] = Field(description="the same for `cfx_signTypedData_v4` (CIP-23)")
    signers: list[SignerShape]
    expires_at_ms: int


class ClaimProof(Shape):
    signature: str = Field(max_length=200, description="0x and 130 hex digits, as the wallet gave them")


class ClaimShape(Shape):
    """A validator that the team proved to be its own."""

    address: PosAddress
    signer: str
    space: Literal["core", "espace"]
    claimed_at_ms: int
    lapsed_at_ms: int | None = Field(
        description="since then the chain names another owner, and the public is told nothing"
    )
    is_public: bool
    name: str | None
    about: str
    links: list[LinkShape]


class Claims(Shape):
    claims: list[ClaimShape]


class ClaimChange(Shape):
    """What the public is to be told of a claimed validator; what is left out stays as it is."""

    is_public: StrictBool = Field(
        default_factory=bool, description="tell anybody whose it is, and what follows"
    )
    name: NodeName | None = Field(default_factory=lambda: None, description="null: it has only its address")
    about: About = Field(default_factory=str)
    links: Links = Field(default_factory=list)


class ClaimedInFull(Claimed):
    about: str
    links: list[LinkShape]


class ValidatorInFull(Validator):
    """One validator, with all that its team tells of it."""

    claimed: ClaimedInFull | None = Field(
        description="null: nobody proved that it is his, or wishes to say so"
    )


# --- teams ------------------------------------------------------------------------------------------------


class Profile(Shape):
    """What the team tells the public of itself."""

    name: str
    slug: str | None
    is_public: bool = Field(description="its status page is there, at /teams/{slug}")
    about: str
    links: list[LinkShape]
    shows_incidents: bool


class ProfileChange(Shape):
    """What is left out stays as it is."""

    slug: Slug | None = Field(default_factory=lambda: None, description="null: no page")
    is_public: StrictBool = Field(default_factory=bool)
    about: About = Field(default_factory=str)
    links: Links = Field(default_factory=list)
    shows_incidents: StrictBool = Field(
        default_factory=bool, description="of public nodes and publicly claimed validators, on the page"
    )


class Days(Shape):
    """How much of the known time it was up, by the day (UTC); null where nothing is known."""

    up_ppm: int | None = Field(description="over all the days")
    days_ppm: list[int | None] = Field(description="oldest first; the last is today so far")


class StatusNode(Shape):
    """A public node, and how long it ran and answered."""

    id: str
    name: str
    kind: Literal["agent", "endpoint"]
    role: str
    state: Literal["down", "silent", "stopped", "syncing", "unknown", "up"]
    version: str | None
    process: Days
    rpc: Days


class StatusSubject(Shape):
    kind: Literal["validator", "node"]
    id: str
    name: str


class StatusIncident(Shape):
    """What was wrong with something public, in the words that are for everybody."""

    id: int
    rule: str
    severity: Severity
    state: Literal["open", "resolved"]
    subject: StatusSubject
    title: str
    titles: InLanguages
    opened_at_ms: int
    resolved_at_ms: int | None


class TeamStatus(Shape):
    """A team's status page: nothing but what it published."""

    name: str
    slug: str
    about: str
    links: list[LinkShape]
    validators: list[ValidatorInFull]
    nodes: list[StatusNode]
    days_from_ms: int = Field(description="when the first of the days began")
    incidents: list[StatusIncident] | None = Field(
        description="open ones, then those of the last 14 days; null: the team does not show them"
    )
    as_of_ms: int


# --- web push ---------------------------------------------------------------------------------------------


class PushKey(Shape):
    public_key: str = Field(description="a point of P-256, base64url: the browser's applicationServerKey")


class PushKeys(Shape):
    p256dh: str = Field(max_length=200)
    auth: str = Field(max_length=100)


Endpoint = Annotated[
    str, Field(min_length=9, max_length=ENDPOINT_CHARS_MAX, pattern=r"^https://"), AfterValidator(https_only)
]


class PushSubscription(Shape):
    """What `PushSubscription.toJSON()` of the browser gives."""

    endpoint: Endpoint
    expiration_time: StrictFloat | None = Field(default_factory=lambda: None, alias="expirationTime")
    keys: PushKeys


Watched = Annotated[list[AnyAddress], Field(min_length=1, max_length=50)]


class PushWish(Shape):
    subscription: PushSubscription
    addresses: Watched
    language: Literal["en", "zh"]


class PushMade(Shape):
    id: str
    token: str = Field(description="changes and ends the subscription; shown once")


class PushChange(Shape):
    subscription: PushSubscription | None = Field(default_factory=lambda: None, description="null: as it was")
    addresses: Watched
    language: Literal["en", "zh"]
