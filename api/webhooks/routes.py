"""Webhook endpoints: where an agent wants its inbox or public activity delivered, and how that goes."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from activities.platform.outbound import AddressRefusedError, check_url
from api.context import AppContext, Context
from api.errors import errors
from api.platform.auth import AnyAgent
from api.platform.idempotency import FactDep
from api.platform.pages import Page, PageQuery
from api.webhooks.schemas import (
    DeadLetterOut,
    ReplayIn,
    Rotated,
    RotateIn,
    WebhookIn,
    WebhookMade,
    WebhookOut,
    WebhookPatch,
    Webhooks,
    WebhookTest,
)
from db.platform import writes
from db.platform.transactions import Transaction
from db.webhooks import endpoints
from db.webhooks.tables import WebhookEndpoint
from domain.market.errors import LISTING_NOT_FOUND, STORE_NOT_FOUND
from domain.platform.cursors import decode_cursor
from domain.platform.errors import BAD_CURSOR, SECRET_NOT_REPEATED
from domain.platform.events import EventKind, PrivateEvent, PublicEvent
from domain.webhooks.errors import WEBHOOK_ADDRESS, WEBHOOK_FILTER, WEBHOOK_NOT_FOUND, WEBHOOK_TOO_MANY
from domain.webhooks.processes import webhook_process
from domain.webhooks.secrets import derive_secret
from domain.webhooks.states import PauseReason, WebhookSource, WebhookStatus

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

_TYPES: dict[WebhookSource, type[EventKind]] = {
    WebhookSource.INBOX: PrivateEvent,
    WebhookSource.ACTIVITY: PublicEvent,
}


def _check_address(context: AppContext, url: str) -> None:
    """By its looks; what its host stands for is checked at every delivery. Raises webhook.address_refused."""
    try:
        check_url(url, development=context.settings.deliveries.allow_loopback)
    except AddressRefusedError as refused:
        raise WEBHOOK_ADDRESS.error(f"Souk does not deliver to this address: {refused}.") from None


def _check_types(source: WebhookSource, types: list[str]) -> None:
    known = sorted(kind.value for kind in _TYPES[source].all_kinds())
    if not set(types) <= set(known):
        raise WEBHOOK_FILTER.error(known=known)


def _secret(context: AppContext, webhook_id: UUID, version: int) -> str:
    return derive_secret(context.settings.credential_secret.get_secret_value().encode(), webhook_id, version)


async def _view(transaction: Transaction, row: WebhookEndpoint) -> WebhookOut:
    counted = await endpoints.count_dead_letters(transaction, [row.webhook_id])
    return WebhookOut.of(row, counted.get(row.webhook_id, 0))


@router.post(
    "",
    status_code=201,
    response_model=WebhookMade,
    responses=errors(
        WEBHOOK_ADDRESS, WEBHOOK_FILTER, WEBHOOK_TOO_MANY, STORE_NOT_FOUND, LISTING_NOT_FOUND, SECRET_NOT_REPEATED
    ),
)
async def make_webhook(body: WebhookIn, caller: AnyAgent, fact: FactDep, context: Context) -> Response:
    """Have events delivered by POST from now on, signed by Standard Webhooks with the secret in this answer."""
    _check_address(context, body.url)
    _check_types(body.source, body.types)
    if body.source is WebhookSource.INBOX and (body.store_id or body.listing_id):
        raise WEBHOOK_FILTER.error()

    def with_secret(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "secret": _secret(context, UUID(answer["webhook"]["webhook_id"]), 1)}

    async with fact.begin(with_secret):
        row = await endpoints.insert_endpoint(
            fact.transaction,
            fact.command_id,
            caller.agent_id,
            url=body.url,
            source=body.source,
            types=sorted(set(body.types)),
            store_id=body.store_id,
            listing_id=body.listing_id,
            description=body.description,
            max_per_agent=context.settings.webhooks.max_per_agent,
        )
        return await fact.answer(WebhookMade(webhook=WebhookOut.of(row)), 201)


@router.get("", responses=errors())
async def list_webhooks(caller: AnyAgent, context: Context) -> Webhooks:
    """The caller's webhooks, the oldest first."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        rows = await endpoints.list_endpoints(transaction, caller.agent_id)
        counted = await endpoints.count_dead_letters(transaction, [row.webhook_id for row in rows])
    return Webhooks(items=[WebhookOut.of(row, counted.get(row.webhook_id, 0)) for row in rows])


