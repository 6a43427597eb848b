"""``souk trust verify``: recompute every store's trust from its public events, bit for bit.

Through the API it uses nothing but what every observer can read, so anyone can run it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import bindparam, select

from db.market.tables import TrustEvent, TrustProfile
from db.market.trust import COMPONENTS, state_of
from db.platform.database import Database
from db.platform.statements import Query
from db.platform.transactions import Transaction
from domain.market.trust import (
    RecordedTrustEvent,
    TrustComponent,
    TrustReason,
    TrustState,
    component_score,
    overall_score,
    replay,
    verify,
)
from souk.stack.errors import StackError

_PAGE = 200
_event = TrustEvent.table
# Every column costs, a hundred thousand times: what is folded and compared.
_EVENTS = Query(
    select(
        _event.c.sequence,
        _event.c.source_event_id,
        _event.c.reason,
        _event.c.component,
        _event.c.delta_r,
        _event.c.delta_s,
        _event.c.formula_version,
        _event.c.inputs,
        _event.c.overall_before_milli,
        _event.c.overall_after_milli,
        _event.c.component_before_milli,
        _event.c.component_after_milli,
    )
    .where(_event.c.store_id == bindparam("store_id"))
    .order_by(_event.c.sequence)
)


@dataclass(frozen=True, slots=True)
class Verified:
    """One store's verdict: how many events were folded again, the score they give, and what does not fit."""

    store_id: UUID
    events: int
    overall_milli: int
    breaches: tuple[str, ...]


def judge(store_id: UUID, events: list[RecordedTrustEvent], shown: dict[str, Any]) -> Verified:
    """Compare the profile shown with the fold of its events. ``shown``: overall, scores, r, s; milli-points."""
    breaches = verify(events)
    state = replay(events) if not breaches else TrustState.genesis()
    if not breaches:
        expected = {
            "overall_milli": overall_score(state),
            "sequence": len(events),
            **{f"{c}_r": state.evidence[c].r for c in COMPONENTS},
            **{f"{c}_s": state.evidence[c].s for c in COMPONENTS},
            **{f"{c}_milli": component_score(state.evidence[c]) for c in COMPONENTS},
        }
        breaches = [
            f"profile shows {name} {shown[name]}, its events give {value}"
            for name, value in expected.items()
            if shown[name] != value
        ]
    return Verified(store_id, len(events), overall_score(state), tuple(breaches))


def _milli(points: float) -> int:
    return round(points * 1000)


async def verify_database(url: str, store_id: UUID | None) -> AsyncIterator[Verified]:
    """Every store's verdict, or one's, each from one snapshot of the database."""
    database = Database(url, 1, "souk-trust-verify")
    try:
        async with database.session() as session:
            stores = list(await session.scalars(select(TrustProfile.c.store_id).order_by(TrustProfile.c.store_id)))
        for key in [store_id] if store_id else stores:
            async with database.session() as session:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                transaction = await Transaction.of(session)
                profile = await transaction.get(TrustProfile, key)
                if profile is None:
                    raise StackError(f"there is no store {key}")
                rows = await transaction.rows(_EVENTS, store_id=key)
                yield judge(key, [recorded(row) for row in rows], _shown(profile))
    finally:
        await database.close()


def _shown(profile: TrustProfile) -> dict[str, Any]:
    state = state_of(profile)
    scores = (
        profile.product_satisfaction_score,
        profile.claim_accuracy_score,
        profile.support_responsiveness_score,
        profile.policy_clarity_score,
    )
    return {
        "overall_milli": _milli(profile.overall_score),
        "sequence": profile.sequence,
        **{f"{c}_r": state.evidence[c].r for c in COMPONENTS},
        **{f"{c}_s": state.evidence[c].s for c in COMPONENTS},
        **{f"{c}_milli": _milli(score) for c, score in zip(COMPONENTS, scores, strict=True)},
    }


def recorded(row: Any) -> RecordedTrustEvent:
    """A step of trust, as its row of ``trust_events`` keeps it, for ``verify``."""
    return RecordedTrustEvent(
        sequence=row.sequence,
        source_event_id=row.source_event_id,
        reason=row.reason,
        component=row.component,
        dr=row.delta_r,
        ds=row.delta_s,
        formula_version=row.formula_version,
        inputs=row.inputs,
        score_before=row.overall_before_milli,
        score_after=row.overall_after_milli,
        component_before=row.component_before_milli,
        component_after=row.component_after_milli,
    )


async def verify_api(api: str, store_id: UUID | None) -> AsyncIterator[Verified]:
    """The same from public reads. A store that moved between two reads is read again."""
    try:
        async with httpx.AsyncClient(base_url=api, timeout=30) as client:
            keys = [str(store_id)] if store_id else [s["store_id"] async for s in _pages(client, "/v1/stores")]
            for key in keys:
                yield await _verify_one(client, key)
    except httpx.TransportError as error:
        raise StackError(f"no Souk answers at {api}: is it running?") from error


async def _verify_one(client: httpx.AsyncClient, key: str) -> Verified:
    verdict = None
    for _ in range(5):
        events = [_from_json(item) async for item in _pages(client, f"/v1/stores/{key}/trust/events", order="oldest")]
        shown = await _get(client, f"/v1/stores/{key}/trust")
        verdict = judge(UUID(key), events, _shown_json(shown))
        if not verdict.breaches or shown["sequence"] == len(events):
            return verdict
    assert verdict is not None
    return verdict


def _shown_json(profile: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {"overall_milli": profile["overall_milli"], "sequence": profile["sequence"]}
    for shown in profile["components"]:
        name = shown["component"]
        flat |= {
            f"{name}_r": shown["evidence_r"],
            f"{name}_s": shown["evidence_s"],
            f"{name}_milli": shown["score_milli"],
        }
    return flat


def _from_json(item: dict[str, Any]) -> RecordedTrustEvent:
    return RecordedTrustEvent(
        sequence=item["sequence"],
        source_event_id=UUID(item["source_event_id"]),
        reason=TrustReason(item["reason"]),
        component=TrustComponent(item["component"]),
        dr=item["delta_r"],
        ds=item["delta_s"],
        formula_version=item["formula_version"],
        inputs=item["inputs"],
        score_before=item["overall_before_milli"],
        score_after=item["overall_after_milli"],
        component_before=item["component_before_milli"],
        component_after=item["component_after_milli"],
    )


async def _get(client: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await client.get(path, params=params)
    if answer.status_code != httpx.codes.OK:
        raise StackError(f"{client.base_url}{path} answered {answer.status_code}")
    found: dict[str, Any] = answer.json()
    return found


async def _pages(client: httpx.AsyncClient, path: str, **params: Any) -> AsyncIterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = await _get(client, path, limit=_PAGE, **params, **({"cursor": cursor} if cursor else {}))
        for item in page["items"]:
            yield item
        cursor = page["next_cursor"]
        if cursor is None:
            return
