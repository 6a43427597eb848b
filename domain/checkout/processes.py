"""The names by which Checkout processes are found.

They have a queue of their own: a payment handler that hangs must not keep the market's own processes waiting.
"""

from uuid import UUID

from domain.market.processes import MARKET_PARTS

CHECKOUT_QUEUE = "souk-checkout"
CHECKOUT_PARTS = (CHECKOUT_QUEUE, *MARKET_PARTS)
"""What must work so that a platform can go on with its session."""
CHECKOUT = "Checkout"


def checkout_process(checkout_id: UUID) -> str:
    return f"checkout/{checkout_id}"
