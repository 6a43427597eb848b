"""The Negotiation process's activities over the books, deciding with the market's own rules."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from activities.market.signatures import NegotiationActivities
from domain.market import automatic_answers, errors, reminders
from domain.market import negotiation as rules
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
from domain.market.states import CloseReason, OfferStatus, Party
from tests.workflows.market.books import LISTING, SELLER, STORE, Books, Haggle

_DRAWS = automatic_answers.Draws(b"the same in every run")


class FakeNegotiations(NegotiationActivities):
    def __init__(self, books: Books) -> None:
        self._books = books

    def _find(self, negotiation_id: UUID) -> Haggle:
        if negotiation_id not in self._books.negotiations:
            raise errors.OFFER_NOT_FOUND.error()
        return self._books.negotiations[negotiation_id]

    def _party(self, haggle: Haggle, agent_id: UUID) -> Party:
        found = haggle.state.party_of(agent_id)
        if found is None:
            raise errors.OFFER_NOT_FOUND.error()
        return found

    def _put(self, haggle: Haggle, **changes: object) -> None:
        """Change the latest offer."""
        latest = replace(haggle.state.latest, **changes)
        haggle.state = replace(haggle.state, offers=(*haggle.state.offers[:-1], latest))

    def _close(self, haggle: Haggle, closing: rules.Closing) -> None:
        if closing.returns_stock:
            self._books.move_stock(haggle.state.latest.quantity)
        self._put(haggle, status=closing.status)
        haggle.closed, haggle.reason = True, closing.reason
        self._books.tell(closing.reason)

    def _reminder(self, now: datetime, until: datetime, share: float) -> datetime | None:
        return reminders.reminder_date(now, until, share) if self._books.reminds else None

    def _accept(self, haggle: Haggle, start: NegotiationStart, now: datetime) -> bool:
        """Hold the stock; whether it was the last."""
        sold_out = self._books.move_stock(-haggle.state.latest.quantity)
        purchase_by = now + timedelta(seconds=start.policy.purchase_window_seconds)
        remind_at = self._reminder(now, purchase_by, start.policy.purchase_reminder_share)
        self._put(haggle, status=OfferStatus.ACCEPTED, purchase_by=purchase_by, remind_at=remind_at)
        self._books.tell("ACCEPTED")
        return sold_out

    def _snapshot(self, start: NegotiationStart, **flags: object) -> NegotiationSnapshot:
        negotiation_id, policy = start.negotiation_id, start.policy
        haggle = self._books.negotiations[negotiation_id]
        state, latest = haggle.state, haggle.state.latest
        awaiting, auto = "nothing: it is over", False
        if state.standing is not None:
            awaiting = f"an answer of the {latest.proposed_by.other.lower()}"
            by_buyer = latest.proposed_by is Party.BUYER
            auto = by_buyer and automatic_answers.may_answer(self._books.limits, haggle.made_at)
        elif state.held is not None:
            awaiting = "the buyer's purchase"
        found = {
            "negotiation_id": negotiation_id,
            "store_id": STORE,
            "listing_id": LISTING,
            "status": latest.status,
            "offer_id": latest.offer_id,
            "rounds": latest.round,
            "awaiting": awaiting,
            "deadline": None if haggle.closed else reminders.next_offer_date(state),
            "closed": haggle.closed,
            "auto_answer": auto,
            "answer_at": _DRAWS.answer_date(latest.offer_id, haggle.made_at, policy),
        }
        return NegotiationSnapshot.model_validate(found | flags)

    async def make_offer(self, start: NegotiationStart, command: MakeOffer) -> NegotiationSnapshot:
        async with self._books.turn() as now:
            if command.command_id not in self._books.commands:
                expires_at = rules.expiry(now, command.expires_in_seconds, start.policy)
                listing = self._books.listing
                rules.decide_first_offer(
                    listing, self._books.buyer, command.price_cents, command.quantity, start.policy
                )
                offer = rules.OfferView(
                    command.command_id, 1, Party.BUYER, command.price_cents, command.quantity, OfferStatus.PROPOSED,
                    expires_at, listing.price_cents,
                    remind_at=self._reminder(now, expires_at, start.policy.offer_reminder_share),
                )  # fmt: skip
                state = rules.NegotiationState(command.buyer_id, SELLER, (offer,))
                self._books.negotiations[start.negotiation_id] = Haggle(state, now)
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start)

    async def counter_offer(self, start: NegotiationStart, command: CounterOffer) -> NegotiationSnapshot:
        async with self._books.turn() as now:
            haggle = self._find(start.negotiation_id)
            if command.command_id not in self._books.commands:
                by = self._party(haggle, command.by_agent_id)
                expires_at = rules.expiry(now, command.expires_in_seconds, start.policy)
                rules.decide_counter(
                    haggle.state, by, command.offer_id, command.price_cents, self._books.listing, self._books.limits,
                    self._books.buyer, now, start.policy,
                )  # fmt: skip
                old = haggle.state.latest
                self._put(haggle, status=OfferStatus.CANCELLED)
                new = replace(
                    old,
                    offer_id=command.command_id,
                    round=old.round + 1,
                    proposed_by=by,
                    price_cents=command.price_cents,
                    expires_at=expires_at,
                    remind_at=self._reminder(now, expires_at, start.policy.offer_reminder_share),
                )
                haggle.state = replace(haggle.state, offers=(*haggle.state.offers, new))
                haggle.made_at = now
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start)

    async def accept_offer(self, start: NegotiationStart, command: AcceptOffer) -> NegotiationSnapshot:
        async with self._books.turn() as now:
            haggle = self._find(start.negotiation_id)
            sold_out = False
            if command.command_id not in self._books.commands:
                closing = rules.decide_accept(
                    haggle.state, self._party(haggle, command.by_agent_id), command.offer_id, command.round,
                    self._books.listing, self._books.limits, self._books.buyer, now,
                )  # fmt: skip
                if closing is None:
                    sold_out = self._accept(haggle, start, now)
                else:
                    self._close(haggle, closing)
                self._books.commands[command.command_id] = "ok" if closing is None else errors.LISTING_SOLD_OUT.code
            outcome = self._books.commands[command.command_id]
            refused = None if outcome == "ok" else outcome
            return self._snapshot(start, refused=refused, sold_out=sold_out)

    async def _answer(
        self,
        name: str,
        start: NegotiationStart,
        command: AnswerOffer,
        decide: Callable[[rules.NegotiationState, Party, UUID, datetime], rules.Closing],
    ) -> NegotiationSnapshot:
        async with self._books.turn(name) as now:
            haggle = self._find(start.negotiation_id)
            trust_moved = False
            if command.command_id not in self._books.commands:
                closing = decide(haggle.state, self._party(haggle, command.by_agent_id), command.offer_id, now)
                self._close(haggle, closing)
                trust_moved = closing.reason is CloseReason.BROKEN_BY_SELLER
                self._books.commands[command.command_id] = "ok"
            return self._snapshot(start, trust_moved=trust_moved)

    async def reject_offer(self, start: NegotiationStart, command: RejectOffer) -> NegotiationSnapshot:
        def decide(state: rules.NegotiationState, by: Party, offer_id: UUID, now: datetime) -> rules.Closing:
            rules.decide_reject(state, by, offer_id, now)
            return rules.Closing(OfferStatus.REJECTED, CloseReason.DECLINED)

        return await self._answer("reject_offer", start, command, decide)

    async def withdraw_offer(self, start: NegotiationStart, command: WithdrawOffer) -> NegotiationSnapshot:
        return await self._answer("withdraw_offer", start, command, rules.decide_withdraw)

    async def settle_negotiation(self, start: NegotiationStart) -> NegotiationSnapshot:
        async with self._books.turn() as now:
            haggle = self._find(start.negotiation_id)
            closing = rules.decide_due(haggle.state, self._books.listing, now)
            reminder = reminders.decide_offer_reminder(haggle.state, now)
            if closing is not None and not haggle.closed:
                self._close(haggle, closing)
            elif reminder is not None:
                self._put(haggle, remind_at=None)
                self._books.tell(f"{reminder.type} to {reminder.party}")
            return self._snapshot(start)

    async def answer_automatically(
        self, start: NegotiationStart, offer_id: UUID, date: datetime | None = None
    ) -> NegotiationSnapshot:
        """Without margins: what they do is the rules' and the real activity's."""
        async with self._books.turn() as now:
            haggle = self._find(start.negotiation_id)
            standing = haggle.state.standing
            if standing is None or standing.offer_id != offer_id:
                return self._snapshot(start)
            if now >= standing.expires_at:
                return self._snapshot(start, auto_answer=False)
            assert date is not None
            if now < date:
                return self._snapshot(start, answer_at=date)
            if automatic_answers.was_held_up(date, now):
                return self._snapshot(start, answer_at=_DRAWS.answer_date(offer_id, now, start.policy))
            answer = None
            if standing.proposed_by is Party.BUYER and automatic_answers.may_answer(self._books.limits, haggle.made_at):
                answer = automatic_answers.decide_automatic_answer(standing.price_cents, self._books.limits, 0, 0)
            closing = rules.unsellable(standing, self._books.listing) if answer else None
            sold_out = False
            if closing is not None:
                self._close(haggle, closing)
            elif answer is True and not rules.is_short(standing, self._books.listing):
                sold_out = self._accept(haggle, start, now)
            elif answer is False:
                self._close(haggle, rules.Closing(OfferStatus.REJECTED, CloseReason.DECLINED))
            return self._snapshot(start, auto_answer=False, sold_out=sold_out)
