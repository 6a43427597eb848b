"""Trust: what each reason is worth, the scores, privacy, and the published price of an attack."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market.policy import MarketPolicy
from domain.market.trust import (
    FORMULA_VERSION,
    PRIOR,
    WEIGHTS,
    Evidence,
    PolicyField,
    TrustComponent,
    TrustDelta,
    TrustReason,
    TrustState,
    U,
    component_score,
    fold,
    is_rated,
    overall_score,
    rank_score,
    review_weight_cents,
    wilson_rank,
)
from domain.platform.errors import DomainError, ErrorKind
from tests.rules.market.histories import C, R, broken, misled, policy, resolved, review, score, tell

# --- the rules one by one ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "inputs", "expected"),
    [
        (*review(5), [(C.PRODUCT, 1000, 0)]),
        (*review(3), [(C.PRODUCT, 500, 500)]),
        (*review(1, told=2), [(C.PRODUCT, 0, 1000), (C.CLAIM, 250, 750)]),
        (*review(5, earlier=3), [(C.PRODUCT, 125, 0)]),
        (*review(4, cents=333), [(C.PRODUCT, 249, 84)]),
        (*review(5, earlier=10), []),
        (*review(5, cents=0), []),
        (R.MERCHANT_REPLIED_IN_THREAD, {"latency_ms": 0, "deadline_ms": 9, "earlier_questions": 0},
         [(C.SUPPORT, 1000, 0)]),
        (R.MERCHANT_REPLIED_IN_THREAD, {"latency_ms": 1, "deadline_ms": 3, "earlier_questions": 1},
         [(C.SUPPORT, 334, 166)]),
        (R.MERCHANT_REPLIED_IN_THREAD, {"latency_ms": 99, "deadline_ms": 9, "earlier_questions": 0},
         [(C.SUPPORT, 0, 1000)]),
        (R.REPLY_MISSED, {"earlier_questions": 2}, [(C.SUPPORT, 0, 250)]),
        (*policy(True), [(C.POLICY, 4000, 0)]),
        (R.POLICY_UPDATED, {"fields": {"warranty": False, "refund_rule": True}}, [(C.POLICY, 1000, 1000)]),
        (*review(5, paid=False), [(C.PRODUCT, 62, 0)]),
        (*review(1, earlier=1, told=5, paid=False), [(C.PRODUCT, 0, 31), (C.CLAIM, 31, 0)]),
        (*misled(R.PRICE_UPDATED), [(C.CLAIM, 0, 500)]),
        (*misled(R.PRICE_UPDATED, 1), [(C.CLAIM, 0, 250)]),
        (*misled(R.PRICE_UPDATED, paid=False), [(C.CLAIM, 0, 31)]),
        (*misled(R.PRICE_UPDATED, recently=True), []),
        (R.PRICE_UPDATED, {"raised": False, "open_commitments": True, "penalised_recently": False}, []),
        (*resolved(), [(C.CLAIM, 500, 0)]),
        (*resolved(2), [(C.CLAIM, 125, 0)]),
        (*resolved(0, 2), [(C.CLAIM, 125, 0)]),
        (*misled(R.PRODUCT_COPY_UPDATED), [(C.CLAIM, 0, 500)]),
        (*misled(R.PRODUCT_COPY_UPDATED, paid=False), [(C.CLAIM, 0, 31)]),
        (*misled(R.PRODUCT_COPY_UPDATED, recently=True), []),
        (R.PRODUCT_COPY_UPDATED, resolved()[1] | misled(R.PRODUCT_COPY_UPDATED)[1], [(C.CLAIM, 500, 500)]),
        (R.OFFER_HONORED, {"earlier_honored": 1}, [(C.CLAIM, 500, 0)]),
        (*broken(), [(C.CLAIM, 0, 2000)]),
        (*broken(2), [(C.CLAIM, 0, 500)]),
        (*broken(paid=False), [(C.CLAIM, 0, 62)]),
        (*broken(paid=False, record=2), [(C.CLAIM, 0, 250)]),
        (*broken(1, paid=False, record=1), [(C.CLAIM, 0, 62)]),
        (R.TIME_DECAY, {}, []),
    ],
)  # fmt: skip
def test_what_a_fact_is_worth(
    reason: TrustReason, inputs: dict[str, Any], expected: list[tuple[TrustComponent, int, int]]
) -> None:
    if inputs.get("paid") is False:
        inputs = inputs | {"earlier_unpaid": 0}
    _, deltas = fold(TrustState.genesis(), reason, inputs)
    assert deltas == [TrustDelta(*delta) for delta in expected]


@pytest.mark.parametrize(
    ("reason", "inputs"),
    [
        (R.REVIEW_POSTED, {}),
        (R.REVIEW_POSTED, review()[1] | {"rating": 6}),
        (R.REVIEW_POSTED, review()[1] | {"rating": "5"}),
        (R.REVIEW_POSTED, review()[1] | {"rating": True}),
        (R.REVIEW_POSTED, review()[1] | {"rating": 4.5}),
        (R.REVIEW_POSTED, review()[1] | {"paid_cents": 812}),
        (R.REVIEW_POSTED, review()[1] | {"full_weight_cents": 0}),
        (R.MERCHANT_REPLIED_IN_THREAD, {"latency_ms": -1, "deadline_ms": 9, "earlier_questions": 0}),
        (R.MERCHANT_REPLIED_IN_THREAD, {"latency_ms": 1, "deadline_ms": 0, "earlier_questions": 0}),
        (R.POLICY_UPDATED, {"fields": {}}),
        (R.POLICY_UPDATED, {"fields": {"kindness": True}}),
        (R.POLICY_UPDATED, {"fields": {"warranty": 1}}),
        (R.PRODUCT_COPY_UPDATED, {}),
        (R.PRODUCT_COPY_UPDATED, {"penalised_recently": False}),
        (R.REVIEW_POSTED, review(paid=False)[1]),
        (R.REVIEW_POSTED, review()[1] | {"earlier_unpaid": 0}),
        (R.REVIEW_POSTED, {key: value for key, value in review()[1].items() if key != "paid"}),
        (R.PRICE_UPDATED, {"raised": True, "open_commitments": True, "penalised_recently": False}),
        (R.PRICE_UPDATED, misled(R.PRICE_UPDATED)[1] | {"raised": False}),
        (R.PRODUCT_COPY_UPDATED, {"resolves_challenge": True}),
        (R.PRODUCT_COPY_UPDATED, misled(R.PRODUCT_COPY_UPDATED)[1] | {"same_edit": 0}),
        (R.OFFER_BROKEN, {}),
        (R.OFFER_BROKEN, broken(paid=False, record=3)[1] | {"earlier_unpaid": 0}),
        (R.ORDER_REFUNDED, {"of": "OFFER_BROKEN", "sequence": 1, "evidence": {}, "decays": 0}),
        (R.ORDER_REFUNDED, {"of": "REVIEW_POSTED", "sequence": 1, "evidence": {"product": [-5, 0]}, "decays": 0}),
        (R.ORDER_REFUNDED, {"of": "REVIEW_POSTED", "sequence": 1, "evidence": {"product": [5, 0]}, "decays": 0}),
        (R.OFFER_BROKEN, broken()[1] | {"amount": 812}),
        (R.TIME_DECAY, {"days": 30}),
    ],
)
def test_inputs_that_do_not_fit_are_a_typed_error(reason: TrustReason, inputs: Mapping[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        fold(TrustState.genesis(), reason, inputs)
    assert (refused.value.code, refused.value.kind) == ("TRUST_INPUTS_INVALID", ErrorKind.INVALID)
    assert "812" not in f"{refused.value.message}{refused.value.details}", "inputs are named, never quoted"


def test_a_thousand_policy_edits_equal_one() -> None:
    edits = [policy(number % 2 == 1) for number in range(1000)]
    assert tell(edits)[0] == tell([policy(True)])[0]
    assert len(tell([policy(True)] * 1000)[1]) == 1, "an edit that changes no field leaves no row"


def test_a_slot_fades_and_an_edit_refreshes_it() -> None:
    state, _ = tell([policy(True, PolicyField.WARRANTY), (R.TIME_DECAY, {}), (R.TIME_DECAY, {})])
    assert state.evidence[C.POLICY] == Evidence(765, 0)
    _, [delta] = fold(state, *policy(True, PolicyField.WARRANTY))
    assert (delta.dr, delta.ds) == (235, 0)
    _, [delta] = fold(state, *policy(False, PolicyField.WARRANTY))
    assert (delta.dr, delta.ds) == (-765, 1000)


def test_evidence_halves_in_about_156_days() -> None:
    state, _ = tell([review(earlier=0)] * 1000)
    start, months = state.evidence[C.PRODUCT].r, 0
    last = start
    while state.evidence[C.PRODUCT].r > start / 2:
        last = state.evidence[C.PRODUCT].r
        state, _ = fold(state, R.TIME_DECAY, {})
        months += 1
    within = math.log(last * 2 / start) / math.log(last / state.evidence[C.PRODUCT].r)
    period = MarketPolicy().trust_decay_seconds / 86_400  # type: ignore[call-arg,unused-ignore]
    assert 155.5 < (months - 1 + within) * period < 156.5


@given(st.integers(1, 10**8))
def test_decay_ends_at_nothing_and_then_leaves_no_row(amount: int) -> None:
    state = TrustState.genesis().plus(TrustDelta(C.CLAIM, amount, 0))
    for _ in range(200):
        state, _ = fold(state, R.TIME_DECAY, {})
    assert state.evidence[C.CLAIM] == Evidence()
    assert fold(state, R.TIME_DECAY, {}) == (state, [])


def test_evidence_refuses_to_be_negative() -> None:
    with pytest.raises(ValueError, match="never negative"):
        Evidence(-1, 0)
    with pytest.raises(ValueError, match="every component"):
        TrustState({C.CLAIM: Evidence()})


# --- scores --------------------------------------------------------------------------------------------

AMOUNTS = st.integers(0, 199_995 * U)


@given(AMOUNTS, AMOUNTS)
def test_scores_stay_strictly_inside(r: int, s: int) -> None:
    assert 0 < component_score(Evidence(r, s)) < 100_000
    assert 0 < overall_score(TrustState({c: Evidence(r, s) for c in C})) < 100_000
    assert component_score(Evidence(r + U, s)) >= component_score(Evidence(r, s))


@given(AMOUNTS, AMOUNTS)
def test_wilson_rank_is_the_floor_of_the_textbook_bound(r: int, s: int) -> None:
    with localcontext() as context:
        context.prec = 80
        z, total = Decimal("1.28"), Decimal(2 * PRIOR + r + s)
        p, n = (PRIOR + r) / total, total / U
        spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).sqrt()
        bound = 100_000 * (p + z * z / (2 * n) - spread) / (1 + z * z / n)
        assert wilson_rank(Evidence(r, s)) == int(bound)


def test_rank_prefers_the_proven() -> None:
    few, many = TrustState.genesis(), TrustState.genesis()
    for component in C:
        few = few.plus(TrustDelta(component, 3 * U, 0))
        many = many.plus(TrustDelta(component, 40 * U, 20 * U))
    assert overall_score(few) > overall_score(many)
    assert rank_score(few) < rank_score(many)


def test_rated_from_three_units_on() -> None:
    state = TrustState.genesis()
    assert not is_rated(state)
    assert not is_rated(state.plus(TrustDelta(C.POLICY, 4 * U, 0)))  # a store's own words rate nobody
    state = state.plus(TrustDelta(C.PRODUCT, 2 * U, 0)).plus(TrustDelta(C.CLAIM, 0, U - 1))
    assert not is_rated(state)
    assert is_rated(state.plus(TrustDelta(C.SUPPORT, 1, 0)))


# --- privacy -------------------------------------------------------------------------------------------


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_list_price_orders_weigh_what_they_paid_up_to_full(paid: int, full: int) -> None:
    assert review_weight_cents(paid, False, full) == min(paid, full)


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_a_negotiated_amount_is_one_of_many(paid: int, full: int) -> None:
    weight = review_weight_cents(paid, True, full)
    assert 0 <= weight <= min(paid, full)
    if full >= 8:
        assert weight % (full // 4) == 0
        assert min(paid, full) - weight < full // 4
    if full >= 2:
        alike = [p for p in (paid - 1, paid + 1) if p >= 0 and review_weight_cents(p, True, full) == weight]
        assert alike, "another amount gives the same public number"


def test_the_bands_of_the_default() -> None:
    assert {review_weight_cents(paid, True, 1000) for paid in range(3000)} == {0, 250, 500, 750, 1000}
    for paid, full in ((-1, 1000), (5, 0)):
        with pytest.raises(ValueError, match="at least"):
            review_weight_cents(paid, True, full)


# --- the published attack price ------------------------------------------------------------------------

PUBLISHED = Path(__file__).parents[3].joinpath("docs", "trust.md").read_text(encoding="utf-8")


def points(milli: int) -> str:
    """Cut, not rounded, to one decimal: the document never promises more than the formula gives."""
    return f"{milli // 100 / 10:g}"


def bought(buyers: int, rating: int = 5) -> TrustState:
    return tell([review(rating, told=rating)] * buyers)[0]


def test_the_attack_price_table_is_what_the_formula_gives() -> None:
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PUBLISHED, re.MULTILINE)
    assert [int(row[0]) for row in rows] == [1, 3, 8, 16, 36]
    for buyers, product, overall, staged, smeared in rows:
        state = bought(int(buyers))
        assert product == points(score(state, C.PRODUCT))
        assert overall == points(overall_score(state))
        assert staged == points(overall_score(fold(state, *policy(True))[0]))
        assert smeared == points(score(bought(int(buyers), rating=1), C.PRODUCT))
    assert [row[1] for row in rows] == ["60", "71.4", "83.3", "90", "95"]


def test_one_buyer_with_fifty_orders_is_worth_two_at_most() -> None:
    state, rows = tell([review(5, earlier=number) for number in range(50)])
    assert points(score(state, C.PRODUCT)) == "66.6"
    assert state.evidence[C.PRODUCT].r == 1994 < 2 * U
    assert len(rows) == 10
    assert "66.6" in PUBLISHED


def test_every_reason_and_constant_is_documented() -> None:
    for reason in R:
        assert f"`{reason.value}`" in PUBLISHED
    assert f"version {FORMULA_VERSION}" in PUBLISHED
    assert sum(WEIGHTS.values()) == 100
    assert "40" in PUBLISHED
