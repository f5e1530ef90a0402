"""The JSON of contact points, and of what was delivered."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from vedette.model.incident import Reason
from vedette.server.api.shapes import InLanguages, Shape, plain

ContactName = Annotated[str, AfterValidator(plain), Field(min_length=1, max_length=80)]
Language = Literal["en", "zh"]
Config = Annotated[
    dict[str, str | bool], Field(max_length=20, description="by the names of its kind's fields")
]


class ContactField(Shape):
    """One thing to be filled in."""

    name: str
    label: InLanguages
    help: InLanguages
    kind: Literal["text", "url", "email", "choice", "flag"]
    is_secret: bool = Field(description="never shown again")
    is_required: bool
    choices: list[str] = Field(description="the first is what is meant when nothing is chosen")


class ContactKind(Shape):
    """One kind of contact point."""

    name: str
    label: InLanguages
    help: InLanguages
    fields: list[ContactField]
    wakes: bool = Field(description="it rings by itself, wherever people are")
    receipts: bool = Field(description="it tells what it called a message")
    digests: bool = Field(description="a digest may go there")
    lacks: str | None = Field(description="why it cannot be used on this installation; null: it can")


class ContactKinds(Shape):
    kinds: list[ContactKind]


class ContactWish(Shape):
    """A contact point to be made. Its configuration is sealed, and never shown again."""

    name: ContactName
    kind: Annotated[str, Field(max_length=20)]
    config: Config
    language: Language | None = Field(default_factory=lambda: None, description="null: the settings' own")
    wakes: bool | None = Field(default_factory=lambda: None, description="null: as its kind does")
    fallback_id: Annotated[str, Field(max_length=40)] | None = Field(
        default_factory=lambda: None, description="who is told when this one does not take a message in time"
    )


class ContactChange(Shape):
    """What is left out stays; `config` is given as a whole, and gives the contact point a fresh start."""

    name: ContactName | None = Field(default_factory=lambda: None)
    config: Config | None = Field(default_factory=lambda: None)
    language: Language | None = Field(default_factory=lambda: None)
    wakes: bool | None = Field(default_factory=lambda: None)
    fallback_id: Annotated[str, Field(max_length=40)] | None = Field(
        default_factory=lambda: None, description="null: none"
    )


class ContactShape(Shape):
    """One contact point; or a channel of the settings file, which is changed there alone."""

    id: str
    ref: str = Field(description="as routes name it")
    name: str
    kind: str
    hint: str = Field(description="what may be shown of where it leads")
    language: Language
    wakes: bool
    is_enabled: bool
    disabled_why: str | None
    fallback_id: str | None
    tested_at_ms: int | None = Field(description="when it last took a test")
    sent_at_ms: int | None = Field(description="when it last took a message")
    failing_since_ms: int | None
    error: str | None
    of_settings: bool


class ContactList(Shape):
    contacts: list[ContactShape]
    warnings: list[Literal["nothing", "no_waking_channel", "switched_off", "silent_route"]] = Field(
        description="nothing: nobody is told; no_waking_channel: what is critical rings nowhere, as no"
        " contact point that wakes is on and takes messages; switched_off: a contact point takes nothing as"
        " it is; silent_route: a route takes what is critical and wakes nobody by it"
    )
    silent_routes: list[str] = Field(description="the names of those routes")


class ContactTest(Shape):
    """How a test went."""

    ok: bool
    receipt: str | None = Field(description="what the other side called it")
    error: str | None
    took_ms: int


class AttemptShape(Shape):
    """One attempt to deliver a message."""

    at_ms: int
    took_ms: int
    outcome: Literal["sent", "failed", "refused"] = Field(description="failed: it is tried again")
    detail: str | None = Field(description="an error or a receipt")


class DeliveryShape(Shape):
    """One message to one channel, and every attempt to deliver it."""

    id: int
    kind: str = Field(description="incident, digest, test or notice")
    incident_id: int | None
    titles: InLanguages
    channel: str
    channel_name: str
    reason: Reason
    state: Literal["waiting", "sent", "failed", "superseded"] = Field(
        description="superseded: it was no longer news, and is told no more"
    )
    created_at_ms: int
    sent_at_ms: int | None
    receipt: str | None
    error: str | None
    instead_of: int | None = Field(description="the message whose channel did not take it in time")
    told_with: int | None = Field(
        description="the message in which it was told with others; of one superseded, the one told instead"
    )
    attempts: list[AttemptShape]


class Deliveries(Shape):
    deliveries: list[DeliveryShape]
    next_before: int | None
