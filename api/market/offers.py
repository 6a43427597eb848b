"""Offers: commands to the Negotiation process, and what its two parties may read.

Each command is checked once before the process hears of it, with the same rules it will apply, so that a
plain mistake costs no workflow task. A resumed attempt skips the check: its first try may have succeeded.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.context import Context
from api.errors import errors as refusals
from api.market.offer_schemas import AnswerIn, CounterIn, OfferIn, OfferOut
from api.platform.auth import AnyAgent, Caller, Customer
from api.platform.idempotency import CommandDep
from api.platform.limits import limit
from api.platform.pages import Page, PageQuery, answer
from db.market.blocks import check_viewer
from db.market.cases import OfferCase, get_listing_case, get_offer_case
from db.market.reads_trade import read_offers, side_of, the_offer
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market import negotiation as rules
from domain.market.commands import AcceptOffer, AnswerOffer, CounterOffer, MakeOffer, RejectOffer, WithdrawOffer
from domain.market.states import OfferStatus, Party
from domain.platform.cursors import encode_cursor
from domain.platform.identity import NOT_A_CUSTOMER

router = APIRouter(prefix="/v1/offers", tags=["offers"])


@router.post(
    "",
    status_code=201,
    response_model=OfferOut,
    dependencies=[limit("offers_per_agent")],
    responses=refusals(
        NOT_A_CUSTOMER,
        errors.LISTING_NOT_FOUND,
        errors.LISTING_NOT_ACTIVE,
        errors.LISTING_SOLD_OUT,
        errors.STORE_CLOSED,
        errors.NEGOTIATION_OPEN,
        errors.NEGOTIATION_CAP,
        errors.STORE_BLOCKED,
        errors.OFFER_PRICE_RANGE,
        errors.OFFER_EXPIRY_RANGE,
        errors.AMOUNT_TOO_LARGE,
        errors.SPEND_CAP,
    ),
)
async def make_offer(body: OfferIn, buyer: Customer, command: CommandDep, context: Context) -> Response:
    """Open a private negotiation with a first offer, between 1 and the list price."""
    policy = context.settings.market

    async with command.begin():
        case = await get_listing_case(command.transaction, body.listing_id, buyer.agent_id)
        if case is None:
            raise errors.LISTING_NOT_FOUND.error()
        if not command.resumed:
            await check_viewer(command.transaction, case.store_id)
            rules.expiry(case.now, body.expires_in_seconds, policy)
            if case.standing_offer_id is not None:
                raise errors.NEGOTIATION_OPEN.error(offer_id=case.standing_offer_id)
            rules.decide_first_offer(case.listing, case.buyer, body.proposed_price_cents, body.quantity, policy)
        offer = MakeOffer(
            command_id=command.command_id,
            negotiation_id=command.command_id,
            listing_id=body.listing_id,
            buyer_id=buyer.agent_id,
            price_cents=body.proposed_price_cents,
            quantity=body.quantity,
            message=body.buyer_message,
            expires_in_seconds=body.expires_in_seconds,
        )
        await command.send(offer, listing_id=case.listing_id, seller_store_id=case.store_id)
        return await command.show(the_offer(command.command_id), 201)


async def _case(transaction: Transaction, caller: Caller, offer_id: UUID) -> tuple[OfferCase, Party]:
    """The offer as the rules see it, and which of its parties the caller is."""
    case = await get_offer_case(transaction, offer_id)
    party = case.state.party_of(caller.agent_id) if case else None
    if case is None or party is None:
        raise errors.OFFER_NOT_FOUND.error()
    return case, party


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

    async with command.begin():
        case, party = await _case(command.transaction, caller, offer_id)
        if not command.resumed:
            rules.expiry(case.now, body.expires_in_seconds, policy)
            rules.decide_counter(
                case.state,
                party,
                offer_id,
                body.proposed_price_cents,
                case.listing,
                case.limits,
                case.buyer,
                case.now,
                policy,
            )
        counter = CounterOffer(
            command_id=command.command_id,
            negotiation_id=case.negotiation_id,
            offer_id=offer_id,
            by_agent_id=caller.agent_id,
            price_cents=body.proposed_price_cents,
            message=body.message,
            expires_in_seconds=body.expires_in_seconds,
        )
        await command.send(counter, listing_id=case.listing_id, seller_store_id=case.store_id)
        return await command.show(the_offer(command.command_id), 201)


async def _answer(
    kind: type[AnswerOffer],
    offer_id: UUID,
    body: AnswerIn | None,
    caller: Caller,
    command: CommandDep,
    decide: Callable[[OfferCase, Party], object],
) -> Response:
    """``decide``: the rule that says whether the caller may."""
    async with command.begin():
        case, party = await _case(command.transaction, caller, offer_id)
        if not command.resumed:
            decide(case, party)
        answer = kind(
            command_id=command.command_id,
            negotiation_id=case.negotiation_id,
            offer_id=offer_id,
            by_agent_id=caller.agent_id,
            round=body.round if body else None,
        )
        await command.send(answer, listing_id=case.listing_id, seller_store_id=case.store_id)
        return await command.show(the_offer(offer_id))


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
async def accept_offer(offer_id: UUID, caller: AnyAgent, command: CommandDep, body: AnswerIn | None = None) -> Response:
    """Accept exactly this offer. Its stock is held until ``purchase_by``; its buyer then places the order."""

    def decide(case: OfferCase, by: Party) -> None:
        # A closing is the process's to record: the offer ends, and the caller hears why.
        seen = body.round if body else None
        rules.decide_accept(case.state, by, offer_id, seen, case.listing, case.limits, case.buyer, case.now)

    return await _answer(AcceptOffer, offer_id, body, caller, command, decide)


@router.post("/{offer_id}/reject", response_model=OfferOut, responses=refusals(*_ANSWERS, errors.OFFER_NOT_YOUR_TURN))
async def reject_offer(offer_id: UUID, caller: AnyAgent, command: CommandDep, body: AnswerIn | None = None) -> Response:
    """Decline the other party's standing offer, and end the negotiation."""

    def decide(case: OfferCase, by: Party) -> None:
        rules.decide_reject(case.state, by, offer_id, case.now)

    return await _answer(RejectOffer, offer_id, body, caller, command, decide)


