"""Checkout sessions over the real activities, driven step by step as their process drives them.

Orders are told directly instead of through Temporal: the same activities carry out the same commands.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from activities.checkout.completion import PostgresCheckoutActivities
from activities.checkout.mock_payments import MockPayments
from activities.market.order import PostgresOrderActivities
from db.checkout.reads import get_checkout
from db.checkout.sessions import note_shown
from db.checkout.tables import ShippingPromotionRow, ShippingRateRow, StoreDiscount
from db.platform.ids import new_id
from domain.checkout.commands import (
    CancelCheckout,
    CheckoutSnapshot,
    CheckoutStart,
    CompleteCheckout,
    CreateCheckout,
    UpdateCheckout,
)
from domain.checkout.models import (
    Checkout,
    Destination,
    FulfillmentChoice,
    GroupChoice,
    ItemChoice,
    MethodChoice,
    PaymentChoice,
)
from domain.checkout.payments import MARKET_HANDLER, MOCK_HANDLER, Charge, MarketSettlement, PaymentHandler, Reply
from domain.checkout.policy import CheckoutPolicy
from domain.checkout.states import PaymentStatus
from domain.market.commands import OrderStart, PlaceOrder, ReverseOrder
from domain.market.policy import MarketPolicy
from tests.activities.market.scene import Scene
from tests.builders import Shop, make_agent, make_platform

PAYS = PaymentChoice(handler_id=MOCK_HANDLER, credential={"type": "token", "token": "success_token"})


WHOLE = {
    "US": {"address_locality": "Springfield", "address_region": "IL", "postal_code": "62704"},
    "CA": {"address_locality": "Toronto", "address_region": "ON", "postal_code": "M5V 2H1"},
}


def pays(token: str) -> PaymentChoice:
    return PaymentChoice(handler_id=MOCK_HANDLER, credential={"type": "token", "token": token})


def shipped_to(country: str = "US", option: str | None = None) -> FulfillmentChoice:
    """One method, one address, and the option wanted there."""
    place = Destination(
        id="home", full_name="Amina Idris", street_address="1 Bazaar Lane", address_country=country, **WHOLE[country]
    )
    groups = (GroupChoice(selected_option_id=option),) if option else None
    return FulfillmentChoice(
        methods=(MethodChoice(id="m", destinations=(place,), selected_destination_id="home", groups=groups),)
    )


class Ledger(MockPayments):
    """The mock handler, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []

    async def authorize(self, charge: Charge) -> Reply:
        self.asked.append(("authorize", charge.key, charge.amount_cents))
        return await super().authorize(charge)

    async def capture(self, charge: Charge) -> Reply:
        self.asked.append(("capture", charge.key, charge.amount_cents))
        return await super().capture(charge)

    async def void(self, charge: Charge) -> None:
        self.asked.append(("void", charge.key, charge.amount_cents))

    async def refund(self, charge: Charge) -> None:
        self.asked.append(("refund", charge.key, charge.amount_cents))

    def words(self) -> list[str]:
        return [word for word, _, _ in self.asked]


class LocalOrders(PostgresCheckoutActivities):
    """Tells orders without Temporal."""

    async def _tell_order(self, start: OrderStart, command: PlaceOrder | ReverseOrder) -> None:
        await getattr(PostgresOrderActivities(self._database), command.kind)(start, command)


