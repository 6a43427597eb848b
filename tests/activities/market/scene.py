"""A small market for tests of the activities: the real activities, and short words for their commands.

Every command has a fresh ``command_id`` unless one is given; ``again`` repeats the last one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest
from psycopg import IntegrityError
from sqlalchemy import text

from activities.market.negotiation import PostgresNegotiationActivities
from activities.market.order import PostgresOrderActivities
from activities.market.review import PostgresReviewActivities
from activities.market.trust import PostgresTrustActivities
from db.market.listings import update_price
from db.market.tables import AgentLimits, ListingLimits
from db.platform import writes
from db.platform.constraints import refusal
from db.platform.database import Database
from db.platform.ids import new_id
from domain.market.commands import (
    AcceptOffer,
    AnswerOffer,
    CounterOffer,
    MakeOffer,
    NegotiationSnapshot,
    NegotiationStart,
    OrderSnapshot,
    OrderStart,
    PlaceOrder,
    PostReview,
    RejectOffer,
    ReviewWindowSnapshot,
    ReviewWindowStart,
    StoreTrustStart,
    TrustFold,
    WithdrawOffer,
)
from domain.market.policy import MarketPolicy
from domain.platform.commands import COMMANDS
from domain.platform.errors import DomainError, ErrorCode
from domain.platform.identity import AgentType
from tests.builders import Shop, ask, make_agent, make_shop

AnyAnswer = TypeVar("AnyAnswer", bound=AnswerOffer)

SECRET = b"what the tests' automatic answers draw by"


async def code_of(doing: Awaitable[Any]) -> str:
    """ "ok", or the code of the refusal, with the database's own refusals in the market's words."""
    try:
        await doing
    except DomainError as refused:
        return refused.code
    except IntegrityError as violation:
        known = refusal(violation)
        if known is None:
            raise
        return known.code
    return "ok"


async def race(seed: int, *doing: Awaitable[Any]) -> list[str]:
    """All at once, starting in an order the seed decides. The codes come in the order given."""
    order = list(range(len(doing)))
    Random(seed).shuffle(order)
    codes = await asyncio.gather(*(code_of(doing[at]) for at in order))
    return [code for _, code in sorted(zip(order, codes, strict=True))]


@asynccontextmanager
async def refused(code: ErrorCode) -> AsyncIterator[None]:
    """The block is refused with exactly this code."""
    with pytest.raises((DomainError, IntegrityError)) as caught:
        yield
    found = refusal(caught.value) if isinstance(caught.value, IntegrityError) else caught.value
    assert found is not None
    assert found.code == code.code


@dataclass
class Scene:
    """The activities over one database."""

    database: Database
    owner_url: str
    policy: MarketPolicy = field(default_factory=MarketPolicy)

    def __post_init__(self) -> None:
        self.negotiation = PostgresNegotiationActivities(self.database, SECRET)
        self.order = PostgresOrderActivities(self.database)
        self.review = PostgresReviewActivities(self.database)
        self.trust = PostgresTrustActivities(self.database)

    def with_policy(self, **changes: Any) -> "Scene":
        return Scene(self.database, self.owner_url, self.policy.model_copy(update=changes))

    async def shop(self, **options: Any) -> Shop:
        async with self.database.transaction() as session:
            return await make_shop(session, **options)

    async def customer(self, *asking: Shop) -> UUID:
        """A customer who has asked about these listings."""
        async with self.database.session() as session:
            customer = await make_agent(session)
            for shop in asking:
                await ask(session, customer, shop)
            return customer

    async def merchant(self) -> UUID:
        async with self.database.transaction() as session:
            return await make_agent(session, AgentType.MERCHANT)

    async def limit_buyer(self, buyer: UUID, **limits: int) -> None:
        async with self.database.session() as session:
            writes.insert(session, AgentLimits, agent_id=buyer, **limits)

    async def limit_listing(self, shop: Shop, **limits: int) -> None:
        async with self.database.session() as session:
            writes.insert(session, ListingLimits, listing_id=shop.listing_id, **limits)

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.database.session() as session:
            return list((await session.execute(text(query), values)).all())

    async def value(self, query: str, **values: Any) -> Any:
        return (await self.rows(query, **values))[0][0]

    def as_owner(self, statement: str, *values: Any) -> None:
        """Change what no activity may: the time that has passed, mostly."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            changed = connection.execute(statement, values).rowcount
        assert changed > 0

    async def reprice(self, shop: Shop, cents: int) -> None:
        async with self.database.transaction() as transaction:
            await update_price(transaction, shop.listing_id, shop.merchant_id, cents, "Brass is what it is.")

    async def listing(self, shop: Shop) -> tuple[int, str]:
        """On-hand stock and status."""
        query = "SELECT inventory_on_hand, status::text FROM listings WHERE listing_id = :id"
        return tuple((await self.rows(query, id=shop.listing_id))[0])

    async def inbox(self, agent: UUID) -> list[str]:
        query = "SELECT type FROM inbox_events WHERE agent_id = :id ORDER BY txid, seq"
        return [row[0] for row in await self.rows(query, id=agent)]

    async def facts(self, shop: Shop) -> list[str]:
        query = "SELECT reason::text FROM trust_facts WHERE store_id = :id ORDER BY position"
        return [row[0] for row in await self.rows(query, id=shop.store_id)]

    async def fold(self, shop: Shop) -> TrustFold:
        return await self.trust.fold_trust(StoreTrustStart(store_id=shop.store_id, policy=self.policy))

    def deal(self, shop: Shop, buyer: UUID) -> "Deal":
        return Deal(self, shop, buyer)

    async def offer(self, shop: Shop, buyer: UUID, price: int = 1_000, quantity: int = 1, **options: Any) -> "Deal":
        deal = self.deal(shop, buyer)
        await deal.make(price, quantity, **options)
        return deal

    async def accepted(self, shop: Shop, buyer: UUID, price: int = 1_000, quantity: int = 1) -> "Deal":
        deal = await self.offer(shop, buyer, price, quantity)
        await deal.accept(shop.merchant_id)
        return deal

    def purchase(self, shop: Shop, buyer: UUID) -> "Purchase":
        return Purchase(self, shop, buyer)

    async def bought(self, shop: Shop, buyer: UUID, quantity: int = 1, offer_id: UUID | None = None) -> "Purchase":
        purchase = self.purchase(shop, buyer)
        await purchase.place(quantity, offer_id)
        return purchase


