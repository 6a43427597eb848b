"""Offers: commands to the Negotiation process, and what its two parties may read.

Each command is checked once before the process hears of it, with the same rules it will apply, so that a
plain mistake costs no workflow task. A resumed attempt skips the check: its first try may have succeeded.
"""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.context import Context
from api.errors import errors as refusals
from api.market.offer_schemas import AnswerIn, CounterIn, OfferIn, OfferOut, offer_out
from api.platform.auth import AnyAgent, Caller, Customer
from api.platform.idempotency import CommandDep, Run, Send
from api.platform.limits import limit
from api.platform.pages import Page, PageQuery
from db.locks import clock
from db.market import negotiations, offers
from db.market.tables import Negotiation, Offer
from domain.market import errors
from domain.market import negotiation as rules
from domain.market.commands import AnswerOffer, CounterOffer, MakeOffer
from domain.market.states import OfferStatus, Party

router = APIRouter(prefix="/v1/offers", tags=["offers"])


async def read_offer(session: AsyncSession, offer_id: UUID) -> OfferOut:
    offer = await offers.get_offer(session, offer_id)
    if offer is None:
        raise errors.OFFER_NOT_FOUND.error()
    return offer_out(offer)


@router.post(
    "",
    status_code=201,
    response_model=OfferOut,
    dependencies=[limit("offers_per_agent")],
    responses=refusals(
        errors.NOT_A_CUSTOMER,
        errors.LISTING_NOT_FOUND,
        errors.LISTING_NOT_ACTIVE,
        errors.LISTING_SOLD_OUT,
        errors.STORE_CLOSED,
        errors.NEGOTIATION_OPEN,
        errors.NEGOTIATION_CAP,
        errors.OFFER_PRICE_RANGE,
        errors.OFFER_EXPIRY_RANGE,
        errors.AMOUNT_TOO_LARGE,
        errors.SPEND_CAP,
    ),
)
async def make_offer(body: OfferIn, buyer: Customer, command: CommandDep, context: Context) -> Response:
    """Open a private negotiation with a first offer, between 1 and the list price."""
    policy = context.settings.market

    async def prepare(session: AsyncSession, run: Run) -> Send:
        found = await offers.get_listing_and_store(session, body.listing_id)
        if found is None:
            raise errors.LISTING_NOT_FOUND.error()
        listing, store = found
        if not run.resumed:
            rules.expiry(listing.created_at, body.expires_in_seconds, policy)
            standing = await offers.get_standing_offer(session, buyer.agent_id, body.listing_id)
            if standing is not None:
                raise errors.NEGOTIATION_OPEN.error(offer_id=standing.offer_id)
            rules.decide_first_offer(
                negotiations.listing_view(listing, store),
                await negotiations.get_buyer_standing(session, buyer.agent_id, listing.currency),
                body.proposed_price_cents,
                body.quantity,
                policy,
            )
        offer = MakeOffer(
            command_id=run.command_id,
            negotiation_id=run.command_id,
            listing_id=body.listing_id,
            buyer_id=buyer.agent_id,
            price_cents=body.proposed_price_cents,
            quantity=body.quantity,
            message=body.buyer_message,
            expires_in_seconds=body.expires_in_seconds,
        )
        return partial(context.processes.negotiate, "make_offer", offer, listing.listing_id, listing.store_id)

    return await command.tell(prepare, read_offer, 201)


async def _case(
    session: AsyncSession, caller: Caller, offer_id: UUID
) -> tuple[
    Offer, rules.NegotiationState, rules.ListingView, rules.MerchantLimits, rules.BuyerStanding, datetime, Party
]:
    """All that the rules read of an offer the caller is a party of; what is private to the other stays unread."""
    offer = await offers.get_offer(session, offer_id)
    found = await offers.get_listing_and_store(session, offer.listing_id) if offer else None
    if offer is None or found is None:
        raise errors.OFFER_NOT_FOUND.error()
    listing, store = found
    negotiation = await session.get_one(Negotiation, offer.negotiation_id)
    rounds = await negotiations.list_rounds(session, offer.negotiation_id)
    state = negotiations.negotiation_state(negotiation, rounds, store.owner_merchant_id)
    party = state.party_of(caller.agent_id)
    if party is None:
        raise errors.OFFER_NOT_FOUND.error()
    limits = await negotiations.get_merchant_limits(session, offer.listing_id)
    standing = await negotiations.get_buyer_standing(
        session, offer.buyer_customer_id, offer.currency, without=offer.negotiation_id
    )
    view = negotiations.listing_view(listing, store)
    return offer, state, view, limits, standing, await clock(session), party


_ANSWERS = (errors.OFFER_NOT_FOUND, errors.OFFER_NOT_OPEN, errors.OFFER_EXPIRED)


