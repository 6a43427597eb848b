"""The names by which Checkout processes are found."""

from uuid import UUID

CHECKOUT = "Checkout"


def checkout_process(checkout_id: UUID) -> str:
    return f"checkout/{checkout_id}"
