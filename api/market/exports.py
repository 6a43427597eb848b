"""Orders and steps of trust as CSV files, for spreadsheets."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.context import Context
from api.errors import errors
from api.market.order_schemas import ORDER_EXAMPLE, OrderOut
from api.market.trust_views import TRUST_EVENT, TrustEventOut
from api.platform.auth import AnyAgent
from api.platform.csv_export import CsvQuery, documented_csv
from db.market.reads_trade import read_orders, side_of
from db.market.reads_trust import get_profile, list_trust_events
from db.market.tables import TrustEvent
from domain.market.errors import STORE_NOT_FOUND
from domain.market.states import OrderStatus, Party
from domain.platform.errors import BAD_CURSOR

router = APIRouter(prefix="/v1")


@router.get(
    "/orders.csv",
    tags=["orders"],
    response_class=Response,
    responses=documented_csv(OrderOut.model_fields, ORDER_EXAMPLE) | errors(BAD_CURSOR),
)
async def export_orders(
    caller: AnyAgent,
    context: Context,
    paging: CsvQuery,
    role: Annotated[Literal["buyer", "seller"] | None, Query(description="your side; both when left out")] = None,
    status: OrderStatus | None = None,
) -> Response:
    """Your orders as CSV, newest first. After ``limit`` rows go on with the cursor of the last one."""
    place = paging.after(datetime, UUID)
    after = (place[0], place[1]) if place else None
    party = Party(role.upper()) if role else side_of(caller.agent_type)
    rows = await read_orders(context.reads, caller.agent_id, party, status, after, paging.limit)
    return paging.csv("orders", OrderOut.model_fields, rows, dict, lambda row: (row["placed_at"], row["order_id"]))


@router.get(
    "/stores/{store_id}/trust/events.csv",
    tags=["stores"],
    response_class=Response,
    responses=documented_csv(TrustEventOut.model_fields, TRUST_EVENT) | errors(STORE_NOT_FOUND, BAD_CURSOR),
)
async def export_trust_events(store_id: UUID, context: Context, paging: CsvQuery) -> Response:
    """A store's steps of trust as CSV, oldest first. After ``limit`` rows go on with the cursor of the last one."""
    after = paging.after(int)
    async with context.database.transaction() as transaction:
        await get_profile(transaction, store_id)
        rows = await list_trust_events(transaction, store_id, after[0] if after else None, paging.limit)
    return paging.csv(f"trust-{store_id}", TrustEventOut.model_fields, rows, _fields, lambda row: (row.sequence,))


def _fields(row: TrustEvent) -> dict[str, Any]:
    return {name: getattr(row, name) for name in TrustEventOut.model_fields}
