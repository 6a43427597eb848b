"""Activities of an attempt to complete: authorize, place, capture; or undo. Each step may run twice.

Invariants: all orders of a session are placed in one transaction, or none; what a handler is asked carries the
attempt's id as its key; a step that finds its work done answers with the session as it is. No lock is held
while a handler or a process is asked.
"""

from uuid import NAMESPACE_OID, UUID, uuid5

from psycopg import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from activities.checkout.session_case import SessionCase
from activities.checkout.sessions import PostgresSessions
from activities.checkout.telling import tell_order
from activities.platform.heartbeats import heartbeating
from db import locks
from db.checkout import sessions
from db.checkout.reads import list_lines
from db.checkout.tables import CheckoutLine, CheckoutPayment, CheckoutRow
from db.market import evidence, order_facts, orders
from db.market.tables import Order
from db.platform import writes
from db.platform.constraints import refusal
from db.platform.events import notify
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.checkout import errors
from domain.checkout import sessions as rules
from domain.checkout.commands import CheckoutSnapshot, CheckoutStart
from domain.checkout.models import PaymentChoice
from domain.checkout.payments import MARKET_HANDLER, Charge, PaymentHandler, Verdict, takes_money
from domain.checkout.states import CheckoutClose, CheckoutNews, CheckoutStatus, PaymentStatus
from domain.market.commands import OrderStart, PlaceOrder, ReverseOrder
from domain.market.states import OrderStatus
from domain.platform.errors import DomainError

_FAILURES = {
    Verdict.DECLINED: (PaymentStatus.DECLINED, errors.PAYMENT_DECLINED),
    Verdict.REFUSED: (PaymentStatus.DECLINED, errors.PAYMENT_FRAUD),
    Verdict.NEEDS_BUYER: (PaymentStatus.ESCALATED, errors.ESCALATED),
}


def _at(case: SessionCase, status: PaymentStatus) -> CheckoutPayment | None:
    """The attempt's payment, when it waits for the step after ``status`` and has not failed."""
    attempt = case.attempt
    return attempt if attempt is not None and attempt.status == status and attempt.failure is None else None


def _charge(payment: CheckoutPayment, choice: PaymentChoice | None = None) -> Charge:
    return Charge(
        key=str(payment.payment_id),
        amount_cents=payment.amount_cents,
        currency=payment.currency,
        reference=payment.reference,
        credential=choice.credential if choice else {},
        risk_signals=choice.risk_signals if choice else {},
    )


async def _tell_buyer(case: SessionCase) -> None:
    """One event for the whole order, by the first of the market's orders it consists of."""
    first = (await list_lines(case.session, case.row.checkout_id))[0]
    notify(
        case.session,
        case.row.agent_id,
        CheckoutNews.CHECKOUT_COMPLETED,
        store_id=case.row.store_id,
        listing_id=first.listing_id,
        order_id=first.order_id,
    )


