"""Activities of the Order process: placement takes stock or spends an offer's hold, exactly once."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.market.order_case import OrderCase
from activities.market.signatures import OrderActivities
from db import locks
from db.market import evidence, negotiations, orders, stock
from db.market.tables import Listing, Negotiation, Offer, Order, Store
from db.platform.commands import find_command, insert_command
from db.platform.keys import insert_audit_entry
from db.session import Database
from domain.market import errors
from domain.market import orders as rules
from domain.market.commands import OperatorRefund, OrderCommand, OrderSnapshot, OrderStart, PlaceOrder, ReverseOrder
from domain.market.states import (
    ActivityType,
    CloseReason,
    DeliveryKind,
    HoldRelease,
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

    async def _load(self, session: AsyncSession, start: OrderStart) -> OrderCase:
        # Stock may return: the listing is locked before the order, as everywhere.
        await locks.lock_listing(session, start.listing_id)
        order = await locks.lock_order(session, start.order_id)
        if order is None:
            raise errors.ORDER_NOT_FOUND.error()
        store = await session.get_one(Store, order.store_id)
        negotiation_id = None
        if order.source_offer_id is not None:
            offer = await session.get(Offer, order.source_offer_id)
            negotiation_id = offer.negotiation_id if offer else None
        return OrderCase(session, order, store, await locks.clock(session), start.policy, negotiation_id)

    @activity.defn(name="place_order")
    async def place_order(self, start: OrderStart, command: PlaceOrder) -> OrderSnapshot:
        async with self._database.transaction() as session:
            return await self.place(session, start, command)

    async def place(self, session: AsyncSession, start: OrderStart, command: PlaceOrder) -> OrderSnapshot:
        """Place an order in a transaction that may place others as well: all of them, or none."""
        await locks.lock_agent(session, command.buyer_id)
        listing = await locks.lock_listing(session, command.listing_id)
        if await find_command(session, command.command_id):
            return (await self._load(session, start)).snapshot()
        if listing is None:
            raise errors.LISTING_NOT_FOUND.error()
        store = await session.get_one(Store, listing.store_id)
        if store.owner_merchant_id == command.buyer_id:
            raise errors.OWN_LISTING.error()
        since = await evidence.settle_evidence(session, command.buyer_id, listing.listing_id, store.store_id)
        rules.check_gating(since is not None, listing.listing_id, store.store_id)
        assert since is not None
        if command.offer_id is None:
            case = await self._buy_at_list_price(session, start, command, listing, store, since)
        else:
            case = await self._buy_accepted_offer(session, start, command, listing, store, since)
        case.publish(ActivityType.ORDER_PLACED)
        for agent_id in case.parties:
            case.tell(agent_id, InboxType.ORDER_PLACED, due_at=case.order.promised_at)
        await orders.bump_stats(session, store.store_id, orders_placed=1)
        if case.order.delivery is DeliveryKind.INSTANT:
            await case.deliver()
        insert_command(session, command.command_id, "place_order", command.command_id)
        return case.snapshot()

    async def _insert(
        self,
        session: AsyncSession,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        store: Store,
        now: datetime,
        unit_price_cents: int,
        quantity: int,
    ) -> OrderCase:
        dates = rules.delivery_dates(listing.delivery, listing.promised_delivery_seconds, now, start.policy)
        order = Order(
            order_id=command.command_id,
            buyer_customer_id=command.buyer_id,
            store_id=store.store_id,
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
        session.add(order)
        await session.flush()
        return OrderCase(session, order, store, now, start.policy)

    async def _buy_at_list_price(
        self,
        session: AsyncSession,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        store: Store,
        since: datetime,
    ) -> OrderCase:
        standing = await negotiations.get_buyer_standing(session, command.buyer_id, listing.currency)
        view = negotiations.listing_view(listing, store)
        rules.decide_purchase(view, standing, command.quantity, command.seen_price_cents)
        # Never before what made the buyer eligible, also when the clock was set back.
        now = max(await locks.clock(session), since)
        case = await self._insert(session, start, command, listing, store, now, listing.price_cents, command.quantity)
        left = await stock.move_stock(
            session,
            listing.listing_id,
            -command.quantity,
            MovementReason.ORDER_PLACED,
            order_id=command.command_id,
        )
        if left is None:
            raise errors.LISTING_SOLD_OUT.error()
        case.sold_out = left.status is ListingStatus.SOLD_OUT
        return case

    async def _buy_accepted_offer(
        self,
        session: AsyncSession,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        store: Store,
        since: datetime,
    ) -> OrderCase:
        assert command.offer_id is not None
        offer = await session.get(Offer, command.offer_id)
        negotiation: Negotiation | None = None
        if offer is not None:
            negotiation = await locks.lock_negotiation(session, offer.negotiation_id)
        if offer is None or negotiation is None or negotiation.buyer_customer_id != command.buyer_id:
            raise errors.OFFER_NOT_FOUND.error()
        rounds = await negotiations.list_rounds(session, negotiation.negotiation_id)
        state = negotiations.negotiation_state(negotiation, rounds, store.owner_merchant_id)
        standing = await negotiations.get_buyer_standing(
            session, command.buyer_id, offer.currency, without=negotiation.negotiation_id
        )
        now = max(await locks.clock(session), since)
        rules.decide_offer_purchase(state, command.offer_id, standing, now)
        if await stock.release_hold(session, offer.offer_id, HoldRelease.SPENT, now) is None:
            raise errors.OFFER_SPENT.error()
        case = await self._insert(
            session, start, command, listing, store, now, offer.proposed_price_cents, offer.quantity
        )
        negotiation.closed_at = now
        negotiation.close_reason = CloseReason.PURCHASED
        case.negotiation_id = negotiation.negotiation_id
        return case

    @activity.defn(name="deliver_order")
    async def deliver_order(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start)
            if not await find_command(session, command.command_id):
                case.require_seller(command.by_agent_id)
                rules.decide_deliver(case.state, case.now)
                await case.deliver()
                insert_command(session, command.command_id, "deliver_order", start.order_id)
            return case.snapshot()

    @activity.defn(name="cancel_order")
    async def cancel_order(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start)
            if not await find_command(session, command.command_id):
                case.require_buyer(command.by_agent_id)
                rules.decide_cancel(case.state, case.now)
                await case.refund(RefundReason.CANCELLED_BY_BUYER, goods_return=True)
                insert_command(session, command.command_id, "cancel_order", start.order_id)
            return case.snapshot()

    @activity.defn(name="request_refund")
    async def request_refund(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start)
            if not await find_command(session, command.command_id):
                case.require_buyer(command.by_agent_id)
                rules.decide_request_refund(case.state, case.now)
                case.order.refund_requested_at = case.now
                case.order.refund_request_reason = command.reason
                case.order.refund_answer_due_at = case.now + timedelta(seconds=start.policy.refund_answer_seconds)
                due_at = case.order.refund_answer_due_at
                case.tell(case.store.owner_merchant_id, InboxType.REFUND_REQUESTED, due_at=due_at)
                insert_command(session, command.command_id, "request_refund", start.order_id)
            return case.snapshot()

    @activity.defn(name="answer_refund")
    async def answer_refund(self, start: OrderStart, command: OrderCommand) -> OrderSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start)
            if not await find_command(session, command.command_id):
                case.require_seller(command.by_agent_id)
                rules.decide_answer_refund(case.state, case.now)
                if command.approve:
                    await case.refund(RefundReason.GRANTED, goods_return=command.goods_returned)
                else:
                    case.order.refund_declined_at = case.now
                    case.tell(case.order.buyer_customer_id, InboxType.REFUND_DECLINED)
                insert_command(session, command.command_id, "answer_refund", start.order_id)
            return case.snapshot()

    @activity.defn(name="refund_by_operator")
    async def refund_by_operator(self, start: OrderStart, command: OperatorRefund) -> OrderSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start)
            if not await find_command(session, command.command_id):
                rules.decide_refund_by_operator(case.state, case.now, cancel=command.cancel)
                await case.refund(RefundReason.BY_OPERATOR, goods_return=command.cancel or command.goods_returned)
                action = "order.cancel" if command.cancel else "order.refund"
                meta: dict[str, int | str] = {"entity": str(start.order_id)}
                insert_audit_entry(session, command.command_id, command.key_id, action, command.reason, meta)
                insert_command(session, command.command_id, "refund_by_operator", start.order_id)
            return case.snapshot()

    @activity.defn(name="reverse_order")
    async def reverse_order(self, start: OrderStart, command: ReverseOrder) -> OrderSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start)
            if not await find_command(session, command.command_id):
                if case.order.status is not OrderStatus.REFUNDED:
                    await case.refund(RefundReason.PAYMENT_FAILED, goods_return=True)
                insert_command(session, command.command_id, "reverse_order", start.order_id)
            return case.snapshot()

    @activity.defn(name="settle_order")
    async def settle_order(self, start: OrderStart) -> OrderSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start)
            due = rules.decide_order_due(case.state, case.now)
            if due.refund is not None:
                # What was never delivered never left; what was delivered is not known to come back.
                await case.refund(due.refund, goods_return=due.refund is RefundReason.DELIVERY_MISSED)
            elif due.remind:
                case.order.reminded_at = case.now
                promised_at = case.order.promised_at
                case.tell(case.store.owner_merchant_id, InboxType.DELIVERY_DUE_SOON, due_at=promised_at)
            elif due.close:
                case.order.closed_at = case.now
            return case.snapshot()
