"""The tool that tells an agent what concerns it, and waits for that without polling.

Who waits holds one of its agent's places among the open streams, and none among the requests in flight: a
thousand waiting agents keep nobody from being answered.
"""

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from api.context import AppContext
from api.mcp.arguments import Limit
from api.mcp.inside import Inside, inside
from api.mcp.refusals import Refused, told
from api.mcp.views import JSON, Said, View, said
from api.platform.admission import Place
from api.platform.limits import client_address
from db.market.inbox import inbox_items
from db.platform.commit_order import START, Position
from db.platform.inbox import InboxFilter
from domain.market.states import InboxType, OfferStatus, OrderStatus, Party
from domain.platform.cursors import decode_cursor
from domain.platform.errors import DomainError
from domain.platform.events import PrivateEvent
from domain.platform.numbers import Whole
from domain.platform.outages import OutageNews

MAX_WAIT_SECONDS = 25
"""Shorter than clients and proxies wait for an answer."""

_NEXT: dict[PrivateEvent, str] = {
    InboxType.OFFER_MADE: "decide_offer or counter_offer, before due_at",
    InboxType.OFFER_COUNTERED: "decide_offer or counter_offer, before due_at",
    InboxType.OFFER_ACCEPTED: "its buyer: buy with offer_id, before purchase_by",
    InboxType.ORDER_PLACED: "its merchant: confirm_payment when the money is there; deliver, before the promised time; "
    "or settle_order with decline",
    InboxType.DELIVERY_DUE_SOON: "deliver",
    InboxType.PAYMENT_DUE_SOON: "its buyer pays, its merchant: confirm_payment, deliver, or settle_order with decline",
    InboxType.REFUND_REQUESTED: "settle_order with grant_refund or refuse_refund, before due_at",
    InboxType.REFUND_DECLINED: "its buyer may settle_order with appeal, before due_at",
    InboxType.REVIEW_WINDOW_OPENED: "review",
    InboxType.QUESTION_ASKED: "read_thread, then ask with thread_id to answer, before due_at",
    InboxType.QUESTION_ANSWERED: "read_thread",
    InboxType.TRUST_MOVED: "store_trust",
    OutageNews.DATE_EXTENDED: "the market was away: what is awaited of you may be done until due_at",
}


class OfferNews(View):
    """The terms of an offer you are a party of. The price is per unit."""

    round: int
    proposed_by: Party
    proposed_price_cents: int
    currency: str
    quantity: int
    message: Said | None
    status: OfferStatus = Field(description="as it is now")
    close_reason: str | None
    expires_at: datetime | None
    purchase_by: datetime | None


class OrderNews(View):
    """The terms of an order you are a party of."""

    quantity: int
    unit_price_cents: int
    total_price_cents: int
    currency: str
    status: OrderStatus = Field(description="as it is now")
    source_offer_id: UUID | None
    promised_at: datetime | None
    paid_at: datetime | None = Field(description="since when it is known to be paid")
    refund_answer_due_at: datetime | None
    return_window_closes_at: datetime | None
    payment_due_at: datetime | None


class News(View):
    """Something that concerns you. ``due_at``: until when something is awaited."""

    inbox_event_id: UUID
    type: PrivateEvent
    created_at: datetime
    store_id: UUID | None
    listing_id: UUID | None
    thread_id: UUID | None
    message_id: UUID | None
    offer_id: UUID | None
    order_id: UUID | None
    review_id: UUID | None
    due_at: datetime | None
    offer: OfferNews | None
    order: OrderNews | None
    next_step: str | None = Field(description="the tools that usually come next")

    @classmethod
    def of(cls, answer: JSON) -> Self:
        made: dict[str, Any] = {**answer, "next_step": _NEXT.get(PrivateEvent.named(answer["type"]))}
        offer = answer["offer"]
        if offer:
            by_store = offer["proposed_by"] == Party.SELLER
            who = ("store", answer["store_id"]) if by_store else ("buyer", offer["negotiation_id"])
            made["offer"] = {**offer, "message": said(offer["message"], *who)}
        return cls.model_validate(made)


class Inbox(View):
    """Your events, oldest first."""

    events: list[News]
    cursor: str | None = Field(description="pass it to the next call: it goes on after the last event of this one")
    more: bool = Field(description="true: call again at once, there are later events already")


async def read_inbox(
    cursor: Annotated[
        str | None, Field(max_length=500, description="of the answer before; left out, your newest events are shown")
    ] = None,
    wait_seconds: Annotated[
        int, Whole(0, MAX_WAIT_SECONDS), Field(description="when there is nothing yet, wait so long for it")
    ] = 0,
    limit: Limit = 20,
) -> Inbox:
    """Hear what concerns you: offers, answers, orders, deliveries, questions, refunds, trust moved.

    Call it with the cursor of its last answer and wait_seconds instead of polling other tools: it answers as
    soon as something happens. No event is left out between two calls.
    """
    rest = inside()
    found = await _read(rest, cursor, limit)
    if not found.events and wait_seconds:
        await _wait(rest, cursor, wait_seconds)
        found = await _read(rest, cursor, limit)
    return found


async def _read(rest: Inside, cursor: str | None, limit: int) -> Inbox:
    order = "newest" if cursor is None else "oldest"
    page = await rest.get("/v1/inbox", {"order": order, "cursor": cursor, "limit": limit})
    items = page["items"] if cursor is not None else page["items"][::-1]
    return Inbox(
        events=[News.of(item) for item in items],
        cursor=items[-1]["cursor"] if items else cursor,
        more=cursor is not None and page["next_cursor"] is not None,
    )


async def _wait(rest: Inside, cursor: str | None, seconds: int) -> None:
    """Return when the caller's inbox holds something after the cursor, its key is revoked, or time is up."""
    context = rest.app.state.context
    assert isinstance(context, AppContext)
    after: Position = START
    if cursor is not None:
        txid, seq = decode_cursor(cursor, int, int)
        after = (txid, seq)
    place: Place = rest.scope["souk.place"]
    try:
        with context.feed.places.taken(rest.caller.agent_id, client_address(rest.scope)):
            place.give_up()
            events = context.feed.inbox.follow(
                rest.caller.agent_id, rest.caller.key_id, InboxFilter(), inbox_items, after
            )
            async with aclosing(events) as coming:
                try:
                    async with asyncio.timeout(seconds):
                        while await anext(coming, None) == []:
                            pass
                except TimeoutError:
                    return
    except DomainError as refused:
        raise Refused(told(refused)) from None
