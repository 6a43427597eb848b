"""A store's price list beside its listings: discounts, shipping rates, promotions. Replaced as a whole."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.pricing import price_list_of
from db.checkout.tables import ShippingPromotionRow, ShippingRateRow, StoreDiscount
from db.market import stores
from db.market.tables import Listing
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.checkout.models import PriceList
from domain.market.errors import LISTING_NOT_FOUND


async def get_price_list(session: AsyncSession, store_id: UUID, merchant_id: UUID) -> PriceList:
    """All of the merchant's own. Raises store.not_found, store.not_yours."""
    await stores.own_store(await Transaction.of(session), store_id, merchant_id)
    query = select(StoreDiscount).where(StoreDiscount.store_id == store_id)
    discounts = await session.scalars(query.order_by(StoreDiscount.position, StoreDiscount.code))
    return await price_list_of(session, store_id, list(discounts))


async def replace_price_list(session: AsyncSession, store_id: UUID, merchant_id: UUID, wanted: PriceList) -> None:
    """Open sessions hear of it when they are priced next. Raises store.*, and listing.not_found for others' goods."""
    await stores.own_store(await Transaction.of(session), store_id, merchant_id, lock=True)
    named = {key for promotion in wanted.promotions for key in promotion.listing_ids}
    query = select(Listing.c.listing_id).where(Listing.c.store_id == store_id, Listing.c.listing_id.in_(named))
    if named and set(await session.scalars(query)) != named:
        raise LISTING_NOT_FOUND.error()
    for table in (StoreDiscount, ShippingRateRow, ShippingPromotionRow):
        await session.execute(
            delete(table).where(table.store_id == store_id).execution_options(synchronize_session=False)
        )
    for rule in wanted.discounts:
        session.add(
            StoreDiscount(
                discount_id=new_id(),
                store_id=store_id,
                code=rule.code,
                title=rule.title,
                kind=rule.kind,
                value=rule.value,
                position=rule.position,
                active=True,
            )
        )
    for rate in wanted.rates:
        session.add(
            ShippingRateRow(
                rate_id=new_id(),
                store_id=store_id,
                option_id=rate.option_id,
                title=rate.title,
                service_level=rate.service_level,
                country=rate.country,
                price_cents=rate.price_cents,
            )
        )
    for promotion in wanted.promotions:
        session.add(
            ShippingPromotionRow(
                promotion_id=new_id(),
                store_id=store_id,
                title=promotion.title,
                service_level=promotion.service_level,
                min_subtotal_cents=promotion.min_subtotal_cents,
                listing_ids=list(promotion.listing_ids),
            )
        )
    await session.flush()
