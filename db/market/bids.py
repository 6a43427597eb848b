"""A buyer's earlier bids, by which the market bounds how many of them thresholds answer."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Uuid, bindparam, exists, func, literal_column, select, tuple_

from db.market.tables import Offer, Order
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.automatic_answers import BidRecord
from domain.market.policy import MarketPolicy
from domain.market.states import OrderStatus, Party

_offer, _order = Offer.table, Order.table
_BUYER, _STORE = bindparam("buyer_id", type_=Uuid()), bindparam("store_id", type_=Uuid())
_MADE_AT = bindparam("made_at", type_=DateTime(timezone=True))
# Of its newest so many of the store's: if there are fewer, they are all, and so are those on the listing.
_EARLIER = (
    select(_offer.c.listing_id)
    .where(
        _offer.c.buyer_customer_id == _BUYER,
        _offer.c.seller_store_id == _STORE,
        _offer.c.proposed_by == literal_column(f"'{Party.BUYER}'"),
        _offer.c.created_at > bindparam("since", type_=DateTime(timezone=True)),
        tuple_(_offer.c.created_at, _offer.c.offer_id) < tuple_(_MADE_AT, bindparam("offer_id", type_=Uuid())),
    )
    .order_by(_offer.c.created_at.desc())
    .limit(bindparam("most", type_=BigInteger()))
    .subquery()
)
_CUSTOMER = exists().where(
    _order.c.buyer_customer_id == _BUYER,
    _order.c.store_id == _STORE,
    _order.c.status == OrderStatus.DELIVERED,
    _order.c.delivered_at < _MADE_AT,
    _order.c.paid_at < _MADE_AT,
)
_RECORD = Query(
    select(
        func.count().label("in_store"),
        func.count().filter(_EARLIER.c.listing_id == bindparam("listing_id", type_=Uuid())).label("on_listing"),
        _CUSTOMER.label("customer"),
    ).select_from(_EARLIER)
)


async def get_bid_record(
    transaction: Transaction,
    *,
    offer_id: UUID,
    buyer_id: UUID,
    listing_id: UUID,
    store_id: UUID,
    made_at: datetime,
    policy: MarketPolicy,
) -> BidRecord:
    """What the buyer had bid in this store before this bid, and within the policy's period."""
    row = await transaction.one(
        _RECORD,
        offer_id=offer_id,
        buyer_id=buyer_id,
        listing_id=listing_id,
        store_id=store_id,
        made_at=made_at,
        since=made_at - timedelta(seconds=policy.auto_answer_period_seconds),
        most=max(policy.auto_answer_bids_per_store, policy.auto_answer_first_bids_per_store),
    )
    return BidRecord(on_listing=row.on_listing, in_store=row.in_store, customer=row.customer)
