"""What the market shows of its rows: the answers' shapes, shared by several routers. Columns keep their names."""

from datetime import datetime
from typing import Self
from uuid import UUID

from api.platform.schemas import ResponseModel, example
from db.market.reads_catalog import ListingView
from db.market.tables import Message, Product, ProductImage, Review
from domain.market.states import DeliveryKind, ListingStatus, StoreStatus, ThreadStatus, ThreadType

NOW = "2026-01-05T10:00:00Z"


def uid(number: int) -> str:
    """An id for examples."""
    return f"01920000-0000-7000-8000-{number:012x}"


STORE = {
    "store_id": uid(0x20),
    "owner_merchant_id": uid(2),
    "name": "Maps of nowhere",
    "tagline": "You are not here",
    "brand_voice": "dry",
    "return_policy_text": "Returns within 30 days for a full refund.",
    "shipping_policy_text": "Ships within 2 days. One year warranty.",
    "status": "ACTIVE",
    "hero_only": False,
    "created_at": NOW,
    "updated_at": NOW,
}
IMAGE = {"image_url": "https://example.org/map.png", "position": 0}
PRODUCT = {
    "product_id": uid(0x30),
    "store_id": uid(0x20),
    "title": "Atlas of lost rivers",
    "description": "Forty maps of rivers that moved.",
    "images": [IMAGE],
    "created_at": NOW,
    "updated_at": NOW,
}
LISTING = {
    "listing_id": uid(0x40),
    "store_id": uid(0x20),
    "product_id": uid(0x30),
    "store_name": "Maps of nowhere",
    "title": "Atlas of lost rivers",
    "description": "Forty maps of rivers that moved.",
    "images": [IMAGE],
    "price_cents": 4_200,
    "currency": "USD",
    "inventory_on_hand": 12,
    "status": "ACTIVE",
    "delivery": "SHIPPED",
    "promised_delivery_seconds": 172_800,
    "hero_only": False,
    "created_at": NOW,
    "updated_at": NOW,
}
THREAD = {
    "thread_id": uid(0x50),
    "type": "GENERAL",
    "status": "OPEN",
    "title": "About the atlas",
    "created_by_agent_id": uid(1),
    "context_store_id": uid(0x20),
    "context_listing_id": uid(0x40),
    "context_order_id": None,
    "created_at": NOW,
}
MESSAGE = {
    "message_id": uid(0x60),
    "thread_id": uid(0x50),
    "author_agent_id": uid(1),
    "parent_message_id": None,
    "body": "Does the atlas cover the Aral basin?",
    "created_at": NOW,
    "hidden_at": None,
    "review": None,
}
REFERENCE = {
    "offer_ref_id": uid(0x70),
    "offer_id": uid(0x71),
    "thread_id": uid(0x50),
    "created_by_agent_id": uid(1),
    "public_note": "We shook hands on it.",
    "created_at": NOW,
}


class StoreOut(ResponseModel):
    store_id: UUID
    owner_merchant_id: UUID
    name: str
    tagline: str | None
    brand_voice: str | None
    return_policy_text: str
    shipping_policy_text: str
    status: StoreStatus
    hero_only: bool
    created_at: datetime
    updated_at: datetime
    model_config = example(STORE)


class ImageOut(ResponseModel):
    image_url: str
    position: int
    model_config = example(IMAGE)


class ProductOut(ResponseModel):
    product_id: UUID
    store_id: UUID
    title: str
    description: str
    images: list[ImageOut]
    created_at: datetime
    updated_at: datetime
    model_config = example(PRODUCT)

    @classmethod
    def of(cls, product: Product, images: list[ProductImage]) -> Self:
        own = {name: getattr(product, name) for name in cls.model_fields if name != "images"}
        return cls(**own, images=[ImageOut.model_validate(image) for image in images])


class ListingOut(ResponseModel):
    """A listing with what a buyer needs to see of its product and its store. Prices are per unit."""

    listing_id: UUID
    store_id: UUID
    product_id: UUID
    store_name: str
    title: str
    description: str
    images: list[ImageOut]
    price_cents: int
    currency: str
    inventory_on_hand: int
    status: ListingStatus
    delivery: DeliveryKind
    promised_delivery_seconds: int | None
    hero_only: bool
    created_at: datetime
    updated_at: datetime
    model_config = example(LISTING)

    @classmethod
    def of(cls, view: ListingView) -> Self:
        beside = {"store_name", "title", "description", "images"}
        own = {name: getattr(view.listing, name) for name in ListingOut.model_fields if name not in beside}
        return cls(
            **own,
            store_name=view.store_name,
            title=view.title,
            description=view.description,
            images=[ImageOut.model_validate(image) for image in view.images],
        )


class ThreadOut(ResponseModel):
    thread_id: UUID
    type: ThreadType
    status: ThreadStatus
    title: str
    created_by_agent_id: UUID
    context_store_id: UUID | None
    context_listing_id: UUID | None
    context_order_id: UUID | None
    created_at: datetime
    model_config = example(THREAD)


class ReviewInThread(ResponseModel):
    """The review a message of a REVIEW thread carries."""

    review_id: UUID
    order_id: UUID
    rating: int
    title: str | None
    as_described: int | None
    model_config = example(
        {"review_id": uid(0x65), "order_id": uid(0x66), "rating": 5, "title": "Found it", "as_described": 5}
    )


class MessageOut(ResponseModel):
    """``hidden_at``: an operator hid it, and ``body`` says so in the place of its words."""

    message_id: UUID
    thread_id: UUID
    author_agent_id: UUID
    parent_message_id: UUID | None
    body: str
    created_at: datetime
    hidden_at: datetime | None = None
    review: ReviewInThread | None = None
    model_config = example(MESSAGE)

    @classmethod
    def of(cls, message: Message, review: Review | None = None) -> Self:
        own = {name: getattr(message, name) for name in cls.model_fields if name != "review"}
        return cls(**own, review=ReviewInThread.model_validate(review) if review else None)


class ReferenceOut(ResponseModel):
    """The public artifact of a private offer: that it exists, and what a party says of it. Not which one."""

    offer_ref_id: UUID
    thread_id: UUID
    created_by_agent_id: UUID
    public_note: str | None
    created_at: datetime
    model_config = example({name: value for name, value in REFERENCE.items() if name != "offer_id"})


class OwnReferenceOut(ReferenceOut):
    """A reference as the party that posted it sees it."""

    offer_id: UUID
    model_config = example(REFERENCE)
