"""The ledger: the public rows of a store's trust, and the proof that its profile is nothing but their fold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from uuid import UUID

from domain.market.trust_fold import fold
from domain.market.trust_reasons import TrustComponent, TrustReason
from domain.market.trust_scores import TrustState, component_score, overall_score
from domain.platform.errors import DomainError

FORMULA_VERSION = 2


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


def reversal_inputs(of: TrustReason, rows: Iterable[RecordedTrustEvent], decays: int) -> dict[str, Any]:
    """The inputs of the fact that takes back what ``rows`` (all of one fact, none where it weighed nothing) brought.

    ``decays``: facts of TIME_DECAY with rows since. What is left of the evidence is taken, so what faded is not taken
    twice, and a unit that is bought, reviewed and refunded again and again earns nothing.
    """
    found = list(rows)
    return {
        "of": of.value,
        "sequence": min((row.sequence for row in found), default=0),
        "evidence": {row.component.value: [row.dr, row.ds] for row in found},
        "decays": decays if found else 0,
    }


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


@dataclass(slots=True)
class _Proved:
    """What the rows read so far say of each other: what later inputs claim about earlier facts is held against it."""

    facts: dict[int, tuple[TrustReason, dict[str, list[int]], int]] = field(default_factory=dict)
    reversed: set[int] = field(default_factory=set)
    unpaid: int = 0

    def note(self, rows: list[RecordedTrustEvent], generation: int) -> None:
        """A fact was found to be as its rows say, and left the store at this decay generation."""
        first = rows[0]
        evidence = {row.component.value: [row.dr, row.ds] for row in rows}
        self.facts[first.sequence] = (first.reason, evidence, generation)
        self.unpaid += first.inputs.get("paid") is False

    def contradictions(self, first: RecordedTrustEvent, generation: int) -> list[str]:
        """What a fact claims of those before it and is not so."""
        inputs = first.inputs
        if first.reason is TrustReason.ORDER_REFUNDED:
            earlier = inputs["sequence"]
            due = self.facts.get(earlier)
            claimed = (inputs["of"], inputs["evidence"], generation - inputs["decays"])
            found = [] if due == claimed else [f"takes back what sequence {earlier} did not bring"]
            if earlier in self.reversed:
                found.append(f"takes back sequence {earlier} again")
            self.reversed.add(earlier)
            return found
        if inputs.get("paid") is False and inputs.get("earlier_unpaid") != self.unpaid:
            return [f"counts {inputs.get('earlier_unpaid')} unpaid facts before it where {self.unpaid} weighed"]
        return []


def verify(events: Iterable[RecordedTrustEvent]) -> list[str]:
    """Recompute one store's rows, in order of sequence. Returns the breaches in words; none is proof."""
    breaches: list[str] = []
    seen: set[tuple[UUID | str, TrustReason]] = set()
    state, next_sequence, proved = TrustState.genesis(), 1, _Proved()
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
        breaches += [f"{name}: {contradiction}" for contradiction in proved.contradictions(first, state.generation)]
        proved.note(rows, state.generation)
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
