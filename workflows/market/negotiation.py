"""The Negotiation process: one buyer, one listing, private.

PROPOSED → ACCEPTED | REJECTED | EXPIRED | CANCELLED, per offer; the process is the chain of offers. It ends
when the chain is decided and, after an accept, when the offer is bought, lapses or is broken. Guards that
commands, expiry and purchase take turns: exactly one of them wins.
"""

from datetime import datetime
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import pydantic

    from activities.market.signatures import NegotiationActivities as Record
    from domain.market import errors
    from domain.market.commands import (
        AcceptOffer,
        CounterOffer,
        MakeOffer,
        NegotiationSnapshot,
        NegotiationStart,
        RejectOffer,
        WithdrawOffer,
    )
    from domain.market.processes import BOUGHT, NEGOTIATION
    from domain.market.states import OfferStatus
    from domain.platform.messages import Done
    from workflows.market.notices import MarketNotices
    from workflows.platform.process import CommandProcess, carries_out
    from workflows.platform.recording import record


@workflow.defn(
    name=NEGOTIATION,
    failure_exception_types=[pydantic.ValidationError],
)
class Negotiation(CommandProcess[NegotiationStart, NegotiationSnapshot]):
    _not_found = errors.OFFER_NOT_FOUND.code

    @workflow.init
    def __init__(self, start: NegotiationStart) -> None:
        super().__init__(start, "PROPOSED")
        self._notices = MarketNotices(start.policy)
        self._sold_out = False
        self._bought = False
        self._answer_at: datetime | None = None
        self._answer_for: UUID | None = None

    @workflow.run
    async def run(self, start: NegotiationStart) -> None:
        await self._live()

    make_offer = carries_out(MakeOffer, Record.make_offer, "record the first offer")
    counter_offer = carries_out(CounterOffer, Record.counter_offer, "record a counter-offer")
    accept_offer = carries_out(AcceptOffer, Record.accept_offer, "record an accept and hold the stock")
    reject_offer = carries_out(RejectOffer, Record.reject_offer, "record a decline")
    withdraw_offer = carries_out(WithdrawOffer, Record.withdraw_offer, "record a withdrawal")

    @workflow.signal(name=BOUGHT)
    def bought(self) -> None:
        """The offer was bought: the purchase has closed the projection, so there is nothing to look up."""
        self._bought = self._changed = True
        start = self._start
        self._report(
            "ACCEPTED",
            "nothing: it was bought",
            None,
            negotiation=start.negotiation_id,
            listing=start.listing_id,
            store=start.store_id,
        )

    @property
    def _over(self) -> bool:
        return self._bought or super()._over

    async def _settle(self) -> NegotiationSnapshot:
        date, offer_id = self._answer_at, self._answer_for
        if offer_id is None or date is None or workflow.now() < date:
            return await record(Record.settle_negotiation, "record what has come due", self._start)
        snapshot = await record(
            Record.answer_automatically, "give the seller's standing answer", self._start, offer_id, date
        )
        # It was given, there is none, or it has another date.
        self._answer_at = snapshot.answer_at if snapshot.auto_answer else None
        return snapshot

    def _done(self, snapshot: NegotiationSnapshot) -> Done:
        if snapshot.refused is not None:
            raise ApplicationError("the offer could not be accepted", type=snapshot.refused, non_retryable=True)
        return Done(entity_id=snapshot.offer_id)

    def _keep(self, snapshot: NegotiationSnapshot) -> None:
        self._sold_out |= snapshot.sold_out
        self._notices.trust_moved |= snapshot.trust_moved
        if snapshot.offer_id != self._answer_for:
            # Once for each offer: what changes later, the listing's limits among it, sets no date.
            self._answer_for = snapshot.offer_id
            self._answer_at = snapshot.answer_at if snapshot.auto_answer else None
        elif snapshot.status is not OfferStatus.PROPOSED:
            self._answer_at = None
        self._report(
            snapshot.status,
            snapshot.awaiting,
            snapshot.deadline,
            negotiation=snapshot.negotiation_id,
            listing=snapshot.listing_id,
            store=snapshot.store_id,
            rounds=snapshot.rounds,
        )

    def _next_date(self) -> datetime | None:
        deadline = self._snapshot.deadline if self._snapshot else None
        return min((date for date in (deadline, self._answer_at) if date is not None), default=None)

    async def _tell_others(self) -> None:
        if self._sold_out:
            self._sold_out = False
            await self._notices.sold_out(self._start.listing_id)
        await self._notices.send(self._start.store_id)
