"""The market's tables. Constraints, policies and triggers stand in ``db/migrations/sql``."""

from db.market.tables.catalog import (
    Agent,
    AgentLimits,
    Listing,
    ListingLimits,
    Product,
    ProductImage,
    Store,
    StoreBlock,
)
from db.market.tables.conversation import Message, SupportQuestion, Thread
from db.market.tables.trade import (
    InteractionEvidence,
    Negotiation,
    Offer,
    OfferReference,
    Order,
    Review,
    ReviewWindow,
    StockHold,
    StockMovement,
    StoreInteractionEvidence,
)
from db.market.tables.trust import StoreStats, StoreUpdate, TrustEvent, TrustFact, TrustProfile
from db.platform.event_tables import ActivityEvent, InboxEvent

__all__ = [
    "ActivityEvent",
    "Agent",
    "AgentLimits",
    "InboxEvent",
    "InteractionEvidence",
    "Listing",
    "ListingLimits",
    "Message",
    "Negotiation",
    "Offer",
    "OfferReference",
    "Order",
    "Product",
    "ProductImage",
    "Review",
    "ReviewWindow",
    "StockHold",
    "StockMovement",
    "Store",
    "StoreBlock",
    "StoreInteractionEvidence",
    "StoreStats",
    "StoreUpdate",
    "SupportQuestion",
    "Thread",
    "TrustEvent",
    "TrustFact",
    "TrustProfile",
]
