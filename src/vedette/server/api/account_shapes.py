"""The JSON of accounts: who is signed in, how he proves himself, and what he may."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from vedette.model.people import Role, sign_in_name
from vedette.server.api.shapes import Shape, plain

SignInName = Annotated[
    str,
    AfterValidator(sign_in_name),
    Field(max_length=80, description="1 to 40 letters, digits, dots, dashes or underscores; in lower case"),
]
TeamName = Annotated[str, AfterValidator(plain), Field(min_length=1, max_length=80)]
Password = Annotated[str, Field(max_length=1_024, description="10 to 256 characters")]
Code = Annotated[str, Field(max_length=40, description="six digits of an authenticator, or a recovery code")]
Token = Annotated[str, Field(min_length=1, max_length=128)]


class Me(Shape):
    """The person who is signed in."""

    id: int
    name: str
    email: str | None
    email_verified: bool
    is_admin: bool = Field(description="of this installation")
    has_password: bool
    has_totp: bool
    passkeys: int


class MyTeam(Shape):
    id: int
    name: str
    role: Role


class May(Shape):
    """What he may do in the team that he looks at, and beyond it."""

    read: bool = Field(description="see what the team owns")
    operate: bool = Field(description="change nodes and what is watched")
    own: bool = Field(description="decide on people, keys and what is public")
    administer: bool = Field(description="look after this installation")


class OidcOffer(Shape):
    """Another place's sign-in that is taken here: GET /api/v1/oidc/start leads there."""

    name: str


class Session(Shape):
    """Who asks, and what he may. It is told to everyone, the public too."""

    signed_in: bool = Field(description="a person did; not a key, nor the server's own machine")
    is_local: bool = Field(description="asked on the server's own machine, which is believed")
    user: Me | None
    team: MyTeam | None = Field(description="the team that he looks at")
    teams: list[MyTeam]
    may: May
    first_run: bool = Field(description="nobody has an account here yet: POST /api/v1/setup")
    sign_up: Literal["closed", "invited", "open"]
    mail: bool = Field(description="whether this server can send e-mail")
    oidc: OidcOffer | None
    fresh_until_ms: int | None = Field(
        description="until then the account may be changed without a new proof"
    )
    expires_at_ms: int | None


class Setup(Shape):
    """The first person of an installation: its administrator, and the owner of its first team."""

    name: SignInName
    password: Password
    team_name: TeamName
    code: Annotated[str, Field(max_length=80)] | None = Field(
        default_factory=lambda: None,
        description="from the server's log, unless it is asked on the server's own machine",
    )


class SignIn(Shape):
    name: Annotated[str, Field(max_length=254)]
    password: Password
    code: Code | None = Field(
        default_factory=lambda: None, description="when the answer was a problem that needs a code"
    )


class Nothing(Shape):
    """An empty object: what is wanted is said by the route alone."""


Credential = Annotated[dict[str, Any], Field(description="PublicKeyCredential.toJSON() of the browser")]


class PasskeyAsked(Shape):
    """What to hand to navigator.credentials, and the ticket to come back with, within five minutes."""

    ticket: str
    options: dict[str, Any] = Field(description="as PublicKeyCredential.parse…OptionsFromJSON() takes them")


class PasskeyAnswer(Shape):
    ticket: Token
    credential: Credential


class Confirmation(Shape):
    """A password (and a code where the account has an authenticator), or a passkey's answer."""

    password: Password | None = Field(default_factory=lambda: None)
    code: Code | None = Field(default_factory=lambda: None)
    ticket: Token | None = Field(default_factory=lambda: None)
    credential: Credential | None = Field(default_factory=lambda: None)

    @model_validator(mode="after")
    def one_proof(self) -> Self:
        by_passkey = self.ticket is not None and self.credential is not None
        if by_passkey == (self.password is not None) or (self.ticket is None) != (self.credential is None):
            raise ValueError("give a password, or a ticket and a credential")
        return self


class TeamChoice(Shape):
    team_id: int = Field(ge=1, le=2**53)


class SessionEntry(Shape):
    """One browser in which he is signed in."""

    id: str
    browser: str
    created_at_ms: int
    seen_at_ms: int = Field(description="to the minute")
    is_this: bool


class Sessions(Shape):
    sessions: list[SessionEntry]


class NewPassword(Shape):
    old: Password | None = Field(description="null where the account has none")
    new: Password


class TotpSecret(Shape):
    """For an authenticator; told here and never again."""

    secret: str
    uri: str
    qr_svg: str = Field(description="the same as a QR code")


class TotpCode(Shape):
    code: Annotated[str, Field(max_length=40)]


class RecoveryCodes(Shape):
    """Each opens the account once in place of an authenticator. Told here and never again."""

    recovery_codes: list[str]


class PasskeyEntry(Shape):
    id: str
    name: str
    created_at_ms: int
    used_at_ms: int | None


class Passkeys(Shape):
    passkeys: list[PasskeyEntry]


class NewPasskey(Shape):
    ticket: Token
    name: Annotated[str, AfterValidator(plain), Field(min_length=1, max_length=80)]
    credential: Credential


class NewEmail(Shape):
    email: Annotated[str, Field(max_length=254)] | None


class NewName(Shape):
    name: SignInName


class Verification(Shape):
    token: Token = Field(description="what stands behind the # of the link")


class ResetWish(Shape):
    name_or_email: Annotated[str, Field(min_length=1, max_length=254)]


class Reset(Shape):
    token: Token = Field(description="what stands behind the # of the link")
    password: Password


class UserEntry(Shape):
    """One person, as an administrator sees him."""

    id: int
    name: str
    email: str | None
    email_verified: bool
    is_admin: bool
    has_password: bool
    has_totp: bool
    created_at_ms: int
    disabled_at_ms: int | None


class Users(Shape):
    users: list[UserEntry]
    next_cursor: str | None = Field(description="pass as `cursor` for the next page; null: this is the last")


class UserChange(Shape):
    """What an administrator changes of a person. What is left out stays."""

    is_admin: StrictBool | None = Field(default_factory=lambda: None)
    is_disabled: StrictBool | None = Field(default_factory=lambda: None)
