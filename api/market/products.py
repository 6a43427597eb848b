"""Products: what is sold, and what is said about it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from api.context import Context
from api.errors import errors
from api.market import nudges
from api.market.views import IMAGE, PRODUCT, ProductOut
from api.platform.auth import Merchant
from api.platform.idempotency import FactDep
from api.platform.pages import Page, PageQuery
from api.platform.schemas import Name, Note, Prose, RequestModel, Url, example
from db.market import products
from db.market.reads_catalog import get_product, list_products
from domain.market.errors import PRODUCT_NOT_FOUND, STORE_CLOSED, STORE_NOT_FOUND, STORE_NOT_YOURS
from domain.platform.errors import BAD_CURSOR
from domain.platform.identity import NOT_A_MERCHANT
from domain.platform.numbers import Whole

router = APIRouter(prefix="/v1/products", tags=["catalog"])


class ImageIn(RequestModel):
    image_url: Url
    position: Annotated[int, Whole(0, 1_000)] = 0
    model_config = example(IMAGE)


Images = Annotated[list[ImageIn], Field(max_length=20)]


class ProductIn(RequestModel):
    store_id: UUID
    title: Name
    description: Prose
    images: Images = []
    model_config = example({name: PRODUCT[name] for name in ("store_id", "title", "description", "images")})


class ProductPatch(RequestModel):
    """What is left out stays as it is; ``images`` replaces them all."""

    title: Name | None = None
    description: Prose | None = None
    images: Images | None = None
    reason: Note
    model_config = example(
        {"description": "Forty-one maps of rivers that moved.", "reason": "A reader found one more river."}
    )

    @model_validator(mode="after")
    def _says_something(self) -> "ProductPatch":
        if self.title is None and self.description is None and self.images is None:
            raise ValueError("give title, description or images")
        return self


def _pairs(images: list[ImageIn]) -> list[products.Image]:
    return [(image.image_url, image.position) for image in images]


@router.post(
    "",
    status_code=201,
    response_model=ProductOut,
    responses=errors(NOT_A_MERCHANT, STORE_NOT_FOUND, STORE_NOT_YOURS, STORE_CLOSED),
)
async def make_product(body: ProductIn, caller: Merchant, fact: FactDep) -> Response:
    """Describe a product. It is on sale once it has a listing."""
    images = _pairs(body.images)
    async with fact.begin():
        await products.insert_product(
            fact.transaction, fact.command_id, caller.agent_id, body.store_id, body.title, body.description, images
        )
        return await fact.answer(ProductOut.of(*await get_product(fact.transaction, fact.command_id)), 201)


@router.patch(
    "/{product_id}",
    response_model=ProductOut,
    responses=errors(NOT_A_MERCHANT, PRODUCT_NOT_FOUND, STORE_NOT_YOURS),
)
async def patch_product(
    product_id: UUID, body: ProductPatch, caller: Merchant, fact: FactDep, context: Context
) -> Response:
    """Change what is said about a product. Answers open claim challenges; costs trust under open orders."""
    changes = body.model_dump(include={"title", "description"}, exclude_none=True)
    images = None if body.images is None else _pairs(body.images)
    async with fact.begin():
        product, changed = await products.update_product(
            fact.transaction, product_id, caller.agent_id, changes, images, body.reason
        )
        answer = await fact.answer(ProductOut.of(*await get_product(fact.transaction, product_id)))
    if changed:
        await nudges.store_trust(context, product.store_id)
    return answer


@router.get("", responses=errors(BAD_CURSOR))
async def get_products(context: Context, paging: PageQuery, store_id: UUID | None = None) -> Page[ProductOut]:
    """Products with their images, newest first."""
    before = paging.after(UUID)
    async with context.database.transaction() as transaction:
        rows = await list_products(transaction, store_id, before[0] if before else None, paging.limit + 1)
    return paging.page(rows, lambda row: ProductOut.of(*row), lambda row: (row[0].product_id,))


@router.get("/{product_id}", responses=errors(PRODUCT_NOT_FOUND))
async def show_product(product_id: UUID, context: Context) -> ProductOut:
    """A product with its images."""
    async with context.database.transaction() as transaction:
        return ProductOut.of(*await get_product(transaction, product_id))
