"""An order as a state machine: whatever its parties, the operators and the clock do, its invariants hold."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.market import appeals
from domain.market import orders as rules
from domain.market.orders import Due, OrderState
from domain.market.policy import MarketPolicy
from domain.market.states import DeliveryKind, OrderStatus, RefundReason
from domain.platform.errors import DomainError
from tests.rules.market.test_orders import T0

POLICY = MarketPolicy()


def _later(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


class Life(RuleBasedStateMachine):
    """Random commands in time and late; refusals change nothing."""

    now: datetime
    order: OrderState
    ends: list[RefundReason]
    appeals: int

    @initialize(authorized=st.booleans(), promised=st.none() | st.integers(3_600, 9 * 86_400))
    def place(self, authorized: bool, promised: int | None):
        self.now, self.ends, self.appeals, self.broken = T0, [], 0, 0
        dates = rules.order_dates(DeliveryKind.SHIPPED, promised, T0, POLICY, payment_authorized=authorized)
        self.order = OrderState(
            OrderStatus.PLACED, DeliveryKind.SHIPPED, dates.promised_at, dates.remind_at, reminded=False,
            refund_requested=False, refund_answered=False, refund_answer_due_at=None, return_window_closes_at=None,
            closed=False, payment_due_at=dates.payment_due_at, payment_remind_at=dates.payment_remind_at,
        )  # fmt: skip

    def _refund(self, reason: RefundReason) -> None:
        self.broken += rules.breaks_promise(reason, paid=self.order.paid)
        self.ends.append(reason)
        self.order = replace(self.order, status=OrderStatus.REFUNDED, closed=True)

    def _allowed(self, decide, *arguments: object) -> bool:
        before = self.order
        try:
            decide(self.order, self.now, *arguments)
        except DomainError:
            assert self.order == before
            return False
        return True

    @rule()
    def pay(self):
        if self._allowed(rules.decide_confirm_payment):
            self.order = replace(self.order, paid=True, payment_remind_at=None)

    @rule()
    def deliver(self):
        if self._allowed(rules.decide_deliver):
            closes_at = _later(self.now, POLICY.return_window_seconds)
            self.order = replace(self.order, status=OrderStatus.DELIVERED, return_window_closes_at=closes_at)

    @rule()
    def cancel(self):
        if self._allowed(rules.decide_cancel):
            self._refund(RefundReason.CANCELLED_BY_BUYER)

    @rule()
    def decline(self):
        if self._allowed(rules.decide_decline):
            self._refund(RefundReason.DECLINED_BY_SELLER)

    @rule()
    def ask_for_refund(self):
        if self._allowed(rules.decide_request_refund):
            due = _later(self.now, POLICY.refund_answer_seconds)
            self.order = replace(self.order, refund_requested=True, refund_answer_due_at=due)

    @rule(grant=st.booleans())
    def answer(self, grant: bool):
        if self._allowed(rules.decide_answer_refund):
            if grant:
                self._refund(RefundReason.GRANTED)
            else:
                appeal_by = _later(self.now, POLICY.appeal_window_seconds)
                self.order = replace(self.order, refund_answered=True, appeal_by=appeal_by)

    @rule()
    def appeal(self):
        if self._allowed(appeals.decide_appeal):
            assert self.order.refund_answered
            assert self.now < self.order.appeal_by
            self.appeals += 1
            due = _later(self.now, POLICY.appeal_answer_seconds)
            self.order = replace(self.order, appealed=True, appeal_due_at=due)

    @rule(grant=st.booleans())
    def decide(self, grant: bool):
        if self._allowed(appeals.decide_appeal_decision):
            if grant:
                self._refund(RefundReason.APPEAL_GRANTED)
            else:
                self.order = replace(self.order, appeal_decided=True)

    @rule(hours=st.sampled_from([1, 20, 30, 100, 400]))
    def wait(self, hours: int):
        self.now += timedelta(hours=hours)

    def _settle(self) -> Due:
        due = rules.decide_order_due(self.order, self.now)
        if due.refund is not None:
            self._refund(due.refund)
        elif due.remind:
            self.order = replace(self.order, reminded=True)
        elif due.remind_payment:
            self.order = replace(self.order, payment_remind_at=None)
        elif due.decline_appeal:
            self.order = replace(self.order, appeal_decided=True)
        elif due.close:
            self.order = replace(self.order, closed=True)
        return due

    @rule()
    def settle(self):
        self._settle()

    @invariant()
    def it_ends_once_and_an_appeal_is_made_once(self):
        if not hasattr(self, "order"):
            return
        assert len(self.ends) <= 1
        assert (self.order.status is OrderStatus.REFUNDED) == (len(self.ends) == 1)
        assert self.appeals <= 1
        assert self.broken <= len(self.ends)

    @invariant()
    def waiting_for_its_next_dates_ends_it(self):
        """At each deadline something is due, and after a few the order is closed, whatever state it is in."""
        if not hasattr(self, "order"):
            return
        kept = self.now, self.order, list(self.ends), self.broken
        for _ in range(8):
            date = rules.next_order_deadline(self.order)
            if date is None:
                break
            self.now = max(self.now, date)
            assert self._settle() != Due()
        assert self.order.closed
        self.now, self.order, self.ends, self.broken = kept


Life.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
