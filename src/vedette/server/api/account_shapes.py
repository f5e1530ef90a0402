"""The JSON of accounts: who is signed in, how he proves himself, and what he may."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

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


Credential = Annotated[dict[str, Any], Field(description="PublicKeyCredential.toJSON() of the browser")]
