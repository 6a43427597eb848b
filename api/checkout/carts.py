"""Carts: what a platform puts together before it buys. Facts without a process, priced anew at every read."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.checkout.answers import cart_answer
from api.checkout.bodies import CartIn
from api.checkout.commands import UcpFactDep
from api.checkout.documents import CartDocument
from api.checkout.errors import PRIVATE, WRITES, refusals
from api.checkout.items import find_wanted
from api.checkout.platforms import Buyer, TheBuyer
from api.context import AppContext, Context
from db.checkout import carts, pricing
from domain.checkout import errors
from domain.checkout.models import ItemChoice
from domain.checkout.ucp import CART
from domain.market import errors as market

router = APIRouter(prefix="/carts", tags=["ucp"])

_GOODS = (
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
)


async def _goods(session: AsyncSession, context: AppContext, buyer: Buyer, body: CartIn) -> tuple[ItemChoice, ...]:
    """What the lines name, all of it on sale now."""
    wanted = await find_wanted(session, context, buyer.agent_id, body.line_items)
    if wanted.offer_id is not None:
        raise errors.ITEMS_FIXED.error("An accepted offer is bought in a session of its own, not from a cart.")
    shelf = await pricing.load_shelf(session, {item.listing_id for item in wanted.items})
    pricing.check_sellable(shelf, wanted.items)
    return wanted.items


def _codes(body: CartIn) -> tuple[str, ...]:
    return tuple(body.discounts.codes or ()) if body.discounts else ()


@router.post("", status_code=201, response_model=CartDocument, responses=refusals(*_GOODS, *WRITES, *PRIVATE))
async def create_cart(body: CartIn, buyer: TheBuyer, fact: UcpFactDep, context: Context) -> Response:
    """A new cart of one store's goods."""
    buyer.platform.require(CART)

    async with fact.begin():
        cart = await carts.insert_cart(
            fact.session,
            fact.command_id,
            buyer.agent_id,
            await _goods(fact.session, context, buyer, body),
            body.buyer.chosen() if body.buyer else None,
            _codes(body),
            context.settings.checkout,
        )
        return await fact.answer(await cart_answer(fact.session, context, buyer.platform, cart), 201)


@router.get("/{cart_id}", response_model=CartDocument, responses=refusals(errors.CART_NOT_FOUND, *PRIVATE))
async def get_cart(cart_id: UUID, buyer: TheBuyer, context: Context) -> CartDocument:
    """One of the caller's carts at today's prices."""
    buyer.platform.require(CART)
    async with context.database.session(viewer=buyer.agent_id) as session:
        cart = await carts.get_cart(session, cart_id)
        return await cart_answer(session, context, buyer.platform, cart)


@router.put(
    "/{cart_id}",
    response_model=CartDocument,
    responses=refusals(errors.CART_NOT_FOUND, *_GOODS, *WRITES, *PRIVATE),
)
async def update_cart(cart_id: UUID, body: CartIn, buyer: TheBuyer, fact: UcpFactDep, context: Context) -> Response:
    """Replace the cart's contents."""
    buyer.platform.require(CART)

    async with fact.begin():
        cart = await carts.replace_cart(
            fact.session,
            cart_id,
            await _goods(fact.session, context, buyer, body),
            body.buyer.chosen() if body.buyer else None,
            _codes(body),
            context.settings.checkout,
        )
        return await fact.answer(await cart_answer(fact.session, context, buyer.platform, cart))


@router.post(
    "/{cart_id}/cancel",
    response_model=CartDocument,
    responses=refusals(errors.CART_NOT_FOUND, *WRITES, *PRIVATE),
)
async def cancel_cart(cart_id: UUID, buyer: TheBuyer, fact: UcpFactDep, context: Context) -> Response:
    """Give the cart up; answers with what it held. A session that was opened on it stays."""
    buyer.platform.require(CART)

    async with fact.begin():
        held = await carts.cancel_cart(fact.session, cart_id)
        return await fact.answer(await cart_answer(fact.session, context, buyer.platform, held))
