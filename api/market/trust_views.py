"""What the market shows of trust: profiles, events and patch notes, so that anyone can check the score."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from api.market.views import NOW, uid
from api.platform.schemas import ResponseModel, example
from db.market.tables import TrustProfile
from db.market.trust import COMPONENTS, state_of
from db.platform.reading import Row
from domain.market.trust import (
    FORMULA_VERSION,
    Evidence,
    TrustComponent,
    TrustReason,
    TrustState,
    component_score,
    overall_score,
)

UPDATE = {
    "store_update_id": uid(0x80),
    "store_id": uid(0x20),
    "created_by_agent_id": uid(2),
    "update_type": "PRICE_UPDATED",
    "field_name": "price_cents",
    "old_value": "4500",
    "new_value": "4200",
    "reason": "The paper got cheaper.",
    "created_at": NOW,
    "linked_listing_id": uid(0x40),
    "linked_product_id": uid(0x30),
    "linked_thread_id": None,
}
_SCORES = {
    "overall_score": 55.625,
    "product_satisfaction_score": 60.0,
    "claim_accuracy_score": 50.0,
    "support_responsiveness_score": 55.5,
    "policy_clarity_score": 50.0,
}
PROFILE = {
    "store_id": uid(0x20),
    **_SCORES,
    "overall_milli": 55_625,
    "rank_milli": 31_200,
    "rated": False,
    "components": [{"component": "product", "score_milli": 60_000, "evidence_r": 1_000, "evidence_s": 0}],
    "policy_slots": {"returns_window": {"r": 1000, "s": 0, "generation": 0}},
    "sequence": 3,
    "last_updated_at": NOW,
    "decay_due_at": "2026-02-04T10:00:00Z",
}
TRUST_EVENT = {
    "trust_event_id": uid(0x90),
    "store_id": uid(0x20),
    "sequence": 3,
    "timestamp": NOW,
    "reason": "MERCHANT_REPLIED_IN_THREAD",
    "component": "support",
    "source_event_id": uid(0x60),
    "delta_r": 990,
    "delta_s": 10,
    "formula_version": FORMULA_VERSION,
    "inputs": {"latency_ms": 864_000, "deadline_ms": 86_400_000, "earlier_questions": 0},
    "delta_overall": 1.96,
    "delta_product_satisfaction": 0.0,
    "delta_claim_accuracy": 0.0,
    "delta_support_responsiveness": 9.8,
    "delta_policy_clarity": 0.0,
    "component_before_milli": 50_000,
    "component_after_milli": 59_800,
    "overall_before_milli": 50_000,
    "overall_after_milli": 51_960,
    "linked_thread_id": uid(0x50),
    "linked_order_id": None,
    "linked_review_id": None,
}


class UpdateOut(ResponseModel):
    """A patch note."""

    store_update_id: UUID
    store_id: UUID
    created_by_agent_id: UUID
    update_type: str
    field_name: str | None
    old_value: str | None
    new_value: str | None
    reason: str
    created_at: datetime
    linked_listing_id: UUID | None
    linked_product_id: UUID | None
    linked_thread_id: UUID | None
    model_config = example(UPDATE)


class ComponentOut(ResponseModel):
    """Evidence for (r) and against (s), in thousandths of one full review; the score in milli-points."""

    component: TrustComponent
    score_milli: int
    evidence_r: int
    evidence_s: int
    model_config = example({"component": "product", "score_milli": 60_000, "evidence_r": 1_000, "evidence_s": 0})


class TrustOut(ResponseModel):
    """A store's trust: scores in points (0 to 100) and milli-points, and the evidence they are made of."""

    store_id: UUID
    overall_score: float
    product_satisfaction_score: float
    claim_accuracy_score: float
    support_responsiveness_score: float
    policy_clarity_score: float
    overall_milli: int
    rank_milli: int
    rated: bool
    components: list[ComponentOut]
    policy_slots: dict[str, Any]
    sequence: int
    last_updated_at: datetime
    decay_due_at: datetime
    model_config = example(PROFILE)

    @classmethod
    def of(cls, profile: TrustProfile) -> Self:
        state = state_of(profile)
        beside = {"components", "overall_milli"}
        own = {name: getattr(profile, name) for name in cls.model_fields if name not in beside}
        components = [
            ComponentOut(
                component=name,
                score_milli=component_score(state.evidence[name]),
                evidence_r=state.evidence[name].r,
                evidence_s=state.evidence[name].s,
            )
            for name in COMPONENTS
        ]
        return cls(**own, components=components, overall_milli=overall_score(state))


def trust_shown(profile: Row) -> Row:
    """The same from a row of ``reads_stores``, in the shape of TrustOut."""
    evidence = {
        name: Evidence(r, s)
        for name, r, s in zip(COMPONENTS, profile["evidence_r"], profile["evidence_s"], strict=True)
    }
    components = [
        {"component": name, "score_milli": component_score(found), "evidence_r": found.r, "evidence_s": found.s}
        for name, found in evidence.items()
    ]
    made = {"components": components, "overall_milli": overall_score(TrustState(evidence))}
    return {name: made[name] if name in made else profile[name] for name in TrustOut.model_fields}


class TrustEventOut(ResponseModel):
    """One step of one component, with everything its rule read."""

    trust_event_id: UUID
    store_id: UUID
    sequence: int
    timestamp: datetime
    reason: TrustReason
    component: TrustComponent
    source_event_id: UUID
    delta_r: int
    delta_s: int
    formula_version: int
    inputs: dict[str, Any]
    delta_overall: float
    delta_product_satisfaction: float
    delta_claim_accuracy: float
    delta_support_responsiveness: float
    delta_policy_clarity: float
    component_before_milli: int
    component_after_milli: int
    overall_before_milli: int
    overall_after_milli: int
    linked_thread_id: UUID | None
    linked_order_id: UUID | None
    linked_review_id: UUID | None
    model_config = example(TRUST_EVENT)
