"""Orders: commands to the Order process, and what buyer and seller may read."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.context import Context
from api.errors import errors as refusals
from api.market.order_schemas import (
    AppealIn,
    DeclineIn,
    DeliveryIn,
    OrderIn,
    OrderOut,
    RefundDecisionIn,
    RefundRequestIn,
)
from api.platform.auth import AnyAgent, Caller, Customer
from api.platform.idempotency import CommandDep
from api.platform.pages import Page, PageQuery, answer
from db.market.blocks import check_viewer
from db.market.cases import get_listing_case, get_offer_case, get_order_case
from db.market.prices import read_seen_price
from db.market.reads_trade import read_orders, side_of, the_order
from db.market.unpaid import get_unpaid
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market import orders as rules
from domain.market.appeals import decide_appeal
from domain.market.commands import (
    AnswerRefund,
    AppealRefund,
    CancelOrder,
    ConfirmPayment,
    DeclineOrder,
    DeliverOrder,
    PartyCommand,
    PlaceOrder,
    RequestRefund,
)
from domain.market.policy import MarketPolicy
from domain.market.states import DeliveryKind, OrderStatus, Party
from domain.market.unpaid import check_unpaid_orders, check_unpaid_units
from domain.platform.cursors import encode_cursor
from domain.platform.identity import NOT_A_CUSTOMER

router = APIRouter(prefix="/v1/orders", tags=["orders"])


async def _check_purchase(
    transaction: Transaction, body: OrderIn, buyer: UUID, policy: MarketPolicy, *, politely: bool
) -> tuple[UUID, UUID]:
    """The listing and the store to buy from. ``politely``: also refuse now what the process would refuse."""
    expected = (body.expected_unit_price_cents, body.expected_currency)
    of_listing = body.quantity is not None or any(part is not None for part in expected)
    if (body.listing_id is None) == (body.offer_id is None) or (body.offer_id and of_listing):
        raise errors.ORDER_TARGET.error()
    if body.offer_id is not None:
        offer = await get_offer_case(transaction, body.offer_id)
        if offer is None or offer.state.buyer_id != buyer:
            raise errors.OFFER_NOT_FOUND.error()
        if politely:
            await check_viewer(transaction, offer.store_id)
            rules.check_gating(offer.eligible, offer.listing_id, offer.store_id)
            rules.decide_offer_purchase(offer.state, body.offer_id, offer.buyer, offer.now)
            if offer.delivery is DeliveryKind.SHIPPED:
                check_unpaid_orders(await get_unpaid(transaction, buyer, offer.listing_id, policy), policy)
        return offer.listing_id, offer.store_id
    assert body.listing_id is not None
    case = await get_listing_case(transaction, body.listing_id, buyer)
    if case is None:
        raise errors.LISTING_NOT_FOUND.error()
    if politely:
        await check_viewer(transaction, case.store_id)
        rules.check_gating(case.eligible, case.listing_id, case.store_id)
        seen = await read_seen_price(transaction, case.listing_id, case.currency, *expected, policy)
        rules.decide_purchase(case.listing, case.buyer, body.quantity or 1, seen)
        unpaid = await get_unpaid(transaction, buyer, case.listing_id, policy)
        if case.delivery is DeliveryKind.SHIPPED:
            check_unpaid_orders(unpaid, policy)
        check_unpaid_units(case.listing, unpaid, body.quantity or 1, policy)
    return case.listing_id, case.store_id


@router.post(
    "",
    status_code=201,
    response_model=OrderOut,
    responses=refusals(
        NOT_A_CUSTOMER,
        errors.ORDER_TARGET,
        errors.LISTING_NOT_FOUND,
        errors.LISTING_NOT_ACTIVE,
        errors.LISTING_SOLD_OUT,
        errors.STORE_CLOSED,
        errors.ORDER_PRICE_CHANGED,
        errors.ORDER_PRICE_UNSEEN,
        errors.GATING_UNSATISFIED,
        errors.OFFER_NOT_FOUND,
        errors.OFFER_NOT_ACCEPTED,
        errors.OFFER_SPENT,
        errors.PURCHASE_WINDOW_PASSED,
        errors.SPEND_CAP,
        errors.AMOUNT_TOO_LARGE,
        errors.UNPAID_UNITS,
        errors.STORE_BLOCKED,
        errors.TOO_MANY_UNPAID,
    ),
)
async def place_order(body: OrderIn, buyer: Customer, command: CommandDep, context: Context) -> Response:
    """Buy at the list price, or an accepted offer at its price. Needs an earlier interaction (gating)."""
    policy = context.settings.market
    async with command.begin():
        listing_id, store_id = await _check_purchase(
            command.transaction, body, buyer.agent_id, policy, politely=not command.resumed
        )
        purchase = PlaceOrder(
            command_id=command.command_id,
            buyer_id=buyer.agent_id,
            listing_id=listing_id,
            quantity=body.quantity or 1,
            offer_id=body.offer_id,
            seen_price_cents=body.expected_unit_price_cents,
            seen_currency=body.expected_currency,
        )
        await command.send(purchase, listing_id=listing_id, store_id=store_id)
        return await command.show(the_order(command.command_id), 201)


async def _command(
    kind: type[PartyCommand],
    party: Party,
    decide: Callable[[rules.OrderState, datetime], object],
    order_id: UUID,
    caller: Caller,
    command: CommandDep,
    **values: Any,
) -> Response:
    """``decide``: the rule that says whether it may be done now. ``values``: the command's own fields."""
    async with command.begin():
        case = await get_order_case(command.transaction, order_id)
        if case is None:
            raise errors.ORDER_NOT_FOUND.error()
        rules.check_party(caller.agent_id, party, case.buyer_id, case.seller_id)
        if not command.resumed:
            decide(case.state, case.now)
        told = kind(command_id=command.command_id, order_id=order_id, by_agent_id=caller.agent_id, **values)
        await command.send(told, listing_id=case.listing_id, store_id=case.store_id)
        return await command.show(the_order(order_id))


