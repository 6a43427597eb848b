"""Stores as facts: opening one, changing it, and the patch notes every change of policy leaves."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db import locks
from db.market import trust
from db.market.tables import Store, StoreUpdate
from db.platform import writes
from db.platform.events import record_event
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.market.errors import STORE_CLOSED, STORE_NOT_FOUND, STORE_NOT_YOURS
from domain.market.policy import MarketPolicy
from domain.market.policy_checklist import parse_policy
from domain.market.states import ActivityType, StoreStatus
from domain.market.trust import TrustReason

_LONGEST_NOTE = 2_000


async def insert_store(
    transaction: Transaction, store_id: UUID, owner_id: UUID, policy: MarketPolicy, fields: dict[str, Any]
) -> Store:
    """Open a store: its row, its trust profile at the prior, and the first reading of its policies."""
    now = await locks.clock(transaction)
    writes.insert(
        transaction, Store, store_id=store_id, owner_merchant_id=owner_id, status=StoreStatus.ACTIVE, **fields
    )
    trust.insert_profile(transaction, store_id, now, now + timedelta(seconds=policy.trust_decay_seconds))
    record_event(transaction, ActivityType.STORE_CREATED, actor_agent_id=owner_id, store_id=store_id)
    texts = (fields["return_policy_text"], fields["shipping_policy_text"])
    _policy_fact(transaction, store_id, *texts, store_id, now)
    await writes.send(transaction)
    return await transaction.get_one(Store, store_id)


async def own_store(transaction: Transaction, store_id: UUID, merchant_id: UUID, *, lock: bool = False) -> Store:
    """The merchant's own store. Raises store.not_found, store.not_yours."""
    store = await (locks.lock_store(transaction, store_id) if lock else transaction.get(Store, store_id))
    if store is None:
        raise STORE_NOT_FOUND.error()
    if store.owner_merchant_id != merchant_id:
        raise STORE_NOT_YOURS.error()
    return store


async def own_open_store(transaction: Transaction, store_id: UUID, merchant_id: UUID) -> Store:
    """The merchant's own store, not closed. Raises store.not_found, store.not_yours, store.closed."""
    store = await own_store(transaction, store_id, merchant_id)
    if store.status is StoreStatus.CLOSED:
        raise STORE_CLOSED.error()
    return store


async def update_store(transaction: Transaction, store_id: UUID, merchant_id: UUID, changes: dict[str, Any]) -> Store:
    """Change status, tagline or brand voice. A closed store stays closed. Raises store.closed."""
    store = await own_store(transaction, store_id, merchant_id, lock=True)
    if store.status is StoreStatus.CLOSED:
        raise STORE_CLOSED.error("A closed store stays closed.")
    if changes:
        store = writes.change(transaction, store, **changes, updated_at=await locks.clock(transaction))
    return store


async def update_policies(
    transaction: Transaction, store_id: UUID, merchant_id: UUID, changes: dict[str, str], reason: str
) -> tuple[Store, bool]:
    """Change policy texts, with a patch note for each and one trust fact. Says whether any changed."""
    store = await own_store(transaction, store_id, merchant_id, lock=True)
    if store.status is StoreStatus.CLOSED:
        raise STORE_CLOSED.error("A closed store stays closed.")
    changed = {name: value for name, value in changes.items() if getattr(store, name) != value}
    notes = [
        insert_update(
            transaction,
            store_id,
            merchant_id,
            "POLICY_UPDATED",
            reason,
            field_name=name,
            old=getattr(store, name),
            new=value,
        )
        for name, value in changed.items()
    ]
    if notes:
        now = await locks.clock(transaction)
        store = writes.change(transaction, store, **changed, updated_at=now)
        _policy_fact(transaction, store_id, store.return_policy_text, store.shipping_policy_text, notes[0], now)
    return store, bool(notes)


def _policy_fact(
    transaction: Transaction, store_id: UUID, return_text: str, shipping_text: str, source: UUID, now: datetime
) -> None:
    fields = parse_policy(return_text, shipping_text).present()
    trust.insert_fact(
        transaction,
        store_id=store_id,
        source_event_id=source,
        reason=TrustReason.POLICY_UPDATED,
        inputs={"fields": fields},
        occurred_at=now,
    )


def insert_update(
    transaction: Transaction,
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
    writes.insert(
        transaction,
        StoreUpdate,
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
    record_event(
        transaction,
        ActivityType.STORE_UPDATE_POSTED,
        actor_agent_id=by_agent_id,
        store_id=store_id,
        listing_id=listing_id,
        store_update_id=update_id,
    )
    return update_id
