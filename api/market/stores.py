"""Stores: opening and changing them; their patch notes and their trust."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import model_validator

from api.context import Context
from api.errors import errors
from api.market import nudges
from api.market.trust_views import PROFILE, TRUST_EVENT, UPDATE, TrustEventOut, TrustOut, UpdateOut, trust_shown
from api.market.views import STORE, StoreOut
from api.platform.auth import Merchant
from api.platform.idempotency import FactDep
from api.platform.pages import Page, PageQuery, answer
from api.platform.schemas import Name, Note, PolicyText, RequestModel, example
from db.market import stores
from db.market.reads_catalog import get_store, list_stores
from db.market.reads_stores import read_store
from db.market.reads_trust import get_profile, list_trust_events, list_updates
from db.market.tables import StoreUpdate, TrustEvent
from domain.market.errors import STORE_CLOSED, STORE_NOT_FOUND, STORE_NOT_YOURS
from domain.market.states import StoreStatus
from domain.platform.errors import BAD_CURSOR
from domain.platform.identity import NOT_A_MERCHANT

router = APIRouter(prefix="/v1/stores", tags=["stores"])


class StoreIn(RequestModel):
    name: Name
    tagline: Name | None = None
    brand_voice: Note | None = None
    return_policy_text: PolicyText
    shipping_policy_text: PolicyText
    hero_only: bool = False
    model_config = example(
        {
            name: STORE[name]
            for name in ("name", "tagline", "brand_voice", "return_policy_text", "shipping_policy_text", "hero_only")
        }
    )


class StorePatch(RequestModel):
    """What is left out stays as it is; null empties a text."""

    status: StoreStatus | None = None
    tagline: Name | None = None
    brand_voice: Note | None = None
    model_config = example({"status": "PAUSED", "tagline": "Back on Monday"})


class PoliciesPatch(RequestModel):
    return_policy_text: PolicyText | None = None
    shipping_policy_text: PolicyText | None = None
    reason: Note
    model_config = example(
        {
            "return_policy_text": "Returns within 21 days for a full refund.",
            "reason": "Sympathy is not a policy: now it says what you get back.",
        }
    )

    @model_validator(mode="after")
    def _says_something(self) -> "PoliciesPatch":
        if self.return_policy_text is None and self.shipping_policy_text is None:
            raise ValueError("give return_policy_text or shipping_policy_text")
        return self


class StoreDetail(StoreOut):
    """A store with its trust and what happened to it lately."""

    trust: TrustOut
    recent_updates: list[UpdateOut]
    recent_trust_events: list[TrustEventOut]
    model_config = example(
        {**STORE, "trust": PROFILE, "recent_updates": [UPDATE], "recent_trust_events": [TRUST_EVENT]}
    )


@router.post("", status_code=201, response_model=StoreOut, responses=errors(NOT_A_MERCHANT))
async def open_store(body: StoreIn, caller: Merchant, fact: FactDep, context: Context) -> Response:
    """Open a store. Its trust starts at 50 points, and its policies are read for what they promise."""
    async with fact.begin():
        store = await stores.insert_store(
            fact.transaction, fact.command_id, caller.agent_id, context.settings.market, body.model_dump()
        )
        answer = await fact.answer(StoreOut.model_validate(store), 201)
    await nudges.store_trust(context, fact.command_id)
    return answer


@router.patch(
    "/{store_id}",
    response_model=StoreOut,
    responses=errors(NOT_A_MERCHANT, STORE_NOT_FOUND, STORE_NOT_YOURS, STORE_CLOSED),
)
async def patch_store(store_id: UUID, body: StorePatch, caller: Merchant, fact: FactDep, context: Context) -> Response:
    """Change status, tagline or brand voice. A pause cancels standing offers; a closed store stays closed."""
    changes = body.model_dump(exclude_unset=True)
    if changes.get("status") is None:
        changes.pop("status", None)

    async with fact.begin():
        store = await stores.update_store(fact.transaction, store_id, caller.agent_id, changes)
        answer = await fact.answer(StoreOut.model_validate(store))
    if "status" in changes:
        await nudges.negotiations_in_store(context, store_id)
    return answer


@router.patch(
    "/{store_id}/policies",
    response_model=StoreOut,
    responses=errors(NOT_A_MERCHANT, STORE_NOT_FOUND, STORE_NOT_YOURS, STORE_CLOSED),
)
async def patch_policies(
    store_id: UUID, body: PoliciesPatch, caller: Merchant, fact: FactDep, context: Context
) -> Response:
    """Change policy texts. Every changed text leaves a public patch note with the reason."""
    changes = body.model_dump(exclude_none=True, exclude={"reason"})
    async with fact.begin():
        store, changed = await stores.update_policies(fact.transaction, store_id, caller.agent_id, changes, body.reason)
        answer = await fact.answer(StoreOut.model_validate(store))
    if changed:
        await nudges.store_trust(context, store_id)
    return answer


@router.get("", responses=errors(BAD_CURSOR))
async def get_stores(
    context: Context,
    paging: PageQuery,
    owner_merchant_id: UUID | None = None,
    status: StoreStatus | None = None,
    q: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
) -> Page[StoreOut]:
    """All stores, newest first."""
    before = paging.after(UUID)
    async with context.database.transaction() as transaction:
        rows = await list_stores(
            transaction, owner_merchant_id, status, q, before[0] if before else None, paging.limit + 1
        )
    return paging.page(rows, StoreOut.model_validate, lambda row: (row.store_id,))


@router.get("/{store_id}", response_model=StoreDetail, responses=errors(STORE_NOT_FOUND))
async def show_store(store_id: UUID, context: Context) -> Response:
    """A store with its trust, its newest patch notes and trust events."""
    store = await read_store(context.reads, store_id)
    return answer(store | {"trust": trust_shown(store["trust"])})


@router.get("/{store_id}/updates", responses=errors(STORE_NOT_FOUND, BAD_CURSOR))
async def get_updates(store_id: UUID, context: Context, paging: PageQuery) -> Page[UpdateOut]:
    """A store's patch notes, newest first."""
    before = paging.after(UUID)
    async with context.database.transaction() as transaction:
        await get_store(transaction, store_id)
        rows: list[StoreUpdate] = await list_updates(
            transaction, store_id, before[0] if before else None, paging.limit + 1
        )
    return paging.page(rows, UpdateOut.model_validate, lambda row: (row.store_update_id,))


@router.get("/{store_id}/trust", responses=errors(STORE_NOT_FOUND))
async def get_trust(store_id: UUID, context: Context) -> TrustOut:
    """A store's trust, with the evidence behind each score."""
    async with context.database.transaction() as transaction:
        return TrustOut.of(await get_profile(transaction, store_id))


@router.get("/{store_id}/trust/events", responses=errors(STORE_NOT_FOUND, BAD_CURSOR))
async def get_trust_events(store_id: UUID, context: Context, paging: PageQuery) -> Page[TrustEventOut]:
    """Every step of a store's trust in order: replaying them gives its profile, bit for bit."""
    after = paging.after(int)
    async with context.database.transaction() as transaction:
        await get_profile(transaction, store_id)
        rows: list[TrustEvent] = await list_trust_events(
            transaction, store_id, after[0] if after else None, paging.limit + 1
        )
    return paging.page(rows, TrustEventOut.model_validate, lambda row: (row.sequence,))
