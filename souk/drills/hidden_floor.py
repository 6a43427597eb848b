"""Does a hidden limit show in how an offer is refused? Wording compared exactly, times by a rank test.

Offers under the merchant's secret threshold, which the market declines by itself, are made in turn with
offers above it, which the merchant declines by hand. To the buyer both must look the same: the same answer
when made, in the same time, and the same decline. Others are far above another threshold and accepted by the market:
after the same while as the declines. Each offer is a new buyer's, whose first bid thresholds answer.
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
from datetime import datetime
from typing import Any

import httpx

from souk.drills.canaries import SELLER, Planted, PlantingError, post, register

ALARM = 0.001
"""The probability of seeing such a difference by chance, below which it counts as visible."""
_FLOOR, _LIST = 50_000, 100_000
_ACCEPT, _FAR = 60_000, 0.75
"""Automatic answers keep a margin: what is answered for certain is more than a fifth from its threshold."""
_AT_ONCE, _OFFERS = 8, 144
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a buyer saw of one answered offer. Times in seconds; ``answered_in`` by the dates of the offer itself."""

    kind: str
    made_in: float
    answered_in: float
    made: str
    ended: str


@dataclass(frozen=True, slots=True)
class FloorReport:
    offers: int
    median_below_ms: float
    median_above_ms: float
    chance: float
    wordings: int
    median_accept_ms: float
    median_decline_ms: float
    chance_of_answers: float

    @property
    def visible(self) -> bool:
        return min(self.chance, self.chance_of_answers) < ALARM or self.wordings != 1


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
    limits = {"floor_cents": _FLOOR, "auto_decline_cents": _FLOOR, "auto_accept_cents": _ACCEPT}
    post(seller, f"/v1/listings/{listing_id}/limits", limits, "PUT")
    kinds = ["below", "above", "accepted"] * (_OFFERS // 3)
    secrets.SystemRandom().shuffle(kinds)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        seen = list(pool.map(lambda kind: _answered(register(api, "CUSTOMER")[0], seller, listing_id, kind), kinds))
    below, above, accepted = ([one for one in seen if one.kind == kind] for kind in ("below", "above", "accepted"))
    made_below, made_above = ([one.made_in for one in some] for some in (below, above))
    answered = [one.answered_in for one in accepted], [one.answered_in for one in below]
    return FloorReport(
        offers=len(seen),
        median_below_ms=1000 * statistics.median(made_below),
        median_above_ms=1000 * statistics.median(made_above),
        chance=rank_test(made_below, made_above),
        wordings=len({(one.made, one.ended) for one in (*below, *above)}),
        median_accept_ms=1000 * statistics.median(answered[0]),
        median_decline_ms=1000 * statistics.median(answered[1]),
        chance_of_answers=rank_test(*answered),
    )


def _bid(kind: str) -> int:
    if kind == "below":
        return round(_FLOOR * _FAR) - secrets.randbelow(2_000)
    if kind == "above":
        # The floor, and below what is accepted.
        return _FLOOR + 1 + secrets.randbelow(2_000)
    return round(_ACCEPT / _FAR) + secrets.randbelow(2_000)


def _answered(buyer: httpx.Client, seller: httpx.Client, listing_id: str, kind: str) -> Answer:
    started = time.perf_counter()
    answer = buyer.post("/v1/offers", json={"listing_id": listing_id, "proposed_price_cents": _bid(kind)})
    made_in = time.perf_counter() - started
    if answer.status_code != httpx.codes.CREATED:
        raise PlantingError(f"an offer was answered {answer.status_code} {answer.text[:200]}")
    made: dict[str, Any] = answer.json()
    path = f"/v1/offers/{made['offer_id']}"
    if kind == "above":
        post(seller, f"{path}/reject")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (ended := buyer.get(path).json())["status"] == "PROPOSED":
        if time.monotonic() > deadline:
            raise PlantingError(f"{path} was never answered")
        time.sleep(0.1)
    date = datetime.fromisoformat(ended["accepted_at"] or ended["rejected_at"])
    answered_in = (date - datetime.fromisoformat(ended["created_at"])).total_seconds()
    return Answer(kind, made_in, answered_in, _wording(made), _wording(ended))


def _wording(offer: dict[str, Any]) -> str:
    """The answer with everything that differs between any two offers blanked."""
    text = json.dumps({name: value for name, value in offer.items() if name != "proposed_price_cents"}, sort_keys=True)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "TIME", text)