class PostgresCheckoutActivities(PostgresSessions):
    """The real ones."""

    def _handler(self, handler_id: str) -> PaymentHandler:
        handler = self._handlers.get(handler_id)
        if handler is None:
            # Asked again until it is configured again: a payment is never forgotten.
            raise RuntimeError(f"the payment handler {handler_id} is not configured any more")
        return handler

    async def _tell_order(self, start: OrderStart, command: PlaceOrder | ReverseOrder) -> None:
        await tell_order(self._client, start, command)

    @heartbeating()
    async def authorize_payment(self, start: CheckoutStart, payment: PaymentChoice | None) -> CheckoutSnapshot:
        async with self._database.session() as session:
            case = await self._load(session, start)
            attempt = _at(case, PaymentStatus.PENDING)
            if attempt is None:
                return await case.snapshot()
            if payment is None and attempt.handler_id != MARKET_HANDLER:
                attempt.failure = errors.INTERRUPTED.code
                return await case.snapshot()
            handler, charge = self._handler(attempt.handler_id), _charge(attempt, payment)
        reply = await handler.authorize(charge)
        async with self._database.session() as session:
            case = await self._load(session, start)
            attempt = _at(case, PaymentStatus.PENDING)
            if attempt is None:
                return await case.snapshot()
            attempt.reference = reply.reference
            attempt.updated_at = case.row.updated_at = case.now
            if reply.verdict is Verdict.OK:
                attempt.status = PaymentStatus.AUTHORIZED
                return await case.snapshot()
            status, code = _FAILURES[reply.verdict]
            attempt.status, attempt.failure = status, code.code
            await case.reopen(code.code)
            return await case.snapshot(refused=code.code)

    async def place_orders(self, start: CheckoutStart) -> CheckoutSnapshot:
        try:
            async with self._database.session() as session:
                row = await session.get(CheckoutRow, start.checkout_id)
                if row is not None:
                    # Orders lock their buyer, and agents come before sessions.
                    await locks.lock_agent(await Transaction.of(session), row.agent_id)
                case = await self._load(session, start)
                attempt = _at(case, PaymentStatus.AUTHORIZED)
                if attempt is None:
                    return await case.snapshot()
                return await self._place_all(case, attempt)
        except DomainError as refused:
            return await self.fail_attempt(start, refused.code)
        except IntegrityError as violation:
            known = refusal(violation)
            if known is None:
                raise
            return await self.fail_attempt(start, known.code)

    async def _place_all(self, case: SessionCase, attempt: CheckoutPayment) -> CheckoutSnapshot:
        session, row = case.session, case.row
        lines = await list_lines(session, row.checkout_id)
        await locks.lock_listings(await Transaction.of(session), [line.listing_id for line in lines])
        proofs = rules.evidence_of_session(
            [line.listing_id for line in lines],
            for_platform=await sessions.is_platform(session, row.agent_id),
            payment=PaymentStatus(attempt.status),
        )
        now = await locks.clock(session)
        for proof in proofs:
            assert proof.listing_id is not None
            evidence.insert_evidence(
                session, row.agent_id, proof.listing_id, proof.type, now, checkout_id=row.checkout_id
            )
        # Orders ask for it.
        await writes.send(session)
        sold_out: list[UUID] = []
        trust_moved = False
        transaction = await Transaction.of(session)
        for line in lines:
            start, command = self._placement(case, line, new_id())
            placed = await self._orders.place(transaction, start, command)
            line.order_id = command.command_id
            sold_out += [line.listing_id] if placed.sold_out else []
            trust_moved |= placed.trust_moved
        attempt.status = PaymentStatus.PLACED
        attempt.updated_at = row.updated_at = case.now
        return await case.snapshot(sold_out=tuple(dict.fromkeys(sold_out)), trust_moved=trust_moved)

    def _placement(self, case: SessionCase, line: CheckoutLine, order_id: UUID) -> tuple[OrderStart, PlaceOrder]:
        """One line as an order: at the price that was seen, charged what is left after discounts."""
        start, row, attempt = case.start, case.row, case.attempt
        order = OrderStart(order_id=order_id, listing_id=line.listing_id, store_id=row.store_id, policy=start.market)
        command = PlaceOrder(
            command_id=order_id,
            buyer_id=row.agent_id,
            listing_id=line.listing_id,
            quantity=line.quantity,
            offer_id=row.offer_id,
            seen_price_cents=line.unit_price_cents if row.offer_id is None else None,
            charged_cents=line.total_cents if line.discount_cents else None,
            payment_authorized=attempt is not None and takes_money(attempt.handler_id),
        )
        return order, command

    async def _placements(self, session: AsyncSession, case: SessionCase) -> list[tuple[OrderStart, PlaceOrder]]:
        lines = await list_lines(session, case.row.checkout_id)
        return [self._placement(case, line, line.order_id) for line in lines if line.order_id]

    @heartbeating()
    async def start_orders(self, start: CheckoutStart) -> None:
        async with self._database.session() as session:
            placements = await self._placements(session, await self._load(session, start))
        for order, command in placements:
            # The order's own command: its process finds it carried out, and lives as if it had placed it.
            await self._tell_order(order, command)

    @heartbeating()
    async def capture_payment(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._database.session() as session:
            case = await self._load(session, start)
            attempt = _at(case, PaymentStatus.PLACED)
            if attempt is None:
                return await case.snapshot()
            handler, charge = self._handler(attempt.handler_id), _charge(attempt)
        reply = await handler.capture(charge)
        async with self._database.session() as session:
            case, trust_moved = await self._load(session, start), False
            attempt = _at(case, PaymentStatus.PLACED)
            if attempt is not None:
                attempt.updated_at = case.row.updated_at = case.now
                if reply.verdict is Verdict.OK:
                    attempt.status = PaymentStatus.CAPTURED
                    attempt.reference = reply.reference or attempt.reference
                    case.row.order_id = attempt.payment_id
                    if takes_money(attempt.handler_id):
                        trust_moved = await self._record_paid(session, case)
                    case.close(CheckoutStatus.COMPLETED, CheckoutClose.COMPLETED)
                    await _tell_buyer(case)
                else:
                    attempt.failure = errors.PAYMENT_DECLINED.code
            return await case.snapshot(trust_moved=trust_moved)

    async def _record_paid(self, session: AsyncSession, case: SessionCase) -> bool:
        """Says whether that proved something: an accepted offer that was delivered is honored now."""
        lines = await list_lines(session, case.row.checkout_id)
        transaction = await Transaction.of(session)
        paid = await orders.record_capture(transaction, [line.order_id for line in lines if line.order_id], case.now)
        honored = [order_facts.insert_honored(session, order, case.now) for order in paid]
        return any(honored)

    async def fail_attempt(self, start: CheckoutStart, code: str) -> CheckoutSnapshot:
        async with self._database.session() as session:
            case = await self._load(session, start)
            if case.attempt is not None and case.attempt.failure is None:
                case.attempt.failure = code
                case.attempt.updated_at = case.row.updated_at = case.now
            return await case.snapshot()

    @heartbeating()
    async def undo_attempt(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._database.session() as session:
            case = await self._load(session, start)
            attempt = case.attempt
            if attempt is None or attempt.failure is None:
                return await case.snapshot()
            placements = await self._placements(session, case)
            handler, charge = self._handler(attempt.handler_id), _charge(attempt)
        for order, placed in placements:
            undone = ReverseOrder(
                command_id=uuid5(NAMESPACE_OID, f"{placed.command_id}/reverse"), order_id=order.order_id
            )
            await self._tell_order(order, undone)
        await handler.void(charge)
        async with self._database.session() as session:
            case = await self._load(session, start)
            attempt = case.attempt
            if attempt is None or attempt.failure is None:
                return await case.snapshot()
            for line in await list_lines(session, start.checkout_id):
                line.order_id = None
            attempt.status = PaymentStatus.VOIDED
            attempt.updated_at = case.now
            await case.reopen(attempt.failure)
            return await case.snapshot(refused=attempt.failure)

    @heartbeating()
    async def pay_back(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._database.session() as session:
            case = await self._load(session, start)
            payment = case.payment
            if payment is None or payment.status != PaymentStatus.CAPTURED:
                return await case.snapshot()
            handler, charge = self._handler(payment.handler_id), _charge(payment)
            due = [
                (line.line_id, line.total_cents, line.order_id)
                for line in await sessions.list_unrefunded_lines(session, start.checkout_id)
            ]
            transaction = await Transaction.of(session)
            orders = [
                await transaction.get_one(Order, line.order_id) for line in await list_lines(session, start.checkout_id)
            ]
            delivery = payment.delivery_refunded_at is None and rules.gives_back_delivery(
                all_refunded=all(order.status is OrderStatus.REFUNDED for order in orders),
                any_delivered=any(order.delivered_at is not None for order in orders),
            )
            delivery_cents = case.row.fulfillment_cents
        parts = [(f"{order_id}/refund", cents) for _, cents, order_id in due]
        parts += [(f"{charge.key}/delivery", delivery_cents)] if delivery else []
        for key, cents in parts:
            if cents:
                await handler.refund(Charge(key, cents, charge.currency, charge.reference))
        async with self._database.session() as session:
            case = await self._load(session, start)
            assert case.payment is not None
            paid = {line_id for line_id, _, _ in due}
            for line in await list_lines(session, start.checkout_id):
                if line.line_id in paid:
                    line.refunded_at = case.now
            if delivery:
                case.payment.delivery_refunded_at = case.now
            return await case.snapshot()
