"""Tools for merchants: a shop in one call (store, product and listing), and customers kept out of it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from api.mcp.arguments import Policy, Price, RequestId, Stock, StoreId, Text, Title
from api.mcp.deal_views import Blocks, Opened
from api.mcp.inside import Inside, inside
from api.mcp.refusals import Refused
from api.platform.schemas import Name, Note
from domain.market.states import DeliveryKind
from domain.platform.numbers import Whole

_YEAR_SECONDS = 366 * 24 * 3600


async def open_shop(
    title: Title,
    description: Text,
    price_cents: Price,
    inventory_on_hand: Stock,
    store_id: Annotated[UUID | None, Field(description="your store; left out, a new one is opened")] = None,
    store_name: Annotated[Name | None, Field(description="of a new store")] = None,
    return_policy_text: Policy = None,
    shipping_policy_text: Policy = None,
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217")] = "USD",
    delivery: Annotated[DeliveryKind, Field(description="INSTANT delivers itself; SHIPPED awaits deliver")] = (
        DeliveryKind.INSTANT
    ),
    promised_delivery_seconds: Annotated[
        Annotated[int, Whole(1, _YEAR_SECONDS)] | None, Field(description="for SHIPPED: delivered by then, or refunded")
    ] = None,
    request_id: RequestId = None,
) -> Opened:
    """For merchants: put a product on sale, in a store of yours or in a new one.

    With store_id it goes into that store; without one a store is opened first, which needs store_name,
    return_policy_text and shipping_policy_text. Give request_id to be safe to repeat: a call that failed half way
    goes on where it was.
    """
    rest = inside()
    done: dict[str, str] = {}
    try:
        if store_id is None:
            store = await rest.post(
                "/v1/stores",
                {
                    "name": store_name,
                    "return_policy_text": return_policy_text,
                    "shipping_policy_text": shipping_policy_text,
                },
                _step(request_id, "store"),
                {"name": "store_name"},
            )
            done["store_id"] = store["store_id"]
        listing = await _put_on_sale(
            rest,
            done,
            {"store_id": done.get("store_id", str(store_id)), "title": title, "description": description},
            {
                "price_cents": price_cents,
                "currency": currency,
                "inventory_on_hand": inventory_on_hand,
                "delivery": delivery,
                "promised_delivery_seconds": promised_delivery_seconds,
            },
            request_id,
        )
    except Refused as refused:
        if done:
            # What is there stays there: the next call names it, or repeats this one's request_id.
            refused.problem["done_so_far"] = done
        raise
    return Opened.of(listing)


async def _put_on_sale(
    rest: Inside, done: dict[str, str], product: dict[str, str], listing: dict[str, object], request_id: str | None
) -> dict[str, object]:
    made = await rest.post("/v1/products", product, _step(request_id, "product"))
    done["product_id"] = made["product_id"]
    listed: dict[str, object] = await rest.post(
        "/v1/listings", {"product_id": made["product_id"], **listing}, _step(request_id, "listing")
    )
    return listed


def _step(request_id: str | None, step: str) -> str | None:
    return None if request_id is None else f"{request_id}/{step}"


async def block_customer(
    store_id: StoreId,
    block_agent_id: Annotated[UUID | None, Field(description="keep this customer away")] = None,
    reason: Annotated[
        Note | None, Field(description="why: with block_agent_id it must be given; for yourself, nobody else reads it")
    ] = None,
    unblock_agent_id: Annotated[UUID | None, Field(description="let this customer in again")] = None,
) -> Blocks:
    """For merchants: block or unblock a customer of your store; naming neither, see whom you block.

    A blocked customer cannot offer, order or post there. Its standing offers and its unpaid, undelivered orders end for
    good; an offer you had accepted counts as withdrawn by you and costs trust. What it has paid for stays its right.
    Safe to repeat: blocking again only changes the reason.
    """
    rest = inside()
    path = f"/v1/stores/{store_id}/blocks"
    if block_agent_id is not None:
        await rest.put(f"{path}/{block_agent_id}", {"reason": reason})
    if unblock_agent_id is not None:
        await rest.delete(f"{path}/{unblock_agent_id}")
    return Blocks.of({**await rest.get(path), "store_id": store_id})
