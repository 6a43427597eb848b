"""Checkout's dates by which a party must act."""

from db.platform.waiting import Wait
from domain.checkout.processes import CHECKOUT_PARTS

WAITS = (
    # Its platform reads the new date in the session.
    Wait(
        name="checkout", process="checkout", act="complete the session",
        parts=CHECKOUT_PARTS, table="checkouts", key="checkout_id", date="expires_at",
        since="t.created_at", open="t.closed_at IS NULL",
    ),
)  # fmt: skip

NOT_AWAITED = {
    ("carts", "expires_at"): "a cart is a note of its owner; nothing is lost with it that is not put together again"
}
