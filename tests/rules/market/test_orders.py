"""Orders: who may do what when, what each date brings about, and that every order comes to an end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import orders as rules
from domain.market.negotiation import BuyerStanding, ListingView
from domain.market.orders import Due, OrderState, SeenPrice
from domain.market.policy import MarketPolicy
from domain.market.states import DeliveryKind, ListingStatus, OfferStatus, OrderStatus, RefundReason, StoreStatus
from domain.platform.errors import DomainError
from tests.rules.market.test_negotiation import FREE, OPEN, chain, offer_id, put, refused

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PLACED = OrderState(
    status=OrderStatus.PLACED,
    delivery=DeliveryKind.SHIPPED,
    promised_at=T0 + 7 * DAY,
    remind_at=T0 + 5 * DAY,
    reminded=False,
    refund_requested=False,
    refund_answered=False,
    refund_answer_due_at=None,
    return_window_closes_at=None,
    closed=False,
)
DELIVERED = replace(PLACED, status=OrderStatus.DELIVERED, return_window_closes_at=T0 + 14 * DAY)
ASKED = replace(DELIVERED, refund_requested=True, refund_answer_due_at=T0 + 3 * DAY)
DECLINED = replace(ASKED, refund_answered=True)
REFUNDED = replace(PLACED, status=OrderStatus.REFUNDED, closed=True)
CLOSED = replace(DELIVERED, closed=True)
SEEN = SeenPrice(UUID(int=1), "USD")
days = st.integers(-1, 20).map(lambda n: T0 + n * DAY)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 20), st.none() | st.integers(0, 40_000))
def test_a_purchase_at_the_list_price(quantity: int, stock: int, cap: int | None):
    listing = replace(OPEN, stock=stock)
    buyer = BuyerStanding(committed_cents=500, spend_cap_cents=cap)
    code = refused(rules.decide_purchase, listing, buyer, quantity, SEEN)
    if quantity > stock:
        assert code == "listing.sold_out"
    elif cap is not None and 500 + quantity * 1_000 > cap:
        assert code == "limits.spend_cap"
    else:
        assert rules.decide_purchase(listing, buyer, quantity, SEEN) == quantity * 1_000


@settings(deadline=None)
@given(st.sampled_from(ListingStatus), st.sampled_from(StoreStatus))
def test_only_what_is_for_sale_is_bought(status: ListingStatus, store: StoreStatus):
    code = refused(rules.decide_purchase, ListingView(1_000, 5, status, store), FREE, 1, SEEN)
    assert (code is None) == (status is ListingStatus.ACTIVE and store is StoreStatus.ACTIVE)


prices = st.integers(1, 3_000)


@settings(deadline=None)
@given(prices, st.none() | prices, st.none() | prices, st.sampled_from([None, "USD", "EUR"]))
def test_nothing_is_bought_at_a_price_its_buyer_has_not_agreed_to(
    price: int, expected: int | None, lately: int | None, currency: str | None
):
    seen = SeenPrice(UUID(int=1), "USD", expected, currency, lately)
    code = refused(rules.decide_purchase, replace(OPEN, price_cents=price), FREE, 1, seen)
    if currency == "EUR" or (expected is not None and expected != price):
        assert code == "order.price_changed"
    elif expected is None and lately is not None and lately < price:
        assert code == "order.price_unseen"
    else:
        assert code is None


def test_a_refusal_for_the_price_tells_the_present_one():
    for seen, code in (
        (SeenPrice(UUID(int=1), "USD", 999), "changed"),
        (SeenPrice(UUID(int=1), "USD", None, None, 999), "unseen"),
    ):
        with pytest.raises(DomainError) as caught:
            rules.decide_purchase(OPEN, FREE, 1, seen)
        assert caught.value.code == f"order.price_{code}"
        assert caught.value.details == {"listing_id": UUID(int=1), "unit_price_cents": 1_000, "currency": "USD"}


def test_a_purchase_needs_evidence_and_the_refusal_says_how_to_get_it():
    rules.check_gating(has_evidence=True, listing_id=UUID(int=1), store_id=UUID(int=2))
    with pytest.raises(DomainError) as caught:
        rules.check_gating(has_evidence=False, listing_id=UUID(int=1), store_id=UUID(int=2))
    assert caught.value.code == "order.gating_unsatisfied"
    assert {way["type"] for way in caught.value.details["ways"]} == {
        "QUESTION_POSTED",
        "OFFER_MADE",
        "LOOKING_FOR_PARTICIPATION",
    }


@pytest.mark.parametrize("state", [PLACED, DELIVERED, ASKED, DECLINED, CLOSED])
def test_the_sellers_word_that_the_money_is_there_is_news_once(state: OrderState):
    assert rules.decide_confirm_payment(state, T0) is True
    assert rules.decide_confirm_payment(replace(state, paid=True), T0) is False


def test_what_was_paid_back_was_not_paid():
    assert refused(rules.decide_confirm_payment, REFUNDED, T0) == "order.refunded"


@settings(deadline=None)
@given(st.sampled_from(OfferStatus), st.booleans(), st.booleans(), st.integers(-2, 2))
def test_an_accepted_offer_is_bought_once_in_time_and_nothing_else_is(
    status: OfferStatus, spent: bool, held: bool, hours: int
):
    purchase_by = T0 + timedelta(hours=24) if held else None
    state = replace(put(chain(700, quantity=3), status=status, purchase_by=purchase_by), spent=spent)
    now = T0 + timedelta(hours=24 + hours)
    code = refused(rules.decide_offer_purchase, state, offer_id(1), FREE, now)
    if status is OfferStatus.ACCEPTED and spent:
        assert code == "order.offer_spent"
    elif status is OfferStatus.ACCEPTED and held:
        assert code == (None if hours < 0 else "order.purchase_window_passed")
    elif status is OfferStatus.EXPIRED and held:
        assert code == "order.purchase_window_passed"
    else:
        assert code == "order.offer_not_accepted"
    if code is None:
        assert rules.decide_offer_purchase(state, offer_id(1), FREE, now) == 2_100
    assert refused(rules.decide_offer_purchase, state, offer_id(9), FREE, now) == "offer.not_found"


def test_the_buyers_cap_holds_for_accepted_offers_too():
    state = put(chain(700), status=OfferStatus.ACCEPTED, purchase_by=T0 + DAY)
    assert refused(rules.decide_offer_purchase, state, offer_id(1), BuyerStanding(spend_cap_cents=699), T0) == (
        "limits.spend_cap"
    )


@settings(deadline=None)
@given(st.none() | st.integers(1, 10**7), st.floats(0.01, 0.99))
def test_a_reminder_precedes_the_promise(seconds: int | None, share: float):
    policy = MarketPolicy(delivery_reminder_share=share)
    dates = rules.order_dates(DeliveryKind.SHIPPED, seconds, T0, policy)
    assert dates.promised_at == T0 + timedelta(seconds=seconds or policy.promised_delivery_seconds)
    assert dates.remind_at is not None
    assert T0 < dates.remind_at < dates.promised_at
    assert rules.order_dates(DeliveryKind.INSTANT, seconds, T0, policy) == rules.Dates(None, None)


COMMANDS = {
    "deliver": rules.decide_deliver,
    "cancel": rules.decide_cancel,
    "decline": rules.decide_decline,
    "ask": rules.decide_request_refund,
    "answer": rules.decide_answer_refund,
}


_WAITS = dict.fromkeys(("deliver", "cancel", "decline"))
_DELIVERED = dict.fromkeys(_WAITS, "order.not_awaiting_delivery")


@pytest.mark.parametrize(
    ("order", "allowed"),
    [
        (PLACED, _WAITS | {"ask": "order.not_delivered", "answer": "order.no_refund_request"}),
        (DELIVERED, _DELIVERED | {"ask": None, "answer": "order.no_refund_request"}),
        (ASKED, _DELIVERED | {"ask": "order.refund_already_requested", "answer": None}),
        (DECLINED, _DELIVERED | {"ask": "order.refund_already_requested", "answer": "order.no_refund_request"}),
        (CLOSED, _DELIVERED | {"ask": "order.return_window_closed", "answer": "order.no_refund_request"}),
        (REFUNDED, dict.fromkeys(COMMANDS, "order.refunded")),
    ],
)
def test_each_state_allows_its_commands_and_names_the_reason_for_the_rest(
    order: OrderState, allowed: dict[str, str | None]
):
    assert {name: refused(decide, order, T0 + DAY) for name, decide in COMMANDS.items()} == allowed


def test_commands_after_their_date_are_refused_before_the_timer_fires():
    assert refused(rules.decide_deliver, PLACED, T0 + 7 * DAY) == "order.not_awaiting_delivery"
    assert refused(rules.decide_request_refund, DELIVERED, T0 + 14 * DAY) == "order.return_window_closed"
    # Late answers and late cancellations must not spare the merchant what the date brings about.
    assert refused(rules.decide_answer_refund, ASKED, T0 + 3 * DAY) == "order.refund_answer_late"
    assert refused(rules.decide_cancel, PLACED, T0 + 7 * DAY) == "order.overdue"
    assert refused(rules.decide_decline, PLACED, T0 + 7 * DAY) == "order.overdue"


@settings(deadline=None)
@given(days)
def test_what_each_date_brings_about(now: datetime):
    late, due = now >= T0 + 7 * DAY, now >= T0 + 5 * DAY
    missed = Due(refund=RefundReason.DELIVERY_MISSED)
    assert rules.decide_order_due(PLACED, now) == (missed if late else Due(remind=due))
    assert rules.decide_order_due(replace(PLACED, reminded=True), now) == (missed if late else Due())
    assert rules.decide_order_due(DELIVERED, now) == Due(close=now >= T0 + 14 * DAY)
    granted = Due(refund=RefundReason.NOT_ANSWERED)
    assert rules.decide_order_due(ASKED, now) == (granted if now >= T0 + 3 * DAY else Due())
    assert rules.decide_order_due(DECLINED, now) == Due(close=now >= T0 + 14 * DAY)
    assert rules.decide_order_due(REFUNDED, now) == Due()
    assert rules.decide_order_due(CLOSED, now) == Due()


UNPAID = replace(PLACED, payment_due_at=T0 + DAY, payment_remind_at=T0 + 0.75 * DAY)


@settings(deadline=None)
@given(st.booleans(), st.integers(0, 10 * 24).map(lambda n: T0 + timedelta(hours=n)), st.integers(1, 9))
def test_an_undelivered_order_ends_unpaid_or_past_its_promise_whichever_comes_first(
    paid: bool, now: datetime, promised: int
):
    order = replace(UNPAID, paid=paid, promised_at=T0 + promised * DAY / 2, remind_at=None, payment_remind_at=None)
    ends_unpaid = not paid and order.payment_due_at <= order.promised_at
    reason = RefundReason.NOT_PAID if ends_unpaid else RefundReason.DELIVERY_MISSED
    date = order.payment_due_at if ends_unpaid else order.promised_at
    assert rules.decide_order_due(order, now) == (Due(refund=reason) if now >= date else Due())
    assert rules.next_order_deadline(order) == date
    assert rules.stock_returns(reason)


def test_payment_is_reminded_of_once_and_only_while_it_is_awaited():
    now = T0 + 0.75 * DAY
    assert rules.next_order_deadline(UNPAID) == now
    assert rules.decide_order_due(UNPAID, now) == Due(remind_payment=True)
    assert rules.decide_order_due(replace(UNPAID, payment_remind_at=None), now) == Due()
    assert rules.decide_order_due(replace(UNPAID, paid=True), now) == Due()
    assert rules.next_order_deadline(replace(UNPAID, paid=True)) == UNPAID.remind_at


@pytest.mark.parametrize("paid", [False, True])
def test_a_promise_is_broken_by_what_the_seller_does_with_a_paid_order(paid: bool):
    broken = {reason for reason in RefundReason if rules.breaks_promise(reason, paid=paid)}
    assert broken == {RefundReason.DELIVERY_MISSED} | ({RefundReason.DECLINED_BY_SELLER} if paid else set())


def test_only_an_order_that_no_checkout_has_the_money_for_waits_for_payment():
    policy = MarketPolicy()
    open_, covered, instant = (
        rules.order_dates(kind, None, T0, policy, payment_authorized=authorized)
        for kind, authorized in (
            (DeliveryKind.SHIPPED, False), (DeliveryKind.SHIPPED, True), (DeliveryKind.INSTANT, False),
        )
    )  # fmt: skip
    assert (open_.payment_due_at, open_.payment_remind_at) == (T0 + DAY, T0 + 0.75 * DAY)
    assert covered == replace(open_, payment_due_at=None, payment_remind_at=None)
    assert instant == rules.Dates(None, None)


@settings(deadline=None)
@given(
    st.sampled_from([PLACED, replace(PLACED, reminded=True), DELIVERED, ASKED, DECLINED, UNPAID]), st.integers(1, 10)
)
def test_waiting_for_each_next_date_ends_every_order(order: OrderState, seconds: int):
    """The process's loop: at each deadline something is due, and after a few the order is closed."""
    for _ in range(4):
        date = rules.next_order_deadline(order)
        if date is None:
            break
        assert rules.decide_order_due(order, date - timedelta(seconds=seconds)) == Due()
        due = rules.decide_order_due(order, date)
        assert due != Due()
        assert [due.refund is not None, due.remind, due.remind_payment, due.close].count(True) == 1
        if due.remind:
            order = replace(order, reminded=True)
        elif due.remind_payment:
            order = replace(order, payment_remind_at=None)
        else:
            order = replace(order, closed=True, status=OrderStatus.REFUNDED if due.refund else order.status)
    assert order.closed
    assert rules.next_order_deadline(order) is None
