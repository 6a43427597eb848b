"""Store trust: the fold of facts into evidence, and the ledger that proves it.

Guards the invariant that a trust profile is the fold of its public events from genesis, bit for bit: the
rows hold all a rule reads, ``verify`` recomputes every number in them, and no row holds the price of a
privately negotiated order. What moves trust is in ``trust_reasons``, weights in ``trust_weights``, each reason's worth
in ``trust_inputs``, evidence and scores in ``trust_scores``, the fold in ``trust_fold``, the rows in ``trust_ledger``;
callers import all of it from here.
"""

from domain.market.policy_checklist import PolicyField
from domain.market.trust_fold import fold
from domain.market.trust_inputs import TRUST_INPUTS_INVALID
from domain.market.trust_ledger import (
    FORMULA_VERSION,
    RecordedTrustEvent,
    record_fact,
    replay,
    reversal_inputs,
    verify,
)
from domain.market.trust_reasons import REVERSED_BY_REFUND, TrustComponent, TrustDelta, TrustReason
from domain.market.trust_scores import (
    PRIOR,
    RATING_COMPONENTS,
    WEIGHTS,
    Evidence,
    PolicySlot,
    TrustState,
    component_score,
    is_rated,
    overall_score,
    rank_score,
    wilson_rank,
)
from domain.market.trust_weights import U

__all__ = [
    "FORMULA_VERSION",
    "PRIOR",
    "RATING_COMPONENTS",
    "REVERSED_BY_REFUND",
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
    "reversal_inputs",
    "review_weight_cents",
    "verify",
    "wilson_rank",
]


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
