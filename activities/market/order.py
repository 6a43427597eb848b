"""Activities of the Order process: placement takes stock or spends an offer's hold, exactly once."""

from datetime import datetime, timedelta
from uuid import UUID

from temporalio import activity

from activities.market.order_case import OrderCase
from activities.market.signatures import OrderActivities
from db import locks, writes
from db.market import evidence, negotiations, orders, prices, stock
from db.market.tables import Listing, Negotiation, Order, StoreStats
from db.platform.commands import insert_command
from db.platform.keys import insert_audit_entry
from db.session import Database
from db.steps import Step
from domain.market import errors
from domain.market import orders as rules
from domain.market.commands import OperatorRefund, OrderCommand, OrderSnapshot, OrderStart, PlaceOrder, ReverseOrder
from domain.market.states import (
    ActivityType,
    CloseReason,
    DeliveryKind,
    InboxType,
    ListingStatus,
    MovementReason,
    OrderStatus,
    RefundReason,
)


class PostgresOrderActivities(OrderActivities):
    """The real ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _load(self, step: Step, start: OrderStart, command_id: UUID | None = None) -> OrderCase:
        order = await locks.lock_order(step, start.order_id)
        if order is None:
            raise errors.ORDER_NOT_FOUND.error()
        read = await orders.read_step(step, order, command_id)
        return OrderCase(
            step,
            order,
            read.seller_id,
            read.now,
            start.policy,
            read.negotiation_id,
            window_status=read.window_status,
            done=read.done,
        )

    @activity.defn(name="place_order")
    async def place_order(self, start: OrderStart, command: PlaceOrder) -> OrderSnapshot:
        async with self._database.step() as step:
            return await self.place(step, start, command)

    async def place(self, step: Step, start: OrderStart, command: PlaceOrder) -> OrderSnapshot:
        """Place an order in a transaction that may place others as well: all of them, or none."""
        listing, negotiation = await self._lock(step, command)
        read = await negotiations.read_step(
            step,
            listing,
            command.buyer_id,
            negotiation_id=negotiation.negotiation_id if negotiation else None,
            command_id=command.command_id,
        )
        if read.done:
            return (await self._load(step, start)).snapshot()
        if read.seller_id == command.buyer_id:
            raise errors.OWN_LISTING.error()
        since = await evidence.settle_evidence(step, command.buyer_id, listing.listing_id, listing.store_id)
        rules.check_gating(since is not None, listing.listing_id, listing.store_id)
        assert since is not None
        # Never before what made the buyer eligible, also when the clock was set back.
        now = max(read.now, since)
        if command.offer_id is None:
            case = await self._buy_at_list_price(step, start, command, listing, read, now)
        elif negotiation is not None:
            case = self._buy_accepted_offer(step, start, command, listing, negotiation, read, now)
        else:
            raise errors.OFFER_NOT_FOUND.error()
        case.publish(ActivityType.ORDER_PLACED)
        for agent_id in case.parties:
            case.tell(agent_id, InboxType.ORDER_PLACED, due_at=case.order.promised_at)
        writes.increase(step, StoreStats, listing.store_id, orders_placed=1)
        if case.order.delivery is DeliveryKind.INSTANT:
            case.deliver()
        insert_command(step, command.command_id, "place_order", command.command_id)
        # The next order of the same transaction counts this one.
        await writes.send(step)
        return case.snapshot()

    async def _lock(self, step: Step, command: PlaceOrder) -> tuple[Listing, Negotiation | None]:
        """Buyer, listing and, where the buyer's own offer on it is bought, its negotiation."""
        if command.offer_id is not None:
            bought = await locks.lock_purchase(step, command.buyer_id, command.offer_id)
            if bought is not None and bought[0].listing_id != command.listing_id:
                raise errors.OFFER_NOT_ACCEPTED.error()
            if bought is not None:
                return bought
        listing = await locks.lock_buyer_and_listing(step, command.buyer_id, command.listing_id)
        if listing is None:
            raise errors.LISTING_NOT_FOUND.error()
        return listing, None

    def _insert(
        self,
        step: Step,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        seller_id: UUID,
        now: datetime,
        unit_price_cents: int,
        quantity: int,
    ) -> OrderCase:
        dates = rules.delivery_dates(listing.delivery, listing.promised_delivery_seconds, now, start.policy)
        order = Order(
            order_id=command.command_id,
            buyer_customer_id=command.buyer_id,
            store_id=listing.store_id,
            listing_id=listing.listing_id,
            quantity=quantity,
            unit_price_cents=unit_price_cents,
            total_price_cents=unit_price_cents * quantity,
            currency=listing.currency,
            status=OrderStatus.PLACED,
            placed_at=now,
            source_offer_id=command.offer_id,
            delivery=listing.delivery,
            promised_at=dates.promised_at,
            remind_at=dates.remind_at,
            charged_cents=command.charged_cents,
        )
        writes.add(step, order)
        return OrderCase(step, order, seller_id, now, start.policy)

    async def _buy_at_list_price(
        self,
        step: Step,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        read: negotiations.Reading,
        now: datetime,
    ) -> OrderCase:
        view = negotiations.listing_view(listing, read.store_status)
        expected = (command.seen_price_cents, command.seen_currency)
        seen = await prices.read_seen_price(step, listing.listing_id, listing.currency, *expected, start.policy)
        rules.decide_purchase(view, read.standing, command.quantity, seen)
        case = self._insert(step, start, command, listing, read.seller_id, now, listing.price_cents, command.quantity)
        if not stock.take_stock(
            step, listing, command.quantity, MovementReason.ORDER_PLACED, order_id=command.command_id
        ):
            raise errors.LISTING_SOLD_OUT.error()
        case.sold_out = listing.status is ListingStatus.SOLD_OUT
        return case

    def _buy_accepted_offer(
        self,
        step: Step,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        negotiation: Negotiation,
        read: negotiations.Reading,
        now: datetime,
    ) -> OrderCase:
        assert command.offer_id is not None
        state = negotiations.negotiation_state(negotiation, read.offers, read.seller_id)
        rules.decide_offer_purchase(state, command.offer_id, read.standing, now)
        offer = state.latest
        stock.spend_hold(step, offer.offer_id, now)
        case = self._insert(step, start, command, listing, read.seller_id, now, offer.price_cents, offer.quantity)
        writes.change(step, negotiation, closed_at=now, close_reason=CloseReason.PURCHASED)
        case.negotiation_id = negotiation.negotiation_id
        return case

    @activity.defn(name="confirm_payment")
    async def confirm_payment(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.step() as step:
            case = await self._load(step, start, command.command_id)
            if not case.done:
                case.require_seller(command.by_agent_id)
                if rules.decide_confirm_payment(case.state, case.now):
                    case.confirm_payment()
                insert_command(step, command.command_id, "confirm_payment", start.order_id)
            return case.snapshot()

    @activity.defn(name="deliver_order")
    async def deliver_order(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.step() as step:
            case = await self._load(step, start, command.command_id)
            if not case.done:
                case.require_seller(command.by_agent_id)
                rules.decide_deliver(case.state, case.now)
                if command.payment_received and rules.decide_confirm_payment(case.state, case.now):
                    case.confirm_payment()
                case.deliver()
                insert_command(step, command.command_id, "deliver_order", start.order_id)
            return case.snapshot()

    @activity.defn(name="cancel_order")
    async def cancel_order(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.step() as step:
            case = await self._load(step, start, command.command_id)
            if not case.done:
                case.require_buyer(command.by_agent_id)
                rules.decide_cancel(case.state, case.now)
                await case.refund(RefundReason.CANCELLED_BY_BUYER, goods_return=True)
                insert_command(step, command.command_id, "cancel_order", start.order_id)
            return case.snapshot()

    @activity.defn(name="request_refund")
    async def request_refund(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.step() as step:
            case = await self._load(step, start, command.command_id)
            if not case.done:
                case.require_buyer(command.by_agent_id)
                rules.decide_request_refund(case.state, case.now)
                due_at = case.now + timedelta(seconds=start.policy.refund_answer_seconds)
                writes.change(
                    step,
                    case.order,
                    refund_requested_at=case.now,
                    refund_request_reason=command.reason,
                    refund_answer_due_at=due_at,
                )
                case.tell(case.seller_id, InboxType.REFUND_REQUESTED, due_at=due_at)
                insert_command(step, command.command_id, "request_refund", start.order_id)
            return case.snapshot()

    @activity.defn(name="answer_refund")
    async def answer_refund(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.step() as step:
            case = await self._load(step, start, command.command_id)
            if not case.done:
                case.require_seller(command.by_agent_id)
                rules.decide_answer_refund(case.state, case.now)
                if command.approve:
                    await case.refund(RefundReason.GRANTED, goods_return=command.goods_returned)
                else:
                    writes.change(step, case.order, refund_declined_at=case.now)
                    case.tell(case.order.buyer_customer_id, InboxType.REFUND_DECLINED)
                insert_command(step, command.command_id, "answer_refund", start.order_id)
            return case.snapshot()

    @activity.defn(name="refund_by_operator")
    async def refund_by_operator(self, start: OrderStart, command: OperatorRefund) -> OrderSnapshot:
        async with self._database.step() as step:
            case = await self._load(step, start, command.command_id)
            if not case.done:
                rules.decide_refund_by_operator(case.state, case.now, cancel=command.cancel)
                await case.refund(RefundReason.BY_OPERATOR, goods_return=command.cancel or command.goods_returned)
                action = "order.cancel" if command.cancel else "order.refund"
                meta: dict[str, int | str] = {"entity": str(start.order_id)}
                insert_audit_entry(step, command.command_id, command.key_id, action, command.reason, meta)
                insert_command(step, command.command_id, "refund_by_operator", start.order_id)
            return case.snapshot()

    @activity.defn(name="reverse_order")
    async def reverse_order(self, start: OrderStart, command: ReverseOrder) -> OrderSnapshot:
        async with self._database.step() as step:
            case = await self._load(step, start, command.command_id)
            if not case.done:
                if case.order.status is not OrderStatus.REFUNDED:
                    await case.refund(RefundReason.PAYMENT_FAILED, goods_return=True)
                insert_command(step, command.command_id, "reverse_order", start.order_id)
            return case.snapshot()

    @activity.defn(name="settle_order")
    async def settle_order(self, start: OrderStart) -> OrderSnapshot:
        async with self._database.step() as step:
            case = await self._load(step, start)
            due = rules.decide_order_due(case.state, case.now)
            if due.refund is not None:
                # What was never delivered never left; what was delivered is not known to come back.
                await case.refund(due.refund, goods_return=due.refund is RefundReason.DELIVERY_MISSED)
            elif due.remind:
                writes.change(step, case.order, reminded_at=case.now)
                promised_at = case.order.promised_at
                case.tell(case.seller_id, InboxType.DELIVERY_DUE_SOON, due_at=promised_at)
            elif due.close:
                writes.change(step, case.order, closed_at=case.now)
            return case.snapshot()
