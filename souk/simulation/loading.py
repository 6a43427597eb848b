"""Writes a made-up shop: an agent, a store, products and listings as the API would have made them, with events."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.tables import KnownAddress, ShippingPromotionRow, ShippingRateRow, SimulationItem, StoreDiscount
from db.market.agents import insert_agent
from db.market.listings import insert_listing
from db.market.products import insert_product
from db.market.stores import insert_store
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.checkout.models import Address
from domain.market.policy import MarketPolicy
from domain.market.states import DeliveryKind
from domain.platform.identity import AgentType
from souk.simulation.files import EVERYWHERE, ShopFiles
from souk.stack.errors import StackError

_STORE = {
    "name": "A made-up shop",
    "tagline": "Nothing here is real",
    "brand_voice": None,
    "return_policy_text": "Returns within 30 days for a full refund.",
    "shipping_policy_text": "Ships within 2 days.",
    "hero_only": False,
}


async def load_shop(session: AsyncSession, files: ShopFiles, policy: MarketPolicy) -> UUID:
    """Write the shop in the caller's transaction and answer with its store's id.

    Raises StackError when one of its products was loaded before.
    """
    ids = [product.id for product in files.products]
    known = await session.scalar(select(SimulationItem.item_id).where(SimulationItem.item_id.in_(ids)).limit(1))
    if known is not None:
        raise StackError(f"the product {known} was loaded before: use another data directory")
    merchant_id, store_id = new_id(), new_id()
    handle = f"made-up-{str(merchant_id)[-12:]}"
    transaction = await Transaction.of(session)
    await insert_agent(transaction, merchant_id, AgentType.MERCHANT, handle, "A made-up merchant", None, None)
    await insert_store(transaction, store_id, merchant_id, policy, dict(_STORE))
    listings = await _load_products(session, files, merchant_id, store_id)
    _load_prices(session, files, store_id, listings)
    _load_addresses(session, files)
    await session.flush()
    return store_id


async def _load_products(session: AsyncSession, files: ShopFiles, merchant_id: UUID, store_id: UUID) -> dict[str, UUID]:
    transaction = await Transaction.of(session)
    stock = {row.product_id: row.quantity for row in files.inventory}
    listings = {}
    for product in files.products:
        product_id, listing_id = new_id(), new_id()
        images = [(product.image_url, 0)] if product.image_url else []
        await insert_product(transaction, product_id, merchant_id, store_id, product.title, product.title, images)
        await insert_listing(
            transaction,
            listing_id,
            merchant_id,
            product_id,
            price_cents=product.price,
            currency="USD",
            inventory_on_hand=stock.get(product.id, 0),
            delivery=DeliveryKind.SHIPPED,
            promised_delivery_seconds=None,
        )
        session.add(SimulationItem(item_id=product.id, listing_id=listing_id))
        listings[product.id] = listing_id
    return listings


def _load_prices(session: AsyncSession, files: ShopFiles, store_id: UUID, listings: dict[str, UUID]) -> None:
    for position, discount in enumerate(files.discounts, 1):
        session.add(
            StoreDiscount(
                discount_id=new_id(),
                store_id=store_id,
                code=discount.code,
                title=discount.description or discount.code,
                kind=discount.type,
                value=discount.value,
                position=position,
                active=True,
            )
        )
    for rate in files.rates:
        session.add(
            ShippingRateRow(
                rate_id=new_id(),
                store_id=store_id,
                option_id=rate.id,
                title=rate.title,
                service_level=rate.service_level,
                country=None if rate.country_code == EVERYWHERE else rate.country_code,
                price_cents=rate.price,
            )
        )
    for promotion in files.promotions:
        if promotion.type != "free_shipping":
            raise StackError(f"promotions.csv: the type {promotion.type} is not known")
        session.add(
            ShippingPromotionRow(
                promotion_id=new_id(),
                store_id=store_id,
                title=promotion.description or promotion.id,
                service_level="standard",
                min_subtotal_cents=promotion.min_subtotal,
                listing_ids=[listings[item] for item in promotion.eligible_item_ids if item in listings],
            )
        )


def _load_addresses(session: AsyncSession, files: ShopFiles) -> None:
    emails = {customer.id: customer.email for customer in files.customers}
    for row in files.addresses:
        if row.customer_id not in emails:
            raise StackError(f"addresses.csv: there is no customer {row.customer_id}")
        address = Address(
            street_address=row.street_address or None,
            address_locality=row.city or None,
            address_region=row.state or None,
            postal_code=row.postal_code or None,
            address_country=row.country or None,
        )
        session.add(
            KnownAddress(address_id=row.id, email=emails[row.customer_id], address=address.model_dump(mode="json"))
        )
