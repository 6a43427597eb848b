"""The names and types of the Checkout process's activities, without a database behind them.

Steps that only write are one transaction each. Steps that ask a payment handler or another process ask first
and write afterwards, so they may ask twice: every question carries a key of its attempt.
"""

from abc import abstractmethod

from temporalio import activity

from activities.platform.signatures import Activities
from domain.checkout.commands import (
    CancelCheckout,
    CheckoutSnapshot,
    CheckoutStart,
    CompleteCheckout,
    CreateCheckout,
    UpdateCheckout,
)
from domain.checkout.models import PaymentChoice


class CheckoutActivities(Activities):
    """Writes of the Checkout process."""

    @activity.defn(name=CreateCheckout.kind)
    @abstractmethod
    async def create_checkout(self, start: CheckoutStart, command: CreateCheckout) -> CheckoutSnapshot:
        """Open the session with the server's prices."""

    @activity.defn(name=UpdateCheckout.kind)
    @abstractmethod
    async def update_checkout(self, start: CheckoutStart, command: UpdateCheckout) -> CheckoutSnapshot:
        """Take over choices and price the session anew."""

    @activity.defn(name=CancelCheckout.kind)
    @abstractmethod
    async def cancel_checkout(self, start: CheckoutStart, command: CancelCheckout) -> CheckoutSnapshot: ...

    @activity.defn(name="begin_completion")
    @abstractmethod
    async def begin_completion(self, start: CheckoutStart, command: CompleteCheckout) -> CheckoutSnapshot:
        """Start an attempt; or, when a price has changed, write down the new ones with ``refused`` set."""

    @activity.defn(name="authorize_payment")
    @abstractmethod
    async def authorize_payment(self, start: CheckoutStart, payment: PaymentChoice | None) -> CheckoutSnapshot:
        """Ask the handler. ``payment`` is None when the process was lost: then the attempt is given up."""

    @activity.defn(name="place_orders")
    @abstractmethod
    async def place_orders(self, start: CheckoutStart) -> CheckoutSnapshot:
        """Place one order per line, all in one transaction; or none, and the attempt has failed."""

    @activity.defn(name="start_orders")
    @abstractmethod
    async def start_orders(self, start: CheckoutStart) -> None:
        """Give each placed order its process."""

    @activity.defn(name="capture_payment")
    @abstractmethod
    async def capture_payment(self, start: CheckoutStart) -> CheckoutSnapshot:
        """Take the money and complete the session; or the attempt has failed."""

    @activity.defn(name="fail_attempt")
    @abstractmethod
    async def fail_attempt(self, start: CheckoutStart, code: str) -> CheckoutSnapshot:
        """Give the attempt up."""

    @activity.defn(name="undo_attempt")
    @abstractmethod
    async def undo_attempt(self, start: CheckoutStart) -> CheckoutSnapshot:
        """Undo a failed attempt: refund its orders, void its payment, open the session again."""

    @activity.defn(name="settle_checkout")
    @abstractmethod
    async def settle_checkout(self, start: CheckoutStart) -> CheckoutSnapshot:
        """Record what time has brought about."""

    @activity.defn(name="pay_back")
    @abstractmethod
    async def pay_back(self, start: CheckoutStart) -> CheckoutSnapshot:
        """Pay back what was charged for orders that were refunded since."""
