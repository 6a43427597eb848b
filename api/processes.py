"""How the API speaks to processes: commands as updates that start their process if need be.

An update's id is the command's id, so an attempt that was cut off is taken up again and answered the same.
A process that is over or gone is started again by a command: its rules then refuse, or it goes on.
"""

from uuid import UUID

from temporalio.client import Client

from activities.checkout.telling import process_of_checkout
from activities.market.waking import market_process
from activities.platform.workflows import Process, send_command
from domain.checkout.commands import CancelCheckout, CheckoutStart, CompleteCheckout, CreateCheckout, UpdateCheckout
from domain.checkout.policy import CheckoutPolicy
from domain.market.commands import (
    AnswerOffer,
    AppealDecision,
    CounterOffer,
    MakeOffer,
    NegotiationStart,
    OperatorRefund,
    OrderCommand,
    OrderStart,
    PlaceOrder,
    PostReview,
    ReviewWindowStart,
)
from domain.market.policy import MarketPolicy
from domain.platform.messages import Done

# The first commands of a process, which runs only after them.
_OPENING = frozenset({"make_offer", "place_order", "create_checkout"})

Command = (
    MakeOffer
    | CounterOffer
    | AnswerOffer
    | PlaceOrder
    | OrderCommand
    | OperatorRefund
    | AppealDecision
    | PostReview
    | CreateCheckout
    | UpdateCheckout
    | CompleteCheckout
    | CancelCheckout
)


class Processes:
    """Commands to the market's processes. Raises what ``api.errors.refusal_of`` understands."""

    def __init__(
        self, client: Client, policy: MarketPolicy, timeout_seconds: float, checkout: CheckoutPolicy | None = None
    ) -> None:
        self._client = client
        self.policy = policy
        self.checkout_policy = checkout or CheckoutPolicy()
        self._timeout = timeout_seconds

    async def negotiate(
        self, update: str, command: MakeOffer | CounterOffer | AnswerOffer, listing_id: UUID, store_id: UUID
    ) -> Done:
        """``update``: make_offer, counter_offer, accept_offer, reject_offer, withdraw_offer."""
        start = NegotiationStart(
            negotiation_id=command.negotiation_id, listing_id=listing_id, store_id=store_id, policy=self.policy
        )
        return await self._command(market_process(start), update, command)

    async def order(
        self,
        update: str,
        command: PlaceOrder | OrderCommand | OperatorRefund | AppealDecision,
        order_id: UUID,
        listing_id: UUID,
        store_id: UUID,
    ) -> Done:
        """``update``: place_order and refund_by_operator by commands of their own; by an OrderCommand all others."""
        start = OrderStart(order_id=order_id, listing_id=listing_id, store_id=store_id, policy=self.policy)
        return await self._command(market_process(start), update, command)

    async def review(self, command: PostReview, listing_id: UUID, store_id: UUID) -> Done:
        start = ReviewWindowStart(
            order_id=command.order_id, listing_id=listing_id, store_id=store_id, policy=self.policy
        )
        return await self._command(market_process(start), "post_review", command)

    async def checkout(
        self,
        update: str,
        command: CreateCheckout | UpdateCheckout | CompleteCheckout | CancelCheckout,
        store_id: UUID,
        *,
        whole_addresses: bool = True,
    ) -> Done:
        """``update``: create_checkout, update_checkout, complete_checkout, cancel_checkout.

        Answers with the session's id: read it with ``db.checkout.reads.get_checkout``.
        """
        checkout_id = command.command_id if isinstance(command, CreateCheckout) else command.checkout_id
        policy = self.checkout_policy
        if not whole_addresses:
            policy = policy.model_copy(update={"whole_addresses": False})
        start = CheckoutStart(checkout_id=checkout_id, store_id=store_id, policy=policy, market=self.policy)
        return await self._command(process_of_checkout(start), update, command)

    async def _command(self, process: Process, update: str, command: Command) -> Done:
        return await send_command(
            self._client, process, update, command, opens=update in _OPENING, seconds=self._timeout
        )
