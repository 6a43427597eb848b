"""What an order proves about its store: the trust facts of payment, delivery, review, refund and broken promise.

Every one is written in the transaction that makes it true, under the order's lock. Guards that an order nobody has
shown to be paid proves next to nothing, and that one whose money went back proves nothing: a later payment gives no
weight to what was said before it (a seller would confirm only what praises it), and a refund takes back what stood.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import any_, bindparam, func, select

from db.market import trust
from db.market.tables import Message, Order, Review, Store, TrustFact
from db.platform.statements import Query, find
from db.platform.transactions import Transaction, Unit
from domain.market.orders import paid_cents
from domain.market.policy import MarketPolicy
from domain.market.states import OrderStatus
from domain.market.trust import REVERSED_BY_REFUND, TrustReason, review_weight_cents
from domain.market.trust_weights import MOST_RECORD

_fact, _order, _store = TrustFact.table, Order.table, Store.table
_REVERSIBLE = find(
    TrustFact,
    _fact.c.linked_order_id == bindparam("order_id"),
    _fact.c.reason == any_(trust.any_of(*REVERSED_BY_REFUND)),
    order=(_fact.c.position,),
)
_REVIEW = Query(
    select(*Review.columns, Message.c.thread_id)
    .select_from(Review.table.join(Message.table, Message.c.message_id == Review.c.message_id))
    .where(Review.c.order_id == bindparam("order_id")),
    Review,
    UUID,
)
_other = Store.table.alias("other")
_merchants = (
    select(_other.c.owner_merchant_id)
    .distinct()
    .select_from(_order.join(_other, _other.c.store_id == _order.c.store_id))
    .where(
        _order.c.buyer_customer_id == bindparam("buyer_id"),
        _order.c.status == OrderStatus.DELIVERED,
        _order.c.paid_at.is_not(None),
        _other.c.owner_merchant_id
        != select(_store.c.owner_merchant_id).where(_store.c.store_id == bindparam("store_id")).scalar_subquery(),
    )
    .limit(MOST_RECORD)
    .subquery()
)
_RECORD = Query(select(func.count()).select_from(_merchants), int)


def insert_honored(unit: Unit, order: Order, now: datetime) -> bool:
    """OFFER_HONORED, at the later of payment and delivery. Says whether there was such a thing to record.

    Call it whenever either has just been recorded. It is good news alone, so waiting for the money gives a seller
    nothing to choose from.
    """
    if order.source_offer_id is None or order.paid_at is None or order.status is not OrderStatus.DELIVERED:
        return False
    trust.insert_fact(
        unit,
        store_id=order.store_id,
        source_event_id=order.source_offer_id,
        reason=TrustReason.OFFER_HONORED,
        inputs={},
        occurred_at=now,
        subject_agent_id=order.buyer_customer_id,
        listing_id=order.listing_id,
        linked_order_id=order.order_id,
    )
    return True


async def insert_broken(transaction: Transaction, order: Order, now: datetime) -> None:
    """OFFER_BROKEN: the seller let go of an order it owed, or missed its date. Call it before the order is refunded.

    What it costs is ``domain.market.trust_weights.broken_promise_weight``: of whether the buyer had paid, and if not,
    of the buyer's record; the fold counts the earlier ones.
    """
    record = 0
    if order.paid_at is None:
        record = await transaction.one(_RECORD, buyer_id=order.buyer_customer_id, store_id=order.store_id)
    trust.insert_fact(
        transaction,
        store_id=order.store_id,
        source_event_id=order.order_id,
        reason=TrustReason.OFFER_BROKEN,
        inputs={"paid": order.paid_at is not None, "buyer_record": record},
        occurred_at=now,
        subject_agent_id=order.buyer_customer_id,
        listing_id=order.listing_id,
        linked_order_id=order.order_id,
    )


def insert_review_fact(
    unit: Unit, order: Order, review: Review, thread_id: UUID, policy: MarketPolicy, *, paid: bool
) -> None:
    """REVIEW_POSTED, shown in the thread. ``paid``: whether the order was known to be when the review was written."""
    full_weight = policy.trust_full_weight_cents
    inputs: dict[str, Any] = {
        "rating": review.rating,
        "as_described": review.as_described,
        "weight_cents": review_weight_cents(
            paid_cents(order.total_price_cents, order.charged_cents),
            # A private discount must be read off a public row as little as a private price.
            order.source_offer_id is not None or order.charged_cents is not None,
            full_weight,
        ),
        "full_weight_cents": full_weight,
        "paid": paid,
    }
    trust.insert_fact(
        unit,
        store_id=order.store_id,
        source_event_id=review.review_id,
        reason=TrustReason.REVIEW_POSTED,
        inputs=inputs,
        occurred_at=review.created_at,
        subject_agent_id=order.buyer_customer_id,
        listing_id=order.listing_id,
        linked_thread_id=thread_id,
        linked_order_id=order.order_id,
        linked_review_id=review.review_id,
    )


async def get_rating(transaction: Transaction, order: Order) -> int | None:
    """The stars of the order's review, if it has one."""
    found = await transaction.one_or_none(_REVIEW, order_id=order.order_id)
    return found and found[0].rating


async def insert_waiting_review(transaction: Transaction, order: Order, policy: MarketPolicy) -> bool:
    """The fact of the review that waited for an answer to the refund request, now that the answer is no.

    A review whose fact stands already has no second one. Says whether there is a review.
    """
    found = await transaction.one_or_none(_REVIEW, order_id=order.order_id)
    if found is None:
        return False
    review, thread_id = found
    paid = order.paid_at is not None and order.paid_at <= review.created_at
    insert_review_fact(transaction, order, review, thread_id, policy, paid=paid)
    return True


async def insert_reversals(transaction: Transaction, order: Order, now: datetime) -> bool:
    """ORDER_REFUNDED, once for each fact that the order's money stood behind. Says whether there was one."""
    facts = await transaction.rows(_REVERSIBLE, order_id=order.order_id)
    for fact in facts:
        trust.insert_fact(
            transaction,
            store_id=order.store_id,
            source_event_id=fact.source_event_id,
            reason=TrustReason.ORDER_REFUNDED,
            inputs={"of": fact.reason.value, "fact": str(fact.fact_id)},
            occurred_at=now,
            subject_agent_id=fact.subject_agent_id,
            listing_id=fact.listing_id,
            linked_thread_id=fact.linked_thread_id,
            linked_order_id=fact.linked_order_id,
            linked_review_id=fact.linked_review_id,
        )
    return bool(facts)
