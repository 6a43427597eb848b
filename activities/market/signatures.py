"""The activities' names and types, without a database behind them.

Workflows import this module and nothing else of this layer, so SQLAlchemy never enters their imports;
tests implement it with fakes. Each method is one transaction. Carrying out the same command twice changes
nothing the second time and answers with the projection as it is.

Errors: a refused command raises ``DomainError`` (non-retryable, the code as type); anything else is retried.
"""

from abc import abstractmethod
from datetime import datetime
from uuid import UUID

from temporalio import activity

from activities.platform.signatures import Activities
from domain.market.commands import (
    AcceptOffer,
    AnswerRefund,
    AppealDecision,
    AppealRefund,
    CancelOrder,
    ConfirmPayment,
    CounterOffer,
    DeclineOrder,
    DeliverOrder,
    MakeOffer,
    NegotiationSnapshot,
    NegotiationStart,
    OperatorRefund,
    OrderSnapshot,
    OrderStart,
    PlaceOrder,
    PostReview,
    RejectOffer,
    RequestRefund,
    ReverseOrder,
    ReviewWindowSnapshot,
    ReviewWindowStart,
    StoreTrustStart,
    Tell,
    TrustFold,
    WithdrawOffer,
)


class NegotiationActivities(Activities):
    """Writes of the Negotiation process."""

    @activity.defn(name=MakeOffer.kind)
    @abstractmethod
    async def make_offer(self, start: NegotiationStart, command: MakeOffer) -> NegotiationSnapshot:
        """Open the negotiation with the buyer's first offer."""

    @activity.defn(name=CounterOffer.kind)
    @abstractmethod
    async def counter_offer(self, start: NegotiationStart, command: CounterOffer) -> NegotiationSnapshot:
        """Supersede the standing offer with the other party's."""

    @activity.defn(name=AcceptOffer.kind)
    @abstractmethod
    async def accept_offer(self, start: NegotiationStart, command: AcceptOffer) -> NegotiationSnapshot:
        """Accept, and hold the stock; or end the offer, with ``refused`` set, when it cannot be sold."""

    @activity.defn(name=RejectOffer.kind)
    @abstractmethod
    async def reject_offer(self, start: NegotiationStart, command: RejectOffer) -> NegotiationSnapshot:
        """Decline the standing offer."""

    @activity.defn(name=WithdrawOffer.kind)
    @abstractmethod
    async def withdraw_offer(self, start: NegotiationStart, command: WithdrawOffer) -> NegotiationSnapshot:
        """Take back a standing offer, or break an accepted one."""

    @activity.defn(name="settle_negotiation")
    @abstractmethod
    async def settle_negotiation(self, start: NegotiationStart) -> NegotiationSnapshot:
        """Record what time, the listing or a purchase has brought about; often nothing."""

    @activity.defn(name="answer_automatically")
    @abstractmethod
    async def answer_automatically(
        self, start: NegotiationStart, offer_id: UUID, date: datetime | None = None
    ) -> NegotiationSnapshot:
        """Give the seller's thresholds' answer to this bid, due at ``date``, if it still stands.

        Held up, it is given another date.
        """


class OrderActivities(Activities):
    """Writes of the Order process."""

    @activity.defn(name=PlaceOrder.kind)
    @abstractmethod
    async def place_order(self, start: OrderStart, command: PlaceOrder) -> OrderSnapshot:
        """Check gating, take stock or consume the hold, and deliver at once what is instant."""

    @activity.defn(name=ConfirmPayment.kind)
    @abstractmethod
    async def confirm_payment(self, start: OrderStart, command: ConfirmPayment) -> OrderSnapshot:
        """The seller has the money. Again, or where a checkout took it, nothing changes."""

    @activity.defn(name=DeliverOrder.kind)
    @abstractmethod
    async def deliver_order(self, start: OrderStart, command: DeliverOrder) -> OrderSnapshot: ...

    @activity.defn(name=CancelOrder.kind)
    @abstractmethod
    async def cancel_order(self, start: OrderStart, command: CancelOrder) -> OrderSnapshot: ...

    @activity.defn(name=DeclineOrder.kind)
    @abstractmethod
    async def decline_order(self, start: OrderStart, command: DeclineOrder) -> OrderSnapshot:
        """The seller does not deliver: stock returns, and a paid order is a broken promise."""

    @activity.defn(name=RequestRefund.kind)
    @abstractmethod
    async def request_refund(self, start: OrderStart, command: RequestRefund) -> OrderSnapshot: ...

    @activity.defn(name=AnswerRefund.kind)
    @abstractmethod
    async def answer_refund(self, start: OrderStart, command: AnswerRefund) -> OrderSnapshot: ...

    @activity.defn(name=AppealRefund.kind)
    @abstractmethod
    async def appeal_refund(self, start: OrderStart, command: AppealRefund) -> OrderSnapshot:
        """The buyer takes a declined refund to the operators."""

    @activity.defn(name=AppealDecision.kind)
    @abstractmethod
    async def decide_appeal(self, start: OrderStart, command: AppealDecision) -> OrderSnapshot:
        """Grant or decline an appeal for an operator, with the entry in the operators' log."""

    @activity.defn(name=OperatorRefund.kind)
    @abstractmethod
    async def refund_by_operator(self, start: OrderStart, command: OperatorRefund) -> OrderSnapshot:
        """Cancel or refund for an operator, with the entry in the operators' log."""

    @activity.defn(name=ReverseOrder.kind)
    @abstractmethod
    async def reverse_order(self, start: OrderStart, command: ReverseOrder) -> OrderSnapshot:
        """Refund an order whose payment did not come, with its goods; one that is refunded already stays so."""

    @activity.defn(name="settle_order")
    @abstractmethod
    async def settle_order(self, start: OrderStart) -> OrderSnapshot:
        """Record what time has brought about: a reminder, a refund, the end."""


class ReviewActivities(Activities):
    """Writes of the ReviewWindow process."""

    @activity.defn(name=PostReview.kind)
    @abstractmethod
    async def post_review(self, start: ReviewWindowStart, command: PostReview) -> ReviewWindowSnapshot: ...

    @activity.defn(name="settle_review_window")
    @abstractmethod
    async def settle_review_window(self, start: ReviewWindowStart) -> ReviewWindowSnapshot: ...


class TrustActivities(Activities):
    """Writes of the StoreTrust process."""

    @activity.defn(name="fold_trust")
    @abstractmethod
    async def fold_trust(self, start: StoreTrustStart) -> TrustFold:
        """Record missed replies and decay that are due, then fold pending facts, in one transaction."""


class NudgeActivities(Activities):
    """Tells other processes to look again. Harmless when repeated."""

    @activity.defn(name="tell_processes")
    @abstractmethod
    async def tell_processes(self, tell: Tell) -> None:
        """Tell a few processes at once, starting those that do not run."""

    @activity.defn(name="nudge_negotiations_on_listing")
    @abstractmethod
    async def nudge_negotiations_on_listing(self, listing_id: UUID) -> int: ...
