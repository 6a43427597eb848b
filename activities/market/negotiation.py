"""Activities of the Negotiation process.

Every command: locks in the one order, asks whether it was carried out before, decides with the domain's
rules on what the database holds, writes projection and events together. The database's clock decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.market.signatures import NegotiationActivities
from db import locks
from db.market import evidence, negotiations, stock, trust
from db.market.activity import notify, record_event
from db.market.tables import Listing, Negotiation, Offer, Store
from db.platform.commands import find_command, insert_command
from db.session import Database
from domain.market import errors
from domain.market import negotiation as rules
from domain.market.commands import (
    AnswerOffer,
    CounterOffer,
    MakeOffer,
    NegotiationSnapshot,
    NegotiationStart,
)
from domain.market.states import (
    ActivityType,
    CloseReason,
    HoldRelease,
    InboxType,
    InteractionType,
    ListingStatus,
    OfferStatus,
    Party,
)
from domain.market.trust import TrustReason
from domain.shared.errors import ErrorCode

_INBOX_OF_CLOSING = {
    CloseReason.WITHDRAWN: InboxType.OFFER_WITHDRAWN,
    CloseReason.BROKEN_BY_SELLER: InboxType.OFFER_WITHDRAWN,
    CloseReason.NOT_ANSWERED: InboxType.OFFER_EXPIRED,
    CloseReason.NOT_PURCHASED: InboxType.HOLD_LAPSED,
    CloseReason.DECLINED: InboxType.OFFER_REJECTED,
}
_EVENT_OF_STATUS = {
    OfferStatus.REJECTED: ActivityType.OFFER_REJECTED,
    OfferStatus.EXPIRED: ActivityType.OFFER_EXPIRED,
    OfferStatus.CANCELLED: ActivityType.OFFER_CANCELLED,
}


@dataclass(slots=True)
class _Case:
    """A negotiation under lock, with all that its rules read."""

    session: AsyncSession
    negotiation: Negotiation
    offers: list[Offer]
    listing: Listing
    store: Store
    now: datetime
    sold_out: bool = False
    trust_moved: bool = False
    refused: str | None = None

    @property
    def state(self) -> rules.NegotiationState:
        return negotiations.negotiation_state(self.negotiation, self.offers, self.store.owner_merchant_id)

    @property
    def listing_view(self) -> rules.ListingView:
        return negotiations.listing_view(self.listing, self.store)

    @property
    def latest(self) -> Offer:
        return self.offers[-1]

    def party(self, agent_id: UUID) -> Party:
        found = self.state.party_of(agent_id)
        if found is None:
            raise errors.OFFER_NOT_FOUND.error()
        return found

    def agent_of(self, party: Party) -> UUID:
        return self.negotiation.buyer_customer_id if party is Party.BUYER else self.store.owner_merchant_id

    def publish(self, type: ActivityType) -> None:
        record_event(
            self.session,
            type,
            store_id=self.negotiation.seller_store_id,
            listing_id=self.negotiation.listing_id,
        )

    def tell(self, party: Party, type: InboxType, reason: str | None = None) -> None:
        notify(
            self.session,
            self.agent_of(party),
            type,
            store_id=self.negotiation.seller_store_id,
            listing_id=self.negotiation.listing_id,
            offer_id=self.latest.offer_id,
            meta={"reason": reason} if reason else {},
        )

    async def limits(self) -> rules.MerchantLimits:
        return await negotiations.get_merchant_limits(self.session, self.negotiation.listing_id)

    async def buyer_standing(self) -> rules.BuyerStanding:
        return await negotiations.get_buyer_standing(
            self.session,
            self.negotiation.buyer_customer_id,
            self.listing.currency,
            without=self.negotiation.negotiation_id,
        )

    async def close(self, closing: rules.Closing, told: tuple[Party, ...] = (Party.BUYER, Party.SELLER)) -> None:
        """End the latest offer and the negotiation, return held stock, and say so."""
        if closing.returns_stock:
            broken = closing.reason is CloseReason.BROKEN_BY_SELLER
            release = HoldRelease.BROKEN if broken else HoldRelease.LAPSED
            await stock.release_hold(self.session, self.latest.offer_id, release, self.now)
            if broken:
                await trust.insert_fact(
                    self.session,
                    store_id=self.negotiation.seller_store_id,
                    source_event_id=self.latest.offer_id,
                    reason=TrustReason.OFFER_BROKEN,
                    inputs={},
                    occurred_at=self.now,
                    listing_id=self.negotiation.listing_id,
                )
                self.trust_moved = True
        negotiations.close_offer(self.latest, self.negotiation, closing.status, closing.reason, self.now)
        self.publish(_EVENT_OF_STATUS[closing.status])
        for party in told:
            self.tell(party, _INBOX_OF_CLOSING.get(closing.reason, InboxType.OFFER_CANCELLED), closing.reason)

    async def accept(self, purchase_window_seconds: float) -> None:
        """Accept the latest offer and hold its stock; without stock the offer ends as sold out."""
        latest = self.latest
        purchase_by = self.now + timedelta(seconds=purchase_window_seconds)
        listing = await stock.hold_stock(
            self.session, latest.listing_id, latest.offer_id, latest.quantity, purchase_by, self.now
        )
        if listing is None:
            await self.close(rules.Closing(OfferStatus.CANCELLED, CloseReason.SOLD_OUT))
            self.refused = errors.LISTING_SOLD_OUT.code
            return
        self.sold_out = listing.status is ListingStatus.SOLD_OUT
        latest.status = OfferStatus.ACCEPTED
        latest.accepted_at = self.now
        latest.purchase_by = purchase_by
        self.negotiation.status = OfferStatus.ACCEPTED
        self.publish(ActivityType.OFFER_ACCEPTED)
        self.tell(latest.proposed_by, InboxType.OFFER_ACCEPTED)
        if latest.proposed_by is Party.SELLER:
            # The buyer accepted; it hears too, because it is the one who must now buy in time.
            self.tell(Party.BUYER, InboxType.OFFER_ACCEPTED)

    async def snapshot(self) -> NegotiationSnapshot:
        state, latest = self.state, self.latest
        closed = self.negotiation.closed_at is not None
        auto_answer = False
        deadline: datetime | None = None
        awaiting = "nothing: it is over"
        if state.standing is not None:
            deadline = latest.expires_at
            awaiting = f"an answer of the {latest.proposed_by.other.lower()}"
            auto_answer = rules.auto_answer(state.standing, await self.limits()) is not None
        elif state.held is not None:
            deadline = latest.purchase_by
            awaiting = "the buyer's purchase"
        return NegotiationSnapshot(
            negotiation_id=self.negotiation.negotiation_id,
            store_id=self.negotiation.seller_store_id,
            listing_id=self.negotiation.listing_id,
            status=self.negotiation.status,
            offer_id=latest.offer_id,
            rounds=self.negotiation.rounds,
            awaiting=awaiting,
            deadline=None if closed else deadline,
            closed=closed,
            auto_answer=auto_answer,
            sold_out=self.sold_out,
            trust_moved=self.trust_moved,
            refused=self.refused,
        )


class PostgresNegotiationActivities(NegotiationActivities):
    """The real ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _load(self, session: AsyncSession, start: NegotiationStart, *, lock_buyer: bool) -> _Case:
        if lock_buyer:
            # Read without a lock first: a negotiation's buyer never changes, and agents are locked first.
            found = await session.get(Negotiation, start.negotiation_id)
            if found is not None:
                await locks.lock_agent(session, found.buyer_customer_id)
        listing = await locks.lock_listing(session, start.listing_id)
        negotiation = await locks.lock_negotiation(session, start.negotiation_id)
        if listing is None or negotiation is None:
            raise errors.OFFER_NOT_FOUND.error()
        store = await session.get_one(Store, listing.store_id)
        offers = await negotiations.list_rounds(session, start.negotiation_id)
        return _Case(session, negotiation, offers, listing, store, await locks.clock(session))

    @activity.defn(name="make_offer")
    async def make_offer(self, start: NegotiationStart, command: MakeOffer) -> NegotiationSnapshot:
        async with self._database.transaction() as session:
            await locks.lock_agent(session, command.buyer_id)
            listing = await locks.lock_listing(session, command.listing_id)
            if await find_command(session, command.command_id):
                return await (await self._load(session, start, lock_buyer=False)).snapshot()
            if listing is None:
                raise errors.LISTING_NOT_FOUND.error()
            store = await session.get_one(Store, listing.store_id)
            if store.owner_merchant_id == command.buyer_id:
                raise errors.OWN_LISTING.error()
            now = await locks.clock(session)
            expires_at = rules.expiry(now, command.expires_in_seconds, start.policy)
            standing = await negotiations.get_buyer_standing(session, command.buyer_id, listing.currency)
            rules.decide_first_offer(
                negotiations.listing_view(listing, store),
                standing,
                command.price_cents,
                command.quantity,
                start.policy,
            )
            negotiation = Negotiation(
                negotiation_id=command.negotiation_id,
                listing_id=listing.listing_id,
                buyer_customer_id=command.buyer_id,
                seller_store_id=store.store_id,
                status=OfferStatus.PROPOSED,
                rounds=1,
                opened_at=now,
            )
            session.add(negotiation)
            await session.flush()
            offer = negotiations.insert_offer(
                session,
                offer_id=command.command_id,
                negotiation=negotiation,
                round_number=1,
                proposed_by=Party.BUYER,
                price_cents=command.price_cents,
                quantity=command.quantity,
                listing=listing,
                message=command.message,
                now=now,
                expires_at=expires_at,
            )
            await session.flush()
            case = _Case(session, negotiation, [offer], listing, store, now)
            case.publish(ActivityType.OFFER_MADE)
            case.tell(Party.SELLER, InboxType.OFFER_MADE)
            await evidence.insert_evidence(
                session,
                command.buyer_id,
                listing.listing_id,
                InteractionType.OFFER_MADE,
                now,
                offer_id=offer.offer_id,
            )
            insert_command(session, command.command_id, "make_offer", command.negotiation_id)
            return await case.snapshot()

    @activity.defn(name="counter_offer")
    async def counter_offer(self, start: NegotiationStart, command: CounterOffer) -> NegotiationSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start, lock_buyer=True)
            if await find_command(session, command.command_id):
                return await case.snapshot()
            by = case.party(command.by_agent_id)
            expires_at = rules.expiry(case.now, command.expires_in_seconds, start.policy)
            rules.decide_counter(
                case.state,
                by,
                command.offer_id,
                command.price_cents,
                case.listing_view,
                await case.limits(),
                await case.buyer_standing(),
                case.now,
                start.policy,
            )
            old = case.latest
            old.status = OfferStatus.CANCELLED
            old.closed_at = case.now
            old.close_reason = CloseReason.SUPERSEDED
            old.superseded_by = command.command_id
            # Before the new one: only one offer of a negotiation stands at any time.
            await session.flush()
            new = negotiations.insert_offer(
                session,
                offer_id=command.command_id,
                negotiation=case.negotiation,
                round_number=old.round + 1,
                proposed_by=by,
                price_cents=command.price_cents,
                quantity=old.quantity,
                listing=case.listing,
                message=command.message,
                now=case.now,
                expires_at=expires_at,
            )
            await session.flush()
            case.offers.append(new)
            case.negotiation.rounds = new.round
            case.publish(ActivityType.OFFER_MADE)
            case.tell(by.other, InboxType.OFFER_COUNTERED)
            insert_command(session, command.command_id, "counter_offer", start.negotiation_id)
            return await case.snapshot()

    @activity.defn(name="accept_offer")
    async def accept_offer(self, start: NegotiationStart, command: AnswerOffer) -> NegotiationSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start, lock_buyer=True)
            done = await find_command(session, command.command_id)
            if done is not None:
                case.refused = None if done.outcome == "ok" else done.outcome
                return await case.snapshot()
            by = case.party(command.by_agent_id)
            closing = rules.decide_accept(
                case.state,
                by,
                command.offer_id,
                command.round,
                case.listing_view,
                await case.limits(),
                await case.buyer_standing(),
                case.now,
            )
            if closing is None:
                await case.accept(start.policy.purchase_window_seconds)
            else:
                await case.close(closing)
                case.refused = _refusal_of(closing).code
            insert_command(session, command.command_id, "accept_offer", start.negotiation_id, case.refused or "ok")
            return await case.snapshot()

    async def _answer(
        self,
        start: NegotiationStart,
        command: AnswerOffer,
        kind: str,
        decide: Callable[[_Case, Party], rules.Closing],
    ) -> NegotiationSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start, lock_buyer=False)
            if await find_command(session, command.command_id):
                return await case.snapshot()
            by = case.party(command.by_agent_id)
            await case.close(decide(case, by), told=(by.other,))
            insert_command(session, command.command_id, kind, start.negotiation_id)
            return await case.snapshot()

    @activity.defn(name="reject_offer")
    async def reject_offer(self, start: NegotiationStart, command: AnswerOffer) -> NegotiationSnapshot:
        def decide(case: _Case, by: Party) -> rules.Closing:
            rules.decide_reject(case.state, by, command.offer_id, case.now)
            return rules.Closing(OfferStatus.REJECTED, CloseReason.DECLINED)

        return await self._answer(start, command, "reject_offer", decide)

    @activity.defn(name="withdraw_offer")
    async def withdraw_offer(self, start: NegotiationStart, command: AnswerOffer) -> NegotiationSnapshot:
        def decide(case: _Case, by: Party) -> rules.Closing:
            return rules.decide_withdraw(case.state, by, command.offer_id, case.now)

        return await self._answer(start, command, "withdraw_offer", decide)

    @activity.defn(name="settle_negotiation")
    async def settle_negotiation(self, start: NegotiationStart) -> NegotiationSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start, lock_buyer=False)
            closing = rules.decide_due(case.state, case.listing_view, case.now)
            if closing is not None and case.negotiation.closed_at is None:
                await case.close(closing)
            return await case.snapshot()

    @activity.defn(name="answer_automatically")
    async def answer_automatically(self, start: NegotiationStart, offer_id: UUID) -> NegotiationSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start, lock_buyer=False)
            standing = case.state.standing
            if standing is None or standing.offer_id != offer_id or case.now >= standing.expires_at:
                return await case.snapshot()
            answer = rules.auto_answer(standing, await case.limits())
            if answer is True:
                closing = rules.unsellable(standing, case.listing_view)
                if closing is not None:
                    await case.close(closing)
                else:
                    await case.accept(start.policy.purchase_window_seconds)
            elif answer is False:
                # As the merchant would: same status, reason, event and inbox message.
                await case.close(rules.Closing(OfferStatus.REJECTED, CloseReason.DECLINED), told=(Party.BUYER,))
            return (await case.snapshot()).model_copy(update={"auto_answer": False, "refused": None})


def _refusal_of(closing: rules.Closing) -> ErrorCode:
    if closing.reason is CloseReason.SOLD_OUT:
        return errors.LISTING_SOLD_OUT
    if closing.reason is CloseReason.STORE_CLOSED:
        return errors.STORE_CLOSED
    if closing.reason is CloseReason.PRICE_FELL:
        return errors.OFFER_NOT_OPEN
    return errors.LISTING_NOT_ACTIVE
