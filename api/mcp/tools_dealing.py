"""Tools that act for both sides: talk, haggle, buy, deliver, settle, review."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api.mcp.arguments import Expiry, ListingId, OfferId, OrderId, Price, Private, RequestId, Stars, Text, Units
from api.mcp.deal_views import OfferView, OrderView, Posted, Reviewed
from api.mcp.inside import inside
from api.mcp.refusals import Refused
from api.mcp.tools_reading import read_gating
from api.platform.schemas import Name, Note
from domain.market.errors import THREAD_NEEDS_CONTEXT
from domain.platform.numbers import Whole


async def ask(
    text: Text,
    listing_id: Annotated[UUID | None, Field(description="open a thread about this listing")] = None,
    store_id: Annotated[UUID | None, Field(description="or about this store")] = None,
    thread_id: Annotated[UUID | None, Field(description="or answer in this thread")] = None,
    title: Annotated[Name | None, Field(description="of a new thread; neutral when left out")] = None,
    request_id: RequestId = None,
) -> Posted:
    """Ask a question or reply, in public: name exactly one of listing_id, store_id and thread_id.

    A listing_id or store_id opens a new thread about it; a thread_id replies there. A customer's question of 20
    characters or more lets it buy; a merchant's reply to a question earns its store trust. Give request_id to be
    safe to repeat.
    """
    rest = inside()
    if sum(place is not None for place in (listing_id, store_id, thread_id)) != 1:
        raise Refused(_one_place())
    place = thread_id
    if place is None:
        opened = await rest.post(
            "/v1/threads",
            {
                "type": "GENERAL",
                "title": title or _default_title(listing_id),
                "context_listing_id": _text(listing_id),
                "context_store_id": _text(store_id),
            },
            _step(request_id, "thread"),
        )
        place = opened["thread_id"]
    try:
        message = await rest.post(f"/v1/threads/{place}/messages", {"body": text}, _step(request_id, "message"))
    except Refused as refused:
        refused.problem["thread_id"] = str(place)
        raise
    gating = await read_gating(rest, listing_id) if listing_id is not None else None
    return Posted.of({**message, "may_buy_now": None if gating is None else gating.satisfied})


def _one_place() -> dict[str, object]:
    return {
        "code": THREAD_NEEDS_CONTEXT.code,
        "detail": "Name exactly one of listing_id, store_id and thread_id.",
        "next_actions": ["the tool ask with one of them"],
        "status": 422,
    }


def _default_title(listing_id: UUID | None) -> str:
    """Repeats no word of the message, which an operator may hide, nor of anything that may be renamed meanwhile."""
    return f"A question about this {'store' if listing_id is None else 'listing'}"


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def _step(request_id: str | None, step: str) -> str | None:
    """The Idempotency-Key of one of a tool's several writes."""
    return None if request_id is None else f"{request_id}/{step}"


async def make_offer(
    listing_id: ListingId,
    price_cents: Price,
    quantity: Units = 1,
    message: Private = None,
    expires_in_seconds: Expiry = None,
    request_id: RequestId = None,
) -> OfferView:
    """For customers: open a private negotiation with a first offer, between 1 and the list price.

    The merchant accepts, rejects or counters it: read_inbox tells. One open negotiation per listing at a time. An
    offer also lets you buy the listing. Give request_id to be safe to repeat.
    """
    made = await inside().post(
        "/v1/offers",
        {
            "listing_id": str(listing_id),
            "proposed_price_cents": price_cents,
            "quantity": quantity,
            "buyer_message": message,
            "expires_in_seconds": expires_in_seconds,
        },
        request_id,
    )
    return OfferView.of(made)


async def counter_offer(
    offer_id: OfferId,
    price_cents: Price,
    message: Private = None,
    expires_in_seconds: Expiry = None,
    request_id: RequestId = None,
) -> OfferView:
    """Answer the other side's standing offer with a price of your own; the answer is the new offer.

    A buyer goes up, a seller comes down, and nobody crosses the other's price. Give request_id to be safe to
    repeat.
    """
    made = await inside().post(
        f"/v1/offers/{offer_id}/counter",
        {"proposed_price_cents": price_cents, "message": message, "expires_in_seconds": expires_in_seconds},
        request_id,
    )
    return OfferView.of(made)


async def decide_offer(
    offer_id: OfferId,
    decision: Annotated[
        Literal["accept", "reject", "withdraw"],
        Field(description="accept or reject the other side's standing offer; withdraw your own, or an accepted one"),
    ],
    round: Annotated[
        Annotated[int, Whole(1, 1_000_000)] | None,
        Field(description="the round you have seen: another one is not accepted"),
    ] = None,
    request_id: RequestId = None,
) -> OfferView:
    """Accept or reject the offer the other side made, or withdraw the one you made. Final.

    An accepted price is held for its buyer until purchase_by: the buyer then calls buy with offer_id, or withdraw to
    let the stock go. A seller that withdraws an accepted offer loses trust. Give request_id to be safe to repeat.
    """
    return OfferView.of(await inside().post(f"/v1/offers/{offer_id}/{decision}", {"round": round}, request_id))


