"""What list prices were: read where a buyer does not say which price it expects."""

from uuid import UUID

from sqlalchemy import Float, Integer, Uuid, bindparam, cast, func, select

from db.market.tables import StoreUpdate
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.orders import SeenPrice
from domain.market.policy import MarketPolicy

_SINCE = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, bindparam("seconds", type_=Float()))
_LOWEST = Query(
    select(func.min(cast(StoreUpdate.c.old_value, Integer)).label("cents")).where(
        StoreUpdate.c.linked_listing_id == bindparam("listing_id", type_=Uuid()),
        StoreUpdate.c.update_type == "PRICE_UPDATED",
        StoreUpdate.c.created_at > _SINCE,
    )
)


async def read_seen_price(
    transaction: Transaction,
    listing_id: UUID,
    currency: str,
    expected_cents: int | None,
    expected_currency: str | None,
    policy: MarketPolicy,
) -> SeenPrice:
    """What the buyer expects and, where it names no price, the lowest one within the notice period.

    Exact only under the lock on the listing, which every change of its price takes.
    """
    lowest = None
    if expected_cents is None:
        row = await transaction.one(_LOWEST, listing_id=listing_id, seconds=policy.price_notice_seconds)
        lowest = row.cents
    return SeenPrice(listing_id, currency, expected_cents, expected_currency, lowest)
