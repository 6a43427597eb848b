"""Reviews: exactly the buyer of a delivered order, once and in time; each refusal says which rule."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market.reviews import decide_review
from domain.market.states import OrderStatus, ReviewWindowStatus
from tests.rules.market.test_negotiation import refused

T0 = datetime(2026, 1, 1, tzinfo=UTC)


@settings(deadline=None)
@given(
    st.sampled_from(OrderStatus),
    st.none() | st.sampled_from(ReviewWindowStatus),
    st.none() | st.just(T0 + timedelta(days=30)),
    st.integers(-31, 31),
)
def test_only_an_open_window_of_a_delivered_order_takes_a_review(
    order: OrderStatus, window: ReviewWindowStatus | None, closes_at: datetime | None, day: int
):
    now = T0 + timedelta(days=30 + day)
    code = refused(decide_review, order, window, closes_at, now)
    if order is OrderStatus.REFUNDED:
        assert code == "review.order_refunded"
    elif order is OrderStatus.PLACED or window is None or closes_at is None:
        assert code == "review.order_not_delivered"
    elif window is ReviewWindowStatus.REVIEWED:
        assert code == "review.already_posted"
    else:
        assert code == (None if window is ReviewWindowStatus.OPEN and day < 0 else "review.window_closed")
