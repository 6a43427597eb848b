"""Activity of the StoreTrust process: one transaction folds all that is pending.

The profile's lock serialises folds, so what depends on their order — how many earlier reviews by the same
buyer, whether a penalty is recent — is counted here, recorded in the event's inputs, and never changes.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.market.signatures import TrustActivities
from db import locks
from db.ids import new_id
from db.market import trust
from db.market.activity import notify, record_event
from db.market.tables import Store, SupportQuestion, TrustEvent, TrustFact, TrustProfile
from db.session import Database
from domain.market import errors
from domain.market.commands import StoreTrustStart, TrustFold
from domain.market.policy import MarketPolicy
from domain.market.states import ActivityType, InboxType
from domain.market.trust import RecordedTrustEvent, TrustComponent, TrustReason, overall_score, record_fact

_BATCH = 500
_DECAYS = UUID("6f1f0b9e-6a0b-5d0e-9a52-7a1d6c1d7f10")
_QUESTIONS = (TrustReason.MERCHANT_REPLIED_IN_THREAD, TrustReason.REPLY_MISSED)


class PostgresTrustActivities(TrustActivities):
    """The real one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="fold_trust")
    async def fold_trust(self, start: StoreTrustStart) -> TrustFold:
        async with self._database.transaction() as session:
            profile = await locks.lock_trust_profile(session, start.store_id)
            if profile is None:
                raise errors.STORE_NOT_FOUND.error()
            now = await locks.clock(session)
            await self._look_at_questions(session, start.store_id, now)
            await self._decay(session, profile, start.policy, now)
            facts = await trust.list_pending_facts(session, start.store_id, _BATCH)
            await self._fold(session, profile, facts, start.policy, now)
            reply = await trust.next_reply_date(session, start.store_id)
            deadlines = [profile.decay_due_at] + ([reply] if reply else [])
            return TrustFold(
                store_id=start.store_id,
                facts=len(facts),
                overall_milli=overall_score(trust.state_of(profile)),
                more=len(facts) == _BATCH,
                deadline=min(deadlines),
            )

    async def _look_at_questions(self, session: AsyncSession, store_id: UUID, now: datetime) -> None:
        """Miss those past their deadline; remind the owner of those before it, once."""
        for question in await trust.list_due_questions(session, store_id, now):
            question.remind_at = None
            if now < question.due_at:
                await self._remind_owner(session, question)
                continue
            question.missed_at = now
            await trust.insert_fact(
                session,
                store_id=store_id,
                source_event_id=question.question_message_id,
                reason=TrustReason.REPLY_MISSED,
                inputs={},
                occurred_at=now,
                subject_agent_id=question.customer_id,
                linked_thread_id=question.thread_id,
            )
            notify(
                session,
                question.customer_id,
                InboxType.QUESTION_MISSED,
                store_id=store_id,
                thread_id=question.thread_id,
                message_id=question.question_message_id,
            )

    async def _remind_owner(self, session: AsyncSession, question: SupportQuestion) -> None:
        store = await session.get_one(Store, question.store_id)
        notify(
            session,
            store.owner_merchant_id,
            InboxType.QUESTION_DUE_SOON,
            store_id=question.store_id,
            thread_id=question.thread_id,
            message_id=question.question_message_id,
            due_at=question.due_at,
        )

    async def _decay(self, session: AsyncSession, profile: TrustProfile, policy: MarketPolicy, now: datetime) -> None:
        """One TIME_DECAY fact per period passed, each with its own source, so none is folded twice."""
        while profile.decay_due_at <= now:
            await trust.insert_fact(
                session,
                store_id=profile.store_id,
                source_event_id=uuid5(_DECAYS, f"{profile.store_id}/{profile.decay_due_at.isoformat()}"),
                reason=TrustReason.TIME_DECAY,
                inputs={},
                occurred_at=profile.decay_due_at,
            )
            profile.decay_due_at += timedelta(seconds=policy.trust_decay_seconds)

    async def _fold(
        self,
        session: AsyncSession,
        profile: TrustProfile,
        facts: list[TrustFact],
        policy: MarketPolicy,
        now: datetime,
    ) -> None:
        state = trust.state_of(profile)
        before = overall_score(state)
        last: TrustEvent | None = None
        for fact in facts:
            inputs = await self._inputs(session, fact, policy, now)
            state, rows = record_fact(state, fact.source_event_id, fact.reason, inputs, profile.sequence + 1)
            fact.folded_at = now
            for row in rows:
                last = _event(fact, row, profile.folds + 1, now)
                session.add(last)
            profile.sequence += len(rows)
            # The next fact's counts must see this one as folded.
            await session.flush()
        if last is None:
            return
        profile.folds += 1
        trust.write_state(profile, state, now)
        record_event(session, ActivityType.TRUST_UPDATED, store_id=profile.store_id, trust_event_id=last.trust_event_id)
        store = await session.get_one(Store, profile.store_id)
        notify(
            session,
            store.owner_merchant_id,
            InboxType.TRUST_MOVED,
            store_id=profile.store_id,
            meta={"overall_before_milli": before, "overall_after_milli": overall_score(state)},
        )

    async def _inputs(
        self, session: AsyncSession, fact: TrustFact, policy: MarketPolicy, now: datetime
    ) -> dict[str, Any]:
        """What was known when the fact was written, and what only the order of folding tells."""
        inputs = dict(fact.inputs)
        reason = fact.reason
        if reason is TrustReason.REVIEW_POSTED:
            inputs["earlier_reviews"] = await self._earlier(session, fact, (reason,))
        elif reason in _QUESTIONS:
            inputs["earlier_questions"] = await self._earlier(session, fact, _QUESTIONS)
        elif reason is TrustReason.OFFER_HONORED:
            inputs["earlier_honored"] = await self._earlier(session, fact, (reason,))
        elif "penalised_recently" in inputs:
            inputs["penalised_recently"] = await self._penalised(session, fact, policy, now)
        return inputs

    async def _earlier(self, session: AsyncSession, fact: TrustFact, reasons: tuple[TrustReason, ...]) -> int:
        return await trust.count_folded(session, fact.store_id, reasons, fact.subject_agent_id)

    async def _penalised(self, session: AsyncSession, fact: TrustFact, policy: MarketPolicy, now: datetime) -> bool:
        """Whether this listing's price or copy already cost the store a penalty within the cooldown."""
        since = fact.occurred_at - timedelta(seconds=policy.trust_penalty_cooldown_seconds)
        query = (
            select(TrustEvent.trust_event_id)
            .join(TrustFact, TrustFact.fact_id == TrustEvent.fact_id)
            .where(
                TrustFact.listing_id == fact.listing_id,
                TrustFact.reason == fact.reason,
                TrustFact.folded_at.is_not(None),
                TrustFact.occurred_at > since,
                TrustEvent.delta_s > 0,
            )
            .limit(1)
        )
        return await session.scalar(query) is not None