@router.get("/{webhook_id}", responses=errors(WEBHOOK_NOT_FOUND))
async def get_webhook(webhook_id: UUID, caller: AnyAgent, context: Context) -> WebhookOut:
    """One of the caller's webhooks, and how its deliveries stand."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        return await _view(transaction, await endpoints.get_endpoint(transaction, caller.agent_id, webhook_id))


@router.patch("/{webhook_id}", responses=errors(WEBHOOK_NOT_FOUND, WEBHOOK_ADDRESS, WEBHOOK_FILTER))
async def patch_webhook(webhook_id: UUID, body: WebhookPatch, caller: AnyAgent, context: Context) -> WebhookOut:
    """Move, narrow, describe, pause or take up again. A new address is tried at once."""
    if body.url is not None:
        _check_address(context, body.url)
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        row = await endpoints.lock_endpoint(transaction, caller.agent_id, webhook_id)
        change: dict[str, Any] = {}
        if body.types is not None:
            _check_types(WebhookSource(row.source), body.types)
            change["types"] = sorted(set(body.types))
        if "description" in body.model_fields_set:
            change["description"] = body.description
        moved = body.url is not None and body.url != row.url
        if moved:
            change["url"] = body.url
        if body.status is WebhookStatus.ACTIVE or (moved and row.status == WebhookStatus.ACTIVE):
            change |= endpoints.ACTIVE
        if body.status is WebhookStatus.PAUSED and row.status != WebhookStatus.PAUSED:
            change |= endpoints.paused(PauseReason.BY_OWNER)
        shown = await _view(transaction, writes.change(transaction, row, **change) if change else row)
    context.nudges.wake(webhook_process(webhook_id))
    return shown


@router.delete("/{webhook_id}", status_code=204, responses=errors(WEBHOOK_NOT_FOUND))
async def delete_webhook(webhook_id: UUID, caller: AnyAgent, context: Context) -> Response:
    """Deliver nothing more there, and forget its dead letters."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        await endpoints.delete_endpoint(transaction, caller.agent_id, webhook_id)
    context.nudges.wake(webhook_process(webhook_id))
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/rotate-secret", response_model=Rotated, responses=errors(WEBHOOK_NOT_FOUND, SECRET_NOT_REPEATED)
)
async def rotate_secret(
    webhook_id: UUID, caller: AnyAgent, fact: FactDep, context: Context, body: RotateIn | None = None
) -> Response:
    """A new secret. Until ``previous_secret_until`` deliveries carry both signatures; older secrets end now."""
    overlap = (body or RotateIn()).overlap_seconds

    def with_secret(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "secret": _secret(context, webhook_id, answer["secret_version"])}

    async with fact.begin(with_secret):
        row = await endpoints.rotate_secret(fact.transaction, caller.agent_id, webhook_id, overlap)
        version, until = row.secret_version, row.previous_secret_until
        assert until is not None
        return await fact.answer(Rotated(webhook_id=webhook_id, secret_version=version, previous_secret_until=until))


@router.post("/{webhook_id}/test", status_code=202, response_model=WebhookTest, responses=errors(WEBHOOK_NOT_FOUND))
async def test_webhook(webhook_id: UUID, caller: AnyAgent, fact: FactDep, context: Context) -> Response:
    """Send a test event now, once, also while the webhook is paused. GET the webhook to see how it went."""
    async with fact.begin():
        test_id = fact.command_id
        row = await endpoints.request_test(fact.transaction, caller.agent_id, webhook_id, test_id)
        assert row.test_requested_at is not None
        answer = await fact.answer(
            WebhookTest(test_id=test_id, requested_at=row.test_requested_at, sent_at=None, status=None, error=None), 202
        )
    context.nudges.wake(webhook_process(webhook_id))
    return answer


@router.get("/{webhook_id}/dead-letters", responses=errors(WEBHOOK_NOT_FOUND, BAD_CURSOR))
async def list_dead_letters(
    webhook_id: UUID, caller: AnyAgent, context: Context, paging: PageQuery
) -> Page[DeadLetterOut]:
    """Events that were given up, in the order they happened."""
    place = paging.after(int, int)
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        await endpoints.get_endpoint(transaction, caller.agent_id, webhook_id)
        after = (place[0], place[1]) if place else None
        rows = await endpoints.list_dead_letters(transaction, webhook_id, after, paging.limit + 1)
    return paging.page(rows, DeadLetterOut.of, lambda row: (row.txid, row.seq))


@router.post("/{webhook_id}/replay", response_model=WebhookOut, responses=errors(WEBHOOK_NOT_FOUND, BAD_CURSOR))
async def replay_webhook(
    webhook_id: UUID, body: ReplayIn, caller: AnyAgent, fact: FactDep, context: Context
) -> Response:
    """Go back, or ahead, to a cursor and deliver everything after it, with the same ids as the first time."""
    txid, seq = decode_cursor(body.cursor, int, int)

    async with fact.begin():
        row = await endpoints.replay(fact.transaction, caller.agent_id, webhook_id, (txid, seq))
        answer = await fact.answer(await _view(fact.transaction, row))
    context.nudges.wake(webhook_process(webhook_id))
    return answer
