"""The JSON of API keys and of operators' keys."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from vedette.model.people import Scope
from vedette.server.api.shapes import Shape, plain
from vedette.store.keys import DAYS_MAX, NAME_CHARS_MAX

KeyName = Annotated[str, AfterValidator(plain), Field(min_length=1, max_length=NAME_CHARS_MAX)]


class KeyWish(Shape):
    """A key to be made. Without scopes it opens no more than anybody sees."""

    name: KeyName
    scopes: list[Scope] = Field(
        max_length=len(Scope), description="read: as a viewer; write: as an operator; metrics: those alone"
    )
    expires_in_days: Annotated[int, Field(ge=1, le=DAYS_MAX)] | None = Field(
        default_factory=lambda: None, description="null: when it is revoked"
    )


class ApiKey(Shape):
    """A key, without its token: that was told once."""

    id: str
    name: str
    hint: str = Field(description="the last letters of its token")
    scopes: list[Scope]
    made_by: str | None = Field(description="null: a command on the server, or somebody who was forgotten")
    created_at_ms: int
    expires_at_ms: int | None
    used_at_ms: int | None = Field(description="to the minute")
    revoked_at_ms: int | None


class ApiKeys(Shape):
    keys: list[ApiKey]


class MadeKey(Shape):
    """A new key. Its token is told here and never again."""

    key: ApiKey
    token: str


class OperatorKeyWish(Shape):
    """The public half of a key that may sign commands."""

    name: KeyName
    public_key: Annotated[str, Field(max_length=400)] = Field(
        description="Ed25519: base64, 64 hex digits, or a line `ssh-ed25519 AAAA…`"
    )
    made_by: Literal["browser", "cli"]


class OperatorKey(Shape):
    """A public half, to be shown: no agent trusts it because it stands here."""

    id: str
    name: str
    fingerprint: str = Field(description="as OpenSSH writes it: SHA256:…")
    public_key: str = Field(description="64 hex digits, as `vedette agent trust` takes them")
    made_by: Literal["browser", "cli"]
    may_start_voter: bool = Field(
        description="never one made in a browser: whoever has the server serves the page's code"
    )
    created_at_ms: int
    revoked_at_ms: int | None


class OperatorKeys(Shape):
    keys: list[OperatorKey]
