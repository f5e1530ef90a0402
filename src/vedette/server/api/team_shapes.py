"""The JSON of teams: their members, invitations, and what they watch."""

from typing import Annotated

from pydantic import Field

from vedette.model.people import Role
from vedette.server.api.account_shapes import Password, SignInName, TeamName, Token
from vedette.server.api.shapes import PosAddress, Shape

WATCHES_MAX = 200
Email = Annotated[
    str, Field(max_length=254, pattern=r"^[^@\s,;<>\"]+@[^@\s,;<>\"]+$", description="an e-mail address")
]
AnyCase = Annotated[
    str, Field(pattern=r"^0x[0-9a-fA-F]{64}$", description="PoS address: 0x and 64 hex digits")
]


class Member(Shape):
    """A member of your team."""

    user_id: int
    name: str
    email: str | None = Field(description="told to owners only")
    role: Role
    since_ms: int
    seen_at_ms: int | None = Field(description="when a sign-in of his was last used; null: none lasts")


class Invitation(Shape):
    """An invitation that waits to be accepted."""

    id: str
    role: Role
    email: str | None
    expires_at_ms: int


class Team(Shape):
    """The team that you look at."""

    id: int
    name: str
    members: list[Member]
    invitations: list[Invitation] = Field(description="told to owners only")


class TeamWish(Shape):
    name: TeamName


class MemberChange(Shape):
    role: Role


class InvitationWish(Shape):
    """Whom to let in, and as what. With an address the link is sent there, where the server sends e-mail."""

    role: Role
    email: Email | None = Field(default_factory=lambda: None)


class MadeInvitation(Shape):
    """A new invitation. Its link is told here and never again: whoever has it may come in, once."""

    id: str
    link: str
    expires_at_ms: int


class InvitationToken(Shape):
    token: Token


class Invited(Shape):
    """What an invitation offers."""

    team: str
    role: Role


class Joining(Shape):
    invitation: Token


class SignUp(Shape):
    """A new account, let into a team by an invitation; where sign-up is open, with a team of its own."""

    name: SignInName
    password: Password | None = Field(
        default_factory=lambda: None, description="null: a passkey is to be added at once"
    )
    email: Email | None = Field(
        default_factory=lambda: None, description="a letter asks whether it is yours, where e-mail is sent"
    )
    invitation: Token | None = Field(default_factory=lambda: None)
    team_name: TeamName | None = Field(default_factory=lambda: None)


class WatchWish(Shape):
    """From now on the team watches exactly these, beside those of the settings."""

    addresses: list[AnyCase] = Field(max_length=WATCHES_MAX)


class Watched(Shape):
    """The validators that your team watches."""

    addresses: list[PosAddress] = Field(description="by the team's own word")
    of_settings: list[PosAddress] = Field(description="by the server's settings, for the first team")
