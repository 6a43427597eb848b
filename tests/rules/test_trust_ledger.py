"""The trust ledger: every history is exact, bounded and replayable, and a tampered row is found."""

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.market.policy import MarketPolicy
from domain.market.trust import (
    FORMULA_VERSION,
    Evidence,
    PolicyField,
    RecordedTrustEvent,
    TrustComponent,
    TrustReason,
    TrustState,
    U,
    component_score,
    overall_score,
    rank_score,
    record_fact,
    replay,
    verify,
    wilson_rank,
)

C, R = TrustComponent, TrustReason
V0 = MarketPolicy().trust_full_weight_cents  # type: ignore[call-arg,unused-ignore]
Fact = tuple[TrustReason, dict[str, Any]]

counts = st.integers(0, 12) | st.just(10**30)
stars = st.integers(1, 5)
BOOLS = st.booleans()
FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        lambda stars_, told, cents, k: (
            R.REVIEW_POSTED,
            {"rating": stars_, "as_described": told, "weight_cents": cents, "full_weight_cents": V0,
             "earlier_reviews": k},
        ),
        stars, st.none() | stars, st.integers(0, 3 * V0), counts,
    ),
    st.builds(
        lambda late, due, k: (
            R.MERCHANT_REPLIED_IN_THREAD,
            {"latency_ms": late, "deadline_ms": due, "earlier_questions": k},
        ),
        st.integers(0, 10**9), st.integers(1, 10**9), counts,
    ),
    st.builds(lambda k: (R.REPLY_MISSED, {"earlier_questions": k}), counts),
    st.builds(
        lambda fields: (R.POLICY_UPDATED, {"fields": fields}),
        st.dictionaries(st.sampled_from([f.value for f in PolicyField]), BOOLS, min_size=1),
    ),
    st.builds(
        lambda a, b, c: (
            R.PRICE_UPDATED, {"raised": a, "open_commitments": b, "penalised_recently": c}
        ),
        BOOLS, BOOLS, BOOLS,
    ),
    st.builds(lambda a: (R.PRODUCT_COPY_UPDATED, {"resolves_challenge": a}), BOOLS),
    st.builds(
        lambda a, b: (R.PRODUCT_COPY_UPDATED, {"undelivered_orders": a, "penalised_recently": b}),
        BOOLS, BOOLS,
    ),
    st.builds(lambda k: (R.OFFER_HONORED, {"earlier_honored": k}), counts),
    st.just((R.OFFER_BROKEN, {})),
    st.just((R.TIME_DECAY, {})),
    st.just((R.TIME_DECAY, {})),
)  # fmt: skip
HISTORIES = st.lists(FACTS, max_size=40)


def tell(facts: list[Fact], state: TrustState | None = None) -> tuple[TrustState, list[RecordedTrustEvent]]:
    state = state or TrustState.genesis()
    rows: list[RecordedTrustEvent] = []
    for number, (reason, inputs) in enumerate(facts):
        state, new = record_fact(state, f"fact-{number}", reason, inputs, len(rows) + 1)
        rows += new
    return state, rows


def review(rating: int = 5, earlier: int = 0, cents: int = V0, told: int | None = None) -> Fact:
    return R.REVIEW_POSTED, {
        "rating": rating,
        "as_described": told,
        "weight_cents": cents,
        "full_weight_cents": V0,
        "earlier_reviews": earlier,
    }


def policy(present: bool, *names: PolicyField) -> Fact:
    return R.POLICY_UPDATED, {"fields": {name.value: present for name in names or PolicyField}}


def score(state: TrustState, component: TrustComponent) -> int:
    return component_score(state.evidence[component])


# --- properties over random histories ------------------------------------------------------------------


