"""Activities of the Negotiation process.

Every command: locks in the one order, asks whether it was carried out before, decides with the domain's
rules on what the database holds, writes projection and events together. The database's clock decides.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from activities.market.negotiation_case import NegotiationCase, refusal_of
from activities.market.signatures import NegotiationActivities
from db import locks
from db.market import evidence, negotiations
from db.market.blocks import is_blocked
from db.market.tables import Negotiation
from db.market.unpaid import get_unpaid
from db.platform import writes
from db.platform.commands import insert_command
from db.platform.database import Database
from db.platform.outages import listen
from db.platform.transactions import Transaction
from domain.market import errors
from domain.market import negotiation as rules
from domain.market.automatic_answers import Draws, was_held_up
from domain.market.blocks import check_not_blocked, end_blocked_negotiation
from domain.market.commands import (
    AcceptOffer,
    AnswerOffer,
    CounterOffer,
    MakeOffer,
    NegotiationSnapshot,
    NegotiationStart,
    RejectOffer,
    WithdrawOffer,
)
from domain.market.processes import MARKET_PARTS
from domain.market.reminders import reminder_date
from domain.market.states import (
    ActivityType,
    CloseReason,
    InboxType,
    InteractionType,
    OfferStatus,
    Party,
)
from domain.market.unpaid import fits_unpaid


class PostgresNegotiationActivities(NegotiationActivities):
    """The real ones. ``secret`` keys what automatic answers draw."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._draws = Draws(secret)

    async def _load(
        self,
        transaction: Transaction,
        start: NegotiationStart,
        command: CounterOffer | AnswerOffer | None = None,
        *,
        lock_buyer: bool = False,
    ) -> NegotiationCase:
        locked = await locks.lock_negotiation(transaction, start.negotiation_id, with_buyer=lock_buyer)
        if locked is None:
            raise errors.OFFER_NOT_FOUND.error()
        listing, negotiation = locked
        read = await negotiations.read_step(
            transaction,
            listing,
            command.by_agent_id if command else None,
            negotiation_id=start.negotiation_id,
            command_id=command.command_id if command else None,
        )
        return NegotiationCase(transaction, negotiation, listing, read, start.policy, self._draws)

    async def make_offer(self, start: NegotiationStart, command: MakeOffer) -> NegotiationSnapshot:
        async with self._database.transaction() as transaction:
            listing = await locks.lock_buyer_and_listing(transaction, command.buyer_id, command.listing_id)
            if listing is None:
                raise errors.LISTING_NOT_FOUND.error()
            read = await negotiations.read_step(
                transaction,
                listing,
                command.buyer_id,
                negotiation_id=command.negotiation_id,
                command_id=command.command_id,
            )
            if read.done:
                return (await self._load(transaction, start)).snapshot()
            if read.seller_id == command.buyer_id:
                raise errors.OWN_LISTING.error()
            check_not_blocked(blocked=await is_blocked(transaction, listing.store_id, command.buyer_id))
            expires_at = rules.expiry(read.now, command.expires_in_seconds, start.policy)
            rules.decide_first_offer(
                negotiations.listing_view(listing, read.store_status),
                read.standing,
                command.price_cents,
                command.quantity,
                start.policy,
            )
            negotiation = Negotiation(
                negotiation_id=command.negotiation_id,
                listing_id=listing.listing_id,
                buyer_customer_id=command.buyer_id,
                seller_store_id=listing.store_id,
                status=OfferStatus.PROPOSED,
                rounds=1,
                opened_at=read.now,
            )
            writes.add(transaction, negotiation)
            offer = negotiations.insert_offer(
                transaction,
                offer_id=command.command_id,
                negotiation=negotiation,
                round_number=1,
                proposed_by=Party.BUYER,
                price_cents=command.price_cents,
                quantity=command.quantity,
                listing=listing,
                message=command.message,
                now=read.now,
                expires_at=expires_at,
                remind_at=reminder_date(read.now, expires_at, start.policy.offer_reminder_share),
            )
            read.offers.append(offer)
            case = NegotiationCase(transaction, negotiation, listing, read, start.policy, self._draws)
            case.publish(ActivityType.OFFER_MADE)
            case.tell(Party.SELLER, InboxType.OFFER_MADE, due_at=expires_at)
            evidence.insert_evidence(
                transaction,
                command.buyer_id,
                listing.listing_id,
                InteractionType.OFFER_MADE,
                read.now,
                offer_id=offer.offer_id,
            )
            insert_command(transaction, command)
            return case.snapshot()

    async def counter_offer(self, start: NegotiationStart, command: CounterOffer) -> NegotiationSnapshot:
        async with self._database.transaction() as transaction:
            case = await self._load(transaction, start, command, lock_buyer=True)
            if case.read.done:
                return case.snapshot()
            by = case.party(command.by_agent_id)
            await self._check_block(transaction, start, case, by)
            expires_at = rules.expiry(case.now, command.expires_in_seconds, start.policy)
            rules.decide_counter(
                case.state,
                by,
                command.offer_id,
                command.price_cents,
                case.listing_view,
                case.read.limits,
                case.read.standing,
                case.now,
                start.policy,
            )
            old = case.latest
            case.change_latest(
                status=OfferStatus.CANCELLED,
                closed_at=case.now,
                close_reason=CloseReason.SUPERSEDED,
                superseded_by=command.command_id,
                remind_at=None,
            )
            # Before the new one: only one offer of a negotiation stands at any time.
            await writes.send(transaction)
            new = negotiations.insert_offer(
                transaction,
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
            case.offers.append(new)
            case.change(rounds=new.round)
            case.publish(ActivityType.OFFER_MADE)
            case.tell(by.other, InboxType.OFFER_COUNTERED, due_at=expires_at)
            insert_command(transaction, command)
            return case.snapshot()

    async def accept_offer(self, start: NegotiationStart, command: AcceptOffer) -> NegotiationSnapshot:
        async with self._database.transaction() as transaction:
            case = await self._load(transaction, start, command, lock_buyer=True)
            if case.read.done:
                case.refused = None if case.read.done == "ok" else case.read.done
                return case.snapshot()
            by = case.party(command.by_agent_id)
            await self._check_block(transaction, start, case, by)
            closing = rules.decide_accept(
                case.state,
                by,
                command.offer_id,
                command.round,
                case.listing_view,
                case.read.limits,
                case.read.standing,
                case.now,
            )
            if closing is None:
                await case.accept()
            else:
                await case.close(closing)
                case.refused = refusal_of(closing).code
            insert_command(transaction, command, case.refused or "ok")
            return case.snapshot()

    async def _answer(
        self,
        start: NegotiationStart,
        command: AnswerOffer,
        decide: Callable[[NegotiationCase, Party], rules.Closing],
    ) -> NegotiationSnapshot:
        async with self._database.transaction() as transaction:
            case = await self._load(transaction, start, command)
            if case.read.done:
                return case.snapshot()
            by = case.party(command.by_agent_id)
            await case.close(decide(case, by), told=(by.other,))
            insert_command(transaction, command)
            return case.snapshot()

    async def reject_offer(self, start: NegotiationStart, command: RejectOffer) -> NegotiationSnapshot:
        def decide(case: NegotiationCase, by: Party) -> rules.Closing:
            rules.decide_reject(case.state, by, command.offer_id, case.now)
            return rules.Closing(OfferStatus.REJECTED, CloseReason.DECLINED)

        return await self._answer(start, command, decide)

    async def withdraw_offer(self, start: NegotiationStart, command: WithdrawOffer) -> NegotiationSnapshot:
        def decide(case: NegotiationCase, by: Party) -> rules.Closing:
            return rules.decide_withdraw(case.state, by, command.offer_id, case.now)

        return await self._answer(start, command, decide)

    async def settle_negotiation(self, start: NegotiationStart) -> NegotiationSnapshot:
        async with self._database.transaction() as transaction:
            silence = await listen(transaction, MARKET_PARTS)
            case = await self._load(transaction, start)
            if silence.holds(case.now) and case.negotiation.closed_at is None:
                return case.snapshot().model_copy(update={"deadline": silence.look_again_at(case.now)})
            closing = rules.decide_due(case.state, case.listing_view, case.now)
            if closing is None and await is_blocked(transaction, start.store_id, case.negotiation.buyer_customer_id):
                closing = end_blocked_negotiation(case.state)
            if closing is not None and case.negotiation.closed_at is None:
                await case.close(closing)
            else:
                case.remind()
            return case.snapshot()

    async def _check_block(
        self, transaction: Transaction, start: NegotiationStart, case: NegotiationCase, by: Party
    ) -> None:
        """A blocked buyer agrees to nothing more, also while the negotiation has not heard of the block."""
        if by is Party.BUYER:
            buyer_id = case.negotiation.buyer_customer_id
            check_not_blocked(blocked=await is_blocked(transaction, start.store_id, buyer_id))

    async def _fits(
        self, transaction: Transaction, start: NegotiationStart, case: NegotiationCase, standing: rules.OfferView
    ) -> bool:
        unpaid = await get_unpaid(
            transaction, case.negotiation.buyer_customer_id, case.listing.listing_id, start.policy
        )
        return fits_unpaid(case.listing_view, unpaid, standing.quantity, start.policy)

    async def answer_automatically(
        self, start: NegotiationStart, offer_id: UUID, date: datetime | None = None
    ) -> NegotiationSnapshot:
        async with self._database.transaction() as transaction:
            case = await self._load(transaction, start)
            standing = case.state.standing
            if standing is None or standing.offer_id != offer_id:
                return case.snapshot()
            if case.now >= standing.expires_at:
                # It expires instead, at the process's next look.
                return case.snapshot().model_copy(update={"auto_answer": False})
            if date is not None and case.now < date:
                return case.snapshot().model_copy(update={"answer_at": date})
            if date is not None and was_held_up(date, case.now):
                another = self._draws.answer_date(offer_id, case.now, start.policy)
                return case.snapshot().model_copy(update={"answer_at": another})
            if await is_blocked(transaction, start.store_id, case.negotiation.buyer_customer_id):
                # The block ends it, at the negotiation's next look.
                return case.snapshot().model_copy(update={"auto_answer": False})
            answer = await case.automatic_answer()
            if answer is True:
                closing = rules.unsellable(standing, case.listing_view)
                if closing is not None:
                    await case.close(closing)
                elif not rules.is_short(standing, case.listing_view) and await self._fits(
                    transaction, start, case, standing
                ):
                    # A bid for more than that stands: the seller itself decides what a threshold may not give away.
                    await case.accept()
            elif answer is False:
                # As the merchant would: same status, reason, event and inbox message.
                await case.close(rules.Closing(OfferStatus.REJECTED, CloseReason.DECLINED), told=(Party.BUYER,))
            return case.snapshot().model_copy(update={"auto_answer": False, "refused": None})
