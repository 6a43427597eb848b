"""The Checkout's activities over its own rows and the market's books, deciding with the context's own rules."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from activities.checkout.signatures import CheckoutActivities
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
from domain.checkout.models import PaymentChoice
from domain.checkout.states import CheckoutStatus, PaymentStatus
from domain.market.errors import LISTING_SOLD_OUT
from tests.workflows.market.books import LISTING, Books


@dataclass(frozen=True)
class Session:
    """A session's row, and its latest payment's."""

    status: CheckoutStatus
    expires_at: datetime
    payment: PaymentStatus | None = None
    failure: str | None = None
    orders: int = 0
    owes: bool = False


@dataclass
class Sessions:
    """Every session there is; ``paying`` says what fails."""

    rows: dict[UUID, Session] = field(default_factory=dict)
    paying: str = "ok"


class FakeCheckouts(CheckoutActivities):
    def __init__(self, books: Books, sessions: Sessions) -> None:
        self._books, self._sessions = books, sessions

    def _get(self, start: CheckoutStart) -> Session:
        found = self._sessions.rows.get(start.checkout_id)
        if found is None:
            raise errors.CHECKOUT_NOT_FOUND.error()
        return found

    def _state(self, session: Session) -> rules.SessionState:
        return rules.SessionState(session.status, session.expires_at, payment=session.payment)

    def _put(
        self, start: CheckoutStart, session: Session, refused: str | None = None, sold_out: tuple[UUID, ...] = ()
    ) -> CheckoutSnapshot:
        self._sessions.rows[start.checkout_id] = session
        under_way = session.payment if session.payment and session.payment.under_way else None
        return CheckoutSnapshot(
            checkout_id=start.checkout_id,
            store_id=start.store_id,
            status=session.status,
            awaiting="somebody",
            deadline=rules.next_deadline(self._state(session)),
            closed=session.status.over,
            payment=under_way,
            failed=under_way is not None and session.failure is not None,
            refused=refused,
            owes_refund=session.owes,
            sold_out=sold_out,
        )

    async def create_checkout(self, start: CheckoutStart, command: CreateCheckout) -> CheckoutSnapshot:
        async with self._books.turn() as now:
            if not command.items:
                raise errors.CHECKOUT_EMPTY.error()
            known = self._sessions.rows.get(start.checkout_id)
            opened = Session(CheckoutStatus.READY_FOR_COMPLETE, rules.expiry(now, start.policy))
            return self._put(start, known or opened)

    async def update_checkout(self, start: CheckoutStart, command: UpdateCheckout) -> CheckoutSnapshot:
        async with self._books.turn() as now:
            session = self._get(start)
            rules.decide_update(self._state(session), now, changes_items=False)
            return self._put(start, session)

    async def cancel_checkout(self, start: CheckoutStart, command: CancelCheckout) -> CheckoutSnapshot:
        async with self._books.turn() as now:
            session = self._get(start)
            rules.decide_cancel(self._state(session), now)
            return self._put(start, replace(session, status=CheckoutStatus.CANCELED))

    async def settle_checkout(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._books.turn() as now:
            session = self._get(start)
            if rules.is_expired(self._state(session), now):
                session = replace(session, status=CheckoutStatus.CANCELED)
            return self._put(start, session)

    async def begin_completion(self, start: CheckoutStart, command: CompleteCheckout) -> CheckoutSnapshot:
        async with self._books.turn() as now:
            session = self._get(start)
            if command.command_id in self._books.commands:
                ended = session.payment is not None and not session.payment.under_way
                return self._put(start, session, session.failure if ended else None)
            rules.check_open(self._state(session), now)
            if self._sessions.paying == "price changed":
                return self._put(start, session, errors.PRICE_CHANGED.code)
            self._books.commands[command.command_id] = "ok"
            begun = replace(
                session, status=CheckoutStatus.COMPLETE_IN_PROGRESS, payment=PaymentStatus.PENDING, failure=None
            )
            return self._put(start, begun)

    async def authorize_payment(self, start: CheckoutStart, payment: PaymentChoice | None) -> CheckoutSnapshot:
        async with self._books.turn():
            session = self._get(start)
            if payment is None:
                return self._put(start, replace(session, failure=errors.INTERRUPTED.code))
            if self._sessions.paying == "declined":
                code = errors.PAYMENT_DECLINED.code
                opened = replace(
                    session, status=CheckoutStatus.READY_FOR_COMPLETE, payment=PaymentStatus.DECLINED, failure=code
                )
                return self._put(start, opened, code)
            return self._put(start, replace(session, payment=PaymentStatus.AUTHORIZED))

    async def place_orders(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._books.turn():
            session = self._get(start)
            if session.payment is not PaymentStatus.AUTHORIZED:
                return self._put(start, session)
            if not self._books.listing.stock:
                return self._put(start, replace(session, failure=LISTING_SOLD_OUT.code))
            sold_out = (LISTING,) if self._books.move_stock(-1) else ()
            placed = replace(session, payment=PaymentStatus.PLACED, orders=session.orders + 1)
            return self._put(start, placed, sold_out=sold_out)

    async def start_orders(self, start: CheckoutStart) -> None:
        async with self._books.turn():
            assert self._get(start).orders == 1

    async def capture_payment(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._books.turn():
            session = self._get(start)
            if self._sessions.paying == "not captured":
                return self._put(start, replace(session, failure=errors.PAYMENT_DECLINED.code))
            done = replace(session, status=CheckoutStatus.COMPLETED, payment=PaymentStatus.CAPTURED)
            return self._put(start, done)

    async def fail_attempt(self, start: CheckoutStart, code: str) -> CheckoutSnapshot:
        async with self._books.turn():
            return self._put(start, replace(self._get(start), failure=code))

    async def undo_attempt(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._books.turn():
            session = self._get(start)
            if session.orders:
                self._books.move_stock(1)
            opened = replace(session, status=CheckoutStatus.READY_FOR_COMPLETE, payment=PaymentStatus.VOIDED, orders=0)
            return self._put(start, opened, session.failure)

    async def pay_back(self, start: CheckoutStart) -> CheckoutSnapshot:
        async with self._books.turn():
            return self._put(start, replace(self._get(start), owes=False))
