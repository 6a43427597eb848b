"""Proves a store's stored trust rows with the domain's own checker."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from db.market.tables import TrustEvent, TrustProfile
from db.market.trust import COMPONENTS, state_of
from db.platform.statements import Query
from domain.market.trust import component_score, is_rated, overall_score, rank_score, replay, verify
from souk.checks.trust import recorded
from tests.activities.market.scene import Purchase, Scene
from tests.builders import Shop


async def paid(scene: Scene, shop: Shop, buyer: UUID, **options: Any) -> Purchase:
    """An order whose merchant says that it has the money."""
    order = await scene.bought(shop, buyer, **options)
    await order.tell("confirm_payment", shop.merchant_id)
    return order


async def deltas(scene: Scene, shop: Shop) -> list[tuple[str, str, int, int]]:
    return [(row.reason, row.component, row.delta_r, row.delta_s) for row in await stored_events(scene, shop)]


async def stored_events(scene: Scene, shop: Shop) -> list[TrustEvent]:
    query = select(*TrustEvent.columns).where(TrustEvent.c.store_id == shop.store_id).order_by(TrustEvent.c.sequence)
    async with scene.database.transaction() as transaction:
        return await transaction.rows(Query(query, TrustEvent))


async def assert_proven(scene: Scene, shop: Shop) -> TrustProfile:
    """The stored rows verify, and the profile is their replay: evidence, scores, rank and displayed deltas."""
    rows = await stored_events(scene, shop)
    events = [recorded(row) for row in rows]
    assert verify(events) == []
    async with scene.database.transaction() as transaction:
        profile = await transaction.get_one(TrustProfile, shop.store_id)
    state = replay(events)
    assert state_of(profile) == state
    assert profile.sequence == len(rows)
    assert profile.folds == len({row.fold for row in rows})
    columns = ("product_satisfaction", "claim_accuracy", "support_responsiveness", "policy_clarity")
    for component, column in zip(COMPONENTS, columns, strict=True):
        assert getattr(profile, f"{column}_score") == component_score(state.evidence[component]) / 1_000
        moved = sum(round(getattr(row, f"delta_{column}") * 1_000) for row in rows)
        assert moved == component_score(state.evidence[component]) - 50_000
    assert profile.overall_score == overall_score(state) / 1_000
    assert sum(round(row.delta_overall * 1_000) for row in rows) == overall_score(state) - 50_000
    assert (profile.rank_milli, profile.rated) == (rank_score(state), is_rated(state))
    return profile
