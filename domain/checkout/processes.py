"""The names by which Checkout processes are found.

They have a queue of their own: a payment handler that hangs must not keep the market's own processes waiting.
"""

from uuid import UUID

CHECKOUT_QUEUE = "souk-checkout"
CHECKOUT = "Checkout"
CHECKOUT_COMMANDS = frozenset({"create_checkout", "update_checkout", "cancel_checkout", "begin_completion"})
"""As they are recorded when they were carried out."""


def checkout_process(checkout_id: UUID) -> str:
    return f"checkout/{checkout_id}"
