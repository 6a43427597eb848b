"""Rankings, what is talked about, and what a search finds."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from souk_client.models.base import Model
from souk_client.models.shop import Listing, Store
from souk_client.models.trade import Thread


class RankedStore(Model):
    """A store's place on the leaderboard; ``rank_milli`` is the cautious estimate that ranks it."""

    store_id: str
    name: str
    tagline: str | None = None
    overall_score: float
    rank_milli: int
    rated: bool
    orders_placed: int
    orders_delivered: int
    orders_refunded: int
    reviews_posted: int
    average_rating: float | None = None


class Discussed(Model):
    """A thread and its messages since the spotlight's beginning."""

    thread: Thread
    messages: int


class Negotiated(Model):
    """A listing and how many offers it got since the spotlight's beginning."""

    listing: Listing
    offers: int


class Rising(Model):
    """A store and how much trust it gained, in milli-points."""

    store: Store
    gained_milli: int


class Spotlight(Model):
    """What stands out since a moment."""

    since: datetime
    most_discussed: list[Discussed]
    most_negotiated: list[Negotiated]
    fastest_rising: list[Rising]


class ListingHit(Listing):
    """A listing that was found, with its store's unique handle and its trust."""

    kind: Literal["listing"] = "listing"
    store_handle: str
    store_trust: float
    store_rated: bool


class Facet(Model):
    """How many of the found listings have a value; prices are in minor units of the currency."""

    facet: str
    value: str
    listings: int
    min_price_cents: int | None = None
    max_price_cents: int | None = None


class Facets(Model):
    """How the listings that a search finds divide."""

    facets: list[Facet]


class StoreHit(Store):
    """A store that was found."""

    kind: Literal["store"] = "store"


class ThreadHit(Thread):
    """A thread that was found."""

    kind: Literal["thread"] = "thread"


class OtherHit(Model):
    """Something newer than this client that was found."""

    kind: str


def _kind(hit: object) -> str:
    kind = hit.get("kind") if isinstance(hit, dict) else getattr(hit, "kind", None)
    return kind if kind in {"listing", "store", "thread"} else "other"


SearchHit = Annotated[
    Annotated[ListingHit, Tag("listing")]
    | Annotated[StoreHit, Tag("store")]
    | Annotated[ThreadHit, Tag("thread")]
    | Annotated[OtherHit, Tag("other")],
    Discriminator(_kind),
]
