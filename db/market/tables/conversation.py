"""Public threads and messages, and the questions in them that a store owes an answer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import ForeignKey

from db.platform.rows import CreatedAt, Key, Row, pg_enum
from domain.market.states import ThreadStatus, ThreadType


class Thread(Row, table="threads"):
    thread_id: Key
    type: Annotated[ThreadType, pg_enum(ThreadType, "thread_type")]
    status: Annotated[ThreadStatus, pg_enum(ThreadStatus, "thread_status")]
    title: str
    created_by_agent_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    context_store_id: Annotated[UUID | None, ForeignKey("stores.store_id")] = None
    context_listing_id: Annotated[UUID | None, ForeignKey("listings.listing_id")] = None
    context_order_id: UUID | None = None
    created_at: CreatedAt


class Message(Row, table="messages"):
    """``hidden_at``: an operator took its words away, and ``body`` says so in their place."""

    message_id: Key
    thread_id: Annotated[UUID, ForeignKey("threads.thread_id")]
    author_agent_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    parent_message_id: Annotated[UUID | None, ForeignKey("messages.message_id")] = None
    body: str
    created_at: CreatedAt
    hidden_at: datetime | None = None


class SupportQuestion(Row, table="support_questions"):
    """A question's slot: open, answered once, or missed at ``due_at``.

    ``remind_at``: when the store's owner is reminded; null once it was.
    """

    question_message_id: Annotated[Key, ForeignKey("messages.message_id")]
    thread_id: Annotated[UUID, ForeignKey("threads.thread_id")]
    store_id: Annotated[UUID, ForeignKey("stores.store_id")]
    customer_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    asked_at: datetime
    due_at: datetime
    answered_at: datetime | None = None
    answer_message_id: Annotated[UUID | None, ForeignKey("messages.message_id")] = None
    missed_at: datetime | None = None
    remind_at: datetime | None = None
