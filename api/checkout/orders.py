"""Orders of completed sessions, read by the platform that placed them.

An order's public page has the same address; who asks for HTML and is no platform gets that one.
"""

from uuid import UUID

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from api.checkout.answers import order_answer
from api.checkout.documents import OrderDocument
from api.checkout.errors import PRIVATE, asks_for_order, refusals
from api.checkout.platforms import TheBuyer
from api.context import Context
from api.errors import Responses
from db.checkout import reads
from domain.checkout.ucp import ORDER
from domain.market.errors import ORDER_NOT_FOUND


class _ForPlatforms(APIRoute):
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if asks_for_order(scope) else (Match.NONE, {})


router = APIRouter(prefix="/orders", tags=["ucp"], route_class=_ForPlatforms)


def _or_the_page(responses: Responses) -> Responses:
    """The same answers, as JSON to platforms and as a page to everybody else."""
    page = {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>"}}
    both = {status: {**entry, "content": entry.get("content", {}) | page} for status, entry in responses.items()}
    # A platform is told by 200 that an order is none of its own; a person gets the page that says so.
    absent = {"description": "There is no such order: a page", "content": page}
    return {200: {"content": page}, 404: absent, **both}


@router.get(
    "/{order_group_id}",
    response_model=OrderDocument,
    responses=_or_the_page(refusals(ORDER_NOT_FOUND, *PRIVATE)),
)
async def get_order_group(order_group_id: UUID, buyer: TheBuyer, context: Context) -> OrderDocument:
    """One of the caller's orders, whole, as it stands."""
    buyer.platform.require(ORDER)
    async with context.database.session(viewer=buyer.agent_id) as session:
        checkout = await reads.get_checkout_of_order(session, order_group_id)
        # The seller may see the session too, and it is not the buyer.
        if checkout is None or checkout.agent_id != buyer.agent_id:
            raise ORDER_NOT_FOUND.error()
        return await order_answer(session, context, buyer.platform, checkout)
