"""Does a hidden limit show in how an offer is refused? Wording compared exactly, times by a rank test.

Offers under the merchant's secret threshold, which the market declines by itself, are made in turn with
offers above it, which the merchant declines by hand. To the buyer both must look the same: the same answer
when made, in the same time, and the same decline.
"""

import json
import math
import re
import secrets
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from souk.drills.canaries import SELLER, Planted, PlantingError, post, register

ALARM = 0.001
"""The probability of seeing such a difference by chance, below which it counts as visible."""
_FLOOR, _LIST = 50_000, 100_000
_BUYERS, _ROUNDS = 8, 12
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a buyer saw of one declined offer. Times in seconds."""

    below: bool
    made_in: float
    made: str
    declined: str


@dataclass(frozen=True, slots=True)
class FloorReport:
    offers: int
    median_below_ms: float
    median_above_ms: float
    chance: float
    wordings: int

    @property
    def visible(self) -> bool:
        return self.chance < ALARM or self.wordings != 1


def rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided Mann-Whitney U, normal approximation with ties. Mann & Whitney, Ann. Math. Stat. 18 (1947)."""
    n, m = len(first), len(second)
    both = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    ranks, ties, i = 0.0, 0.0, 0
    while i < len(both):
        j = i
        while j < len(both) and both[j][0] == both[i][0]:
            j += 1
        tied = j - i
        ranks += (i + j + 1) / 2 * sum(1 for value in both[i:j] if value[1] == 0)
        ties += tied**3 - tied
        i = j
    total = n + m
    spread = math.sqrt(n * m / 12 * ((total + 1) - ties / (total * (total - 1))))
    if spread == 0:
        return 1.0
    return math.erfc(abs(ranks - n * (n + 1) / 2 - n * m / 2) / spread / math.sqrt(2))


def probe_floor(api: str, planted: Planted) -> FloorReport:
    """Make the offers and compare. Raises PlantingError when the market does not do its part."""
    seller = planted.clients[SELLER]
    store_id = planted.ids["store_id"][-1]
    product = post(seller, "/v1/products", {"store_id": store_id, "title": "A floor", "description": "Hidden."})
    listing_id = post(
        seller, "/v1/listings",
        {"product_id": product["product_id"], "price_cents": _LIST, "inventory_on_hand": 1_000},
    )["listing_id"]  # fmt: skip
    limits = {"floor_cents": _FLOOR, "auto_decline_cents": _FLOOR}
    post(seller, f"/v1/listings/{listing_id}/limits", limits, "PUT")
    buyers = [register(api, "CUSTOMER")[0] for _ in range(_BUYERS)]
    with ThreadPoolExecutor(_BUYERS) as pool:
        seen = [refusal for found in pool.map(lambda b: _rounds(b, seller, listing_id), buyers) for refusal in found]
    below = [one.made_in for one in seen if one.below]
    above = [one.made_in for one in seen if not one.below]
    wordings = len({(one.made, one.declined) for one in seen})
    return FloorReport(
        len(seen), 1000 * statistics.median(below), 1000 * statistics.median(above), rank_test(below, above), wordings
    )


def _rounds(buyer: httpx.Client, seller: httpx.Client, listing_id: str) -> list[Refusal]:
    order = [True, False] * (_ROUNDS // 2)
    secrets.SystemRandom().shuffle(order)
    return [_declined(buyer, seller, listing_id, below=below) for below in order]


def _declined(buyer: httpx.Client, seller: httpx.Client, listing_id: str, *, below: bool) -> Refusal:
    cents = _FLOOR - 1 - secrets.randbelow(2_000) if below else _FLOOR + 1 + secrets.randbelow(2_000)
    started = time.perf_counter()
    answer = buyer.post("/v1/offers", json={"listing_id": listing_id, "proposed_price_cents": cents})
    made_in = time.perf_counter() - started
    if answer.status_code != httpx.codes.CREATED:
        raise PlantingError(f"an offer was answered {answer.status_code} {answer.text[:200]}")
    made: dict[str, Any] = answer.json()
    path = f"/v1/offers/{made['offer_id']}"
    if not below:
        post(seller, f"{path}/reject")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (ended := buyer.get(path).json())["status"] == "PROPOSED":
        if time.monotonic() > deadline:
            raise PlantingError(f"{path} was never declined")
        time.sleep(0.1)
    return Refusal(below, made_in, _wording(made), _wording(ended))


def _wording(offer: dict[str, Any]) -> str:
    """The answer with everything that differs between any two offers blanked."""
    text = json.dumps({name: value for name, value in offer.items() if name != "proposed_price_cents"}, sort_keys=True)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "TIME", text)
