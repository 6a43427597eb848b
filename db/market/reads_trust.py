"""Reads of trust as anyone may check it: profiles, events, patch notes."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, bindparam, select

from db.market.tables import StoreUpdate, TrustEvent, TrustProfile
from db.platform.reading import LIMIT
from db.platform.statements import Choice, Query, newest
from db.platform.transactions import Transaction
from domain.market.errors import STORE_NOT_FOUND


async def get_profile(transaction: Transaction, store_id: UUID) -> TrustProfile:
    """Raises store.not_found."""
    return await transaction.require(TrustProfile, store_id, STORE_NOT_FOUND)


_STORE = {"store_id": TrustEvent.c.store_id == bindparam("store_id")}
_sequence, _AFTER = TrustEvent.c.sequence, bindparam("after", type_=BigInteger)
_EVENTS = Choice(_STORE | {"after": _sequence > _AFTER}, lambda wanted: _page(wanted, _sequence))
_NEWEST_EVENTS = Choice(_STORE | {"after": _sequence < _AFTER}, lambda wanted: _page(wanted, _sequence.desc()))
_UPDATES = Choice(
    {
        "store_id": StoreUpdate.c.store_id == bindparam("store_id"),
        "before": StoreUpdate.c.store_update_id < bindparam("before"),
    },
    lambda wanted: newest(StoreUpdate, *wanted.values()),
)


def _page(wanted: dict[str, ColumnElement[bool]], order: ColumnElement[Any]) -> Query[TrustEvent]:
    return Query(select(*TrustEvent.columns).where(*wanted.values()).order_by(order).limit(LIMIT), TrustEvent)


async def list_trust_events(
    transaction: Transaction, store_id: UUID, after: int | None, limit: int, *, newest_first: bool = False
) -> list[TrustEvent]:
    """By sequence, which counts from 1 without gaps."""
    events = _NEWEST_EVENTS if newest_first else _EVENTS
    return await transaction.choose(events, store_id=store_id, after=after, limit=limit)


async def list_updates(transaction: Transaction, store_id: UUID, before: UUID | None, limit: int) -> list[StoreUpdate]:
    """A store's patch notes, newest first."""
    return await transaction.choose(_UPDATES, store_id=store_id, before=before, limit=limit)
