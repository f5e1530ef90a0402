"""Where a team's messages go, and what became of them."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from vedette.alerts.rules.channel_failing import ChannelFailingLimit
from vedette.alerts.waking import silent_routes
from vedette.model.errors import SettingError
from vedette.model.people import Who
from vedette.notify.kinds import Field, Kind
from vedette.notify.text import incident_title, trial
from vedette.notify.words import Lang
from vedette.server.api.account_shapes import Nothing
from vedette.server.api.contact_shapes import (
    AttemptShape,
    ContactChange,
    ContactField,
    ContactKind,
    ContactKinds,
    ContactList,
    ContactShape,
    ContactTest,
    ContactWish,
    Deliveries,
    DeliveryShape,
)
from vedette.server.api.members import Operator, Viewer
from vedette.server.api.shapes import InLanguages
from vedette.server.api.talk import INT64_MAX, Before, Limit, Rooms, reply
from vedette.server.contacts import MEMBERS, SETTINGS, UnknownContactError, Wish
from vedette.server.house import House
from vedette.server.problems import ProblemError
from vedette.store import contacts, outbox
from vedette.store.contacts import CONTACTS_MAX, Contact, TooManyContactsError, TwinError
from vedette.store.outbox import Delivery

router = APIRouter(prefix="/alerts", tags=["alerts"])

NO_CONTACT = "Your team has no such contact point. GET /api/v1/alerts/contacts lists what it has."
TWIN = "Your team has a contact point of that name: choose another."
TOO_MANY = f"A team has at most {CONTACTS_MAX} contact points: remove one that nobody needs."

FAILING_MS = ChannelFailingLimit().failing_ms
"""So long a contact point may fail before it is not counted on."""

ContactId = Annotated[str, Path(max_length=64, description="a contact point's id")]


@router.get("/contact-kinds", response_model=ContactKinds)
async def contact_kinds(rooms: Rooms, who: Viewer) -> Response:
    """What kinds of contact points there are, and what each asks for."""
    del who  # a member is enough
    return reply(ContactKinds(kinds=[_kind(kind, lacks) for kind, lacks in rooms.contacts.kinds()]))


@router.get("/contacts", response_model=ContactList)
async def list_contacts(rooms: Rooms, who: Viewer) -> Response:
    """Your team's contact points and how they fare; also the channels that the settings give it."""
    async with rooms.database.read() as conn:
        own = await contacts.contacts(conn, who)
    shapes = [*[contact_shape(one) for one in own], *await _of_settings(rooms, who)]
    silent = await _silent_routes(rooms, who, shapes)
    found = warnings(shapes, rooms.ears.now_ms()) + (["silent_route"] if silent else [])
    return reply(ContactList.model_validate({"contacts": shapes, "warnings": found, "silent_routes": silent}))


@router.post("/contacts", status_code=201, response_model=ContactShape)
async def make_contact(wish: ContactWish, rooms: Rooms, who: Operator) -> Response:
    """Make a contact point. Nothing is sent there yet: test it."""
    wanted = Wish(wish.name, wish.kind, wish.config, wish.language, wish.wakes, wish.fallback_id)
    try:
        made = await rooms.contacts.make(who, wanted)
    except SettingError as error:
        raise _wrong(error) from None
    except TwinError:
        raise ProblemError(409, TWIN) from None
    except TooManyContactsError:
        raise ProblemError(409, TOO_MANY) from None
    rooms.policies.forget()
    shown = reply(contact_shape(made))
    shown.status_code = 201
    return shown


@router.patch("/contacts/{contact_id}", response_model=ContactShape)
async def change_contact(
    contact_id: ContactId, change: ContactChange, rooms: Rooms, who: Operator
) -> Response:
    """Change a contact point; whatever is left out stays."""
    wanted = Wish(
        name=change.name,
        config=change.config,
        language=change.language,
        wakes=change.wakes,
        fallback_id=change.fallback_id,
        sets_fallback="fallback_id" in change.model_fields_set,
    )
    try:
        changed = await rooms.contacts.change(who, contact_id, wanted)
    except UnknownContactError:
        raise ProblemError(404, NO_CONTACT) from None
    except SettingError as error:
        raise _wrong(error) from None
    except TwinError:
        raise ProblemError(409, TWIN) from None
    rooms.policies.forget()
    return reply(contact_shape(changed))


@router.delete("/contacts/{contact_id}", status_code=204)
async def remove_contact(contact_id: ContactId, rooms: Rooms, who: Operator) -> Response:
    """Forget a contact point. What was still to be told there goes another way if it is critical."""
    try:
        await rooms.contacts.remove(who, contact_id)
    except UnknownContactError:
        raise ProblemError(404, NO_CONTACT) from None
    rooms.policies.forget()
    return Response(status_code=204)


@router.post("/contacts/{contact_id}/enable", response_model=ContactShape)
async def enable_contact(contact_id: ContactId, _wish: Nothing, rooms: Rooms, who: Operator) -> Response:
    """Use a contact point again that was switched off because it refused for good."""
    try:
        enabled = await rooms.contacts.enable(who, contact_id)
    except UnknownContactError:
        raise ProblemError(404, NO_CONTACT) from None
    rooms.policies.forget()
    return reply(contact_shape(enabled))


@router.post("/contacts/{contact_id}/test", response_model=ContactTest)
async def try_contact(contact_id: ContactId, _wish: Nothing, rooms: Rooms, who: Operator) -> Response:
    """Send a test there, now. The delivery log keeps how it went."""
    try:
        tried = await rooms.contacts.test(who, contact_id)
    except UnknownContactError:
        raise ProblemError(404, NO_CONTACT) from None
    is_taken = tried.error is None
    return reply(ContactTest(ok=is_taken, receipt=tried.receipt, error=tried.error, took_ms=tried.took_ms))