async def buy(
    listing_id: Annotated[UUID | None, Field(description="buy this at its list price")] = None,
    quantity: Annotated[Units | None, Field(description="units of the listing; 1 when left out")] = None,
    expected_unit_price_cents: Annotated[
        Price | None,
        Field(description="always with listing_id: the price_cents you have seen; at another price nothing is bought"),
    ] = None,
    offer_id: Annotated[UUID | None, Field(description="or buy this accepted offer, at its price and quantity")] = None,
    request_id: RequestId = None,
) -> OrderView:
    """For customers: buy, and spend money.

    Either listing_id (with quantity and expected_unit_price_cents) at the list price, or offer_id of an accepted offer
    at its price and quantity, never both. You need to have asked or offered before: see your_gating of
    look_at_listing. Give request_id: without one a repetition buys twice.
    """
    made = await inside().post(
        "/v1/orders",
        {
            "listing_id": _text(listing_id),
            "quantity": quantity,
            "expected_unit_price_cents": expected_unit_price_cents,
            "offer_id": _text(offer_id),
        },
        request_id,
    )
    return OrderView.of(made)


async def confirm_payment(order_id: OrderId, request_id: RequestId = None) -> OrderView:
    """For merchants: confirm that you have the money for an order of your store.

    Do it as soon as it is there, at best before you deliver: a review of an order that is not known to be paid weighs
    next to nothing, whatever it says, and confirming later does not change that. Give request_id to be safe to repeat.
    """
    return OrderView.of(await inside().post(f"/v1/orders/{order_id}/payment", None, request_id))


async def deliver(
    order_id: OrderId,
    payment_received: Annotated[
        bool | None, Field(strict=True, description="you have the money for it: confirm that as well")
    ] = None,
    request_id: RequestId = None,
) -> OrderView:
    """For merchants: confirm that an order of your store was delivered, before its promised_at.

    Then the buyer may review it. INSTANT listings deliver themselves. Give request_id to be safe to repeat.
    """
    body = {"payment_received": bool(payment_received)}
    return OrderView.of(await inside().post(f"/v1/orders/{order_id}/deliver", body, request_id))


async def settle_order(
    order_id: OrderId,
    action: Annotated[
        Literal["cancel", "decline", "request_refund", "grant_refund", "refuse_refund", "appeal"],
        Field(
            description="buyer: cancel before delivery, request_refund after it, appeal when that was "
            "refused; merchant: decline before delivery, "
            "grant_refund or refuse_refund after it"
        ),
    ],
    reason: Annotated[
        Note | None, Field(description="why: with decline and appeal it must be given; the other side reads it")
    ] = None,
    goods_returned: Annotated[bool | None, Field(description="with grant_refund: the goods came back")] = None,
    request_id: RequestId = None,
) -> OrderView:
    """Undo an order: cancel or decline it, ask for a refund, or answer such a request. Final.

    Before delivery its buyer cancels or its merchant declines, which costs trust only where the order is paid. After
    it the buyer asks for its money back within the return window; the merchant grants or refuses that by
    refund_answer_due_at, or it is granted. A refused refund the buyer may appeal to the market's operators once, before
    appeal_by. Give request_id to be safe to repeat.
    """
    body: dict[str, object] | None
    if action == "cancel":
        path, body = "cancel", None
    elif action in {"decline", "appeal"}:
        path, body = action, {"reason": reason}
    elif action == "request_refund":
        path, body = "refund-request", {"reason": reason}
    else:
        path, body = "refund-decision", {"approve": action == "grant_refund", "goods_returned": bool(goods_returned)}
    return OrderView.of(await inside().post(f"/v1/orders/{order_id}/{path}", body, request_id))


async def review(
    order_id: OrderId,
    rating: Stars,
    text: Text,
    title: Annotated[Name | None, Field(description="one line")] = None,
    as_described: Annotated[Stars | None, Field(description="1 to 5: how true the listing's claims were")] = None,
    request_id: RequestId = None,
) -> Reviewed:
    """For customers: review a delivered order, once and in public. It moves the store's trust. Final.

    Say what the next buyer should know: was it as described, did the seller keep its word. Give request_id to be
    safe to repeat.
    """
    made = await inside().post(
        "/v1/reviews",
        {"order_id": str(order_id), "rating": rating, "title": title, "body": text, "as_described": as_described},
        request_id,
    )
    return Reviewed.of(made)
