"""What a process is told, and what it is told back: the messages between API, workflows and activities.

All are frozen pydantic models and travel encrypted. ``command_id`` comes from the caller's Idempotency-Key;
the same command carried out twice changes nothing the second time.
"""

from datetime import datetime
from uuid import UUID

from domain.market.policy import MarketPolicy
from domain.market.processes import NEGOTIATION, ORDER, REVIEW_WINDOW
from domain.market.states import OfferStatus, OrderStatus
from domain.platform.commands import Command
from domain.platform.messages import Message


class NegotiationStart(Message):
    """Starts a Negotiation. The negotiation has the id of its first offer."""

    negotiation_id: UUID
    listing_id: UUID
    store_id: UUID
    policy: MarketPolicy


class NegotiationCommand(Command):
    workflow = NEGOTIATION
    key = "negotiation_id"

    negotiation_id: UUID


class MakeOffer(NegotiationCommand):
    kind = "make_offer"
    opens = True

    listing_id: UUID
    buyer_id: UUID
    price_cents: int
    quantity: int
    message: str | None = None
    expires_in_seconds: float | None = None


class CounterOffer(NegotiationCommand):
    """``command_id`` becomes the new offer's id."""

    kind = "counter_offer"

    offer_id: UUID
    by_agent_id: UUID
    price_cents: int
    message: str | None = None
    expires_in_seconds: float | None = None


class AnswerOffer(NegotiationCommand):
    """Any of the three answers to an offer. ``round`` is the round its sender has seen."""

    offer_id: UUID
    by_agent_id: UUID
    round: int | None = None


class AcceptOffer(AnswerOffer):
    kind = "accept_offer"


class RejectOffer(AnswerOffer):
    kind = "reject_offer"


class WithdrawOffer(AnswerOffer):
    kind = "withdraw_offer"


class NegotiationSnapshot(Message):
    """The projection after a command, all a Negotiation keeps.

    ``deadline``: when the process must look again by itself; None once it is over. ``sold_out``: this step
    took the listing's last stock, so its other negotiations must hear of it. ``trust_moved``: this step
    wrote a trust fact. ``refused``: the code of a refusal that nevertheless changed something. ``auto_answer``: the
    seller's thresholds are to be asked about the standing bid, at ``answer_at``.
    """

    negotiation_id: UUID
    store_id: UUID
    listing_id: UUID
    status: OfferStatus
    offer_id: UUID
    rounds: int
    awaiting: str
    deadline: datetime | None
    closed: bool
    auto_answer: bool = False
    answer_at: datetime | None = None
    sold_out: bool = False
    trust_moved: bool = False
    refused: str | None = None


class OrderStart(Message):
    order_id: UUID
    listing_id: UUID
    store_id: UUID
    policy: MarketPolicy


class PlaceOrder(Command):
    """``command_id`` is the order's id. Exactly one of a purchase at the list price, or of an accepted offer.

    ``seen_price_cents``, ``seen_currency``: the list price per unit the buyer agreed to; at another one the purchase
    is refused. Without one it is refused for a while after the price rose.
    ``charged_cents``: what it is charged after discounts, when that is not the total price. ``payment_authorized``: a
    checkout has the money at hand, so the order waits for no payment and no bound on what is unpaid holds.
    """

    kind = "place_order"
    workflow = ORDER
    key = "command_id"
    opens = True

    buyer_id: UUID
    listing_id: UUID
    quantity: int = 1
    offer_id: UUID | None = None
    seen_price_cents: int | None = None
    seen_currency: str | None = None
    charged_cents: int | None = None
    payment_authorized: bool = False


class OrderCommand(Command):
    workflow = ORDER
    key = "order_id"

    order_id: UUID


class PartyCommand(OrderCommand):
    """Of the order's buyer or seller."""

    by_agent_id: UUID


class ConfirmPayment(PartyCommand):
    kind = "confirm_payment"


class DeliverOrder(PartyCommand):
    """``payment_received``: it confirms the payment as well."""

    kind = "deliver_order"

    payment_received: bool = False


class CancelOrder(PartyCommand):
    kind = "cancel_order"


class DeclineOrder(PartyCommand):
    kind = "decline_order"

    reason: str | None = None


class RequestRefund(PartyCommand):
    kind = "request_refund"

    reason: str | None = None


class AnswerRefund(PartyCommand):
    kind = "answer_refund"

    approve: bool
    goods_returned: bool = False


class AppealRefund(PartyCommand):
    kind = "appeal_refund"

    reason: str | None = None


class OperatorRefund(OrderCommand):
    """An operator cancels an order before delivery, or pays it back after. ``key_id`` and ``reason`` are logged."""

    kind = "refund_by_operator"

    key_id: UUID
    reason: str
    cancel: bool
    goods_returned: bool = False


class AppealDecision(OrderCommand):
    """Operators grant or decline an appeal. ``key_id`` and ``reason`` are logged."""

    kind = "decide_appeal"

    key_id: UUID
    reason: str
    grant: bool
    goods_returned: bool = False


class ReverseOrder(OrderCommand):
    """Undo a placement, delivered or not: the payment it was placed for did not come."""

    kind = "reverse_order"


class ReviewWindowSnapshot(Message):
    """``deadline``: when the process must look again by itself, if that is before ``closes_at``."""

    order_id: UUID
    store_id: UUID
    listing_id: UUID
    closes_at: datetime | None
    closed: bool
    trust_moved: bool = False
    deadline: datetime | None = None


class OrderSnapshot(Message):
    """The projection after a command, all an Order keeps. Flags tell whom this step concerns.

    ``opened_window``: the review window as this step opened it; ``review_window_void``: it is over by a refund.
    """

    order_id: UUID
    store_id: UUID
    listing_id: UUID
    status: OrderStatus
    awaiting: str
    deadline: datetime | None
    closed: bool
    review_window_open: bool = False
    opened_window: ReviewWindowSnapshot | None = None
    review_window_void: bool = False
    negotiation_id: UUID | None = None
    sold_out: bool = False
    trust_moved: bool = False


class ReviewWindowStart(Message):
    """``opened``: the window as its order's delivery opened it; without, the process looks it up."""

    order_id: UUID
    listing_id: UUID
    store_id: UUID
    policy: MarketPolicy
    opened: ReviewWindowSnapshot | None = None


class PostReview(Command):
    """``command_id`` is the review's id."""

    kind = "post_review"
    workflow = REVIEW_WINDOW
    key = "order_id"

    order_id: UUID
    author_id: UUID
    rating: int
    title: str | None = None
    body: str
    as_described: int | None = None


class StoreTrustStart(Message):
    store_id: UUID
    policy: MarketPolicy


class TrustFold(Message):
    """What one fold did: facts taken, the score in milli-points, and when to look again at the latest."""

    store_id: UUID
    facts: int
    overall_milli: int
    more: bool
    deadline: datetime | None


class Tell(Message):
    """The processes that a step of another one concerns: each is told to look again, or started to do so.

    ``void_window_of``: an order whose review window is over by a refund; where no process runs, none is needed.
    """

    store_trust: StoreTrustStart | None = None
    review_window: ReviewWindowStart | None = None
    void_window_of: UUID | None = None
