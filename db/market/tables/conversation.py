"""Public threads and messages, and the questions in them that a store owes an answer."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.platform.base import Base, CreatedAt, Key, pg_enum
from domain.market.states import ThreadStatus, ThreadType


class Thread(Base):
    __tablename__ = "threads"
    thread_id: Mapped[Key]
    type: Mapped[ThreadType] = mapped_column(pg_enum(ThreadType, "thread_type"))
    status: Mapped[ThreadStatus] = mapped_column(pg_enum(ThreadStatus, "thread_status"), default=ThreadStatus.OPEN)
    title: Mapped[str]
    created_by_agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    context_store_id: Mapped[UUID | None] = mapped_column(ForeignKey("stores.store_id"))
    context_listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.listing_id"))
    context_order_id: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]


class Message(Base):
    """``hidden_at``: an operator took its words away, and ``body`` says so in their place."""

    __tablename__ = "messages"
    message_id: Mapped[Key]
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("threads.thread_id"))
    author_agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    parent_message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.message_id"))
    body: Mapped[str]
    created_at: Mapped[CreatedAt]
    hidden_at: Mapped[datetime | None]


class SupportQuestion(Base):
    """A question's slot: open, answered once, or missed at ``due_at``.

    ``remind_at``: when the store's owner is reminded; null once it was.
    """

    __tablename__ = "support_questions"
    question_message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.message_id"), primary_key=True)
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("threads.thread_id"))
    store_id: Mapped[UUID] = mapped_column(ForeignKey("stores.store_id"))
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answer_message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.message_id"))
    missed_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]