@router.post(
    "/{offer_id}/counter",
    status_code=201,
    response_model=OfferOut,
    dependencies=[limit("offers_per_agent")],
    responses=refusals(
        *_ANSWERS,
        errors.OFFER_NOT_YOUR_TURN,
        errors.ROUNDS_EXHAUSTED,
        errors.OFFER_PRICE_RANGE,
        errors.OFFER_EXPIRY_RANGE,
        errors.LISTING_NOT_ACTIVE,
        errors.LISTING_SOLD_OUT,
        errors.STORE_CLOSED,
        errors.BELOW_OWN_FLOOR,
        errors.SPEND_CAP,
        errors.AMOUNT_TOO_LARGE,
    ),
)
async def counter_offer(
    offer_id: UUID, body: CounterIn, caller: AnyAgent, command: CommandDep, context: Context
) -> Response:
    """Answer the other party's standing offer with a price of your own. The answer is the new offer."""
    policy = context.settings.market

    async def prepare(session: AsyncSession, run: Run) -> Send:
        offer, state, listing, limits, standing, now, party = await _case(session, caller, offer_id)
        if not run.resumed:
            rules.expiry(now, body.expires_in_seconds, policy)
            rules.decide_counter(
                state, party, offer_id, body.proposed_price_cents, listing, limits, standing, now, policy
            )
        counter = CounterOffer(
            command_id=run.command_id,
            negotiation_id=offer.negotiation_id,
            offer_id=offer_id,
            by_agent_id=caller.agent_id,
            price_cents=body.proposed_price_cents,
            message=body.message,
            expires_in_seconds=body.expires_in_seconds,
        )
        return partial(context.processes.negotiate, "counter_offer", counter, offer.listing_id, offer.seller_store_id)

    return await command.tell(prepare, read_offer, 201)


async def _answer(
    kind: Literal["accept_offer", "reject_offer", "withdraw_offer"],
    offer_id: UUID,
    body: AnswerIn | None,
    caller: Caller,
    command: CommandDep,
    context: Context,
) -> Response:
    seen = body.round if body else None

    async def prepare(session: AsyncSession, run: Run) -> Send:
        offer, state, listing, limits, standing, now, party = await _case(session, caller, offer_id)
        if not run.resumed:
            if kind == "accept_offer":
                # A closing is the process's to record: the offer ends, and the caller hears why.
                rules.decide_accept(state, party, offer_id, seen, listing, limits, standing, now)
            elif kind == "reject_offer":
                rules.decide_reject(state, party, offer_id, now)
            else:
                rules.decide_withdraw(state, party, offer_id, now)
        answer = AnswerOffer(
            command_id=run.command_id,
            negotiation_id=offer.negotiation_id,
            offer_id=offer_id,
            by_agent_id=caller.agent_id,
            round=seen,
        )
        return partial(context.processes.negotiate, kind, answer, offer.listing_id, offer.seller_store_id)

    return await command.tell(prepare, lambda session, _: read_offer(session, offer_id))


@router.post(
    "/{offer_id}/accept",
    response_model=OfferOut,
    responses=refusals(
        *_ANSWERS,
        errors.OFFER_NOT_YOUR_TURN,
        errors.OFFER_ROUND,
        errors.LISTING_SOLD_OUT,
        errors.LISTING_NOT_ACTIVE,
        errors.STORE_CLOSED,
        errors.BELOW_OWN_FLOOR,
        errors.SPEND_CAP,
    ),
)
async def accept_offer(
    offer_id: UUID, caller: AnyAgent, command: CommandDep, context: Context, body: AnswerIn | None = None
) -> Response:
    """Accept exactly this offer. Its stock is held until ``purchase_by``; its buyer then places the order."""
    return await _answer("accept_offer", offer_id, body, caller, command, context)


@router.post("/{offer_id}/reject", response_model=OfferOut, responses=refusals(*_ANSWERS, errors.OFFER_NOT_YOUR_TURN))
async def reject_offer(
    offer_id: UUID, caller: AnyAgent, command: CommandDep, context: Context, body: AnswerIn | None = None
) -> Response:
    """Decline the other party's standing offer, and end the negotiation."""
    return await _answer("reject_offer", offer_id, body, caller, command, context)


@router.post(
    "/{offer_id}/withdraw",
    response_model=OfferOut,
    responses=refusals(*_ANSWERS, errors.OFFER_NOT_MAKER, errors.PURCHASE_WINDOW_PASSED),
)
async def withdraw_offer(
    offer_id: UUID, caller: AnyAgent, command: CommandDep, context: Context, body: AnswerIn | None = None
) -> Response:
    """Take back your standing offer. A seller may also break an accepted one; its trust hears of that."""
    return await _answer("withdraw_offer", offer_id, body, caller, command, context)


@router.get("", response_model=Page[OfferOut], responses=refusals())
async def list_my_offers(
    caller: AnyAgent,
    context: Context,
    paging: PageQuery,
    role: Annotated[Literal["buyer", "seller"] | None, Query(description="your side; both when left out")] = None,
    status: OfferStatus | None = None,
    listing_id: UUID | None = None,
) -> Page[OfferOut]:
    """Your offers, newest first: those you are a party of, on either side."""
    after = paging.after(datetime, UUID)
    async with context.database.transaction(viewer=caller.agent_id) as session:
        found = await offers.list_offers(
            session,
            caller.agent_id,
            Party(role.upper()) if role else None,
            status,
            listing_id,
            (after[0], after[1]) if after else None,
            paging.limit,
        )
        return paging.page(found, offer_out, lambda offer: (offer.created_at, offer.offer_id))


@router.get("/{offer_id}", response_model=OfferOut, responses=refusals(errors.OFFER_NOT_FOUND))
async def get_my_offer(offer_id: UUID, caller: AnyAgent, context: Context) -> OfferOut:
    """One offer, for its two parties only."""
    async with context.database.transaction(viewer=caller.agent_id) as session:
        return await read_offer(session, offer_id)
