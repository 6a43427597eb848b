"""The trust ledger: every history is exact, bounded and replayable, and a tampered row is found."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.market.trust import (
    FORMULA_VERSION,
    Evidence,
    PolicyField,
    TrustState,
    U,
    component_score,
    overall_score,
    rank_score,
    replay,
    verify,
    wilson_rank,
)
from tests.rules.market.histories import (
    V0,
    C,
    Fact,
    History,
    R,
    broken,
    misled,
    policy,
    refund,
    resolved,
    review,
    score,
    tell,
)

counts = st.integers(0, 12) | st.just(10**30)
stars = st.integers(1, 5)
BOOLS = st.booleans()
FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        lambda stars_, told, cents, k, paid: (
            R.REVIEW_POSTED,
            {"rating": stars_, "as_described": told, "weight_cents": cents, "full_weight_cents": V0,
             "earlier_reviews": k, "paid": paid},
        ),
        stars, st.none() | stars, st.integers(0, 3 * V0), counts, BOOLS,
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
        lambda a: (R.PRICE_UPDATED, {"raised": a, "open_commitments": not a, "penalised_recently": False}), BOOLS
    ),
    st.builds(
        lambda reason, k, paid, recently: misled(reason, k, paid=paid, recently=recently),
        st.sampled_from([R.PRICE_UPDATED, R.PRODUCT_COPY_UPDATED]), counts, BOOLS, BOOLS,
    ),
    st.builds(resolved, counts, counts),
    st.builds(lambda k: (R.OFFER_HONORED, {"earlier_honored": k}), counts),
    st.builds(lambda k, paid, record: broken(k, paid=paid, record=record), counts, BOOLS, st.integers(0, 2)),
    st.builds(refund, st.integers(0, 50)),
    st.just((R.TIME_DECAY, {})),
    st.just((R.TIME_DECAY, {})),
)  # fmt: skip
HISTORIES = st.lists(FACTS, max_size=40)


# --- properties over random histories ------------------------------------------------------------------


@pytest.mark.slow(seconds=10)
@settings(max_examples=2000, deadline=None)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_every_history_is_exact_bounded_and_replayable(facts: list[Fact], shuffler: random.Random) -> None:
    history = History()
    for reason, inputs in facts:
        before = history.state
        new = history.tell(reason, inputs)
        state, rows = history.state, history.rows
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

    state, rows = history.state, history.rows
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


@pytest.mark.slow(seconds=3)
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
    _, rows = tell([review(told=4), broken()])
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


# --- what a refund takes back --------------------------------------------------------------------------


@pytest.mark.slow(seconds=3)
@settings(max_examples=300, deadline=None)
@given(HISTORIES, st.integers(1, 12))
def test_what_is_bought_reviewed_and_refunded_again_and_again_earns_nothing(facts: list[Fact], times: int) -> None:
    """One unit goes round: whatever the store's past, its evidence is what it would be without."""
    honest, cycled = History(), History()
    for reason, inputs in facts:
        if reason is not R.ORDER_REFUNDED:
            honest.tell(reason, inputs)
            cycled.tell(reason, inputs)
    for number in range(times):
        for fact in (review(told=5, earlier=number), (R.OFFER_HONORED, {"earlier_honored": number}), resolved(number)):
            cycled.tell(*fact)
        while len(cycled.standing) > len(honest.standing):
            cycled.tell(*refund(len(cycled.standing) - 1))
    assert cycled.state == honest.state
    assert verify(cycled.rows) == []


@pytest.mark.slow(seconds=3)
@settings(max_examples=300, deadline=None)
@given(st.lists(FACTS, max_size=15), st.integers(0, 12), st.integers(1, 5), st.booleans())
def test_a_refund_takes_what_is_left_and_no_more(facts: list[Fact], decays: int, rating: int, paid: bool) -> None:
    with_it, without = History(), History()
    for history in (with_it, without):
        for fact in facts:
            if fact[1].get("paid") is not False:
                history.tell(*fact)
    with_it.tell(*review(rating, told=6 - rating, paid=paid))
    place = len(with_it.standing) - 1
    for _ in range(decays):
        with_it.tell(R.TIME_DECAY, {})
        without.tell(R.TIME_DECAY, {})
    with_it.tell(*refund(place))
    for component in C:
        kept, clean = with_it.state.evidence[component], without.state.evidence[component]
        # Rounding once per decay, in favour of what stays: never below what the others brought.
        assert 0 <= kept.r - clean.r <= decays
        assert 0 <= kept.s - clean.s <= decays
    assert verify(with_it.rows) == []


