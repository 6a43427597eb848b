"""Activities of the Negotiation process.

Every command: locks in the one order, asks whether it was carried out before, decides with the domain's
rules on what the database holds, writes projection and events together. The database's clock decides.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.market.negotiation_case import NegotiationCase, refusal_of
from activities.market.signatures import NegotiationActivities
from db import locks
from db.market import evidence, negotiations
from db.market.tables import Negotiation, Store
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
from domain.market.reminders import reminder_date
from domain.market.states import (
    ActivityType,
    CloseReason,
    InboxType,
    InteractionType,
    OfferStatus,
    Party,
)


class PostgresNegotiationActivities(NegotiationActivities):
    """The real ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _load(self, session: AsyncSession, start: NegotiationStart, *, lock_buyer: bool) -> NegotiationCase:
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
        return NegotiationCase(session, negotiation, offers, listing, store, await locks.clock(session))

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
                remind_at=reminder_date(now, expires_at, start.policy.offer_reminder_share),
            )
            await session.flush()
            case = NegotiationCase(session, negotiation, [offer], listing, store, now)
            case.publish(ActivityType.OFFER_MADE)
            case.tell(Party.SELLER, InboxType.OFFER_MADE, due_at=expires_at)
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
            old.remind_at = None
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
                remind_at=reminder_date(case.now, expires_at, start.policy.offer_reminder_share),
            )
            await session.flush()
            case.offers.append(new)
            case.negotiation.rounds = new.round
            case.publish(ActivityType.OFFER_MADE)
            case.tell(by.other, InboxType.OFFER_COUNTERED, due_at=expires_at)
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
                await case.accept(start.policy)
            else:
                await case.close(closing)
                case.refused = refusal_of(closing).code
            insert_command(session, command.command_id, "accept_offer", start.negotiation_id, case.refused or "ok")
            return await case.snapshot()

    async def _answer(
        self,
        start: NegotiationStart,
        command: AnswerOffer,
        kind: str,
        decide: Callable[[NegotiationCase, Party], rules.Closing],
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
        def decide(case: NegotiationCase, by: Party) -> rules.Closing:
            rules.decide_reject(case.state, by, command.offer_id, case.now)
            return rules.Closing(OfferStatus.REJECTED, CloseReason.DECLINED)

        return await self._answer(start, command, "reject_offer", decide)

    @activity.defn(name="withdraw_offer")
    async def withdraw_offer(self, start: NegotiationStart, command: AnswerOffer) -> NegotiationSnapshot:
        def decide(case: NegotiationCase, by: Party) -> rules.Closing:
            return rules.decide_withdraw(case.state, by, command.offer_id, case.now)

        return await self._answer(start, command, "withdraw_offer", decide)

    @activity.defn(name="settle_negotiation")
    async def settle_negotiation(self, start: NegotiationStart) -> NegotiationSnapshot:
        async with self._database.transaction() as session:
            case = await self._load(session, start, lock_buyer=False)
            closing = rules.decide_due(case.state, case.listing_view, case.now)
            if closing is not None and case.negotiation.closed_at is None:
                await case.close(closing)
            else:
                case.remind()
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
                    await case.accept(start.policy)
            elif answer is False:
                # As the merchant would: same status, reason, event and inbox message.
                await case.close(rules.Closing(OfferStatus.REJECTED, CloseReason.DECLINED), told=(Party.BUYER,))
            return (await case.snapshot()).model_copy(update={"auto_answer": False, "refused": None})
