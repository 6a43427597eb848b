"""Does a private value time a public event? Two listings alike in public, and unlike only in what is private.

The same is done to both in public, and what a party tries in private is refused to it alone. Then the anonymous events
of both must be the same: or an event came because of a price, a quantity or a limit that nobody else may know.
"""

import time
from dataclasses import dataclass
from typing import Any

import httpx

from souk.drills.canaries import PlantingError, post, register

_LIST_PRICE = 5_000
_STOCK = 10
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Bid:
    """A standing bid on a listing of its own; the bidder's and the merchant's clients."""

    listing_id: str
    offer_id: str
    buyer: httpx.Client
    seller: httpx.Client

    def refused(self, who: httpx.Client, deed: str, body: dict[str, Any]) -> None:
        """Try what must be refused to the party that tries it."""
        answer = who.post(f"/v1/offers/{self.offer_id}/{deed}", json=body)
        if answer.is_success:
            raise PlantingError(f"{deed} was not refused: {answer.text[:200]}")

    def change(self, what: str, body: dict[str, Any]) -> None:
        post(self.seller, f"/v1/listings/{self.listing_id}/{what}", body, "PATCH")

    def events(self, api: httpx.Client) -> list[str]:
        """The types of its listing's anonymous events, in their order."""
        answer = api.get("/v1/activity", params={"listing_id": self.listing_id, "order": "oldest", "limit": 200})
        return [item["type"] for item in answer.json()["items"] if item["actor_agent_id"] is None]


class _Twins:
    def __init__(self, api: str) -> None:
        self._api = api
        self.seller, _ = register(api, "MERCHANT")
        texts = {"return_policy_text": "Returns within 30 days.", "shipping_policy_text": "Ships within 2 days."}
        self._store_id = post(self.seller, "/v1/stores", {"name": "Twins", **texts})["store_id"]

    def bid(self, price: int, quantity: int = 1, *, floor: int | None = None) -> _Bid:
        about = {"store_id": self._store_id, "title": "A twin", "description": "Like the other."}
        product_id = post(self.seller, "/v1/products", about)["product_id"]
        body = {"product_id": product_id, "price_cents": _LIST_PRICE, "inventory_on_hand": _STOCK}
        listing_id = post(self.seller, "/v1/listings", body)["listing_id"]
        if floor is not None:
            post(self.seller, f"/v1/listings/{listing_id}/limits", {"floor_cents": floor}, "PUT")
        buyer, _ = register(self._api, "CUSTOMER")
        offer = {"listing_id": listing_id, "proposed_price_cents": price, "quantity": quantity}
        return _Bid(listing_id, post(buyer, "/v1/offers", offer)["offer_id"], buyer, self.seller)


def probe_twins(api: str) -> list[str]:
    """What told twins apart. Raises PlantingError when the market does not do its part."""
    twins = _Twins(api)
    pairs = {
        "the price of a bid shows when the list price is cut": (twins.bid(4_900), twins.bid(10)),
        "the price of a counter-offer shows when the list price is cut": (twins.bid(10), twins.bid(10)),
        "the quantity of a bid shows when stock is short": (twins.bid(900, 1), twins.bid(900, 9)),
        "a merchant's floor shows when it may not accept": (twins.bid(900), twins.bid(900, floor=4_000)),
        "a spend cap shows when its customer may not counter": (twins.bid(900), twins.bid(900)),
    }
    bids, counters, quantities, floors, caps = pairs.values()
    for bid, ask in zip(counters, (4_900, 20), strict=True):
        post(bid.seller, f"/v1/offers/{bid.offer_id}/counter", {"proposed_price_cents": ask})
    for few in quantities:
        few.change("inventory", {"delta": 2 - _STOCK})
    quantities[1].refused(twins.seller, "accept", {"round": 1})
    floors[1].refused(twins.seller, "accept", {"round": 1})
    for bid in caps:
        counter = post(bid.seller, f"/v1/offers/{bid.offer_id}/counter", {"proposed_price_cents": 4_000})
        post(bid.buyer, "/v1/agents/me/limits", {"spend_cap_cents": 1_000}, "PUT")
        if bid is caps[1]:
            answer = bid.buyer.post(f"/v1/offers/{counter['offer_id']}/accept", json={"round": 2})
            if answer.is_success:
                raise PlantingError("a customer accepted more than its spend cap")
    for bid in (*bids, *counters):
        bid.change("price", {"price_cents": 4_000, "reason": "A fair."})
    return _told_apart(twins.seller, pairs)


def _told_apart(api: httpx.Client, pairs: dict[str, tuple[_Bid, _Bid]]) -> list[str]:
    """Looks until all are alike: what is due comes sooner to one than to the other."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    first = next(iter(pairs.values()))[0]
    while True:
        apart = [what for what, (one, other) in pairs.items() if one.events(api) != other.events(api)]
        if "OFFER_CANCELLED" in first.events(api) and (not apart or time.monotonic() > deadline):
            return apart
        if time.monotonic() > deadline:
            raise PlantingError("a cut of the list price below a bid did not end it")
        time.sleep(0.5)
