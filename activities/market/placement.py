"""Placing an order: takes stock or spends an offer's hold, exactly once, within what a buyer may have unpaid."""

from datetime import datetime
from uuid import UUID

from activities.market.order_case import OrderCase, load_order
from db import locks
from db.market import evidence, negotiations, prices, stock
from db.market.blocks import is_blocked
from db.market.tables import Listing, Negotiation, Order, StoreStats
from db.market.unpaid import get_unpaid
from db.platform import writes
from db.platform.commands import insert_command
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market import orders as rules
from domain.market.blocks import check_not_blocked
from domain.market.commands import OrderSnapshot, OrderStart, PlaceOrder
from domain.market.states import (
    ActivityType,
    CloseReason,
    DeliveryKind,
    InboxType,
    ListingStatus,
    MovementReason,
    OrderStatus,
)
from domain.market.unpaid import check_unpaid_orders, check_unpaid_units


class Placement:
    """Of an order, or of several in one transaction."""

    async def place(self, transaction: Transaction, start: OrderStart, command: PlaceOrder) -> OrderSnapshot:
        """Place an order in a transaction that may place others as well: all of them, or none."""
        listing, negotiation = await self._lock(transaction, command)
        read = await negotiations.read_step(
            transaction,
            listing,
            command.buyer_id,
            negotiation_id=negotiation.negotiation_id if negotiation else None,
            command_id=command.command_id,
        )
        if read.done:
            return (await load_order(transaction, start)).snapshot()
        if read.seller_id == command.buyer_id:
            raise errors.OWN_LISTING.error()
        check_not_blocked(blocked=await is_blocked(transaction, listing.store_id, command.buyer_id))
        since = await evidence.settle_evidence(transaction, command.buyer_id, listing.listing_id, listing.store_id)
        rules.check_gating(since is not None, listing.listing_id, listing.store_id)
        assert since is not None
        # Never before what made the buyer eligible, also when the clock was set back.
        now = max(read.now, since)
        if command.offer_id is None:
            case = await self._buy_at_list_price(transaction, start, command, listing, read, now)
        elif negotiation is not None:
            case = await self._buy_accepted_offer(transaction, start, command, listing, negotiation, read, now)
        else:
            raise errors.OFFER_NOT_FOUND.error()
        case.publish(ActivityType.ORDER_PLACED)
        for agent_id in case.parties:
            case.tell(agent_id, InboxType.ORDER_PLACED, due_at=case.order.promised_at)
        writes.increase(transaction, StoreStats, listing.store_id, orders_placed=1)
        if case.order.delivery is DeliveryKind.INSTANT:
            case.deliver()
        insert_command(transaction, command)
        # The next order of the same transaction counts this one.
        await writes.send(transaction)
        return case.snapshot()

    async def _lock(self, transaction: Transaction, command: PlaceOrder) -> tuple[Listing, Negotiation | None]:
        """Buyer, listing and, where the buyer's own offer on it is bought, its negotiation."""
        if command.offer_id is not None:
            bought = await locks.lock_purchase(transaction, command.buyer_id, command.offer_id)
            if bought is not None and bought[0].listing_id != command.listing_id:
                raise errors.OFFER_NOT_ACCEPTED.error()
            if bought is not None:
                return bought
        listing = await locks.lock_buyer_and_listing(transaction, command.buyer_id, command.listing_id)
        if listing is None:
            raise errors.LISTING_NOT_FOUND.error()
        return listing, None

    async def _check_unpaid(
        self,
        transaction: Transaction,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        read: negotiations.Reading,
    ) -> None:
        """Refuse what a buyer may not have without paying. What a checkout has the money for counts as paid."""
        if command.payment_authorized:
            return
        unpaid = await get_unpaid(transaction, command.buyer_id, listing.listing_id, start.policy)
        if listing.delivery is DeliveryKind.SHIPPED:
            check_unpaid_orders(unpaid, start.policy)
        if command.offer_id is None:
            view = negotiations.listing_view(listing, read.store_status)
            check_unpaid_units(view, unpaid, command.quantity, start.policy)

    def _insert(
        self,
        transaction: Transaction,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        seller_id: UUID,
        now: datetime,
        unit_price_cents: int,
        quantity: int,
    ) -> OrderCase:
        dates = rules.order_dates(
            listing.delivery,
            listing.promised_delivery_seconds,
            now,
            start.policy,
            payment_authorized=command.payment_authorized,
        )
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
            payment_due_at=dates.payment_due_at,
            payment_remind_at=dates.payment_remind_at,
        )
        writes.add(transaction, order)
        return OrderCase(transaction, order, seller_id, now, start.policy)

    async def _buy_at_list_price(
        self,
        transaction: Transaction,
        start: OrderStart,
        command: PlaceOrder,
        listing: Listing,
        read: negotiations.Reading,
        now: datetime,
    ) -> OrderCase:
        view = negotiations.listing_view(listing, read.store_status)
        expected = (command.seen_price_cents, command.seen_currency)
        seen = await prices.read_seen_price(transaction, listing.listing_id, listing.currency, *expected, start.policy)
        rules.decide_purchase(view, read.standing, command.quantity, seen)
        await self._check_unpaid(transaction, start, command, listing, read)
        case = self._insert(
            transaction, start, command, listing, read.seller_id, now, listing.price_cents, command.quantity
        )
        left = stock.take_stock(
            transaction, listing, command.quantity, MovementReason.ORDER_PLACED, order_id=command.command_id
        )
        if left is None:
            raise errors.LISTING_SOLD_OUT.error()
        case.sold_out = left.status is ListingStatus.SOLD_OUT
        return case

    async def _buy_accepted_offer(
        self,
        transaction: Transaction,
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
        await self._check_unpaid(transaction, start, command, listing, read)
        offer = state.latest
        stock.spend_hold(transaction, offer.offer_id, now)
        case = self._insert(
            transaction, start, command, listing, read.seller_id, now, offer.price_cents, offer.quantity
        )
        writes.change(transaction, negotiation, closed_at=now, close_reason=CloseReason.PURCHASED)
        case.negotiation_id = negotiation.negotiation_id
        return case
