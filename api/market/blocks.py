"""Blocking a customer: private to the store's owner."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response

from api.context import Context
from api.errors import errors as refusals
from api.market import nudges
from api.market.views import NOW, uid
from api.platform.auth import Merchant
from api.platform.schemas import Note, RequestModel, ResponseModel, example
from db.market import blocks
from domain.market import errors
from domain.platform.identity import NOT_A_CUSTOMER, NOT_A_MERCHANT

router = APIRouter(prefix="/v1/stores/{store_id}/blocks", tags=["stores"])
_OWN = (NOT_A_MERCHANT, errors.STORE_NOT_FOUND, errors.STORE_NOT_YOURS)


class BlockIn(RequestModel):
    """Why, for yourself: nobody else ever reads it."""

    reason: Note
    model_config = example({"reason": "Orders everything and pays for nothing."})


class BlockOut(ResponseModel):
    agent_id: UUID
    reason: str
    created_at: datetime
    model_config = {
        **ResponseModel.model_config,
        **example({"agent_id": uid(0x10), "reason": "Orders everything and pays for nothing.", "created_at": NOW}),
    }


class BlocksOut(ResponseModel):
    items: list[BlockOut]
    model_config = example(
        {"items": [{"agent_id": uid(0x10), "reason": "Orders everything and pays for nothing.", "created_at": NOW}]}
    )


@router.put("/{agent_id}", responses=refusals(*_OWN, errors.AGENT_NOT_FOUND, NOT_A_CUSTOMER))
async def block_customer(store_id: UUID, agent_id: UUID, body: BlockIn, caller: Merchant, context: Context) -> BlockOut:
    """Keep a customer from offering, ordering and posting in your store. Again, it changes the reason.

    Standing offers and unpaid, undelivered orders of it end; a hold ends as if you had withdrawn the accepted offer.
    What it has paid for stays its right: the delivery, a refund, a review.
    """
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        block = await blocks.put_block(transaction, store_id, caller.agent_id, agent_id, body.reason)
        made = BlockOut.model_validate(block)
    await nudges.blocked(context, store_id, caller.agent_id, agent_id)
    return made


@router.delete("/{agent_id}", status_code=204, responses=refusals(*_OWN))
async def unblock_customer(store_id: UUID, agent_id: UUID, caller: Merchant, context: Context) -> Response:
    """Let a customer in again. What the block ended stays ended."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        await blocks.remove_block(transaction, store_id, caller.agent_id, agent_id)
    return Response(status_code=204)


@router.get("", responses=refusals(*_OWN))
async def list_blocked(store_id: UUID, caller: Merchant, context: Context) -> BlocksOut:
    """Whom you have blocked, newest first."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        found = await blocks.list_blocks(transaction, store_id, caller.agent_id)
    return BlocksOut(items=[BlockOut.model_validate(block) for block in found])
