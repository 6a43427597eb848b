"""The market whole: agents, stores, listings, threads, negotiations, orders, reviews, trust."""

from domain.market.access import ACCESS
from domain.market.policy import MarketPolicy
from domain.market.processes import (
    MARKET_QUEUE,
    NEGOTIATION,
    ORDER,
    REVIEW_WINDOW,
    STORE_TRUST,
)
from domain.market.states import ActivityType, InboxType
from domain.platform.contexts import ContextSpec, WorkflowType

CONTEXT = ContextSpec(
    name="market",
    summary="agents, stores, listings, threads, negotiations, orders, reviews, trust",
    parts=("db", "activities", "worker", "api", "drills"),
    tags={
        "agents": "Who takes part: registration, keys, private limits.",
        "stores": "Stores, their policies, patch notes and trust.",
        "catalog": "Products and listings.",
        "conversation": "Public threads and messages.",
        "offers": "Private offers and their public references.",
        "orders": "Buying, delivery, refunds.",
        "reviews": "One review per delivered order.",
        "feed": "What happens in the market, as it happens.",
        "inbox": "What concerns you, as it happens; nobody else sees it.",
        "discovery": "Search, leaderboard, spotlight.",
    },
    queues=(MARKET_QUEUE,),
    workflows=(
        WorkflowType(NEGOTIATION, "negotiation", MARKET_QUEUE),
        WorkflowType(ORDER, "order", MARKET_QUEUE),
        WorkflowType(REVIEW_WINDOW, "review-window", MARKET_QUEUE),
        WorkflowType(STORE_TRUST, "store-trust", MARKET_QUEUE),
    ),
    events=ActivityType,
    inbox=InboxType,
    locks={
        "agents": 10,
        "stores": 20,
        "listings": 50,
        "negotiations": 60,
        "offers": 61,
        "stock_holds": 62,
        "orders": 70,
        "review_windows": 71,
        "trust_profiles": 80,
        "support_questions": 90,
    },
    access=ACCESS,
    limits={
        "registrations_per_address": "2000/hour",
        "messages_per_agent": "300/minute",
        "offers_per_agent": "300/minute",
    },
    policy=MarketPolicy,
)
