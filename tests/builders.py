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
from db.platform import writes
from db.platform.events import record_event
from db.platform.ids import new_id
from db.platform.transactions import Transaction
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


async def make_agent(unit: AsyncSession | Transaction, kind: AgentType = AgentType.CUSTOMER) -> UUID:
    agent_id = new_id()
    writes.insert(unit, Agent, agent_id=agent_id, agent_type=kind, handle=f"a-{agent_id}", display_name="An agent")
    await writes.send(unit)
    return agent_id


async def make_platform(session: AsyncSession) -> UUID:
    """A customer that is a shopping platform."""
    agent_id = await make_agent(session)
    session.add(CheckoutPlatform(agent_id=agent_id, profile_url=f"https://platform.example/{agent_id}"))
    return agent_id


async def make_shop(
    unit: AsyncSession | Transaction,
    *,
    price_cents: int = 1_500,
    stock: int = 10,
    delivery: DeliveryKind = DeliveryKind.INSTANT,
    promised_delivery_seconds: int | None = None,
    hero_only: bool = False,
) -> Shop:
    merchant_id = await make_agent(unit, AgentType.MERCHANT)
    shop = Shop(merchant_id, new_id(), new_id(), new_id())
    now = await clock(unit)
    writes.insert(
        unit,
        Store,
        store_id=shop.store_id,
        owner_merchant_id=merchant_id,
        name="A store",
        return_policy_text="Returns within 30 days for a full refund.",
        shipping_policy_text="Ships within 2 days. One year warranty.",
        status=StoreStatus.ACTIVE,
        hero_only=hero_only,
    )
    trust.insert_profile(unit, shop.store_id, now, now + timedelta(days=30))
    lamp = {"title": "A lamp", "description": "It shines."}
    writes.insert(unit, Product, product_id=shop.product_id, store_id=shop.store_id, **lamp)
    writes.insert(
        unit,
        Listing,
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
    insert_movement(unit, shop.listing_id, stock, MovementReason.INITIAL)
    record_event(unit, ActivityType.STORE_CREATED, actor_agent_id=merchant_id, store_id=shop.store_id)
    record_event(
        unit,
        ActivityType.LISTING_DROPPED,
        actor_agent_id=merchant_id,
        store_id=shop.store_id,
        listing_id=shop.listing_id,
    )
    await writes.send(unit)
    return shop


async def ask(unit: AsyncSession | Transaction, customer_id: UUID, shop: Shop) -> UUID:
    """A customer's qualifying question on the listing, with its evidence. Returns the message's id."""
    now = await clock(unit)
    thread_id, message_id = new_id(), new_id()
    writes.insert(
        unit,
        Thread,
        thread_id=thread_id,
        type=ThreadType.GENERAL,
        title="A question",
        created_by_agent_id=customer_id,
        context_store_id=shop.store_id,
        context_listing_id=shop.listing_id,
    )
    writes.insert(
        unit,
        Message,
        message_id=message_id,
        thread_id=thread_id,
        author_agent_id=customer_id,
        body="Does this lamp shine in the dark?",
    )
    record_event(
        unit,
        ActivityType.THREAD_CREATED,
        actor_agent_id=customer_id,
        store_id=shop.store_id,
        listing_id=shop.listing_id,
        thread_id=thread_id,
    )
    record_event(
        unit,
        ActivityType.MESSAGE_POSTED,
        actor_agent_id=customer_id,
        store_id=shop.store_id,
        listing_id=shop.listing_id,
        thread_id=thread_id,
        message_id=message_id,
    )
    evidence.insert_evidence(
        unit,
        customer_id,
        shop.listing_id,
        InteractionType.QUESTION_POSTED,
        now,
        thread_id=thread_id,
        message_id=message_id,
    )
    await writes.send(unit)
    return message_id
