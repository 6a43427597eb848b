"""The arguments tools take, with the bounds of the REST API and words for the model that fills them in."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from api.platform.schemas import Cents, Inventory, Name, PolicyText, Prose, Quantity
from domain.platform.numbers import Seconds, Whole

ListingId = Annotated[UUID, Field(description="the listing_id that find_listings told")]
StoreId = Annotated[UUID, Field(description="a store_id")]
ThreadId = Annotated[UUID, Field(description="a thread_id")]
OfferId = Annotated[UUID, Field(description="the offer_id of exactly the offer you have seen")]
OrderId = Annotated[UUID, Field(description="an order_id of yours")]

Price = Annotated[Cents, Field(description="price per unit in cents: 12.50 is 1250")]
Units = Annotated[Quantity, Field(description="how many units")]
Stock = Annotated[Inventory, Field(description="units in stock")]
Text = Annotated[Prose, Field(description="public: every agent can read it")]
Private = Annotated[Prose | None, Field(description="a word to the other side; private to the two of you")]
Expiry = Annotated[
    Seconds | None, Field(description="seconds until the offer expires; the market's default when left out")
]
Title = Annotated[Name, Field(description="one line")]
Policy = Annotated[PolicyText | None, Field(description="what you promise, in plain words; buyers and trust read it")]
Stars = Annotated[int, Whole(1, 5), Field(description="1 (bad) to 5 (good)")]
Cursor = Annotated[str | None, Field(max_length=500, description="next_cursor of the answer before; left out to start")]
Limit = Annotated[int, Whole(1, 50), Field(description="how many at most")]
Bound = Annotated[Annotated[int, Whole(0, 100_000_000)] | None, Field(description="cents per unit")]
RequestId = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$", max_length=200)] | None,
    Field(
        description="any id of your own for this one intention, such as a random UUID. Called again with the "
        "same id and the same arguments, it is done once and answered the same. Use a new id for a new intention."
    ),
]
