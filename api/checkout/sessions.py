"""Checkout sessions: what a platform does with one becomes a command to its process; the server sets every price."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.checkout.answers import checkout_answer, require
from api.checkout.bodies import CheckoutIn, CompleteIn
from api.checkout.commands import UcpCommandDep
from api.checkout.documents import CheckoutDocument
from api.checkout.errors import PRIVATE, WRITES, refusals
from api.checkout.items import Wanted, find_wanted
from api.checkout.platforms import Buyer, TheBuyer
from api.context import AppContext, Context
from api.errors import refusal_of
from db.checkout import carts, pricing, reads
from db.locks import clock
from domain.checkout import errors
from domain.checkout import sessions as rules
from domain.checkout.commands import CancelCheckout, CompleteCheckout, CreateCheckout, UpdateCheckout
from domain.checkout.models import Checkout, ItemChoice
from domain.checkout.ucp import CHECKOUT
from domain.market import errors as market

router = APIRouter(prefix="/checkout-sessions", tags=["ucp"])

_GOODS = (
    errors.CHECKOUT_EMPTY,
    errors.TOO_MANY_LINES,
    errors.TOO_MANY_CODES,
    errors.LINE_TWICE,
    errors.ONE_STORE,
    errors.ITEMS_FIXED,
    market.LISTING_NOT_FOUND,
    market.LISTING_NOT_ACTIVE,
    market.LISTING_SOLD_OUT,
    market.STORE_CLOSED,
    market.AMOUNT_TOO_LARGE,
    market.SPEND_CAP,
)
_OPEN = (errors.CHECKOUT_NOT_FOUND, errors.CHECKOUT_OVER, errors.CHECKOUT_EXPIRED, errors.CHECKOUT_BUSY)


@router.post(
    "",
    status_code=201,
    response_model=CheckoutDocument,
    responses=refusals(
        *_GOODS,
        errors.OFFER_IN_CHECKOUT,
        errors.TOO_MANY_OPEN,
        errors.CART_NOT_FOUND,
        market.OFFER_NOT_ACCEPTED,
        market.OFFER_SPENT,
        market.PURCHASE_WINDOW_PASSED,
        *WRITES,
        *PRIVATE,
    ),
)
async def create_checkout(body: CheckoutIn, buyer: TheBuyer, command: UcpCommandDep, context: Context) -> Response:
    """Open a session on items, on an accepted offer, or on a cart; a cart's open session is given again."""
    buyer.platform.require(CHECKOUT)
    async with command.begin():
        cart_id = _cart_id(body.cart_id) if body.cart_id is not None else None
        known = await reads.get_open_checkout_of_cart(command.session, cart_id) if cart_id else None
        if known is None:
            wanted, told = await _opening(command, body, buyer, context)
            await command.send(told, store_id=wanted.store_id, whole_addresses=not buyer.platform.older)
            await command.open()
        shown = await checkout_answer(command.session, context, buyer.platform, known or command.command_id)
        return await command.answer(shown, 201)


def _cart_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise errors.CART_NOT_FOUND.error() from None


async def _opening(
    command: UcpCommandDep, body: CheckoutIn, buyer: Buyer, context: AppContext
) -> tuple[Wanted, CreateCheckout]:
    """What is wanted, and the command for it. Of a cart its contents, buyer and codes count, not the body's."""
    session = command.session
    person = body.buyer.chosen() if body.buyer else None
    codes = body.codes
    cart_id = None
    if body.cart_id is not None:
        cart = await carts.get_cart(session, _cart_id(body.cart_id))
        goods = (ItemChoice(listing_id=line.listing_id, quantity=line.quantity) for line in cart.lines)
        wanted = Wanted(cart.store_id, tuple(goods))
        person = None if cart.buyer else person
        codes = None if cart.discounts.codes else codes
        cart_id = cart.cart_id
    else:
        wanted = await find_wanted(session, context, buyer.agent_id, body.line_items)
    if wanted.items and not command.resumed:
        # A refusal here saves a process that would only refuse the same.
        shelf = await pricing.load_shelf(session, {item.listing_id for item in wanted.items})
        pricing.check_sellable(shelf, wanted.items)
    return wanted, CreateCheckout(
        command_id=command.command_id,
        agent_id=buyer.agent_id,
        items=() if cart_id else wanted.items,
        offer_id=wanted.offer_id,
        cart_id=cart_id,
        buyer=person,
        fulfillment=body.fulfillment.chosen() if body.fulfillment else None,
        discount_codes=codes,
    )