@router.get("/deliveries", response_model=Deliveries)
async def list_deliveries(
    rooms: Rooms,
    who: Viewer,
    contact: Annotated[
        str | None, Query(max_length=80, description="a contact point's id, or a channel's name")
    ] = None,
    incident: Annotated[int | None, Query(ge=1, le=INT64_MAX, description="an incident's id")] = None,
    before: Before = None,
    limit: Limit = 50,
) -> Response:
    """Every message to your team, the newest first, with every attempt to deliver it."""
    async with rooms.database.read() as conn:
        own = {one.channel: one.name for one in await contacts.contacts(conn, who)}
        channel = own.get(f"{contacts.CHANNEL}{contact}") and f"{contacts.CHANNEL}{contact}"
        wanted = channel or (None if contact is None else contact.removeprefix(SETTINGS))
        found = await outbox.deliveries(
            conn, who, channel=wanted, incident_id=incident, before=before, limit=limit
        )
    shapes = [_delivery(one, own) for one in found]
    return reply(Deliveries(deliveries=shapes, next_before=found[-1].id if len(found) == limit else None))


def _wrong(error: SettingError) -> ProblemError:
    return ProblemError(422, "; ".join(str(error).splitlines()))


# --- shapes


def contact_shape(one: Contact) -> ContactShape:
    told = {name: getattr(one, name, None) for name in ContactShape.model_fields}
    return ContactShape.model_validate({**told, "ref": one.channel, "of_settings": False})


def warnings(shapes: list[ContactShape], now_ms: int) -> list[str]:
    """What is wrong with a team's contact points as a whole."""
    on = [one for one in shapes if one.is_enabled]
    found = [] if on else ["nothing"]
    found += [] if any(is_waking(one, now_ms) for one in on) else ["no_waking_channel"]
    return found + (["switched_off"] if len(on) < len(shapes) else [])


def is_waking(one: ContactShape, now_ms: int) -> bool:
    """Whether it would ring now: one that fails for so long that it is an incident is not counted on."""
    fails = one.failing_since_ms is not None and now_ms - one.failing_since_ms >= FAILING_MS
    return one.is_enabled and one.wakes and not fails


async def _silent_routes(rooms: House, who: Who, shapes: list[ContactShape]) -> list[str]:
    """Names of routes on which what is critical wakes nobody; none, if nothing of the team's rings at all."""
    waking = {one.ref for one in shapes if is_waking(one, rooms.ears.now_ms())}
    if who.team_id is None or not waking:
        return []
    await rooms.policies.look(rooms.database)
    ours = rooms.policies.of(who.team_id)
    return [route.name for route in silent_routes(ours.policy, ours.limits, waking)]


async def _of_settings(rooms: House, who: Who) -> list[ContactShape]:
    shapes = []
    for name in rooms.contacts.of_settings(who):
        async with rooms.database.read() as conn:
            fared = await outbox.fared(conn, who, name)
        ref = name if name == MEMBERS else f"{SETTINGS}{name}"
        shapes.append(
            ContactShape(
                id=f"{SETTINGS}{name}",
                ref=ref,
                name=name,
                kind="email" if name in {MEMBERS, "email"} else "webhook",
                hint="members of the team" if name == MEMBERS else "in the settings file",
                language=rooms.settings.alerts.language,
                wakes=False,
                is_enabled=True,
                disabled_why=None,
                fallback_id=None,
                tested_at_ms=None,
                sent_at_ms=fared.sent_at_ms,
                failing_since_ms=fared.failing_since_ms,
                error=fared.error,
                of_settings=True,
            )
        )
    return shapes


def _kind(kind: Kind, lacks: str | None) -> ContactKind:
    return ContactKind(
        name=kind.name,
        label=_said(kind.label),
        help=_said(kind.help),
        fields=[_field(one) for one in kind.fields],
        wakes=kind.wakes,
        receipts=kind.receipts,
        digests=kind.digests,
        lacks=lacks,
    )


def _said(words: Mapping[Lang, str]) -> InLanguages:
    return InLanguages(en=words["en"], zh=words["zh"])


def _field(one: Field) -> ContactField:
    return ContactField(
        name=one.name,
        label=_said(one.label),
        help=_said(one.help),
        kind=one.kind,
        is_secret=one.secret,
        is_required=one.required,
        choices=list(one.choices),
    )


def _delivery(one: Delivery, names: dict[str, str]) -> DeliveryShape:
    channel_name = names.get(one.channel, one.channel)
    return DeliveryShape.model_validate(
        {
            "id": one.id,
            "kind": one.kind,
            "incident_id": None if one.incident is None else one.incident.id,
            "titles": InLanguages(en=_title(one, channel_name, "en"), zh=_title(one, channel_name, "zh")),
            "channel": one.channel,
            "channel_name": channel_name,
            "reason": one.reason,
            "state": one.state,
            "created_at_ms": one.created_at_ms,
            "sent_at_ms": one.sent_at_ms,
            "receipt": one.receipt,
            "error": one.error,
            "instead_of": one.instead_of,
            "told_with": one.told_with,
            "attempts": [
                AttemptShape.model_validate(
                    {name: getattr(attempt, name) for name in AttemptShape.model_fields}
                )
                for attempt in one.attempts
            ],
        }
    )


def _title(one: Delivery, channel_name: str, lang: Lang) -> str:
    if one.incident is not None:
        return incident_title(one.incident, lang)
    if one.kind == "test":
        return trial(channel_name, lang, None, "", 0).title
    return {"en": "Digest", "zh": "摘要"}[lang] if one.kind == "digest" else one.kind