@settings(max_examples=2000, deadline=None)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_every_history_is_exact_bounded_and_replayable(facts: list[Fact], shuffler: random.Random) -> None:
    state = TrustState.genesis()
    rows: list[RecordedTrustEvent] = []
    for number, (reason, inputs) in enumerate(facts):
        before = state
        state, new = record_fact(before, f"fact-{number}", reason, inputs, len(rows) + 1)
        rows += new
        assert bool(new) == (state != before), "a change is recorded, and nothing else"
        assert len({row.component for row in new}) == len(new)
        for component in C:
            assert state.evidence[component].r >= 0
            assert state.evidence[component].s >= 0
            assert 0 < score(state, component) < 100_000
            assert 0 <= wilson_rank(state.evidence[component]) < score(state, component)
        assert 0 < overall_score(state) < 100_000
        assert 0 < rank_score(state) < overall_score(state)
        slots = [slot.faded(state.generation) for slot in state.policy_slots.values()]
        held = state.evidence[C.POLICY]
        for total, parts in ((held.r, [r for r, _ in slots]), (held.s, [s for _, s in slots])):
            assert 0 <= total - sum(parts) <= 32, "slots and total part by rounding only"
            assert total <= 4 * U + 32

    assert replay(rows) == state
    assert verify(rows) == []
    last = 50_000
    for row in rows:
        assert row.score_before == last, "what is displayed adds up"
        last = row.score_after
    assert last == overall_score(state)

    shuffler.shuffle(rows)
    for component in C:
        mine = [row for row in rows if row.component is component]
        summed = Evidence(sum(row.dr for row in mine), sum(row.ds for row in mine))
        assert summed == state.evidence[component], "deltas sum to the profile in any order"
        moved = sum(row.component_after - row.component_before for row in mine)
        assert moved == component_score(summed) - 50_000


@given(HISTORIES)
def test_state_survives_json(facts: list[Fact]) -> None:
    state, _ = tell(facts)
    adapter = TypeAdapter(TrustState)
    assert adapter.validate_json(adapter.dump_json(state)) == state


@given(HISTORIES)
def test_folding_leaves_the_old_state_alone(facts: list[Fact]) -> None:
    genesis = TrustState.genesis()
    tell(facts, genesis)
    assert genesis == TrustState.genesis()


@settings(max_examples=300, deadline=None)
@given(st.lists(FACTS, min_size=1, max_size=15), st.data())
def test_any_tampered_row_is_found(facts: list[Fact], data: st.DataObject) -> None:
    _, rows = tell(facts)
    if not rows:
        return
    at = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(
        st.sampled_from(["sequence", "dr", "ds", "formula_version", "score_before", "score_after",
                         "component_before", "component_after"])
    )  # fmt: skip
    changed = replace(rows[at], **{column: getattr(rows[at], column) + data.draw(st.sampled_from([-1, 1]))})
    assert verify([*rows[:at], changed, *rows[at + 1 :]])
    if at < len(rows) - 1:
        assert verify(rows[:at] + rows[at + 1 :]), "a missing row leaves a gap"
    assert verify([*rows, rows[at]]), "a fact recorded twice"


def test_verify_names_the_breach() -> None:
    _, rows = tell([review(told=4), (R.OFFER_BROKEN, {})])
    assert [row.component for row in rows] == [C.PRODUCT, C.CLAIM, C.CLAIM]
    [breach] = verify([replace(rows[0], dr=999), *rows[1:]])
    assert breach == "fact fact-0 REVIEW_POSTED: dr of product is 999, recomputed 1000"
    lied = [replace(rows[0], inputs={**rows[0].inputs, "rating": 9}), *rows[1:]]
    assert "hold different inputs" in verify(lied)[0]
    assert "rating (less_than_equal)" in verify(lied)[1]
    half = verify([rows[0], replace(rows[2], sequence=2)])
    assert half[0] == "fact fact-0 REVIEW_POSTED: rows for ['product'] where ['product', 'claim'] are due"
    other = verify([replace(row, formula_version=FORMULA_VERSION + 1) for row in rows])
    assert "formula_version" in other[0]


def test_a_swap_of_fields_is_recorded_though_it_nets_to_zero() -> None:
    start = [policy(True, PolicyField.WARRANTY), policy(False, PolicyField.REFUND_RULE)]
    state, rows = tell([*start, (R.POLICY_UPDATED, {"fields": {"warranty": False, "refund_rule": True}})])
    assert (rows[-1].dr, rows[-1].ds) == (0, 0)
    assert replay(rows) == state