@router.post(
    "/{offer_id}/withdraw",
    response_model=OfferOut,
    responses=refusals(*_ANSWERS, errors.OFFER_NOT_MAKER, errors.PURCHASE_WINDOW_PASSED),
)
async def withdraw_offer(
    offer_id: UUID, caller: AnyAgent, command: CommandDep, body: AnswerIn | None = None
) -> Response:
    """Take back your standing offer, or an accepted one that is not bought: its stock returns.

    A buyer is free to do so and helps the next one. A seller breaks its word; its trust hears of that.
    """

    def decide(case: OfferCase, by: Party) -> None:
        rules.decide_withdraw(case.state, by, offer_id, case.now)

    return await _answer(WithdrawOffer, offer_id, body, caller, command, decide)


@router.get("", response_model=Page[OfferOut], responses=refusals())
async def list_my_offers(
    caller: AnyAgent,
    context: Context,
    paging: PageQuery,
    role: Annotated[Literal["buyer", "seller"] | None, Query(description="your side; both when left out")] = None,
    status: OfferStatus | None = None,
    listing_id: UUID | None = None,
) -> Response:
    """Your offers, newest first: those you are a party of, on either side."""
    place = paging.after(datetime, UUID)
    after = (place[0], place[1]) if place else None
    party = Party(role.upper()) if role else side_of(caller.agent_type)
    rows = await read_offers(context.reads, caller.agent_id, party, status, listing_id, after, paging.limit + 1)
    return paging.answer(rows, lambda row: encode_cursor(row["created_at"], row["offer_id"]))


@router.get("/{offer_id}", response_model=OfferOut, responses=refusals(errors.OFFER_NOT_FOUND))
async def get_my_offer(offer_id: UUID, caller: AnyAgent, context: Context) -> Response:
    """One offer, for its two parties only."""
    return answer(await context.reads.read_one(the_offer(offer_id), caller.agent_id))