@router.get("/{checkout_id}", response_model=CheckoutDocument, responses=refusals(errors.CHECKOUT_NOT_FOUND, *PRIVATE))
async def get_checkout(checkout_id: UUID, buyer: TheBuyer, context: Context) -> CheckoutDocument:
    """One of the caller's sessions as it stands."""
    buyer.platform.require(CHECKOUT)
    async with context.database.session(viewer=buyer.agent_id) as session:
        return await checkout_answer(session, context, buyer.platform, checkout_id)


@router.put("/{checkout_id}", response_model=CheckoutDocument, responses=refusals(*_GOODS, *_OPEN, *WRITES, *PRIVATE))
async def update_checkout(
    checkout_id: UUID, body: CheckoutIn, buyer: TheBuyer, command: UcpCommandDep, context: Context
) -> Response:
    """Replace what the session holds; a member that is left out stays. Everything is priced anew."""
    buyer.platform.require(CHECKOUT)

    async with command.begin():
        checkout = await _open_session(command, checkout_id)
        told = UpdateCheckout(
            command_id=command.command_id,
            checkout_id=checkout_id,
            agent_id=buyer.agent_id,
            items=await _changed_items(command.session, body, buyer, checkout, context),
            buyer=body.buyer.chosen() if body.buyer else None,
            fulfillment=body.fulfillment.chosen() if body.fulfillment else None,
            discount_codes=body.codes,
        )
        await command.send(told, store_id=checkout.store_id)
        return await _answer(command, checkout_id, buyer, context)


async def _changed_items(
    session: AsyncSession, body: CheckoutIn, buyer: Buyer, checkout: Checkout, context: AppContext
) -> tuple[ItemChoice, ...] | None:
    """The session's new lines, or None to keep them. What an accepted offer sells stays as it is."""
    if not body.line_items:
        return None
    wanted = await find_wanted(session, context, buyer.agent_id, body.line_items)
    if wanted.offer_id != checkout.offer_id:
        raise errors.ITEMS_FIXED.error()
    return wanted.items or None


async def _open_session(command: UcpCommandDep, checkout_id: UUID) -> Checkout:
    """One of the viewer's sessions; refused early when it takes nothing more."""
    checkout = await require(command.session, checkout_id)
    if not command.resumed:
        payment = checkout.payment.status if checkout.payment else None
        state = rules.SessionState(checkout.status, checkout.expires_at, checkout.offer_id is not None, payment)
        rules.check_open(state, await clock(command.session))
    return checkout


async def _answer(command: UcpCommandDep, checkout_id: UUID, buyer: Buyer, context: AppContext) -> Response:
    await command.open()
    return await command.answer(await checkout_answer(command.session, context, buyer.platform, checkout_id))


@router.post(
    "/{checkout_id}/complete",
    response_model=CheckoutDocument,
    responses=refusals(
        *_OPEN,
        errors.FULFILLMENT_MISSING,
        errors.PRICE_CHANGED,
        errors.PAYMENT_MISSING,
        errors.PAYMENT_HANDLER_UNKNOWN,
        errors.PAYMENT_DECLINED,
        errors.PAYMENT_FRAUD,
        market.LISTING_SOLD_OUT,
        market.LISTING_NOT_ACTIVE,
        market.STORE_CLOSED,
        market.SPEND_CAP,
        market.GATING_UNSATISFIED,
        market.UNPAID_UNITS,
        market.STORE_BLOCKED,
        market.TOO_MANY_UNPAID,
        *WRITES,
        *PRIVATE,
    ),
)
async def complete_checkout(
    checkout_id: UUID, body: CompleteIn, buyer: TheBuyer, command: UcpCommandDep, context: Context
) -> Response:
    """Pay and order, once. A buyer that has to step in itself is told by the status ``requires_escalation``."""
    buyer.platform.require(CHECKOUT)

    async with command.begin():
        checkout = await _open_session(command, checkout_id)
        told = CompleteCheckout(
            command_id=command.command_id, checkout_id=checkout_id, agent_id=buyer.agent_id, payment=body.chosen()
        )
        try:
            await command.send(told, store_id=checkout.store_id)
        except Exception as error:
            refused = refusal_of(error)
            if refused is None or refused.code != errors.ESCALATED.code:
                raise
        return await _answer(command, checkout_id, buyer, context)


@router.post("/{checkout_id}/cancel", response_model=CheckoutDocument, responses=refusals(*_OPEN, *WRITES, *PRIVATE))
async def cancel_checkout(checkout_id: UUID, buyer: TheBuyer, command: UcpCommandDep, context: Context) -> Response:
    """End a session that is still open."""
    buyer.platform.require(CHECKOUT)

    async with command.begin():
        checkout = await _open_session(command, checkout_id)
        told = CancelCheckout(command_id=command.command_id, checkout_id=checkout_id, agent_id=buyer.agent_id)
        await command.send(told, store_id=checkout.store_id)
        return await _answer(command, checkout_id, buyer, context)
