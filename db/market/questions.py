"""Questions a store owes an answer: opened by a customer's message, closed by one of the owner's.

A thread has at most one open question per customer, and an answer closes exactly one.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Interval, Uuid, bindparam, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from db.market import trust
from db.market.tables import Message, SupportQuestion
from db.platform import writes
from db.platform.events import notify
from db.platform.statements import Query
from db.platform.tables import ExtendedDate
from db.platform.transactions import Transaction
from domain.market.policy import MarketPolicy
from domain.market.reminders import reminder_date
from domain.market.states import InboxType
from domain.market.trust import TrustReason

_question = SupportQuestion.table
_NEW = ("question_message_id", "thread_id", "store_id", "customer_id", "asked_at", "due_at", "remind_at")
_ASK = Query(
    insert(_question)
    .values({name: bindparam(name) for name in _NEW})
    .on_conflict_do_nothing(index_elements=["thread_id", "customer_id"], index_where=_question.c.answered_at.is_(None))
    .returning(_question.c.question_message_id),
    UUID,
)
_OLDEST = (
    select(_question.c.question_message_id)
    .where(_question.c.thread_id == bindparam("thread_id"), _question.c.answered_at.is_(None))
    .order_by(
        _question.c.customer_id.is_distinct_from(bindparam("parent_author_id", type_=Uuid())),
        _question.c.asked_at,
        _question.c.question_message_id,
    )
    .limit(1)
)
# One statement decides: of two answers at once, or of an answer and the deadline, one comes first.
_ANSWER = Query(
    update(_question)
    .where(_question.c.question_message_id == _OLDEST.scalar_subquery(), _question.c.answered_at.is_(None))
    .values(answered_at=bindparam("now"), answer_message_id=bindparam("message_id"))
    .returning(*SupportQuestion.columns),
    SupportQuestion,
)
# What outages took of its time, which is nobody's slowness.
_extended = ExtendedDate.c
_GIVEN_BACK = Query(
    select(
        func.coalesce(cast(func.sum(_extended.new_date - _extended.old_date), Interval), literal(timedelta(0)))
    ).where(_extended.wait == "reply", _extended.entity_id == bindparam("question")),
    timedelta,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A thread about a store, or one of its listings."""

    thread_id: UUID
    store_id: UUID
    owner_id: UUID
    listing_id: UUID | None


async def ask(transaction: Transaction, place: Place, message: Message, policy: MarketPolicy) -> bool:
    """Open a question; while the same customer has one open in the thread, a message only follows it up.

    Tells the owner, and returns True, when it opened one.
    """
    now = message.created_at
    due_at = now + timedelta(seconds=policy.reply_deadline_seconds)
    # The question refers to it.
    await writes.send(transaction)
    asked = await transaction.one_or_none(
        _ASK,
        question_message_id=message.message_id,
        thread_id=place.thread_id,
        store_id=place.store_id,
        customer_id=message.author_agent_id,
        asked_at=now,
        due_at=due_at,
        remind_at=reminder_date(now, due_at, policy.reply_reminder_share),
    )
    if asked is None:
        return False
    notify(
        transaction,
        place.owner_id,
        InboxType.QUESTION_ASKED,
        store_id=place.store_id,
        listing_id=place.listing_id,
        thread_id=place.thread_id,
        message_id=message.message_id,
        due_at=due_at,
    )
    return True


async def answer(
    transaction: Transaction, place: Place, message: Message, parent_author_id: UUID | None, policy: MarketPolicy
) -> tuple[UUID | None, UUID | None]:
    """Close the question the owner's message answers: its parent's author's, else the oldest open one.

    Returns who was told of the answer, and the store whose trust process must hear of it, if any.
    """
    now = message.created_at
    # The answered question refers to it.
    await writes.send(transaction)
    question = await transaction.one_or_none(
        _ANSWER,
        thread_id=place.thread_id,
        parent_author_id=parent_author_id,
        now=now,
        message_id=message.message_id,
    )
    if question is None:
        return None, None
    notify(
        transaction,
        question.customer_id,
        InboxType.QUESTION_ANSWERED,
        store_id=place.store_id,
        listing_id=place.listing_id,
        thread_id=place.thread_id,
        message_id=message.message_id,
    )
    if question.missed_at is not None:
        return question.customer_id, None
    given = await transaction.one(_GIVEN_BACK, question=question.question_message_id)
    trust.insert_fact(
        transaction,
        store_id=place.store_id,
        source_event_id=question.question_message_id,
        reason=TrustReason.MERCHANT_REPLIED_IN_THREAD,
        inputs={
            "latency_ms": max(0, int((now - question.asked_at - given).total_seconds() * 1000)),
            "deadline_ms": max(1, int(policy.reply_deadline_seconds * 1000)),
        },
        occurred_at=now,
        subject_agent_id=question.customer_id,
        linked_thread_id=place.thread_id,
    )
    return question.customer_id, place.store_id
