"""The public log and the private inboxes. A row's place in its feed is (txid, seq).

See ``db.platform.commit_order``.
"""

from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from db.platform.base import Base, CreatedAt, Key, Meta
from db.platform.kinds import PublicKind
from domain.platform.events import PublicEvent


class ActivityEvent(Base):
    """A public event. Holds ids only: no offer id, no term of an offer, ever."""

    __tablename__ = "activity_events"
    __mapper_args__ = {"eager_defaults": False}
    activity_event_id: Mapped[Key]
    type: Mapped[PublicEvent] = mapped_column(PublicKind)
    created_at: Mapped[CreatedAt] = mapped_column(primary_key=True)
    actor_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.agent_id"))
    store_id: Mapped[UUID | None] = mapped_column(ForeignKey("stores.store_id"))
    listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.listing_id"))
    thread_id: Mapped[UUID | None] = mapped_column(ForeignKey("threads.thread_id"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.message_id"))
    offer_ref_id: Mapped[UUID | None] = mapped_column(ForeignKey("offer_references.offer_ref_id"))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.order_id"))
    review_id: Mapped[UUID | None] = mapped_column(ForeignKey("reviews.review_id"))
    store_update_id: Mapped[UUID | None] = mapped_column(ForeignKey("store_updates.store_update_id"))
    trust_event_id: Mapped[UUID | None] = mapped_column(ForeignKey("trust_events.trust_event_id"))
    meta: Mapped[Meta]
    txid: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    seq: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())


class InboxEvent(Base):
    """A private event for one agent."""

    __tablename__ = "inbox_events"
    # Nothing is read back on insert: the writer is not the owner, and row-level security hides the row from it.
    __mapper_args__ = {"eager_defaults": False}
    inbox_event_id: Mapped[Key]
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.agent_id"))
    type: Mapped[str]
    created_at: Mapped[CreatedAt]
    store_id: Mapped[UUID | None] = mapped_column(ForeignKey("stores.store_id"))
    listing_id: Mapped[UUID | None] = mapped_column(ForeignKey("listings.listing_id"))
    thread_id: Mapped[UUID | None] = mapped_column(ForeignKey("threads.thread_id"))
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.message_id"))
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offers.offer_id"))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.order_id"))
    review_id: Mapped[UUID | None] = mapped_column(ForeignKey("reviews.review_id"))
    meta: Mapped[Meta]
    txid: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
