"""Stores as facts: opening one, changing it, and the patch notes every change of policy leaves."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.market import trust
from db.market.tables import Store, StoreUpdate
from db.platform.events import record_event
from db.platform.ids import new_id
from domain.market.errors import STORE_CLOSED, STORE_NOT_FOUND, STORE_NOT_YOURS
from domain.market.policy import MarketPolicy
from domain.market.policy_checklist import parse_policy
from domain.market.states import ActivityType, StoreStatus
from domain.market.trust import TrustReason

_LONGEST_NOTE = 2_000


async def insert_store(
    session: AsyncSession, store_id: UUID, owner_id: UUID, policy: MarketPolicy, fields: dict[str, Any]
) -> Store:
    """Open a store: its row, its trust profile at the prior, and the first reading of its policies."""
    now = await locks.clock(session)
    store = Store(store_id=store_id, owner_merchant_id=owner_id, status=StoreStatus.ACTIVE, **fields)
    session.add(store)
    await session.flush()
    trust.insert_profile(session, store_id, now, now + timedelta(seconds=policy.trust_decay_seconds))
    record_event(session, ActivityType.STORE_CREATED, actor_agent_id=owner_id, store_id=store_id)
    await _policy_fact(session, store, store_id, now)
    await session.refresh(store)
    return store


async def own_store(session: AsyncSession, store_id: UUID, merchant_id: UUID, *, lock: bool = False) -> Store:
    """The merchant's own store. Raises store.not_found, store.not_yours."""
    store = await (locks.lock_store(session, store_id) if lock else session.get(Store, store_id))
    if store is None:
        raise STORE_NOT_FOUND.error()
    if store.owner_merchant_id != merchant_id:
        raise STORE_NOT_YOURS.error()
    return store


async def own_open_store(session: AsyncSession, store_id: UUID, merchant_id: UUID) -> Store:
    """The merchant's own store, not closed. Raises store.not_found, store.not_yours, store.closed."""
    store = await own_store(session, store_id, merchant_id)
    if store.status is StoreStatus.CLOSED:
        raise STORE_CLOSED.error()
    return store


async def update_store(session: AsyncSession, store_id: UUID, merchant_id: UUID, changes: dict[str, Any]) -> Store:
    """Change status, tagline or brand voice. A closed store stays closed. Raises store.closed."""
    store = await own_store(session, store_id, merchant_id, lock=True)
    if store.status is StoreStatus.CLOSED:
        raise STORE_CLOSED.error("A closed store stays closed.")
    for name, value in changes.items():
        setattr(store, name, value)
    if changes:
        store.updated_at = await locks.clock(session)
    await session.flush()
    return store


async def update_policies(
    session: AsyncSession, store_id: UUID, merchant_id: UUID, changes: dict[str, str], reason: str
) -> tuple[Store, bool]:
    """Change policy texts, with a patch note for each and one trust fact. Says whether any changed."""
    store = await own_store(session, store_id, merchant_id, lock=True)
    if store.status is StoreStatus.CLOSED:
        raise STORE_CLOSED.error("A closed store stays closed.")
    first: UUID | None = None
    for name, value in changes.items():
        old = getattr(store, name)
        if old == value:
            continue
        update_id = await insert_update(
            session, store_id, merchant_id, "POLICY_UPDATED", reason, field_name=name, old=old, new=value
        )
        first = first or update_id
        setattr(store, name, value)
    if first is not None:
        now = await locks.clock(session)
        store.updated_at = now
        await _policy_fact(session, store, first, now)
    await session.flush()
    return store, first is not None


async def _policy_fact(session: AsyncSession, store: Store, source: UUID, now: datetime) -> None:
    fields = parse_policy(store.return_policy_text, store.shipping_policy_text).present()
    trust.insert_fact(
        session,
        store_id=store.store_id,
        source_event_id=source,
        reason=TrustReason.POLICY_UPDATED,
        inputs={"fields": fields},
        occurred_at=now,
    )


async def insert_update(
    session: AsyncSession,
    store_id: UUID,
    by_agent_id: UUID,
    update_type: str,
    reason: str,
    *,
    field_name: str,
    old: str,
    new: str,
    listing_id: UUID | None = None,
    product_id: UUID | None = None,
) -> UUID:
    """A patch note and its public event. Returns the note's id."""
    update_id = new_id()
    session.add(
        StoreUpdate(
            store_update_id=update_id,
            store_id=store_id,
            created_by_agent_id=by_agent_id,
            update_type=update_type,
            field_name=field_name,
            old_value=old[:_LONGEST_NOTE],
            new_value=new[:_LONGEST_NOTE],
            reason=reason,
            linked_listing_id=listing_id,
            linked_product_id=product_id,
        )
    )
    await session.flush()
    record_event(
        session,
        ActivityType.STORE_UPDATE_POSTED,
        actor_agent_id=by_agent_id,
        store_id=store_id,
        listing_id=listing_id,
        store_update_id=update_id,
    )
    return update_id
