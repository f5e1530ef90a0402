"""Being told of public validators by the browser, without an account: subscriptions of web push."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from vedette.model.errors import VedetteError
from vedette.model.pos import PosAddress
from vedette.notify.errors import ChannelError
from vedette.notify.push import Subscription, SubscriptionError, spelled
from vedette.server.access import bearer
from vedette.server.api.claim_shapes import PushChange, PushKey, PushMade, PushSubscription, PushWish
from vedette.server.api.members import TOO_OFTEN, Anyone
from vedette.server.api.sent import LIVE
from vedette.server.api.talk import Rooms, calling, reply
from vedette.server.problems import ProblemError
from vedette.server.push import FullError, UnknownError
from vedette.server.vault import SealError

router = APIRouter(prefix="/push", tags=["push"])

NO_SUBSCRIPTION = "There is no such subscription, or the token is another's: subscribe anew."
TOKENLESS = "Send the subscription's token as Authorization: Bearer; POST /push/subscriptions gave it once."
FULL = "So many browsers are told already that there is no room for another; try again another day."
STRANGE = (
    "addresses: no validator {address} was seen here yet;"
    " GET /api/v1/validators/{{address}}?look=true asks the chain for it."
)
NO_KEY = (
    "The server cannot read its push key; its log says why, and its administrator can put the key file back."
)

SubscriptionId = Annotated[str, Path(max_length=64, description="`id` of the subscription")]


@router.get("/key", response_model=PushKey)
async def push_key(rooms: Rooms) -> Response:
    """The key that a browser subscribes with (applicationServerKey)."""
    try:
        point = await rooms.push.public_key()
    except (SealError, VedetteError) as error:
        raise ProblemError(503, NO_KEY) from error
    return reply(PushKey(public_key=spelled(point)), LIVE)


@router.post("/subscriptions", status_code=201, response_model=PushMade)
async def subscribe(wish: PushWish, request: Request, rooms: Rooms, _: Anyone) -> Response:
    """Be told when one of these validators stops signing, and when it signs again. Takes no account."""
    wait_s = rooms.changes.take(calling(request).site)
    if wait_s:
        raise ProblemError(429, TOO_OFTEN, {"Retry-After": str(wait_s)})
    to = _subscription(wish.subscription, rooms)
    addresses = await _addresses(wish.addresses, rooms)
    try:
        begun = await rooms.push.subscribe(to, addresses, wish.language)
    except FullError as error:
        raise ProblemError(503, FULL) from error
    made = reply(PushMade(id=begun.id, token=begun.token))
    made.status_code = 201
    return made


@router.put("/subscriptions/{subscription_id}", status_code=204)
async def change_subscription(
    subscription_id: SubscriptionId, change: PushChange, request: Request, rooms: Rooms, _: Anyone
) -> Response:
    """Say anew of whom to be told, and where, if the browser's subscription has changed."""
    to = None if change.subscription is None else _subscription(change.subscription, rooms)
    addresses = await _addresses(change.addresses, rooms)
    try:
        await rooms.push.change(subscription_id, _token(request), addresses, change.language, to)
    except UnknownError as error:
        raise ProblemError(404, NO_SUBSCRIPTION) from error
    return Response(status_code=204)


@router.delete("/subscriptions/{subscription_id}", status_code=204)
async def end_subscription(
    subscription_id: SubscriptionId, request: Request, rooms: Rooms, _: Anyone
) -> Response:
    """Be told no more."""
    try:
        await rooms.push.end(subscription_id, _token(request))
    except UnknownError as error:
        raise ProblemError(404, NO_SUBSCRIPTION) from error
    return Response(status_code=204)


def _token(request: Request) -> bytes:
    token = bearer(request.scope["headers"])
    if token is None:
        raise ProblemError(401, TOKENLESS, {"WWW-Authenticate": "Bearer"})
    return token


async def _addresses(given: list[str], rooms: Rooms) -> tuple[PosAddress, ...]:
    """Only such as are known: whoever likes could otherwise have us judge a million that do not exist."""
    wanted, known = {PosAddress(one.lower()) for one in given}, (await rooms.tips.now()).strips
    strange = sorted(wanted - known.keys())
    if strange:
        raise ProblemError(422, STRANGE.format(address=strange[0]))
    return tuple(sorted(wanted))


def _subscription(given: PushSubscription, rooms: Rooms) -> Subscription:
    try:
        rooms.push.pusher.check(given.endpoint)
        return Subscription.of(given.endpoint, given.keys.p256dh, given.keys.auth)
    except (ChannelError, SubscriptionError) as error:
        raise ProblemError(422, f"subscription: {error}") from error