@router.post(
    "/{order_id}/payment",
    response_model=OrderOut,
    responses=refusals(errors.ORDER_NOT_FOUND, errors.SELLER_ONLY, errors.ORDER_REFUNDED),
)
async def confirm_payment(order_id: UUID, caller: AnyAgent, command: CommandDep) -> Response:
    """The merchant says that it has the money, which changes hands outside Souk. Again, it changes nothing.

    What an order proves of its store weighs next to nothing until it is paid, and what was said before then stays so.
    """
    return await _command(ConfirmPayment, Party.SELLER, rules.decide_confirm_payment, order_id, caller, command)


@router.post(
    "/{order_id}/deliver",
    response_model=OrderOut,
    responses=refusals(errors.ORDER_NOT_FOUND, errors.SELLER_ONLY, errors.ORDER_NOT_PLACED, errors.ORDER_REFUNDED),
)
async def deliver_order(
    order_id: UUID, caller: AnyAgent, command: CommandDep, body: DeliveryIn | None = None
) -> Response:
    """The merchant confirms delivery, before the promised time, and with ``payment_received`` the payment too."""
    paid, decide = body is not None and body.payment_received, rules.decide_deliver
    return await _command(DeliverOrder, Party.SELLER, decide, order_id, caller, command, payment_received=paid)


@router.post(
    "/{order_id}/decline",
    response_model=OrderOut,
    responses=refusals(
        errors.ORDER_NOT_FOUND, errors.SELLER_ONLY, errors.ORDER_NOT_PLACED, errors.ORDER_OVERDUE, errors.ORDER_REFUNDED
    ),
)
async def decline_order(order_id: UUID, body: DeclineIn, caller: AnyAgent, command: CommandDep) -> Response:
    """The merchant does not deliver, and says why: the order ends and the stock returns.

    Unpaid, that costs nothing. Paid, it breaks a promise, as a missed delivery does.
    """
    decide = rules.decide_decline
    return await _command(DeclineOrder, Party.SELLER, decide, order_id, caller, command, reason=body.reason)


