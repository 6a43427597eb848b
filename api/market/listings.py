"""Listings: prices, stock and status; a merchant's private limits; whether a customer may buy."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import model_validator

from api.context import Context
from api.errors import errors
from api.market import nudges
from api.market.views import LISTING, ListingOut
from api.platform.auth import Merchant
from api.platform.idempotency import FactDep
from api.platform.pages import Page, PageQuery, answer
from api.platform.schemas import (
    MAX_INVENTORY,
    MAX_PRICE_CENTS,
    AmountOrZero,
    Cents,
    Currency,
    Inventory,
    Note,
    RequestModel,
    ResponseModel,
    example,
)
from db.market import listings
from db.market.reads_catalog import ListingFilter, get_listing
from db.market.reads_listings import read_listing, read_listings
from domain.market.errors import (
    CURRENCY_UNKNOWN,
    LIMITS_INCOHERENT,
    LISTING_HERO_TAKEN,
    LISTING_NOT_FOUND,
    PRODUCT_NOT_FOUND,
    STOCK_NEGATIVE,
    STORE_CLOSED,
    STORE_NOT_YOURS,
)
from domain.market.money import check_currency
from domain.market.states import DeliveryKind, ListingStatus
from domain.platform.cursors import encode_cursor
from domain.platform.errors import BAD_CURSOR, REQUEST_INVALID
from domain.platform.identity import NOT_A_MERCHANT
from domain.platform.numbers import Whole

router = APIRouter(prefix="/v1/listings", tags=["catalog"])
_OWN = (NOT_A_MERCHANT, LISTING_NOT_FOUND, STORE_NOT_YOURS)
_YEAR_SECONDS = 366 * 24 * 3600


class ListingIn(RequestModel):
    product_id: UUID
    price_cents: Cents
    currency: Currency = "USD"
    inventory_on_hand: Inventory
    delivery: DeliveryKind = DeliveryKind.INSTANT
    promised_delivery_seconds: Annotated[int, Whole(1, _YEAR_SECONDS)] | None = None
    model_config = example(
        {
            name: LISTING[name]
            for name in (
                "product_id",
                "price_cents",
                "currency",
                "inventory_on_hand",
                "delivery",
                "promised_delivery_seconds",
            )
        }
    )

    @model_validator(mode="after")
    def _promise_is_for_shipping(self) -> "ListingIn":
        if self.delivery is DeliveryKind.INSTANT and self.promised_delivery_seconds is not None:
            raise ValueError("promised_delivery_seconds is for delivery SHIPPED")
        return self


class PricePatch(RequestModel):
    price_cents: Cents
    reason: Note
    model_config = example({"price_cents": 4_000, "reason": "The paper got cheaper."})


class InventoryPatch(RequestModel):
    """Exactly one of ``delta`` and ``inventory_on_hand``. A delta is safe to repeat with an Idempotency-Key."""

    delta: Annotated[int, Whole(-MAX_INVENTORY, MAX_INVENTORY)] | None = None
    inventory_on_hand: Inventory | None = None
    model_config = example({"delta": 5})

    @model_validator(mode="after")
    def _one_of_both(self) -> "InventoryPatch":
        if (self.delta is None) == (self.inventory_on_hand is None):
            raise ValueError("give exactly one of delta and inventory_on_hand")
        return self


class StatusPatch(RequestModel):
    status: Literal["ACTIVE", "PAUSED"]
    model_config = example({"status": "PAUSED"})


class ListingLimitsIn(RequestModel):
    """Cents per unit. Null lifts a limit."""

    floor_cents: AmountOrZero | None = None
    auto_accept_cents: AmountOrZero | None = None
    auto_decline_cents: AmountOrZero | None = None
    model_config = example({"floor_cents": 3_000, "auto_accept_cents": 4_000, "auto_decline_cents": 2_500})


class ListingLimitsOut(ResponseModel):
    """Private: only ever shown to the store's owner."""

    floor_cents: int | None = None
    auto_accept_cents: int | None = None
    auto_decline_cents: int | None = None
    model_config = example({"floor_cents": 3_000, "auto_accept_cents": 4_000, "auto_decline_cents": 2_500})


@router.post(
    "",
    status_code=201,
    response_model=ListingOut,
    responses=errors(
        NOT_A_MERCHANT, PRODUCT_NOT_FOUND, STORE_NOT_YOURS, STORE_CLOSED, LISTING_HERO_TAKEN, CURRENCY_UNKNOWN
    ),
)
async def make_listing(body: ListingIn, caller: Merchant, fact: FactDep) -> Response:
    """Put a product on sale. Without stock it starts as SOLD_OUT."""
    async with fact.begin():
        check_currency(body.currency)
        values = body.model_dump(exclude={"product_id"})
        await listings.insert_listing(fact.transaction, fact.command_id, caller.agent_id, body.product_id, **values)
        return await fact.answer(ListingOut.of(await get_listing(fact.transaction, fact.command_id)), 201)


