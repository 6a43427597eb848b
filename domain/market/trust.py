"""Store trust: the fold of facts into evidence, and the ledger that proves it.

Guards the invariant that a trust profile is the fold of its public events from genesis, bit for bit: the
rows hold all a rule reads, ``verify`` recomputes every number in them, and no row holds the price of a
privately negotiated order. Evidence and scores are in ``trust_scores``, each reason's worth in
``trust_inputs``; callers import all of it from here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from uuid import UUID

from domain.market.policy_checklist import PolicyField
from domain.market.trust_inputs import (
    TRUST_INPUTS_INVALID,
    PolicyUpdated,
    TimeDecay,
    TrustComponent,
    TrustDelta,
    TrustReason,
    U,
    parse_inputs,
)
from domain.market.trust_scores import (
    PRIOR,
    RATING_COMPONENTS,
    WEIGHTS,
    Evidence,
    PolicySlot,
    TrustState,
    component_score,
    faded,
    is_rated,
    overall_score,
    rank_score,
    wilson_rank,
)
from domain.shared.errors import DomainError

__all__ = [
    "FORMULA_VERSION",
    "PRIOR",
    "RATING_COMPONENTS",
    "TRUST_INPUTS_INVALID",
    "WEIGHTS",
    "Evidence",
    "PolicyField",
    "PolicySlot",
    "RecordedTrustEvent",
    "TrustComponent",
    "TrustDelta",
    "TrustReason",
    "TrustState",
    "U",
    "component_score",
    "fold",
    "is_rated",
    "overall_score",
    "rank_score",
    "record_fact",
    "replay",
    "review_weight_cents",
    "verify",
    "wilson_rank",
]

FORMULA_VERSION = 1


def review_weight_cents(paid_cents: int, negotiated: bool, full_weight_cents: int) -> int:
    """The only amount a trust event may hold, in minor units, 0 to ``full_weight_cents`` (V0).

    List prices are public, so a list-price order weighs min(paid, V0). A negotiated order is rounded down
    to a quarter of V0 (never finer than 2), so its value stands for many amounts and the price agreed in
    private cannot be read off a public row. Raises ValueError for a negative amount or V0 below 1.
    """
    if paid_cents < 0 or full_weight_cents < 1:
        raise ValueError("paid_cents is at least 0 and full_weight_cents at least 1")
    capped = min(paid_cents, full_weight_cents)
    if not negotiated:
        return capped
    band = max(2, full_weight_cents // 4)
    return capped // band * band


def _fold_decay(state: TrustState) -> tuple[TrustState, list[TrustDelta]]:
    deltas = [
        TrustDelta(component, faded(e.r) - e.r, faded(e.s) - e.s)
        for component, e in state.evidence.items()
        if e.r or e.s
    ]
    return replace(state, generation=state.generation + 1) if deltas else state, deltas


def _fold_policy(state: TrustState, inputs: PolicyUpdated) -> tuple[TrustState, list[TrustDelta]]:
    """Each slot moves from its faded old value to its new one.

    The component never falls below zero: it holds at least the sum of its faded slots, because fading a
    sum loses no more to rounding than fading its parts. A net change of zero that moves slots (one field
    lost, another gained) is still recorded, or a replay could not know the slots.
    """
    slots = dict(state.policy_slots)
    dr = ds = 0
    for name, present in inputs.fields.items():
        old_r, old_s = slots.get(name, PolicySlot(0, 0, state.generation)).faded(state.generation)
        slots[name] = PolicySlot(U if present else 0, 0 if present else U, state.generation)
        dr += slots[name].r - old_r
        ds += slots[name].s - old_s
    if slots == state.policy_slots:
        return state, []
    return replace(state, policy_slots=slots), [TrustDelta(TrustComponent.POLICY, dr, ds)]


def fold(state: TrustState, reason: TrustReason, inputs: Mapping[str, Any]) -> tuple[TrustState, list[TrustDelta]]:
    """Fold one fact. Returns the new state and its deltas, at most one per component, in enum order.

    No delta means the state is unchanged, and the other way round. Raises DomainError
    TRUST_INPUTS_INVALID. That a fact is folded once is the caller's: unique (source event, reason).
    """
    parsed = parse_inputs(reason, inputs)
    if isinstance(parsed, PolicyUpdated):
        after, deltas = _fold_policy(state, parsed)
    elif isinstance(parsed, TimeDecay):
        after, deltas = _fold_decay(state)
    else:
        after, deltas = state, [delta for delta in parsed.deltas() if delta.dr or delta.ds]
    deltas.sort(key=lambda delta: list(TrustComponent).index(delta.component))
    for delta in deltas:
        after = after.plus(delta)
    return after, deltas


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTrustEvent:
    """One public row: evidence in milli-units, scores in milli-points, sequence from 1 per store."""

    sequence: int
    source_event_id: UUID | str
    reason: TrustReason
    component: TrustComponent
    dr: int
    ds: int
    formula_version: int
    inputs: Mapping[str, Any]
    score_before: int
    score_after: int
    component_before: int
    component_after: int


def record_fact(
    state: TrustState,
    source_event_id: UUID | str,
    reason: TrustReason,
    inputs: Mapping[str, Any],
    next_sequence: int,
) -> tuple[TrustState, list[RecordedTrustEvent]]:
    """Fold a fact into the rows to insert. Scores run from row to row, so they add up on display."""
    after, deltas = fold(state, reason, inputs)
    rows: list[RecordedTrustEvent] = []
    before = state
    for sequence, delta in enumerate(deltas, next_sequence):
        now = before.plus(delta)
        rows.append(
            RecordedTrustEvent(
                sequence=sequence,
                source_event_id=source_event_id,
                reason=reason,
                component=delta.component,
                dr=delta.dr,
                ds=delta.ds,
                formula_version=FORMULA_VERSION,
                inputs=dict(inputs),
                score_before=overall_score(before),
                score_after=overall_score(now),
                component_before=component_score(before.evidence[delta.component]),
                component_after=component_score(now.evidence[delta.component]),
            )
        )
        before = now
    return after, rows


def _facts(events: Iterable[RecordedTrustEvent]) -> Iterable[list[RecordedTrustEvent]]:
    for _, rows in groupby(events, key=lambda row: (row.source_event_id, row.reason)):
        yield list(rows)


def replay(events: Iterable[RecordedTrustEvent]) -> TrustState:
    """The state the recorded facts lead to, from genesis. Raises DomainError TRUST_INPUTS_INVALID."""
    state = TrustState.genesis()
    for rows in _facts(events):
        state, _ = fold(state, rows[0].reason, rows[0].inputs)
    return state


def verify(events: Iterable[RecordedTrustEvent]) -> list[str]:
    """Recompute one store's rows, in order of sequence. Returns the breaches in words; none is proof."""
    breaches: list[str] = []
    seen: set[tuple[UUID | str, TrustReason]] = set()
    state, next_sequence = TrustState.genesis(), 1
    for rows in _facts(events):
        first = rows[0]
        name = f"fact {first.source_event_id} {first.reason}"
        if (first.source_event_id, first.reason) in seen:
            breaches.append(f"{name}: recorded twice")
        seen.add((first.source_event_id, first.reason))
        for sequence, row in enumerate(rows, next_sequence):
            if row.sequence != sequence:
                breaches.append(f"{name}: sequence {row.sequence} where {sequence} is due")
                break
        next_sequence = rows[-1].sequence + 1
        if any(row.inputs != first.inputs for row in rows):
            breaches.append(f"{name}: rows of one fact hold different inputs")
        try:
            state, expected = record_fact(state, first.source_event_id, first.reason, first.inputs, first.sequence)
        except DomainError as refused:
            breaches.append(f"{name}: {refused.message}")
            continue
        breaches += _differences(name, expected, rows)
    return breaches


def _differences(name: str, expected: list[RecordedTrustEvent], rows: list[RecordedTrustEvent]) -> list[str]:
    due, found = [row.component for row in expected], [row.component for row in rows]
    if due != found:
        return [f"{name}: rows for {[*map(str, found)]} where {[*map(str, due)]} are due"]
    return [
        f"{name}: {column} of {row.component} is {getattr(row, column)}, recomputed {getattr(right, column)}"
        for right, row in zip(expected, rows, strict=True)
        for column in ("dr", "ds", "formula_version", "component_before", "component_after",
                       "score_before", "score_after")
        if getattr(row, column) != getattr(right, column)
    ]  # fmt: skip
