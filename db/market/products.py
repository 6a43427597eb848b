"""Products as facts: what is sold, and every change of what is said about it."""

from uuid import UUID, uuid5

from sqlalchemy import bindparam, delete, select

from db import locks
from db.market import stores, trust
from db.market.orders import has_undelivered
from db.market.tables import Listing, Order, Product, ProductImage, SupportQuestion, Thread
from db.platform import writes
from db.platform.ids import new_id
from db.platform.statements import Query, among, find
from db.platform.transactions import Transaction
from domain.market.errors import PRODUCT_NOT_FOUND
from domain.market.states import ThreadStatus, ThreadType
from domain.market.trust import TrustReason

Image = tuple[str, int]
"""A URL and its position."""


_IMAGES = find(
    ProductImage,
    among(ProductImage.c.product_id, "product_ids"),
    order=(
        ProductImage.c.position,
        ProductImage.c.product_image_id,
    ),
)
_FORGET_IMAGES = Query(delete(ProductImage.table).where(ProductImage.c.product_id == bindparam("product_id")))
_CHALLENGES = find(
    Thread,
    Thread.c.type == ThreadType.CLAIM_CHALLENGE,
    Thread.c.status == ThreadStatus.OPEN,
    among(Thread.c.context_listing_id, "listing_ids"),
    Thread.c.created_by_agent_id != bindparam("merchant_id"),
    order=(
        Thread.c.created_at,
        Thread.c.thread_id,
    ),
)
_AT_STAKE = Query(
    select(SupportQuestion.c.customer_id, Order.c.order_id)
    .join(
        Order.table,
        (Order.c.buyer_customer_id == SupportQuestion.c.customer_id) & (Order.c.store_id == SupportQuestion.c.store_id),
    )
    .where(
        SupportQuestion.c.thread_id == bindparam("thread_id"),
        Order.c.paid_at.is_not(None),
        Order.c.refunded_at.is_(None),
    )
    .order_by(SupportQuestion.c.asked_at, Order.c.placed_at, Order.c.order_id)
    .limit(1),
    UUID,
    UUID,
)


async def insert_product(
    transaction: Transaction,
    product_id: UUID,
    merchant_id: UUID,
    store_id: UUID,
    title: str,
    description: str,
    images: list[Image],
) -> Product:
    """A product of the merchant's store. Raises store.not_found, store.not_yours, store.closed."""
    await stores.own_open_store(transaction, store_id, merchant_id)
    writes.insert(transaction, Product, product_id=product_id, store_id=store_id, title=title, description=description)
    _insert_images(transaction, product_id, images)
    await writes.send(transaction)
    return await transaction.get_one(Product, product_id)


def _insert_images(transaction: Transaction, product_id: UUID, images: list[Image]) -> None:
    for url, position in images:
        writes.insert(
            transaction,
            ProductImage,
            product_image_id=new_id(),
            product_id=product_id,
            image_url=url,
            position=position,
        )


async def list_images(transaction: Transaction, product_ids: list[UUID]) -> dict[UUID, list[ProductImage]]:
    """The products' images by product, in their order."""
    found: dict[UUID, list[ProductImage]] = {product_id: [] for product_id in product_ids}
    for image in await transaction.rows(_IMAGES, product_ids=product_ids):
        found[image.product_id].append(image)
    return found


async def update_product(
    transaction: Transaction,
    product_id: UUID,
    merchant_id: UUID,
    changes: dict[str, str],
    images: list[Image] | None,
    reason: str,
) -> tuple[Product, bool]:
    """Change a product's copy, with a patch note per field. Says whether anything changed.

    Its listings are locked first: whether an order awaits delivery must not change underneath.
    """
    product = await transaction.require(Product, product_id, PRODUCT_NOT_FOUND)
    await stores.own_store(transaction, product.store_id, merchant_id, lock=True)
    listings = await locks.lock_listings_of_product(transaction, product_id)
    product = await transaction.get_one(Product, product_id)
    changed: dict[str, tuple[str, str]] = {
        name: (getattr(product, name), new) for name, new in changes.items() if getattr(product, name) != new
    }
    if images is not None:
        shown = [(i.image_url, i.position) for i in (await list_images(transaction, [product_id]))[product_id]]
        if sorted(shown) != sorted(images):
            changed["images"] = (_urls(shown), _urls(images))
            await transaction.rows(_FORGET_IMAGES, product_id=product_id)
            _insert_images(transaction, product_id, images)
    first: UUID | None = None
    for name, (old, new) in changed.items():
        update_id = stores.insert_update(
            transaction, product.store_id, merchant_id, "COPY_UPDATED", reason,
            field_name=name, old=old, new=new, product_id=product_id,
            listing_id=listings[0].listing_id if len(listings) == 1 else None,
        )  # fmt: skip
        first = first or update_id
    if first is not None:
        texts = {name: new for name, (_, new) in changed.items() if name != "images"}
        product = writes.change(transaction, product, **texts, updated_at=await locks.clock(transaction))
        await _copy_facts(transaction, product, merchant_id, listings, first)
        await writes.send(transaction)
    return product, first is not None


def _urls(images: list[Image]) -> str:
    return " ".join(url for url, _ in sorted(images, key=lambda image: image[1]))


async def _copy_facts(
    transaction: Transaction, product: Product, merchant_id: UUID, listings: list[Listing], update_id: UUID
) -> None:
    """One fact per challenge the edit answers, and one per listing whose buyers still wait for their goods.

    An edit closes every open challenge; it earns trust by those of customers who have something at stake.
    """
    now = await locks.clock(transaction)
    reason = TrustReason.PRODUCT_COPY_UPDATED
    listing_ids = [listing.listing_id for listing in listings]
    resolved = 0
    for thread in await transaction.rows(_CHALLENGES, listing_ids=listing_ids, merchant_id=merchant_id):
        writes.change(transaction, thread, status=ThreadStatus.CLOSED)
        stake = await _challenger(transaction, thread)
        if stake is None:
            continue
        challenger_id, order_id = stake
        trust.insert_fact(
            transaction,
            store_id=product.store_id,
            source_event_id=thread.thread_id,
            reason=reason,
            inputs={"resolves_challenge": True, "same_edit": resolved},
            occurred_at=now,
            subject_agent_id=challenger_id,
            listing_id=thread.context_listing_id,
            linked_thread_id=thread.thread_id,
            linked_order_id=order_id,
        )
        resolved += 1
    for listing in listings:
        if await has_undelivered(transaction, listing_id=listing.listing_id):
            # A fact has one source of its own; an edit of a product sold in several listings has several.
            source = update_id if len(listings) == 1 else uuid5(update_id, str(listing.listing_id))
            trust.insert_fact(
                transaction,
                store_id=product.store_id,
                source_event_id=source,
                reason=reason,
                inputs={"undelivered_orders": True, "penalised_recently": False},
                occurred_at=now,
                listing_id=listing.listing_id,
            )


async def _challenger(transaction: Transaction, thread: Thread) -> tuple[UUID, UUID] | None:
    """Who challenged a claim and had something at stake, and the order that it was: the first who did.

    A challenge is a message that would be a question anywhere else (they are counted alike), by a customer who has
    paid the store for an order and has not got the money back. A thread alone proves nothing.
    """
    return await transaction.one_or_none(_AT_STAKE, thread_id=thread.thread_id)
