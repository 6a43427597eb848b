"""What the Checkout process is told, and what it keeps.

``command_id`` comes from the caller's Idempotency-Key, as everywhere. A field left None in an update keeps
what the session has.
"""

from datetime import datetime
from uuid import UUID

from domain.checkout.models import Buyer, FulfillmentChoice, ItemChoice, PaymentChoice
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.processes import CHECKOUT
from domain.checkout.states import CheckoutStatus, PaymentStatus
from domain.market.policy import MarketPolicy
from domain.platform.commands import Command
from domain.platform.messages import Message


class CheckoutStart(Message):
    checkout_id: UUID
    store_id: UUID
    policy: CheckoutPolicy
    market: MarketPolicy


class CreateCheckout(Command):
    """``command_id`` is the session's id.

    Exactly one of ``items``, all of one store and currency; ``offer_id``, an accepted offer of this agent; or
    ``cart_id``, whose contents then count, and whose codes and buyer count where none are given.
    """

    kind = "create_checkout"
    workflow = CHECKOUT
    key = "command_id"
    opens = True

    agent_id: UUID
    items: tuple[ItemChoice, ...] = ()
    offer_id: UUID | None = None
    cart_id: UUID | None = None
    currency: str | None = None
    buyer: Buyer | None = None
    fulfillment: FulfillmentChoice | None = None
    discount_codes: tuple[str, ...] | None = None


class SessionCommand(Command):
    workflow = CHECKOUT
    key = "checkout_id"

    checkout_id: UUID
    agent_id: UUID


class UpdateCheckout(SessionCommand):
    kind = "update_checkout"

    items: tuple[ItemChoice, ...] | None = None
    buyer: Buyer | None = None
    fulfillment: FulfillmentChoice | None = None
    discount_codes: tuple[str, ...] | None = None


class CompleteCheckout(SessionCommand):
    """``command_id`` becomes the id of the order group. Nobody but the caller can bring its credential again.

    Without ``payment`` the buyer settles on the market, where that is enabled. A session that was changed or
    repriced since the platform saw it is refused when ``seen_total_cents`` is given and differs.
    """

    kind = "complete_checkout"
    told_again = False

    payment: PaymentChoice | None = None
    seen_total_cents: int | None = None


class CancelCheckout(SessionCommand):
    kind = "cancel_checkout"


class CheckoutSnapshot(Message):
    """The projection after a step, all a Checkout process keeps.

    ``payment``: how far the attempt under way has come; None when none is. ``failed``: that attempt is to be
    undone. ``refused``: the code of a refusal that nevertheless changed something. ``owes_refund``: an order of
    this completed session was refunded and its money was not. ``sold_out``: listings whose last stock this step
    took. ``trust_moved``: this step wrote a trust fact.
    """

    checkout_id: UUID
    store_id: UUID
    status: CheckoutStatus
    awaiting: str
    deadline: datetime | None
    closed: bool
    payment: PaymentStatus | None = None
    failed: bool = False
    refused: str | None = None
    owes_refund: bool = False
    sold_out: tuple[UUID, ...] = ()
    trust_moved: bool = False