def test_a_false_refund_is_found() -> None:
    _, rows = tell([review(told=5), review(earlier=1), (R.TIME_DECAY, {}), refund(0)])
    taken = [row for row in rows if row.reason is R.ORDER_REFUNDED]
    assert [(row.component, row.dr) for row in taken] == [(C.PRODUCT, -875), (C.CLAIM, -875)]
    for lie in ({"sequence": 3}, {"decays": 2}, {"of": "OFFER_HONORED"}, {"evidence": {"product": [400, 0]}}):
        forged = [row if row not in taken else replace(row, inputs=row.inputs | lie) for row in rows]
        assert any("did not bring" in breach for breach in verify(forged)), lie
    history = History()
    for fact in (review(), review(earlier=1), refund(0)):
        history.tell(*fact)
    history.tell(R.ORDER_REFUNDED, dict(history.rows[-1].inputs) | {"evidence": {"product": [400, 0]}})
    assert "takes back sequence 1 again" in " ".join(verify(history.rows))
    more = replace(rows[-1], inputs=rows[-1].inputs | {"evidence": {"claim": [9_000, 0]}})
    assert "more evidence than there is" in " ".join(verify([*rows[:-2], more]))


def test_a_false_count_of_unpaid_facts_is_found() -> None:
    _, rows = tell([review(1, paid=False), review(1, paid=False)])
    assert [row.inputs["earlier_unpaid"] for row in rows] == [0, 1]
    _, [heavier] = tell([review(1, paid=False)])
    forged = [rows[0], replace(heavier, sequence=2, source_event_id="another")]
    assert any("counts 0 unpaid facts before it where 1 weighed" in breach for breach in verify(forged))


# --- bounds --------------------------------------------------------------------------------------------

UNPAID: st.SearchStrategy[Fact] = st.one_of(
    st.builds(lambda stars_, k, told: review(stars_, k, told=told, paid=False), stars, counts, st.none() | stars),
    st.builds(
        lambda reason, k: misled(reason, k, paid=False),
        st.sampled_from([R.PRICE_UPDATED, R.PRODUCT_COPY_UPDATED]), counts,
    ),
    st.builds(lambda k, record: broken(k, paid=False, record=record), counts, st.integers(0, 2)),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(UNPAID, max_size=60))
def test_all_that_is_said_without_payment_is_worth_less_than_half_a_unit(facts: list[Fact]) -> None:
    state, _ = tell(facts)
    for component in C:
        assert state.evidence[component].r + state.evidence[component].s < U // 2
    nobodys = [(reason, inputs | ({"buyer_record": 0} if "buyer_record" in inputs else {})) for reason, inputs in facts]
    state, _ = tell(nobodys)
    for component in C:
        assert state.evidence[component].r + state.evidence[component].s < U // 8


COUNTED = {
    "review": lambda k: review(5, k, told=5),
    "broken promise": broken,
    "broken promise, unpaid": lambda k: broken(k, paid=False, record=2),
    "raised price": lambda k: misled(R.PRICE_UPDATED, k),
    "changed copy": lambda k: misled(R.PRODUCT_COPY_UPDATED, k),
    "resolved challenge": resolved,
    "many challenges in one edit": lambda k: resolved(0, k),
    "honored offer": lambda k: (R.OFFER_HONORED, {"earlier_honored": k}),
    "answer": lambda k: (
        R.MERCHANT_REPLIED_IN_THREAD, {"latency_ms": 1, "deadline_ms": 2, "earlier_questions": k},
    ),
    "missed answer": lambda k: (R.REPLY_MISSED, {"earlier_questions": k}),
}  # fmt: skip


@pytest.mark.parametrize("what", COUNTED)
def test_every_reason_is_bounded_per_customer(what: str) -> None:
    """A thousand of a kind by one customer weigh less than twice what the first one does."""
    one, _ = tell([COUNTED[what](0)])
    many, _ = tell([COUNTED[what](k) for k in range(1_000)])
    for component in C:
        first, all_of_them = one.evidence[component], many.evidence[component]
        assert all_of_them.r <= 2 * first.r
        assert all_of_them.s <= 2 * first.s
