"""The fold: what one fact makes of a store's evidence. Most facts bring what their inputs say; three read the state."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.market.trust_inputs import TRUST_INPUTS_INVALID, OrderRefunded, PolicyUpdated, TimeDecay, parse_inputs
from domain.market.trust_reasons import TrustComponent, TrustDelta, TrustReason
from domain.market.trust_scores import PolicySlot, TrustState, faded
from domain.market.trust_weights import U


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


def _fold_refund(state: TrustState, inputs: OrderRefunded) -> list[TrustDelta]:
    """What is left of the evidence goes. There is always as much: fading a sum loses no more than fading its parts."""
    deltas = []
    for component, (r, s) in inputs.evidence.items():
        gone = TrustDelta(component, -faded(r, inputs.decays), -faded(s, inputs.decays))
        held = state.evidence[component]
        if held.r + gone.dr < 0 or held.s + gone.ds < 0:
            raise TRUST_INPUTS_INVALID.error("A refund takes back more evidence than there is.")
        deltas.append(gone)
    return [delta for delta in deltas if delta.dr or delta.ds]


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
    elif isinstance(parsed, OrderRefunded):
        after, deltas = state, _fold_refund(state, parsed)
    else:
        after, deltas = state, [delta for delta in parsed.deltas() if delta.dr or delta.ds]
    deltas.sort(key=lambda delta: list(TrustComponent).index(delta.component))
    for delta in deltas:
        after = after.plus(delta)
    return after, deltas