class _Repeats:
    """Remembers the last command, to carry it out once more."""

    _last: Callable[[], Awaitable[Any]] | None = None

    async def _run(self, doing: Callable[[], Awaitable[Any]]) -> Any:
        self._last = doing
        return await doing()

    async def again(self) -> Any:
        assert self._last is not None
        return await self._last()


class Deal(_Repeats):
    """A negotiation: ``standing`` is the id of its latest offer."""

    def __init__(self, scene: Scene, shop: Shop, buyer: UUID) -> None:
        self.scene, self.shop, self.buyer = scene, shop, buyer
        self.negotiation_id = self.standing = new_id()
        self.start = NegotiationStart(
            negotiation_id=self.negotiation_id, listing_id=shop.listing_id, store_id=shop.store_id, policy=scene.policy
        )

    async def make(self, price: int, quantity: int = 1, **options: Any) -> NegotiationSnapshot:
        values = {
            "command_id": self.negotiation_id,
            "negotiation_id": self.negotiation_id,
            "listing_id": self.shop.listing_id,
            "buyer_id": self.buyer,
        }
        command = MakeOffer(**values | options, price_cents=price, quantity=quantity)
        return await self._run(lambda: self.scene.negotiation.make_offer(self.start, command))

    async def counter(self, by: UUID, price: int, **options: Any) -> NegotiationSnapshot:
        command = CounterOffer(
            command_id=new_id(),
            negotiation_id=self.negotiation_id,
            offer_id=options.pop("offer_id", self.standing),
            by_agent_id=by,
            price_cents=price,
            **options,
        )
        answer = await self._run(lambda: self.scene.negotiation.counter_offer(self.start, command))
        self.standing = command.command_id
        return answer

    def _answer(self, kind: type[AnyAnswer], by: UUID, options: dict[str, Any]) -> AnyAnswer:
        values = {"command_id": new_id(), "offer_id": self.standing} | options
        return kind(negotiation_id=self.negotiation_id, by_agent_id=by, **values)

    async def accept(self, by: UUID, **options: Any) -> NegotiationSnapshot:
        command = self._answer(AcceptOffer, by, options)
        return await self._run(lambda: self.scene.negotiation.accept_offer(self.start, command))

    async def reject(self, by: UUID, **options: Any) -> NegotiationSnapshot:
        command = self._answer(RejectOffer, by, options)
        return await self._run(lambda: self.scene.negotiation.reject_offer(self.start, command))

    async def withdraw(self, by: UUID, **options: Any) -> NegotiationSnapshot:
        command = self._answer(WithdrawOffer, by, options)
        return await self._run(lambda: self.scene.negotiation.withdraw_offer(self.start, command))

    async def settle(self) -> NegotiationSnapshot:
        return await self.scene.negotiation.settle_negotiation(self.start)

    async def answer_automatically(self) -> NegotiationSnapshot:
        return await self.scene.negotiation.answer_automatically(self.start, self.standing)

    def expire(self) -> None:
        """Its standing offer's time is over."""
        self.scene.as_owner(
            "UPDATE offers SET created_at = created_at - interval '9 days', expires_at = now() - interval '1 second'"
            " WHERE offer_id = %s",
            self.standing,
        )

    def lapse(self) -> None:
        """Its accepted offer's purchase window is over."""
        past = "now() - interval '1 second'"
        self.scene.as_owner(f"UPDATE offers SET purchase_by = {past} WHERE offer_id = %s", self.standing)
        self.scene.as_owner(f"UPDATE stock_holds SET expires_at = {past} WHERE offer_id = %s", self.standing)

    async def state(self) -> tuple[str, str | None, bool]:
        """Status, close reason, and whether the process is over."""
        query = "SELECT status::text, close_reason, closed_at IS NOT NULL FROM negotiations WHERE negotiation_id = :id"
        return tuple((await self.scene.rows(query, id=self.negotiation_id))[0])

    async def offers(self) -> list[tuple[int, str, str | None]]:
        query = "SELECT round, status::text, close_reason FROM offers WHERE negotiation_id = :id ORDER BY round"
        return [tuple(row) for row in await self.scene.rows(query, id=self.negotiation_id)]


