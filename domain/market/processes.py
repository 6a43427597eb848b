"""The names by which processes are found: workflow types, ids, the task queue, signals.

Ids hold UUIDs only: ids and search attributes are never encrypted.
"""

from uuid import UUID

MARKET_QUEUE = "souk-market"

NEGOTIATION = "Negotiation"
ORDER = "Order"
REVIEW_WINDOW = "ReviewWindow"
STORE_TRUST = "StoreTrust"
SWEEP = "Sweep"
MARKET_AUDIT = "MarketAudit"

BOUGHT = "bought"
SWEEP_SCHEDULE = "expire-offers"


def negotiation_process(negotiation_id: UUID) -> str:
    return f"negotiation/{negotiation_id}"


def order_process(order_id: UUID) -> str:
    return f"order/{order_id}"


def review_window_process(order_id: UUID) -> str:
    return f"review-window/{order_id}"


def store_trust_process(store_id: UUID) -> str:
    return f"store-trust/{store_id}"


_CARRIED_OUT_BY = {
    **dict.fromkeys(
        ("make_offer", "counter_offer", "accept_offer", "reject_offer", "withdraw_offer"), negotiation_process
    ),
    **dict.fromkeys(
        (
            "place_order",
            "confirm_payment",
            "deliver_order",
            "cancel_order",
            "request_refund",
            "answer_refund",
            "refund_by_operator",
            "reverse_order",
        ),
        order_process,
    ),
    "post_review": review_window_process,
}
MARKET_COMMANDS = frozenset(_CARRIED_OUT_BY)


def commanded_process(kind: str, entity_id: UUID) -> str:
    """The process that carried out a command of the market."""
    return _CARRIED_OUT_BY[kind](entity_id)
