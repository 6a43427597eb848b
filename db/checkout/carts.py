"""Carts: rows without a process, priced anew at each reading; seen and written by their agent alone."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.pricing import load_price_list, load_shelf
from db.checkout.reads import get_open_checkout_of_cart
from db.checkout.tables import CartRow
from db.locks import clock, lock_cart
from domain.checkout import errors
from domain.checkout.models import Buyer, Cart, Fulfillment, ItemChoice
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.quotes import name_lines, quote


def _stored(items: Sequence[ItemChoice]) -> list[dict[str, object]]:
    return [item.model_dump(mode="json") for item in items]


def _check_codes(codes: Sequence[str], policy: CheckoutPolicy) -> None:
    if len(codes) > policy.max_discount_codes:
        raise errors.TOO_MANY_CODES.error(f"A session holds at most {policy.max_discount_codes} discount codes.")


async def insert_cart(
    session: AsyncSession,
    cart_id: UUID,
    agent_id: UUID,
    items: Sequence[ItemChoice],
    buyer: Buyer | None,
    codes: Sequence[str],
    policy: CheckoutPolicy,
) -> Cart:
    """Raises checkout.empty, checkout.too_many_lines, listing.not_found, checkout.one_store."""
    named = name_lines(items, policy)
    _check_codes(codes, policy)
    shelf = await load_shelf(session, {item.listing_id for item in named})
    now = await clock(session)
    row = CartRow(
        cart_id=cart_id,
        agent_id=agent_id,
        store_id=shelf.store.store_id,
        items=_stored(named),
        buyer=buyer.model_dump(mode="json") if buyer else None,
        discount_codes=list(codes),
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(seconds=policy.cart_seconds),
    )
    session.add(row)
    await session.flush()
    return await _priced(session, row)


async def get_cart(session: AsyncSession, cart_id: UUID) -> Cart:
    """Raises cart.not_found for one that is not the viewer's, canceled or past its time."""
    return await _priced(session, await _live(session, cart_id))


async def replace_cart(
    session: AsyncSession,
    cart_id: UUID,
    items: Sequence[ItemChoice],
    buyer: Buyer | None,
    codes: Sequence[str],
    policy: CheckoutPolicy,
) -> Cart:
    """The whole contents anew. Raises cart.not_found, and what ``insert_cart`` raises."""
    row = await _live(session, cart_id)
    named = name_lines(items, policy)
    _check_codes(codes, policy)
    shelf = await load_shelf(session, {item.listing_id for item in named})
    row.store_id = shelf.store.store_id
    row.items = _stored(named)
    row.buyer = buyer.model_dump(mode="json") if buyer else None
    row.discount_codes = list(codes)
    row.updated_at = await clock(session)
    row.expires_at = row.updated_at + timedelta(seconds=policy.cart_seconds)
    await session.flush()
    return await _priced(session, row)


async def cancel_cart(session: AsyncSession, cart_id: UUID) -> Cart:
    """Answers with the cart as it was. Its open session, if it has one, lives on."""
    row = await _live(session, cart_id)
    before = await _priced(session, row)
    row.canceled_at = await clock(session)
    await session.flush()
    return before


async def _live(session: AsyncSession, cart_id: UUID) -> CartRow:
    row = await lock_cart(session, cart_id)
    if row is None or row.canceled_at is not None or row.expires_at <= await clock(session):
        raise errors.CART_NOT_FOUND.error()
    return row


async def _priced(session: AsyncSession, row: CartRow) -> Cart:
    items = [ItemChoice.model_validate(item) for item in row.items]
    shelf = await load_shelf(session, {item.listing_id for item in items})
    prices = await load_price_list(session, row.store_id, row.discount_codes)
    quoted = quote(items, shelf.goods, Fulfillment(), row.discount_codes, prices)
    return Cart(
        lines=quoted.lines,
        fulfillment=quoted.fulfillment,
        discounts=quoted.discounts,
        totals=quoted.totals,
        # Delivery is chosen in a session.
        notices=tuple(notice for notice in quoted.notices if notice.code != "fulfillment_required"),
        cart_id=row.cart_id,
        agent_id=row.agent_id,
        store_id=row.store_id,
        currency=shelf.currency,
        buyer=Buyer.model_validate(row.buyer) if row.buyer else None,
        checkout_id=await get_open_checkout_of_cart(session, row.cart_id),
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
    )
