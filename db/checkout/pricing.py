"""Reads what a quote is made of: goods, a store's price list, known addresses.

The same reads serve the worker and the API: a discount is found only by whoever knows its code.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.tables import KnownAddress, ShippingPromotionRow, ShippingRateRow, StoreDiscount
from db.market.tables import Listing, Product, ProductImage, Store
from db.platform.statements import Query, among
from db.platform.transactions import Transaction
from domain.checkout import errors
from domain.checkout.models import (
    Destination,
    DiscountRule,
    Goods,
    ItemChoice,
    PriceList,
    ShippingPromotion,
    ShippingRate,
)
from domain.checkout.states import DiscountKind
from domain.market.errors import LISTING_NOT_FOUND, LISTING_SOLD_OUT
from domain.market.negotiation import ListingView, check_listing_open
from domain.market.states import DeliveryKind

_FIND_DISCOUNTS = text("SELECT * FROM souk_find_discounts(:store, :codes)")


@dataclass(frozen=True, slots=True)
class Shelf:
    """The goods of one basket, all of one store and currency."""

    store: Store
    currency: str
    listings: dict[UUID, Listing]
    goods: dict[UUID, Goods]


_GOODS = Query(
    select(*Listing.columns, *Product.columns)
    .join(Product.table, Product.c.product_id == Listing.c.product_id)
    .where(among(Listing.c.listing_id, "listing_ids")),
    Listing,
    Product,
)
_FIRST_IMAGES = Query(
    select(ProductImage.c.product_id, ProductImage.c.image_url)
    .where(among(ProductImage.c.product_id, "product_ids"))
    .order_by(ProductImage.c.product_id, ProductImage.c.position, ProductImage.c.product_image_id)
    .ext(distinct_on(ProductImage.c.product_id)),
    UUID,
    str,
)


async def load_shelf(session: AsyncSession, listing_ids: Iterable[UUID]) -> Shelf:
    """Raises listing.not_found and checkout.one_store."""
    wanted = set(listing_ids)
    transaction = await Transaction.of(session)
    found = await transaction.rows(_GOODS, listing_ids=list(wanted))
    if not found or len(found) != len(wanted):
        raise LISTING_NOT_FOUND.error()
    if len({(listing.store_id, listing.currency) for listing, _ in found}) > 1:
        raise errors.ONE_STORE.error()
    pictures = dict(await transaction.rows(_FIRST_IMAGES, product_ids=[product.product_id for _, product in found]))
    goods = {
        listing.listing_id: Goods(
            listing_id=listing.listing_id,
            title=product.title,
            image_url=pictures.get(product.product_id),
            unit_price_cents=listing.price_cents,
            shipped=listing.delivery is DeliveryKind.SHIPPED,
        )
        for listing, product in found
    }
    first = found[0][0]
    store = await transaction.get_one(Store, first.store_id)
    return Shelf(store, first.currency, {listing.listing_id: listing for listing, _ in found}, goods)


def check_sellable(shelf: Shelf, items: Iterable[ItemChoice]) -> None:
    """Refuse what is not on sale, or not in this quantity.

    Raises store.closed, listing.not_active, listing.sold_out.
    """
    wanted: dict[UUID, int] = {}
    for item in items:
        wanted[item.listing_id] = wanted.get(item.listing_id, 0) + item.quantity
    for listing_id, quantity in wanted.items():
        listing = shelf.listings[listing_id]
        check_listing_open(
            ListingView(listing.price_cents, listing.inventory_on_hand, listing.status, shelf.store.status)
        )
        if quantity > listing.inventory_on_hand:
            raise LISTING_SOLD_OUT.error(f"Insufficient stock: {listing.inventory_on_hand} left.")


async def load_price_list(session: AsyncSession, store_id: UUID, codes: Sequence[str]) -> PriceList:
    """The store's rates and promotions, and those of its discounts whose codes were given."""
    discounts: Sequence[StoreDiscount] = ()
    if codes:
        query = select(StoreDiscount).from_statement(_FIND_DISCOUNTS)
        discounts = list(await session.scalars(query, {"store": store_id, "codes": list(codes)}))
    return await price_list_of(session, store_id, discounts)


async def price_list_of(session: AsyncSession, store_id: UUID, discounts: Sequence[StoreDiscount]) -> PriceList:
    """The store's rates and promotions, with these discounts."""
    rates = await session.scalars(select(ShippingRateRow).where(ShippingRateRow.store_id == store_id))
    promotions = await session.scalars(select(ShippingPromotionRow).where(ShippingPromotionRow.store_id == store_id))
    return PriceList(
        rates=tuple(
            ShippingRate(
                option_id=rate.option_id,
                title=rate.title,
                service_level=rate.service_level,
                country=rate.country,
                price_cents=rate.price_cents,
            )
            for rate in rates
        ),
        promotions=tuple(
            ShippingPromotion(
                title=promotion.title,
                service_level=promotion.service_level,
                min_subtotal_cents=promotion.min_subtotal_cents,
                listing_ids=tuple(promotion.listing_ids),
            )
            for promotion in promotions
        ),
        discounts=tuple(
            DiscountRule(
                code=discount.code,
                title=discount.title,
                kind=DiscountKind(discount.kind),
                value=discount.value,
                position=discount.position,
            )
            for discount in discounts
        ),
    )


async def list_known_addresses(session: AsyncSession, email: str | None) -> tuple[Destination, ...]:
    """Test mode only: where the customer with this e-mail lives."""
    if not email:
        return ()
    query = (
        select(KnownAddress).where(func.lower(KnownAddress.email) == email.lower()).order_by(KnownAddress.address_id)
    )
    return tuple(
        Destination.model_validate({**row.address, "id": row.address_id}) for row in await session.scalars(query)
    )
