"""A negotiation under lock: what its rules read, and the ways it can change, each with its events.

Used inside one transaction by the activities of ``negotiation``; holds no lock beyond it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db.market import bids, negotiations, stock, trust
from db.market.negotiations import Reading
from db.market.tables import Listing, Negotiation, Offer
from db.platform import writes
from db.platform.events import notify, record_event
from db.platform.transactions import Transaction
from domain.market import automatic_answers, errors, reminders
from domain.market import negotiation as rules
from domain.market.automatic_answers import Side
from domain.market.commands import NegotiationSnapshot
from domain.market.policy import MarketPolicy
from domain.market.states import ActivityType, CloseReason, HoldRelease, InboxType, ListingStatus, OfferStatus, Party
from domain.market.trust import TrustReason
from domain.platform.errors import ErrorCode

_INBOX_OF_CLOSING = {
    CloseReason.WITHDRAWN: InboxType.OFFER_WITHDRAWN,
    CloseReason.BROKEN_BY_SELLER: InboxType.OFFER_WITHDRAWN,
    CloseReason.RELEASED_BY_BUYER: InboxType.OFFER_WITHDRAWN,
    CloseReason.NOT_ANSWERED: InboxType.OFFER_EXPIRED,
    CloseReason.NOT_PURCHASED: InboxType.HOLD_LAPSED,
    CloseReason.DECLINED: InboxType.OFFER_REJECTED,
}
_RELEASE_OF_CLOSING = {
    CloseReason.BROKEN_BY_SELLER: HoldRelease.BROKEN,
    CloseReason.BUYER_BLOCKED: HoldRelease.BROKEN,
    CloseReason.RELEASED_BY_BUYER: HoldRelease.RELEASED,
    CloseReason.NOT_PURCHASED: HoldRelease.LAPSED,
}
_EVENT_OF_STATUS = {
    OfferStatus.REJECTED: ActivityType.OFFER_REJECTED,
    OfferStatus.EXPIRED: ActivityType.OFFER_EXPIRED,
    OfferStatus.CANCELLED: ActivityType.OFFER_CANCELLED,
}


@dataclass(slots=True)
class NegotiationCase:
    """A negotiation under lock, with all that its rules read."""

    transaction: Transaction
    negotiation: Negotiation
    listing: Listing
    read: Reading
    policy: MarketPolicy
    draws: automatic_answers.Draws
    sold_out: bool = False
    trust_moved: bool = False
    refused: str | None = None

    @property
    def offers(self) -> list[Offer]:
        return self.read.offers

    @property
    def now(self) -> datetime:
        return self.read.now

    @property
    def state(self) -> rules.NegotiationState:
        return negotiations.negotiation_state(self.negotiation, self.offers, self.read.seller_id)

    @property
    def listing_view(self) -> rules.ListingView:
        return negotiations.listing_view(self.listing, self.read.store_status)

    @property
    def latest(self) -> Offer:
        return self.offers[-1]

    def change_latest(self, **values: Any) -> None:
        self.offers[-1] = writes.change(self.transaction, self.latest, **values)

    def change(self, **values: Any) -> None:
        """Of the negotiation."""
        self.negotiation = writes.change(self.transaction, self.negotiation, **values)

    def party(self, agent_id: UUID) -> Party:
        found = self.state.party_of(agent_id)
        if found is None:
            raise errors.OFFER_NOT_FOUND.error()
        return found

    def agent_of(self, party: Party) -> UUID:
        return self.negotiation.buyer_customer_id if party is Party.BUYER else self.read.seller_id

    def publish(self, type: ActivityType) -> None:
        record_event(
            self.transaction,
            type,
            store_id=self.negotiation.seller_store_id,
            listing_id=self.negotiation.listing_id,
        )

    def tell(self, party: Party, type: InboxType, reason: str | None = None, *, due_at: datetime | None = None) -> None:
        notify(
            self.transaction,
            self.agent_of(party),
            type,
            store_id=self.negotiation.seller_store_id,
            listing_id=self.negotiation.listing_id,
            offer_id=self.latest.offer_id,
            due_at=due_at,
            meta={"reason": reason} if reason else {},
        )

    async def close(self, closing: rules.Closing, told: tuple[Party, ...] = (Party.BUYER, Party.SELLER)) -> None:
        """End the latest offer and the negotiation, return held stock, and say so."""
        if closing.returns_stock:
            release = _RELEASE_OF_CLOSING[closing.reason]
            await stock.release_hold(self.transaction, self.latest.offer_id, release, self.now)
            if release is HoldRelease.BROKEN:
                trust.insert_fact(
                    self.transaction,
                    store_id=self.negotiation.seller_store_id,
                    source_event_id=self.latest.offer_id,
                    reason=TrustReason.OFFER_BROKEN,
                    # Nothing is paid before it is bought, and whose offer it was stays private.
                    inputs={"paid": False},
                    occurred_at=self.now,
                    listing_id=self.negotiation.listing_id,
                )
                self.trust_moved = True
        self.offers[-1], self.negotiation = negotiations.close_offer(
            self.transaction, self.latest, self.negotiation, closing.status, closing.reason, self.now
        )
        self.publish(_EVENT_OF_STATUS[closing.status])
        for party in told:
            self.tell(party, _INBOX_OF_CLOSING.get(closing.reason, InboxType.OFFER_CANCELLED), closing.reason)

    async def accept(self) -> None:
        """Accept the latest offer and hold its stock. Raises listing.sold_out."""
        latest, policy = self.latest, self.policy
        purchase_by = self.now + timedelta(seconds=policy.purchase_window_seconds)
        left = stock.hold_stock(self.transaction, self.listing, latest.offer_id, latest.quantity, purchase_by, self.now)
        if left is None:
            raise errors.LISTING_SOLD_OUT.error()
        self.listing, self.sold_out = left, left.status is ListingStatus.SOLD_OUT
        self.change_latest(
            status=OfferStatus.ACCEPTED,
            accepted_at=self.now,
            purchase_by=purchase_by,
            remind_at=reminders.reminder_date(self.now, purchase_by, policy.purchase_reminder_share),
        )
        self.change(status=OfferStatus.ACCEPTED)
        self.publish(ActivityType.OFFER_ACCEPTED)
        self.tell(latest.proposed_by, InboxType.OFFER_ACCEPTED, due_at=purchase_by)
        if latest.proposed_by is Party.SELLER:
            # The buyer accepted; it hears too, because it is the one who must now buy in time.
            self.tell(Party.BUYER, InboxType.OFFER_ACCEPTED, due_at=purchase_by)

    def remind(self) -> None:
        """Give the reminder that has come due, once."""
        reminder = reminders.decide_offer_reminder(self.state, self.now)
        if reminder is not None:
            self.change_latest(remind_at=None)
            self.tell(reminder.party, reminder.type, due_at=reminder.due_at)

    async def automatic_answer(self) -> bool | None:
        """What the seller's thresholds answer to the standing bid: True accept, False decline, None nothing."""
        bid, limits = self.latest, self.read.limits
        if bid.proposed_by is not Party.BUYER or not automatic_answers.may_answer(limits, bid.created_at):
            return None
        buyer_id = self.negotiation.buyer_customer_id
        record = await bids.get_bid_record(
            self.transaction,
            offer_id=bid.offer_id,
            buyer_id=buyer_id,
            listing_id=bid.listing_id,
            store_id=self.negotiation.seller_store_id,
            made_at=bid.created_at,
            policy=self.policy,
        )
        if not automatic_answers.is_considered(record, self.policy):
            return None
        accept, decline = (self.draws.margin(self.read.seller_id, buyer_id, side, self.policy) for side in Side)
        return automatic_answers.decide_automatic_answer(bid.proposed_price_cents, limits, accept, decline)

    def snapshot(self) -> NegotiationSnapshot:
        state, latest = self.state, self.latest
        closed = self.negotiation.closed_at is not None
        auto_answer, answer_at = False, None
        awaiting = "nothing: it is over"
        if state.standing is not None:
            awaiting = f"an answer of the {latest.proposed_by.other.lower()}"
            # Here the price is not looked at: only the date tells what there is to answer.
            answer_at = self.draws.answer_date(latest.offer_id, latest.created_at, self.policy)
            auto_answer = latest.proposed_by is Party.BUYER and automatic_answers.may_answer(
                self.read.limits, latest.created_at
            )
        elif state.held is not None:
            awaiting = "the buyer's purchase"
        return NegotiationSnapshot(
            negotiation_id=self.negotiation.negotiation_id,
            store_id=self.negotiation.seller_store_id,
            listing_id=self.negotiation.listing_id,
            status=self.negotiation.status,
            offer_id=latest.offer_id,
            rounds=self.negotiation.rounds,
            awaiting=awaiting,
            deadline=None if closed else reminders.next_offer_date(state),
            closed=closed,
            auto_answer=auto_answer,
            answer_at=answer_at,
            sold_out=self.sold_out,
            trust_moved=self.trust_moved,
            refused=self.refused,
        )


def refusal_of(closing: rules.Closing) -> ErrorCode:
    if closing.reason is CloseReason.SOLD_OUT:
        return errors.LISTING_SOLD_OUT
    if closing.reason is CloseReason.STORE_CLOSED:
        return errors.STORE_CLOSED
    if closing.reason is CloseReason.PRICE_FELL:
        return errors.OFFER_NOT_OPEN
    return errors.LISTING_NOT_ACTIVE
