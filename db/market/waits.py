"""The market's dates by which a party must act. A new one is a ``Wait`` here; any other date says why it is none."""

from db.platform.waiting import Wait
from domain.market.processes import MARKET_PARTS

_OFFER_JOINS = (
    "JOIN negotiations n ON n.negotiation_id = t.negotiation_id JOIN stores s ON s.store_id = t.seller_store_id"
)
_ORDER_JOINS = "JOIN stores s ON s.store_id = t.store_id"
_WINDOW_JOINS = "JOIN orders d ON d.order_id = t.order_id JOIN stores s ON s.store_id = d.store_id"
_QUESTION_JOINS = "JOIN stores s ON s.store_id = t.store_id JOIN threads h ON h.thread_id = t.thread_id"
_OFFER = (("store_id", "t.seller_store_id"), ("listing_id", "t.listing_id"), ("offer_id", "t.offer_id"))
_ORDER = (("store_id", "t.store_id"), ("listing_id", "t.listing_id"), ("order_id", "t.order_id"))
_WINDOW = (("store_id", "d.store_id"), ("listing_id", "d.listing_id"), ("order_id", "t.order_id"))
_QUESTION = (
    ("store_id", "t.store_id"),
    ("listing_id", "h.context_listing_id"),
    ("thread_id", "t.thread_id"),
    ("message_id", "t.question_message_id"),
)
_REQUESTED = "t.refund_requested_at IS NOT NULL AND t.refund_declined_at IS NULL AND t.refunded_at IS NULL"

WAITS = (
    Wait(
        name="offer-answer", process="negotiation", act="answer the offer",
        parts=MARKET_PARTS, table="offers", key="offer_id", date="expires_at",
        since="t.created_at", open="t.status = 'PROPOSED'", remind="remind_at", joins=_OFFER_JOINS,
        tell="ARRAY[t.buyer_customer_id, s.owner_merchant_id]", about=_OFFER,
    ),
    Wait(
        name="purchase", process="negotiation", act="buy at the accepted price",
        parts=MARKET_PARTS, table="offers", key="offer_id", date="purchase_by",
        since="t.accepted_at", open="t.status = 'ACCEPTED' AND n.closed_at IS NULL", remind="remind_at",
        joins=_OFFER_JOINS, tell="ARRAY[t.buyer_customer_id, s.owner_merchant_id]", about=_OFFER,
    ),
    # The stock that is kept for the purchase. Its parties are told of that.
    Wait(
        name="hold", process="negotiation", act="keep the stock",
        parts=MARKET_PARTS, table="stock_holds", key="offer_id", date="expires_at",
        since="t.created_at", open="t.released_at IS NULL",
    ),
    Wait(
        name="payment", process="order", act="pay",
        parts=MARKET_PARTS, table="orders", key="order_id", date="payment_due_at",
        since="t.placed_at", open="t.status = 'PLACED' AND t.closed_at IS NULL AND t.paid_at IS NULL",
        remind="payment_remind_at", joins=_ORDER_JOINS, tell="ARRAY[t.buyer_customer_id, s.owner_merchant_id]",
        about=_ORDER,
    ),
    Wait(
        name="delivery", process="order", act="deliver",
        parts=MARKET_PARTS, table="orders", key="order_id", date="promised_at",
        since="t.placed_at", open="t.status = 'PLACED' AND t.closed_at IS NULL", remind="remind_at",
        reminded="reminded_at", joins=_ORDER_JOINS, tell="ARRAY[t.buyer_customer_id, s.owner_merchant_id]",
        about=_ORDER,
    ),
    Wait(
        name="refund-answer", process="order", act="answer the refund request",
        parts=MARKET_PARTS, table="orders", key="order_id", date="refund_answer_due_at",
        since="t.refund_requested_at", open=f"t.status = 'DELIVERED' AND t.closed_at IS NULL AND {_REQUESTED}",
        joins=_ORDER_JOINS, tell="ARRAY[t.buyer_customer_id, s.owner_merchant_id]", about=_ORDER,
    ),
    Wait(
        name="appeal", process="order", act="appeal",
        parts=MARKET_PARTS, table="orders", key="order_id", date="appeal_by",
        since="t.refund_declined_at",
        open="t.status = 'DELIVERED' AND t.closed_at IS NULL AND t.refund_declined_at IS NOT NULL"
        " AND t.appealed_at IS NULL",
        joins=_ORDER_JOINS, tell="ARRAY[t.buyer_customer_id]", about=_ORDER,
    ),
    # The operators' own date: nobody's decision declines it.
    Wait(
        name="appeal-decision", process="order", act="decide the appeal",
        parts=MARKET_PARTS, table="orders", key="order_id", date="appeal_due_at",
        since="t.appealed_at",
        open="t.status = 'DELIVERED' AND t.closed_at IS NULL AND t.appealed_at IS NOT NULL"
        " AND t.appeal_declined_at IS NULL",
        joins=_ORDER_JOINS, tell="ARRAY[t.buyer_customer_id, s.owner_merchant_id]", about=_ORDER,
    ),
    Wait(
        name="return-window", process="order", act="ask for the money back",
        parts=MARKET_PARTS, table="orders", key="order_id", date="return_window_closes_at",
        since="t.delivered_at", open="t.status = 'DELIVERED' AND t.closed_at IS NULL", joins=_ORDER_JOINS,
        tell="ARRAY[t.buyer_customer_id]", about=_ORDER,
    ),
    Wait(
        name="review", process="review-window", act="review",
        parts=MARKET_PARTS, table="review_windows", key="order_id", date="closes_at",
        since="t.opened_at", open="t.status = 'OPEN'", remind="remind_at", joins=_WINDOW_JOINS,
        tell="ARRAY[d.buyer_customer_id]", about=_WINDOW,
    ),
    Wait(
        name="reply", process="store-trust", act="answer the question",
        parts=MARKET_PARTS, table="support_questions", key="question_message_id", date="due_at",
        since="t.asked_at", open="t.answered_at IS NULL AND t.missed_at IS NULL", remind="remind_at",
        joins=_QUESTION_JOINS, tell="ARRAY[s.owner_merchant_id]", about=_QUESTION,
    ),
)  # fmt: skip

NOT_AWAITED = {
    ("trust_profiles", "decay_due_at"): "the market's own rhythm, no party's",
    ("search_words_read", "read_until"): "how far the titles' words are learned",
}
"""Dates that no party has to keep, or that an outage shall not move, and why."""
