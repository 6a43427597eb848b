"""The Wish workflow as sweep, audit, doctor and console know it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from activities.platform.attributes import STATE
from activities.platform.specs import ActivityPart, Due, Expected, Policies, Workflows, WorkflowSpec
from activities.platform.workflows import Process
from db.platform.transactions import Transaction
from tests.contexts.db.wishes.wishes import find_wish, list_open, list_overdue
from tests.contexts.domain.wishes.context import CONTEXT
from tests.contexts.domain.wishes.wishes import WISH, WISHES_QUEUE, WishStart

[_TYPE] = CONTEXT.workflows


def _build(_: Policies) -> Workflows:
    return Workflows((WorkflowSpec(_TYPE, _read, _start, _describe, _expected, _due),))


PART = ActivityPart("wishes", _build)


async def _read(transaction: Transaction, key: UUID) -> Mapping[str, Any] | None:
    wish = await find_wish(transaction, key)
    return None if wish is None or wish.closed_at is not None else {"wish_id": key}


def _start(key: UUID, _: Mapping[str, Any]) -> WishStart:
    return WishStart(wish_id=key)


def _describe(start: BaseModel, _: bool) -> Process:
    assert isinstance(start, WishStart)
    attributes = TypedSearchAttributes([SearchAttributePair(STATE, "OPEN")])
    return Process(WISH, f"wish/{start.wish_id}", start, WISHES_QUEUE, attributes, "Wish")


async def _expected(transaction: Transaction) -> Expected:
    keys = frozenset(await list_open(transaction))
    return Expected(keys, keys)


async def _due(transaction: Transaction, limit: int) -> Sequence[Due]:
    return [Due(key, "a wish that should have lapsed") for key in await list_overdue(transaction, limit)]