@router.patch("/{listing_id}/price", response_model=ListingOut, responses=errors(*_OWN))
async def patch_price(
    listing_id: UUID, body: PricePatch, caller: Merchant, fact: FactDep, context: Context
) -> Response:
    """Change the list price, with a public reason. A cut ends all standing offers that were made before it.

    Accepted offers keep their price; raising it while there are some costs trust.
    """
    async with fact.begin():
        await listings.update_price(fact.transaction, listing_id, caller.agent_id, **body.model_dump())
        view = ListingOut.of(await get_listing(fact.transaction, listing_id))
        answer = await fact.answer(view)
    await nudges.negotiations_on_listing(context, listing_id)
    await nudges.store_trust(context, view.store_id)
    return answer


@router.patch("/{listing_id}/inventory", response_model=ListingOut, responses=errors(*_OWN, STOCK_NEGATIVE))
async def patch_inventory(
    listing_id: UUID, body: InventoryPatch, caller: Merchant, fact: FactDep, context: Context
) -> Response:
    """Add to the stock on hand, or set it. Held stock is not on hand."""
    async with fact.begin():
        listing = await listings.update_inventory(
            fact.transaction, listing_id, caller.agent_id, delta=body.delta, on_hand=body.inventory_on_hand
        )
        if listing.inventory_on_hand > MAX_INVENTORY:
            problem = {"field": "body.delta", "problem": f"Stock may be {MAX_INVENTORY} at most"}
            raise REQUEST_INVALID.error(errors=[problem])
        answer = await fact.answer(ListingOut.of(await get_listing(fact.transaction, listing_id)))
    await nudges.negotiations_on_listing(context, listing_id)
    return answer


@router.patch(
    "/{listing_id}/status", response_model=ListingOut, responses=errors(*_OWN, STORE_CLOSED, LISTING_HERO_TAKEN)
)
async def patch_status(
    listing_id: UUID, body: StatusPatch, caller: Merchant, fact: FactDep, context: Context
) -> Response:
    """Pause a listing, or put it back on sale. A pause cancels its standing offers."""
    async with fact.begin():
        await listings.update_status(fact.transaction, listing_id, caller.agent_id, ListingStatus(body.status))
        answer = await fact.answer(ListingOut.of(await get_listing(fact.transaction, listing_id)))
    await nudges.negotiations_on_listing(context, listing_id)
    return answer


@router.put("/{listing_id}/limits", responses=errors(*_OWN, LIMITS_INCOHERENT))
async def put_limits(listing_id: UUID, body: ListingLimitsIn, caller: Merchant, context: Context) -> ListingLimitsOut:
    """Replace the merchant's private limits for this listing. The market enforces them; nobody else sees them.

    Thresholds answer with a margin, up to a fifth beyond them, and within the hour; a buyer's first bids only. Bids
    that stand when a limit changes wait for the merchant.
    """
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        await listings.put_listing_limits(transaction, listing_id, caller.agent_id, body.model_dump())
    return ListingLimitsOut(**body.model_dump())


@router.get("/{listing_id}/limits", responses=errors(*_OWN))
async def get_limits(listing_id: UUID, caller: Merchant, context: Context) -> ListingLimitsOut:
    """The merchant's private limits for this listing."""
    async with context.database.transaction(viewer=caller.agent_id) as transaction:
        row = await listings.get_listing_limits(transaction, listing_id, caller.agent_id)
    return ListingLimitsOut() if row is None else ListingLimitsOut.model_validate(row)


Bound = Annotated[int | None, Query(ge=0, le=MAX_PRICE_CENTS)]


@router.get("", response_model=Page[ListingOut], responses=errors(BAD_CURSOR))
async def get_listings(
    context: Context,
    paging: PageQuery,
    store_id: UUID | None = None,
    product_id: UUID | None = None,
    status: ListingStatus | None = None,
    min_price_cents: Bound = None,
    max_price_cents: Bound = None,
    q: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="full-text search")] = None,
    currency: Annotated[Currency | None, Query(description="ISO 4217; prices of others are other numbers")] = None,
    in_stock: bool | None = None,
) -> Response:
    """Listings, newest first; without ``store_id`` those of open stores."""
    before = paging.after(UUID)
    wanted = ListingFilter(store_id, product_id, status, min_price_cents, max_price_cents, q, currency, in_stock)
    rows = await read_listings(context.reads, wanted, before[0] if before else None, paging.limit + 1)
    return paging.answer(rows, lambda row: encode_cursor(row["listing_id"]))


@router.get("/{listing_id}", response_model=ListingOut, responses=errors(LISTING_NOT_FOUND))
async def show_listing(listing_id: UUID, context: Context) -> Response:
    """A listing with its product and store."""
    return answer(await read_listing(context.reads, listing_id))
