"""Activities of an open session: it is created, changed, canceled, expires, or begins to complete."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from activities.checkout.session_case import SessionCase, item_of, load_case, read_offer
from activities.checkout.signatures import CheckoutActivities
from activities.market.order import PostgresOrderActivities
from db import locks
from db.checkout import pricing, sessions
from db.checkout.tables import CartRow, CheckoutPayment, CheckoutRow
from db.market import evidence, negotiations
from db.market.blocks import is_blocked
from db.market.tables import Listing
from db.platform.commands import find_command, insert_command
from db.platform.database import Database
from db.platform.outages import listen
from db.platform.transactions import Transaction
from domain.checkout import errors
from domain.checkout import sessions as rules
from domain.checkout.commands import (
    CancelCheckout,
    CheckoutSnapshot,
    CheckoutStart,
    CompleteCheckout,
    CreateCheckout,
    UpdateCheckout,
)
from domain.checkout.models import Discounts, ItemChoice, Quote
from domain.checkout.payments import PaymentHandler
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.processes import CHECKOUT_PARTS
from domain.checkout.quotes import name_lines, same_price
from domain.checkout.states import CheckoutClose, CheckoutStatus, PaymentStatus
from domain.market.blocks import check_not_blocked
from domain.market.negotiation import check_spend
from domain.market.orders import check_gating
from domain.platform.errors import DomainError


@dataclass(frozen=True, slots=True)
class _Basket:
    """What a new session starts with."""

    items: tuple[ItemChoice, ...]
    currency: str
    buyer: dict[str, Any] | None
    codes: tuple[str, ...]
    purchase_by: datetime | None


def _check_codes(codes: tuple[str, ...], policy: CheckoutPolicy) -> None:
    if len(codes) > policy.max_discount_codes:
        raise errors.TOO_MANY_CODES.error(f"A session holds at most {policy.max_discount_codes} discount codes.")


class PostgresSessions(CheckoutActivities):
    """The real ones of a session that is open. ``known_addresses`` only in the test-only mode."""

    def __init__(
        self,
        database: Database,
        client: Client,
        handlers: Mapping[str, PaymentHandler],
        *,
        known_addresses: bool = False,
    ) -> None:
        self._database = database
        self._client = client
        self._orders = PostgresOrderActivities(database)
        self._handlers = handlers
        self._known_addresses = known_addresses

    async def _load(self, session: AsyncSession, start: CheckoutStart) -> SessionCase:
        return await load_case(session, start, known_addresses=self._known_addresses)

    async def create_checkout(self, start: CheckoutStart, command: CreateCheckout) -> CheckoutSnapshot:
        async with self._database.session() as session:
            await locks.lock_agent(await Transaction.of(session), command.agent_id)
            if await find_command(await Transaction.of(session), command.command_id):
                return await (await self._load(session, start)).snapshot()
            now = await locks.clock(session)
            transaction = await Transaction.of(session)
            standing = await negotiations.get_buyer_standing(transaction, command.agent_id, command.currency or "USD")
            open_sessions = await sessions.count_open(session, command.agent_id)
            rules.check_may_open(open_sessions, standing.max_open_negotiations, start.policy)
            basket = await self._basket(session, start, command, now)
            row = CheckoutRow(
                checkout_id=start.checkout_id,
                agent_id=command.agent_id,
                store_id=start.store_id,
                currency=basket.currency,
                status=CheckoutStatus.INCOMPLETE,
                offer_id=command.offer_id,
                cart_id=command.cart_id,
                buyer=basket.buyer,
                fulfillment={"methods": []},
                created_at=now,
                updated_at=now,
                expires_at=rules.expiry(now, start.policy, basket.purchase_by),
                attempt=0,
                quote_version=0,
                shown_version=0,
            )
            case = SessionCase(session, start, row, None, now, self._known_addresses)
            quoted = await case.price(basket.items, command.fulfillment, basket.codes)
            await sessions.write_quote(session, row, quoted, now)
            insert_command(session, command)
            return await case.snapshot()

    async def _basket(
        self, session: AsyncSession, start: CheckoutStart, command: CreateCheckout, now: datetime
    ) -> _Basket:
        """What the session sells: items, an accepted offer, or a cart's contents."""
        if (bool(command.items) + (command.offer_id is not None) > 1 and command.cart_id is None) or (
            command.offer_id is not None and command.cart_id is not None
        ):
            raise errors.CHECKOUT_TARGET.error()
        buyer = command.buyer.model_dump(mode="json") if command.buyer else None
        codes = command.discount_codes
        items = command.items
        purchase_by = None
        if command.offer_id is not None:
            held = await read_offer(session, command.offer_id, command.agent_id, now)
            items = (ItemChoice(listing_id=held.offer.listing_id, quantity=held.offer.quantity),)
            purchase_by = held.purchase_by
        elif command.cart_id is not None:
            cart = await session.get(CartRow, command.cart_id, populate_existing=True)
            if cart is None or cart.agent_id != command.agent_id or cart.canceled_at or cart.expires_at <= now:
                raise errors.CART_NOT_FOUND.error()
            items = tuple(ItemChoice.model_validate(item) for item in cart.items)
            codes = tuple(cart.discount_codes) if codes is None else codes
            buyer = cart.buyer if buyer is None else buyer
        named = name_lines(items, start.policy)
        _check_codes(codes or (), start.policy)
        shelf = await pricing.load_shelf(session, {item.listing_id for item in named})
        if shelf.store.store_id != start.store_id:
            raise errors.ONE_STORE.error()
        if command.currency is not None and command.currency != shelf.currency:
            raise errors.CURRENCY_MISMATCH.error()
        return _Basket(named, shelf.currency, buyer, codes or (), purchase_by)

    async def update_checkout(self, start: CheckoutStart, command: UpdateCheckout) -> CheckoutSnapshot:
        async with self._database.session() as session:
            case = await self._load(session, start)
            if not await find_command(await Transaction.of(session), command.command_id):
                case.require_agent(command.agent_id)
                before = [item_of(line) for line in (await case.stored_quote()).lines]
                items = before if command.items is None else list(name_lines(command.items, start.policy))
                changes = _contents(items) != _contents(before)
                rules.decide_update(case.state, case.now, changes_items=changes)
                codes = command.discount_codes
                if codes is None:
                    codes = Discounts.model_validate(case.row.discounts).codes
                _check_codes(codes, start.policy)
                if command.buyer is not None:
                    case.row.buyer = command.buyer.model_dump(mode="json")
                shelf = await pricing.load_shelf(session, {item.listing_id for item in items})
                if shelf.store.store_id != start.store_id or shelf.currency != case.row.currency:
                    raise errors.ONE_STORE.error()
                quoted = await case.price(items, command.fulfillment, codes)
                await sessions.write_quote(session, case.row, quoted, case.now)
                insert_command(session, command)
            return await case.snapshot()

    async def cancel_checkout(self, start: CheckoutStart, command: CancelCheckout) -> CheckoutSnapshot:
        async with self._database.session() as session:
            case = await self._load(session, start)
            if not await find_command(await Transaction.of(session), command.command_id):
                case.require_agent(command.agent_id)
                rules.decide_cancel(case.state, case.now)
                case.close(CheckoutStatus.CANCELED, CheckoutClose.CANCELED)
                insert_command(session, command)
            return await case.snapshot()

    async def settle_checkout(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._database.session() as session:
            silence = await listen(session, CHECKOUT_PARTS)
            case = await self._load(session, start)
            if rules.is_expired(case.state, case.now):
                if silence.holds(case.now):
                    held = await case.snapshot()
                    return held.model_copy(update={"deadline": silence.look_again_at(case.now)})
                case.close(CheckoutStatus.CANCELED, CheckoutClose.EXPIRED)
            return await case.snapshot()

    async def begin_completion(self, start: CheckoutStart, command: CompleteCheckout) -> CheckoutSnapshot:
        async with self._database.session() as session:
            # The buyer's cap is read: its row is locked before the session's, as everywhere.
            await locks.lock_agent(await Transaction.of(session), command.agent_id)
            case = await self._load(session, start)
            done = await find_command(await Transaction.of(session), command.command_id)
            if done is not None:
                return await case.snapshot(refused=await _refusal_of(session, command.command_id, done.outcome))
            case.require_agent(command.agent_id)
            rules.check_open(case.state, case.now)
            current, stored = await case.price_again(), await case.stored_quote()
            try:
                handler = rules.decide_complete(
                    case.state,
                    stored,
                    current,
                    command.payment,
                    self._handlers.keys(),
                    command.seen_total_cents,
                    case.now,
                )
            except DomainError as refused:
                if refused.code != errors.PRICE_CHANGED.code:
                    raise
                notice = rules.notice_of_failure(refused.code, refused.message)
                if same_price(stored, current):
                    # Nobody was told what the session holds already.
                    case.tell(notice)
                else:
                    await sessions.write_quote(session, case.row, current, case.now, notice)
                insert_command(session, command, refused.code)
                return await case.snapshot(refused=refused.code)
            await self._check_buyer(case, current)
            case.row.attempt += 1
            case.row.status = CheckoutStatus.COMPLETE_IN_PROGRESS
            case.row.messages = []
            case.row.updated_at = case.now
            case.payment = CheckoutPayment(
                payment_id=command.command_id,
                checkout_id=start.checkout_id,
                attempt=case.row.attempt,
                handler_id=handler,
                instrument_id=command.payment.instrument_id if command.payment else None,
                amount_cents=current.totals.total_cents,
                currency=case.row.currency,
                status=PaymentStatus.PENDING,
            )
            session.add(case.payment)
            insert_command(session, command)
            return await case.snapshot()

    async def _check_buyer(self, case: SessionCase, quoted: Quote) -> None:
        """Refuse before any money is asked for: blocked by the store, the buyer's own cap, no interaction before."""
        session, row = case.session, case.row
        without = None
        if row.offer_id is not None:
            held = await read_offer(session, row.offer_id, row.agent_id, case.now)
            without = held.negotiation.negotiation_id
        transaction = await Transaction.of(session)
        check_not_blocked(blocked=await is_blocked(transaction, row.store_id, row.agent_id))
        standing = await negotiations.get_buyer_standing(transaction, row.agent_id, row.currency, without=without)
        check_spend(standing, quoted.totals.total_cents)
        if not await sessions.is_platform(session, row.agent_id):
            for line in quoted.lines:
                listing = await transaction.get_one(Listing, line.listing_id)
                since = await evidence.settle_evidence(transaction, row.agent_id, line.listing_id, listing.store_id)
                check_gating(since is not None, line.listing_id, listing.store_id)


def _contents(items: list[ItemChoice]) -> list[tuple[UUID, int]]:
    return sorted((item.listing_id, item.quantity) for item in items)


async def _refusal_of(session: AsyncSession, command_id: UUID, outcome: str) -> str | None:
    """What an attempt that was begun by this command has come to, when it came to nothing."""
    if outcome != "ok":
        return outcome
    payment = await session.get(CheckoutPayment, command_id, populate_existing=True)
    if payment is None or PaymentStatus(payment.status).under_way:
        return None
    return payment.failure
