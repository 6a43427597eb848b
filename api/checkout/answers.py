"""Answers of the protocol's routes: documents of sessions, carts and orders, framed for whom they go to."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.checkout.documents import CartDocument, CheckoutDocument, OrderDocument
from api.checkout.items import item_names
from api.checkout.payment import payment_handlers
from api.checkout.platforms import Platform
from api.context import AppContext
from db.checkout import reads
from db.checkout.sessions import note_shown
from domain.checkout import ucp_documents
from domain.checkout.errors import CHECKOUT_NOT_FOUND
from domain.checkout.models import Cart, Checkout, Quote
from domain.checkout.ucp_documents import Frame


async def frame_for(session: AsyncSession, context: AppContext, platform: Platform, subject: Quote) -> Frame:
    return Frame(
        base_url=context.settings.own_url,
        capabilities=platform.capabilities,
        payment_handlers=payment_handlers(context.settings),
        item_ids=await item_names(session, context, (line.listing_id for line in subject.lines)),
    )


async def checkout_answer(
    session: AsyncSession, context: AppContext, platform: Platform, checkout_id: UUID
) -> CheckoutDocument:
    """The session's document, as the transaction's viewer may see it. Raises checkout.not_found.

    The transaction notes which quote it answers: a completion is taken for that one only.
    """
    checkout = await require(session, checkout_id)
    await note_shown(session, checkout)
    frame = await frame_for(session, context, platform, checkout)
    return CheckoutDocument(ucp_documents.checkout_document(checkout, frame))


async def require(session: AsyncSession, checkout_id: UUID) -> Checkout:
    """Raises checkout.not_found, also for a session of someone else."""
    checkout = await reads.get_checkout(session, checkout_id)
    if checkout is None:
        raise CHECKOUT_NOT_FOUND.error()
    return checkout


async def cart_answer(session: AsyncSession, context: AppContext, platform: Platform, cart: Cart) -> CartDocument:
    return CartDocument(ucp_documents.cart_document(cart, await frame_for(session, context, platform, cart)))


async def order_answer(
    session: AsyncSession, context: AppContext, platform: Platform, checkout: Checkout
) -> OrderDocument:
    return OrderDocument(ucp_documents.order_document(checkout, await frame_for(session, context, platform, checkout)))