@router.post(
    "/{order_id}/cancel",
    response_model=OrderOut,
    responses=refusals(
        errors.ORDER_NOT_FOUND, errors.BUYER_ONLY, errors.ORDER_NOT_PLACED, errors.ORDER_OVERDUE, errors.ORDER_REFUNDED
    ),
)
async def cancel_order(order_id: UUID, caller: AnyAgent, command: CommandDep) -> Response:
    """The buyer cancels before delivery: refunded, and the stock returns."""
    return await _command(CancelOrder, Party.BUYER, rules.decide_cancel, order_id, caller, command)


@router.post(
    "/{order_id}/refund-request",
    response_model=OrderOut,
    responses=refusals(
        errors.ORDER_NOT_FOUND,
        errors.BUYER_ONLY,
        errors.ORDER_NOT_DELIVERED,
        errors.ORDER_REFUNDED,
        errors.REFUND_PENDING,
        errors.RETURN_WINDOW_CLOSED,
    ),
)
async def request_refund(
    order_id: UUID, caller: AnyAgent, command: CommandDep, body: RefundRequestIn | None = None
) -> Response:
    """The buyer asks for its money back within the return window. Unanswered in time, it is granted."""
    return await _command(
        RequestRefund,
        Party.BUYER,
        rules.decide_request_refund,
        order_id,
        caller,
        command,
        reason=body.reason if body else None,
    )


@router.post(
    "/{order_id}/appeal",
    response_model=OrderOut,
    responses=refusals(
        errors.ORDER_NOT_FOUND,
        errors.BUYER_ONLY,
        errors.ORDER_REFUNDED,
        errors.NOTHING_TO_APPEAL,
        errors.APPEAL_MADE,
        errors.APPEAL_WINDOW_CLOSED,
    ),
)
async def appeal_refund(order_id: UUID, body: AppealIn, caller: AnyAgent, command: CommandDep) -> Response:
    """The buyer takes a declined refund to the operators, once. Not granted by ``appeal_due_at``, it is declined."""
    return await _command(AppealRefund, Party.BUYER, decide_appeal, order_id, caller, command, reason=body.reason)


@router.post(
    "/{order_id}/refund-decision",
    response_model=OrderOut,
    responses=refusals(
        errors.ORDER_NOT_FOUND,
        errors.SELLER_ONLY,
        errors.NO_REFUND_REQUEST,
        errors.REFUND_ANSWER_LATE,
        errors.ORDER_REFUNDED,
    ),
)
async def decide_refund(order_id: UUID, body: RefundDecisionIn, caller: AnyAgent, command: CommandDep) -> Response:
    """The merchant answers a refund request."""
    return await _command(
        AnswerRefund,
        Party.SELLER,
        rules.decide_answer_refund,
        order_id,
        caller,
        command,
        approve=body.approve,
        goods_returned=body.goods_returned,
    )


@router.get("", response_model=Page[OrderOut], responses=refusals())
async def list_my_orders(
    caller: AnyAgent,
    context: Context,
    paging: PageQuery,
    role: Annotated[Literal["buyer", "seller"] | None, Query(description="your side; both when left out")] = None,
    status: OrderStatus | None = None,
) -> Response:
    """Your orders, newest first."""
    place = paging.after(datetime, UUID)
    after = (place[0], place[1]) if place else None
    party = Party(role.upper()) if role else side_of(caller.agent_type)
    rows = await read_orders(context.reads, caller.agent_id, party, status, after, paging.limit + 1)
    return paging.answer(rows, lambda row: encode_cursor(row["placed_at"], row["order_id"]))


@router.get("/{order_id}", response_model=OrderOut, responses=refusals(errors.ORDER_NOT_FOUND))
async def get_my_order(order_id: UUID, caller: AnyAgent, context: Context) -> Response:
    """One order, for its buyer and its store's owner."""
    return answer(await context.reads.read_one(the_order(order_id), caller.agent_id))