def _event(fact: TrustFact, row: RecordedTrustEvent, fold: int, now: datetime) -> TrustEvent:
    def moved(component: TrustComponent) -> float:
        return (row.component_after - row.component_before) / 1000 if component is row.component else 0.0

    return TrustEvent(
        trust_event_id=new_id(),
        store_id=fact.store_id,
        timestamp=now,
        reason=fact.reason,
        delta_overall=(row.score_after - row.score_before) / 1000,
        delta_product_satisfaction=moved(TrustComponent.PRODUCT),
        delta_claim_accuracy=moved(TrustComponent.CLAIM),
        delta_support_responsiveness=moved(TrustComponent.SUPPORT),
        delta_policy_clarity=moved(TrustComponent.POLICY),
        linked_thread_id=fact.linked_thread_id,
        linked_order_id=fact.linked_order_id,
        linked_review_id=fact.linked_review_id,
        sequence=row.sequence,
        fold=fold,
        fact_id=fact.fact_id,
        source_event_id=fact.source_event_id,
        component=row.component,
        delta_r=row.dr,
        delta_s=row.ds,
        formula_version=row.formula_version,
        inputs=dict(row.inputs),
        component_before_milli=row.component_before,
        component_after_milli=row.component_after,
        overall_before_milli=row.score_before,
        overall_after_milli=row.score_after,
    )
