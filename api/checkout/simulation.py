"""The test-only mode's own route: goods are handed over at a word, behind a secret. Not there when the mode is off."""

import hmac
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header

from api.checkout.answers import order_answer
from api.checkout.documents import OrderDocument
from api.checkout.platforms import TheBuyer
from api.context import Context
from db.checkout import reads
from db.market.reads_catalog import get_store
from db.platform.ids import new_id
from db.platform.transactions import Transaction
from domain.checkout.models import Checkout
from domain.checkout.ucp_errors import SIMULATION_SECRET
from domain.market.commands import DeliverOrder
from domain.market.errors import ORDER_NOT_FOUND
from domain.market.states import OrderStatus
from domain.platform.errors import ROUTE_NOT_FOUND


def _check_secret(
    context: Context, secret: Annotated[str, Header(alias="Simulation-Secret", max_length=500)] = ""
) -> None:
    simulation = context.settings.simulation
    if not simulation.enabled:
        raise ROUTE_NOT_FOUND.error()
    if not hmac.compare_digest(secret.encode(), simulation.secret.get_secret_value().encode()):
        raise SIMULATION_SECRET.error()


router = APIRouter(prefix="/testing", dependencies=[Depends(_check_secret)], include_in_schema=False)


@router.post("/simulate-shipping/{order_id}")
async def simulate_shipping(order_id: str, buyer: TheBuyer, context: Context) -> OrderDocument:
    """Have the seller hand over everything of the order that it has not handed over yet."""
    checkout = await _order(context, buyer.agent_id, order_id)
    async with context.database.session() as session:
        store = await get_store(await Transaction.of(session), checkout.store_id)
    listings = {line.line_id: line.listing_id for line in checkout.lines}
    assert checkout.order is not None
    for order in checkout.order.orders:
        if order.status is OrderStatus.PLACED:
            told = DeliverOrder(command_id=new_id(), order_id=order.order_id, by_agent_id=store.owner_merchant_id)
            await context.processes.send(told, listing_id=listings[order.line_id], store_id=checkout.store_id)
    async with context.database.session(viewer=buyer.agent_id) as session:
        shipped = await reads.get_checkout_of_order(session, checkout.order.order_id)
        assert shipped is not None
        return await order_answer(session, context, buyer.platform, shipped)


async def _order(context: Context, agent_id: UUID, order_id: str) -> Checkout:
    try:
        key = UUID(order_id)
    except ValueError:
        raise ORDER_NOT_FOUND.error() from None
    async with context.database.session(viewer=agent_id) as session:
        found = await reads.get_checkout_of_order(session, key)
    if found is None or found.agent_id != agent_id:
        raise ORDER_NOT_FOUND.error()
    return found