class Shopping:
    """A platform at one store."""

    def __init__(self, scene: Scene, shop: Shop, agent_id: UUID, **options: Any) -> None:
        self.scene, self.shop, self.agent_id = scene, shop, agent_id
        self.ledger = Ledger()
        handlers: Mapping[str, PaymentHandler] = {MARKET_HANDLER: MarketSettlement(), MOCK_HANDLER: self.ledger}
        self.policy = CheckoutPolicy(**options)
        self.do = LocalOrders(scene.database, None, handlers, known_addresses=True)  # type: ignore[arg-type]
        self.checkout_id = new_id()

    @property
    def start(self) -> CheckoutStart:
        return CheckoutStart(
            checkout_id=self.checkout_id, store_id=self.shop.store_id, policy=self.policy, market=MarketPolicy()
        )

    async def open(self, quantity: int = 1, **options: Any) -> CheckoutSnapshot:
        values = {"items": (ItemChoice(listing_id=self.shop.listing_id, quantity=quantity),)} | options
        self.checkout_id = values.pop("checkout_id", None) or new_id()
        command = CreateCheckout(command_id=self.checkout_id, agent_id=self.agent_id, **values)
        return await self._answered(await self.do.create_checkout(self.start, command))

    async def _answered(self, snapshot: CheckoutSnapshot) -> CheckoutSnapshot:
        """The API answers with the session as it is."""
        await self.read()
        return snapshot

    async def update(self, **changes: Any) -> CheckoutSnapshot:
        values = {"command_id": new_id(), "agent_id": self.agent_id} | changes
        command = UpdateCheckout(checkout_id=self.checkout_id, **values)
        return await self._answered(await self.do.update_checkout(self.start, command))

    async def cancel(self) -> CheckoutSnapshot:
        command = CancelCheckout(command_id=new_id(), checkout_id=self.checkout_id, agent_id=self.agent_id)
        return await self.do.cancel_checkout(self.start, command)

    def completion(self, payment: PaymentChoice | None = PAYS, **options: Any) -> CompleteCheckout:
        values = {"command_id": new_id(), "agent_id": self.agent_id} | options
        return CompleteCheckout(checkout_id=self.checkout_id, payment=payment, **values)

    async def complete(self, payment: PaymentChoice | None = PAYS, **options: Any) -> CheckoutSnapshot:
        snapshot = await self.do.begin_completion(self.start, self.completion(payment, **options))
        return snapshot if snapshot.refused else await self.advance(snapshot, payment)

    async def step(self, snapshot: CheckoutSnapshot, payment: PaymentChoice | None) -> CheckoutSnapshot:
        """The process's next step."""
        if snapshot.failed:
            return await self.do.undo_attempt(self.start)
        match snapshot.payment:
            case PaymentStatus.PENDING:
                return await self.do.authorize_payment(self.start, payment)
            case PaymentStatus.AUTHORIZED:
                return await self.do.place_orders(self.start)
            case PaymentStatus.PLACED:
                await self.do.start_orders(self.start)
                return await self.do.capture_payment(self.start)
        return await self.do.pay_back(self.start)

    async def advance(self, snapshot: CheckoutSnapshot, payment: PaymentChoice | None) -> CheckoutSnapshot:
        while snapshot.payment is not None or snapshot.owes_refund:
            snapshot = await self.step(snapshot, payment)
        return snapshot

    async def settle(self) -> CheckoutSnapshot:
        return await self.advance(await self.do.settle_checkout(self.start), None)

    async def read(self) -> Checkout:
        """As its platform reads it, which then has seen the price."""
        async with self.scene.database.session() as session:
            found = await get_checkout(session, self.checkout_id)
            assert found is not None
            await note_shown(session, found)
        return found

    async def orders(self) -> list[Any]:
        """Of this agent: status, total, charged."""
        query = "SELECT status::text, total_price_cents, charged_cents FROM orders WHERE buyer_customer_id = :id"
        return [tuple(row) for row in await self.scene.rows(query, id=self.agent_id)]

    async def payments(self) -> list[str | None]:
        """Of this agent's orders: by whom they are known to be paid."""
        query = "SELECT payment_source::text FROM orders WHERE buyer_customer_id = :id"
        return [row[0] for row in await self.scene.rows(query, id=self.agent_id)]

    async def discount(self, code: str, kind: str, value: int, position: int = 1) -> None:
        async with self.scene.database.session() as session:
            session.add(
                StoreDiscount(
                    discount_id=new_id(), store_id=self.shop.store_id, code=code, title=code, kind=kind, value=value,
                    position=position, active=True,
                )
            )  # fmt: skip

    async def rate(self, option: str, level: str, cents: int, country: str | None = None) -> None:
        async with self.scene.database.session() as session:
            session.add(
                ShippingRateRow(
                    rate_id=new_id(), store_id=self.shop.store_id, option_id=option, title=option,
                    service_level=level, country=country, price_cents=cents,
                )
            )  # fmt: skip

    async def free_above(self, cents: int) -> None:
        async with self.scene.database.session() as session:
            session.add(
                ShippingPromotionRow(
                    promotion_id=new_id(), store_id=self.shop.store_id, title="Free", service_level="standard",
                    min_subtotal_cents=cents, listing_ids=[],
                )
            )  # fmt: skip


async def shopping(scene: Scene, shop: Shop | None = None, *, platform: bool = True, **options: Any) -> Shopping:
    """A new platform, or a customer that is none, at a shop."""
    shop = shop or await scene.shop()
    async with scene.database.session() as session:
        agent_id = await (make_platform(session) if platform else make_agent(session))
    return Shopping(scene, shop, agent_id, **options)