class Purchase(_Repeats):
    """An order and its review window."""

    def __init__(self, scene: Scene, shop: Shop, buyer: UUID) -> None:
        self.scene, self.shop, self.buyer = scene, shop, buyer
        self.order_id = new_id()
        ids = {"order_id": self.order_id, "listing_id": shop.listing_id, "store_id": shop.store_id}
        self.start = OrderStart(**ids, policy=scene.policy)
        self.window = ReviewWindowStart(**ids, policy=scene.policy)

    async def place(self, quantity: int = 1, offer_id: UUID | None = None, **options: Any) -> OrderSnapshot:
        command = PlaceOrder(
            command_id=self.order_id,
            buyer_id=self.buyer,
            listing_id=self.shop.listing_id,
            quantity=quantity,
            offer_id=offer_id,
            **options,
        )
        return await self._run(lambda: self.scene.order.place_order(self.start, command))

    async def tell(self, what: str, by: UUID, **options: Any) -> OrderSnapshot:
        """``what`` is the kind of a command by one of its parties."""
        command = COMMANDS[what](command_id=new_id(), order_id=self.order_id, by_agent_id=by, **options)
        return await self._run(lambda: getattr(self.scene.order, what)(self.start, command))

    async def settle(self) -> OrderSnapshot:
        return await self.scene.order.settle_order(self.start)

    async def review(self, by: UUID | None = None, rating: int = 5, **options: Any) -> ReviewWindowSnapshot:
        values = {"command_id": new_id(), "body": "As it should be."} | options
        command = PostReview(order_id=self.order_id, author_id=by or self.buyer, rating=rating, **values)
        return await self._run(lambda: self.scene.review.post_review(self.window, command))

    async def settle_window(self) -> ReviewWindowSnapshot:
        return await self.scene.review.settle_review_window(self.window)

    def past(self, *columns: str, table: str = "orders") -> None:
        """These dates have just passed."""
        changes = ", ".join(f"{column} = now() - interval '1 second'" for column in columns)
        self.scene.as_owner(f"UPDATE {table} SET {changes} WHERE order_id = %s", self.order_id)

    async def state(self) -> tuple[str, str | None, bool]:
        query = "SELECT status::text, refund_reason, closed_at IS NOT NULL FROM orders WHERE order_id = :id"
        return tuple((await self.scene.rows(query, id=self.order_id))[0])
