"""A checkout session under lock: what its rules read, its price now, and how it opens and closes.

Used inside one transaction; holds no lock beyond it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import locks
from db.checkout import countries, pricing, sessions
from db.checkout.reads import get_payment, line_of, list_lines
from db.checkout.tables import CheckoutPayment, CheckoutRow
from db.market import negotiations
from db.market.tables import Negotiation, Offer
from db.platform.transactions import Transaction
from domain.checkout import errors
from domain.checkout import sessions as rules
from domain.checkout.addresses import check_destinations
from domain.checkout.commands import CheckoutSnapshot, CheckoutStart
from domain.checkout.fulfillment import merge_choice
from domain.checkout.models import (
    Buyer,
    Discounts,
    Fulfillment,
    FulfillmentChoice,
    ItemChoice,
    Notice,
    Quote,
    Totals,
)
from domain.checkout.quotes import quote, status_of
from domain.checkout.states import CheckoutClose, CheckoutStatus, PaymentStatus
from domain.market.errors import OFFER_NOT_FOUND
from domain.market.negotiation import BuyerStanding
from domain.market.orders import decide_offer_purchase
from domain.platform.errors import lookup


@dataclass(frozen=True, slots=True)
class OfferGoods:
    """What an accepted offer sells, for as long as it is held."""

    offer: Offer
    negotiation: Negotiation
    purchase_by: datetime


@dataclass(slots=True)
class SessionCase:
    """A session under lock, with its latest payment."""

    session: AsyncSession
    start: CheckoutStart
    row: CheckoutRow
    payment: CheckoutPayment | None
    now: datetime
    known_addresses: bool = False

    @property
    def state(self) -> rules.SessionState:
        return rules.SessionState(
            status=CheckoutStatus(self.row.status),
            expires_at=self.row.expires_at,
            sells_offer=self.row.offer_id is not None,
            payment=PaymentStatus(self.payment.status) if self.payment else None,
            shown=self.row.shown_version == self.row.quote_version,
        )

    @property
    def attempt(self) -> CheckoutPayment | None:
        """The payment of the attempt under way."""
        payment = self.payment
        return payment if payment is not None and PaymentStatus(payment.status).under_way else None

    def require_agent(self, agent_id: UUID) -> None:
        if agent_id != self.row.agent_id:
            raise errors.CHECKOUT_NOT_FOUND.error()

    async def stored_quote(self) -> Quote:
        """The price the platform has seen."""
        row = self.row
        return Quote(
            lines=tuple(line_of(line) for line in await list_lines(self.session, row.checkout_id)),
            fulfillment=Fulfillment.model_validate(row.fulfillment),
            discounts=Discounts.model_validate(row.discounts),
            totals=Totals(
                subtotal_cents=row.subtotal_cents,
                discount_cents=row.discount_cents,
                fulfillment_cents=row.fulfillment_cents,
                total_cents=row.total_cents,
            ),
        )

    async def price(self, items: Sequence[ItemChoice], choice: FulfillmentChoice | None, codes: Sequence[str]) -> Quote:
        """What these lines cost now, by the server's own prices. Raises what keeps them from being sold."""
        shelf = await pricing.load_shelf(self.session, {item.listing_id for item in items})
        goods = dict(shelf.goods)
        if self.row.offer_id is None:
            pricing.check_sellable(shelf, items)
        else:
            offer = (await read_offer(self.session, self.row.offer_id, self.row.agent_id, self.now)).offer
            goods[offer.listing_id] = goods[offer.listing_id].model_copy(
                update={"unit_price_cents": offer.proposed_price_cents, "discountable": False}
            )
        known = await self._addresses()
        shipped = [item.line_id or "" for item in items if goods[item.listing_id].shipped]
        before = Fulfillment.model_validate(self.row.fulfillment)
        fulfillment = merge_choice(before, choice, shipped or [item.line_id or "" for item in items], known)
        named = [place.address_country for method in fulfillment.methods for place in method.destinations]
        buyer = Buyer.model_validate(self.row.buyer) if self.row.buyer else None
        whole = self.start.policy.whole_addresses
        fulfillment = check_destinations(fulfillment, buyer, countries.rules_for(named), whole=whole)
        prices = await pricing.load_price_list(self.session, self.row.store_id, codes)
        return quote(items, goods, fulfillment, codes, prices)

    async def price_again(self) -> Quote:
        """What the session as it is costs now."""
        lines = await list_lines(self.session, self.row.checkout_id)
        codes = Discounts.model_validate(self.row.discounts).codes
        return await self.price([item_of(line) for line in lines], None, codes)

    async def _addresses(self) -> Any:
        if not self.known_addresses or self.row.buyer is None:
            return ()
        return await pricing.list_known_addresses(self.session, Buyer.model_validate(self.row.buyer).email)

    async def reopen(self, code: str) -> None:
        """After an attempt that came to nothing: open again, and why is said."""
        declared = lookup(code)
        notice = rules.notice_of_failure(code, declared.meaning if declared else "The attempt failed.")
        stored = await self.stored_quote()
        escalated = code == errors.ESCALATED.code
        self.row.status = CheckoutStatus.REQUIRES_ESCALATION if escalated else status_of(stored)
        self.tell(notice)

    def tell(self, notice: Notice) -> None:
        """What the session says from now on."""
        self.row.messages = [notice.model_dump(mode="json")]
        self.row.updated_at = self.now

    def close(self, status: CheckoutStatus, reason: CheckoutClose, *notices: Notice) -> None:
        self.row.status = status
        self.row.closed_at = self.row.updated_at = self.now
        self.row.close_reason = reason
        self.row.messages = [notice.model_dump(mode="json") for notice in notices]

    async def snapshot(self, *, refused: str | None = None, **flags: Any) -> CheckoutSnapshot:
        attempt, row = self.attempt, self.row
        status = CheckoutStatus(row.status)
        owes = False
        if status is CheckoutStatus.COMPLETED:
            await self.session.flush()
            owes = bool(await sessions.list_unrefunded_lines(self.session, row.checkout_id))
        awaiting = {
            CheckoutStatus.COMPLETE_IN_PROGRESS: "the payment and the orders",
            CheckoutStatus.COMPLETED: "nothing: it is over",
            CheckoutStatus.CANCELED: "nothing: it is over",
        }.get(status, "its platform")
        return CheckoutSnapshot(
            checkout_id=row.checkout_id,
            store_id=row.store_id,
            status=status,
            awaiting=awaiting,
            deadline=rules.next_deadline(self.state),
            closed=status.over,
            payment=PaymentStatus(attempt.status) if attempt else None,
            failed=attempt is not None and attempt.failure is not None,
            refused=refused,
            owes_refund=owes,
            **flags,
        )


