"""Makers of rows for tests, each in the transaction it is given, as the API's facts would make them."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.checkout.tables import CheckoutPlatform
from db.locks import clock
from db.market import evidence, trust
from db.market.stock import insert_movement
from db.market.tables import Agent, Listing, Message, Product, Store, Thread
from db.platform.events import record_event
from db.platform.ids import new_id
from domain.market.states import (
    ActivityType,
    DeliveryKind,
    InteractionType,
    ListingStatus,
    MovementReason,
    StoreStatus,
    ThreadType,
)
from domain.platform.identity import AgentType


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant's store with one listing."""

    merchant_id: UUID
    store_id: UUID
    product_id: UUID
    listing_id: UUID


async def make_agent(session: AsyncSession, kind: AgentType = AgentType.CUSTOMER) -> UUID:
    agent_id = new_id()
    session.add(Agent(agent_id=agent_id, agent_type=kind, handle=f"a-{agent_id}", display_name="An agent"))
    await session.flush()
    return agent_id


async def make_platform(session: AsyncSession) -> UUID:
    """A customer that is a shopping platform."""
    agent_id = await make_agent(session)
    session.add(CheckoutPlatform(agent_id=agent_id, profile_url=f"https://platform.example/{agent_id}"))
    return agent_id


async def make_shop(
    session: AsyncSession,
    *,
    price_cents: int = 1_500,
    stock: int = 10,
    delivery: DeliveryKind = DeliveryKind.INSTANT,
    promised_delivery_seconds: int | None = None,
    hero_only: bool = False,
) -> Shop:
    merchant_id = await make_agent(session, AgentType.MERCHANT)
    shop = Shop(merchant_id, new_id(), new_id(), new_id())
    now = await clock(session)
    session.add(
        Store(
            store_id=shop.store_id,
            owner_merchant_id=merchant_id,
            name="A store",
            return_policy_text="Returns within 30 days for a full refund.",
            shipping_policy_text="Ships within 2 days. One year warranty.",
            status=StoreStatus.ACTIVE,
            hero_only=hero_only,
        )
    )
    await session.flush()
    trust.insert_profile(session, shop.store_id, now, now + timedelta(days=30))
    session.add(Product(product_id=shop.product_id, store_id=shop.store_id, title="A lamp", description="It shines."))
    await session.flush()
    session.add(
        Listing(
            listing_id=shop.listing_id,
            store_id=shop.store_id,
            product_id=shop.product_id,
            price_cents=price_cents,
            currency="USD",
            inventory_on_hand=stock,
            status=ListingStatus.ACTIVE if stock else ListingStatus.SOLD_OUT,
            delivery=delivery,
            promised_delivery_seconds=promised_delivery_seconds,
            hero_only=hero_only,
        )
    )
    await session.flush()
    insert_movement(session, shop.listing_id, stock, MovementReason.INITIAL)
    record_event(session, ActivityType.STORE_CREATED, actor_agent_id=merchant_id, store_id=shop.store_id)
    record_event(
        session,
        ActivityType.LISTING_DROPPED,
        actor_agent_id=merchant_id,
        store_id=shop.store_id,
        listing_id=shop.listing_id,
    )
    return shop


async def ask(session: AsyncSession, customer_id: UUID, shop: Shop) -> UUID:
    """A customer's qualifying question on the listing, with its evidence. Returns the message's id."""
    now = await clock(session)
    thread_id, message_id = new_id(), new_id()
    session.add(
        Thread(
            thread_id=thread_id,
            type=ThreadType.GENERAL,
            title="A question",
            created_by_agent_id=customer_id,
            context_store_id=shop.store_id,
            context_listing_id=shop.listing_id,
        )
    )
    await session.flush()
    session.add(
        Message(
            message_id=message_id,
            thread_id=thread_id,
            author_agent_id=customer_id,
            body="Does this lamp shine in the dark?",
        )
    )
    await session.flush()
    record_event(
        session,
        ActivityType.THREAD_CREATED,
        actor_agent_id=customer_id,
        store_id=shop.store_id,
        listing_id=shop.listing_id,
        thread_id=thread_id,
    )
    record_event(
        session,
        ActivityType.MESSAGE_POSTED,
        actor_agent_id=customer_id,
        store_id=shop.store_id,
        listing_id=shop.listing_id,
        thread_id=thread_id,
        message_id=message_id,
    )
    evidence.insert_evidence(
        session,
        customer_id,
        shop.listing_id,
        InteractionType.QUESTION_POSTED,
        now,
        thread_id=thread_id,
        message_id=message_id,
    )
    return message_id
