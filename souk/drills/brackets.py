"""Can a secret threshold be bracketed by watching which bids are answered? Attacked as a buyer would, and as many.

Merchants set thresholds; buyers bid in between what is known to be accepted and what was not answered in time, halving
the range with each bid. By one buyer, and by a new one for each bid. Without margins that finds a threshold to a
thousandth, every time; with them it ends there by rare chance.
"""

import secrets
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from souk.drills.canaries import PlantingError, post, register

SETTINGS = {
    # What is looked for is whether, not when: a drill has no hour.
    "SOUK_MARKET__AUTO_ANSWER_MIN_SECONDS": "0.2",
    "SOUK_MARKET__AUTO_ANSWER_MAX_SECONDS": "2",
}
_MERCHANTS, _BIDS = 6, 10
_LIST, _LOW, _HIGH = 100_000, 40_000, 90_000
_ANSWERED_SECONDS = 3.0
_FOUND = 0.005
"""An estimate this close to the threshold, relative, counts as found."""
_TOO_MANY = 3
"""Of twelve attacks one in a hundred comes so close by chance: three of them once in five thousand drills."""


@dataclass(frozen=True, slots=True)
class BracketReport:
    attacks: int
    accepted: int
    found: int
    median_error: float

    @property
    def visible(self) -> bool:
        return self.found >= _TOO_MANY


def probe_thresholds(api: str) -> BracketReport:
    """Attack them. Raises PlantingError when no bid was answered at all, or the market refuses what is needed."""
    with ThreadPoolExecutor(2 * _MERCHANTS) as pool:
        found = list(pool.map(lambda n: _attack(api, one_buyer=n % 2 == 0), range(2 * _MERCHANTS)))
    accepted = sum(count for _, count in found)
    if not accepted:
        raise PlantingError("no threshold accepted anything: the attack is blind")
    errors = [error for error, _ in found]
    return BracketReport(len(errors), accepted, sum(e < _FOUND for e in errors), statistics.median(errors))


def _attack(api: str, *, one_buyer: bool) -> tuple[float, int]:
    """The estimate's relative error, and how many bids were accepted."""
    seller, _ = register(api, "MERCHANT")
    texts = {"return_policy_text": "Returns within 30 days.", "shipping_policy_text": "Ships within 2 days."}
    store = post(seller, "/v1/stores", {"name": "Thresholds", **texts})
    described = {"store_id": store["store_id"], "title": "A threshold", "description": "Hidden."}
    product = post(seller, "/v1/products", described)
    body = {"product_id": product["product_id"], "price_cents": _LIST, "inventory_on_hand": 1_000}
    listing_id = post(seller, "/v1/listings", body)["listing_id"]
    threshold = 45_000 + secrets.randbelow(30_000)
    post(seller, f"/v1/listings/{listing_id}/limits", {"auto_accept_cents": threshold}, "PUT")
    low, high, accepted = _LOW, _HIGH, 0
    buyer, _ = register(api, "CUSTOMER")
    for _ in range(_BIDS):
        if not one_buyer:
            buyer, _ = register(api, "CUSTOMER")
        bid = (low + high) // 2
        if _is_accepted(buyer, listing_id, bid):
            high, accepted = bid, accepted + 1
        else:
            low = bid
    return abs((low + high) / 2 - threshold) / threshold, accepted


def _is_accepted(buyer: httpx.Client, listing_id: str, bid: int) -> bool:
    offer = post(buyer, "/v1/offers", {"listing_id": listing_id, "proposed_price_cents": bid})
    path = f"/v1/offers/{offer['offer_id']}"
    deadline = time.monotonic() + _ANSWERED_SECONDS
    while time.monotonic() < deadline:
        if buyer.get(path).json()["status"] == "ACCEPTED":
            return True
        time.sleep(0.2)
    # Answered in the last moment, or not: then nothing stands in the way of the next bid.
    return not buyer.post(f"{path}/withdraw", json={}).is_success