def item_of(line: Any) -> ItemChoice:
    return ItemChoice(listing_id=line.listing_id, quantity=line.quantity, line_id=line.line_id)


async def load_case(session: AsyncSession, start: CheckoutStart, *, known_addresses: bool = False) -> SessionCase:
    """Lock the session. Raises checkout.not_found."""
    row = await locks.lock_checkout(session, start.checkout_id)
    if row is None:
        raise errors.CHECKOUT_NOT_FOUND.error()
    payment = await get_payment(session, row)
    return SessionCase(session, start, row, payment, await locks.clock(session), known_addresses)


async def read_offer(session: AsyncSession, offer_id: UUID, agent_id: UUID, now: datetime) -> OfferGoods:
    """An accepted offer its buyer may still buy. Raises the reasons why not; the purchase asks again under locks."""
    transaction = await Transaction.of(session)
    offer = await transaction.get(Offer, offer_id)
    if offer is None or offer.buyer_customer_id != agent_id:
        raise OFFER_NOT_FOUND.error()
    negotiation = await transaction.get_one(Negotiation, offer.negotiation_id)
    rounds = await negotiations.list_rounds(transaction, negotiation.negotiation_id)
    state = negotiations.negotiation_state(negotiation, rounds, negotiation.seller_store_id)
    # The buyer's cap is asked when the session is completed.
    decide_offer_purchase(state, offer_id, BuyerStanding(), now)
    assert offer.purchase_by is not None
    return OfferGoods(offer, negotiation, offer.purchase_by)
