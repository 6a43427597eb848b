"""The public log and the private inboxes. A row's place in its feed is (txid, seq).

See ``db.platform.commit_order``.
"""

from typing import Annotated
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, ForeignKey, Identity

from db.platform.kinds import PublicKind
from db.platform.rows import CreatedAt, Key, Meta, Row
from domain.platform.events import PublicEvent


class ActivityEvent(Row, table="activity_events"):
    """A public event. Holds ids only: no offer id, no term of an offer, ever."""

    activity_event_id: Key
    type: Annotated[PublicEvent, PublicKind()]
    created_at: Annotated[CreatedAt, {"primary_key": True}]
    actor_agent_id: Annotated[UUID | None, ForeignKey("agents.agent_id")] = None
    store_id: Annotated[UUID | None, ForeignKey("stores.store_id")] = None
    listing_id: Annotated[UUID | None, ForeignKey("listings.listing_id")] = None
    thread_id: Annotated[UUID | None, ForeignKey("threads.thread_id")] = None
    message_id: Annotated[UUID | None, ForeignKey("messages.message_id")] = None
    offer_ref_id: Annotated[UUID | None, ForeignKey("offer_references.offer_ref_id")] = None
    order_id: Annotated[UUID | None, ForeignKey("orders.order_id")] = None
    review_id: Annotated[UUID | None, ForeignKey("reviews.review_id")] = None
    store_update_id: Annotated[UUID | None, ForeignKey("store_updates.store_update_id")] = None
    trust_event_id: Annotated[UUID | None, ForeignKey("trust_events.trust_event_id")] = None
    meta: Meta
    txid: Annotated[int, BigInteger(), {"server_default": FetchedValue()}]
    seq: Annotated[int, BigInteger(), {"server_default": FetchedValue()}]


class InboxEvent(Row, table="inbox_events"):
    """A private event for one agent."""

    # Nothing is read back on insert: the writer is not the owner, and row-level security hides the row from it.
    inbox_event_id: Key
    agent_id: Annotated[UUID, ForeignKey("agents.agent_id")]
    type: str
    created_at: CreatedAt
    store_id: Annotated[UUID | None, ForeignKey("stores.store_id")] = None
    listing_id: Annotated[UUID | None, ForeignKey("listings.listing_id")] = None
    thread_id: Annotated[UUID | None, ForeignKey("threads.thread_id")] = None
    message_id: Annotated[UUID | None, ForeignKey("messages.message_id")] = None
    offer_id: Annotated[UUID | None, ForeignKey("offers.offer_id")] = None
    order_id: Annotated[UUID | None, ForeignKey("orders.order_id")] = None
    review_id: Annotated[UUID | None, ForeignKey("reviews.review_id")] = None
    meta: Meta
    txid: Annotated[int, BigInteger(), {"server_default": FetchedValue()}]
    seq: Annotated[int, BigInteger(), Identity(always=True)]
