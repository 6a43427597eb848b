"""Automatic answers: margins never cost the merchant, draws stay the same, and only a buyer's first bids count."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from domain.market import automatic_answers as rules
from domain.market import negotiation
from domain.market.automatic_answers import BidRecord, Draws, Side
from domain.market.negotiation import MerchantLimits
from domain.market.policy import MarketPolicy
from domain.market.states import Party
from tests.rules.market.test_negotiation import FREE, OPEN, T0, chain, offer_id

POLICY = MarketPolicy()
DRAWS = Draws(b"a secret")
cents = st.none() | st.integers(1, 1_200)
limits = st.builds(MerchantLimits, floor_cents=cents, auto_accept_cents=cents, auto_decline_cents=cents)
margins = st.floats(0, 2)
ids = st.uuids()


def number(value: int) -> UUID:
    return UUID(int=value)


@settings(deadline=None)
@given(st.integers(1, 1_000), limits, margins, margins)
@example(500, MerchantLimits(floor_cents=600, auto_accept_cents=400), 0.0, 0.0)
@example(500, MerchantLimits(auto_accept_cents=500, auto_decline_cents=500), 0.0, 0.0)
def test_a_margin_is_never_at_the_merchants_cost(bid: int, merchant: MerchantLimits, accept: float, decline: float):
    answer = rules.decide_automatic_answer(bid, merchant, accept, decline)
    if answer is True:
        assert merchant.auto_accept_cents is not None
        assert bid >= max(merchant.auto_accept_cents, merchant.floor_cents or 0)
        # What a threshold accepts, the merchant could have accepted by hand.
        by_hand = negotiation.decide_accept(chain(bid), Party.SELLER, offer_id(1), 1, OPEN, merchant, FREE, T0)
        assert by_hand is None
    elif answer is False:
        assert merchant.auto_decline_cents is not None
        assert bid <= merchant.auto_decline_cents
        # Then a merchant could have declined it by hand too: the same status and the same reason.
        negotiation.decide_reject(chain(bid), Party.SELLER, offer_id(1), T0)


@settings(deadline=None)
@given(st.integers(1, 1_000), cents, cents, cents, margins, margins)
def test_bids_within_the_margins_are_left_to_the_merchant(
    bid: int, floor: int | None, accept: int | None, decline: int | None, above: float, below: float
):
    assume(accept is None or ((floor is None or floor <= accept) and (decline is None or decline < accept)))
    answer = rules.decide_automatic_answer(bid, MerchantLimits(floor, accept, decline), above, below)
    if accept is not None and bid >= rules.accepts_from(accept, above):
        assert answer is True
    elif decline is not None and bid <= rules.declines_to(decline, below):
        assert answer is False
    else:
        assert answer is None


def test_without_a_margin_the_threshold_itself_answers():
    assert (rules.accepts_from(1_200, 0), rules.declines_to(900, 0)) == (1_200, 900)
    # By hand: 1 000 · e^0.1 = 1 105.17, and 1 000 · e^-0.1 = 904.84.
    assert (rules.accepts_from(1_000, 0.1), rules.declines_to(1_000, 0.1)) == (1_106, 904)


@settings(deadline=None)
@given(ids, ids, st.sampled_from(Side))
def test_a_margin_stays_within_its_widths_and_is_drawn_once(merchant: UUID, buyer: UUID, side: Side):
    margin = DRAWS.margin(merchant, buyer, side, POLICY)
    assert 0 <= margin < POLICY.auto_answer_merchant_margin + POLICY.auto_answer_pair_margin
    assert margin == Draws(b"a secret").margin(merchant, buyer, side, POLICY)
    alone = POLICY.model_copy(update={"auto_answer_pair_margin": 0.0})
    # The merchant's own part is the same for every buyer.
    assert DRAWS.margin(merchant, buyer, side, alone) == DRAWS.margin(merchant, number(1), side, alone)
    assert Draws(b"another").margin(merchant, buyer, side, POLICY) != margin


def _moments(values: list[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)


def test_the_margins_have_the_densities_the_bound_is_computed_from():
    """Uniform for merchants: mean 1/2, variance 1/12. Median of five for buyers: 1/2 and 1/28."""
    many = 20_000
    of_merchants = POLICY.model_copy(update={"auto_answer_merchant_margin": 1.0, "auto_answer_pair_margin": 0.0})
    of_pairs = POLICY.model_copy(update={"auto_answer_merchant_margin": 0.0, "auto_answer_pair_margin": 1.0})
    one = number(1)
    common = [DRAWS.margin(number(n), one, Side.ACCEPT, of_merchants) for n in range(many)]
    pair = [DRAWS.margin(one, number(n), Side.ACCEPT, of_pairs) for n in range(many)]
    for found, variance in ((common, 1 / 12), (pair, 1 / 28)):
        assert _moments(found)[0] == pytest.approx(1 / 2, abs=0.01)
        assert _moments(found)[1] == pytest.approx(variance, rel=0.05)
    # Low near both ends: of median-of-five draws one in a thousand is below 0.047, of uniform ones every twentieth.
    assert sum(value < 0.047 for value in pair) / many == pytest.approx(0.001, abs=0.0007)
    assert sum(value > 0.953 for value in pair) / many == pytest.approx(0.001, abs=0.0007)
    # The two sides tell nothing of each other, nor does the common part of the pair's.
    other = [DRAWS.margin(one, number(n), Side.DECLINE, of_pairs) for n in range(many)]
    assert _correlation(pair, other) == pytest.approx(0, abs=0.03)
    both = [DRAWS.margin(number(n), number(n), Side.ACCEPT, of_pairs) for n in range(many)]
    assert _correlation(common, both) == pytest.approx(0, abs=0.03)


def _correlation(first: list[float], second: list[float]) -> float:
    (a, va), (b, vb) = _moments(first), _moments(second)
    return sum((x - a) * (y - b) for x, y in zip(first, second, strict=True)) / len(first) / math.sqrt(va * vb)


def _largest_gap(first: list[float], second: list[float]) -> float:
    """The Kolmogorov-Smirnov statistic of two samples without ties."""
    both = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    counts, gap = [0, 0], 0.0
    for _, which in both:
        counts[which] += 1
        gap = max(gap, abs(counts[0] / len(first) - counts[1] / len(second)))
    return gap


def test_an_accept_and_a_decline_come_after_delays_drawn_alike():
    """Two samples, Kolmogorov-Smirnov: beyond 1.95 · sqrt(2/n) by chance once in a thousand times."""
    many = 2_000
    drawn: dict[bool | None, list[float]] = {True: [], False: [], None: []}
    thresholds = MerchantLimits(auto_accept_cents=700, auto_decline_cents=300)
    for n in range(3 * many):
        price = (100, 500, 900)[n % 3]
        answer = rules.decide_automatic_answer(price, thresholds, 0.1, 0.1)
        drawn[answer].append((DRAWS.answer_date(number(n), T0, POLICY) - T0).total_seconds())
    critical = 1.95 * math.sqrt(2 / many)
    assert {answer: len(found) for answer, found in drawn.items()} == {True: many, False: many, None: many}
    assert _largest_gap(drawn[True], drawn[False]) < critical
    assert _largest_gap(drawn[True], drawn[None]) < critical
    # Seen by the same test: an answer that comes in half the time.
    assert _largest_gap(drawn[True], [seconds * 0.5 for seconds in drawn[False]]) > critical
    least, most = POLICY.auto_answer_min_seconds, POLICY.auto_answer_max_seconds
    assert all(least <= seconds <= most for seconds in drawn[True])
    # As many within each magnitude: half of them before the geometric mean, three minutes and ten seconds.
    assert sum(seconds < math.sqrt(least * most) for seconds in drawn[True]) / many == pytest.approx(0.5, abs=0.04)


def test_a_date_depends_on_the_offer_and_on_since_when_alone():
    since = datetime(2026, 11, 1, tzinfo=UTC)
    date = DRAWS.answer_date(number(1), since, POLICY)
    assert date == Draws(b"a secret").answer_date(number(1), since, POLICY)
    assert date != DRAWS.answer_date(number(2), since, POLICY)
    later = since + timedelta(hours=5)
    # Held up, it waits anew, and not for the same time.
    assert later < DRAWS.answer_date(number(1), later, POLICY) != date + timedelta(hours=5)
    assert not rules.was_held_up(date, date + timedelta(seconds=5))
    assert rules.was_held_up(date, date + timedelta(seconds=6))


def test_bounds_that_are_the_wrong_way_round_wait_for_the_longer():
    policy = MarketPolicy(auto_answer_min_seconds=20, auto_answer_max_seconds=10)
    assert DRAWS.answer_date(number(1), T0, policy) == T0 + timedelta(seconds=20)


@pytest.mark.parametrize(
    ("record", "considered"),
    [
        (BidRecord(), True),
        (BidRecord(on_listing=1), False),
        (BidRecord(in_store=2), True),
        (BidRecord(in_store=3), False),
        (BidRecord(on_listing=2, in_store=9, customer=True), True),
        (BidRecord(on_listing=3, in_store=3, customer=True), False),
        (BidRecord(in_store=10, customer=True), False),
    ],
)
def test_only_the_first_bids_are_considered(record: BidRecord, considered: bool):
    assert rules.is_considered(record, POLICY) is considered


def test_who_was_never_a_customer_gets_fewer():
    for record in (BidRecord(a, b) for a in range(5) for b in range(a, 12)):
        if rules.is_considered(record, POLICY):
            assert rules.is_considered(replace(record, customer=True), POLICY)


def test_limits_answer_bids_that_were_made_under_them():
    made = T0 + timedelta(hours=1)
    assert rules.may_answer(MerchantLimits(auto_accept_cents=1, changed_at=T0), made)
    assert rules.may_answer(MerchantLimits(auto_decline_cents=1, changed_at=made), made)
    assert not rules.may_answer(MerchantLimits(auto_accept_cents=1, changed_at=made + timedelta(seconds=1)), made)
    assert not rules.may_answer(MerchantLimits(floor_cents=1, changed_at=T0), made)
