"""The names by which processes are found: workflow types, ids, the task queue, signals.

Ids hold UUIDs only: ids and search attributes are never encrypted.
"""

from uuid import UUID

from domain.platform.outages import API_PART

MARKET_QUEUE = "souk-market"
MARKET_PARTS = (MARKET_QUEUE, API_PART)
"""What must work so that a party of the market can act, and hears what is awaited of it."""

NEGOTIATION = "Negotiation"
ORDER = "Order"
REVIEW_WINDOW = "ReviewWindow"
STORE_TRUST = "StoreTrust"

BOUGHT = "bought"


def negotiation_process(negotiation_id: UUID) -> str:
    return f"negotiation/{negotiation_id}"


def order_process(order_id: UUID) -> str:
    return f"order/{order_id}"


def review_window_process(order_id: UUID) -> str:
    return f"review-window/{order_id}"


def store_trust_process(store_id: UUID) -> str:
    return f"store-trust/{store_id}"
