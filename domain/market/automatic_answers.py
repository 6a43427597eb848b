"""Automatic answers: what a merchant's private thresholds answer to a bid, when, and to how many bids.

An answer that depends on a private number tells something of it. What all answers together tell is bounded:

- A threshold is moved away from bids by a margin before a bid meets it, so the merchant is never given less than it
  asked for. One part of the margin belongs to the merchant: every buyer meets the same, so that the answers to any
  number of buyers leave every threshold within its width as likely as before. The other part belongs to the merchant
  and one buyer, so that what one buyer finds out is not the price at which another is answered.
- Margins are factors and depend on no price, listing or version of the limits: a changed list price, an edited limit
  or a listing made anew draws no new margin, from which an average could be taken.
- Only a buyer's first bids on a listing and in a store within a period are considered, whatever became of them and
  whatever they were answered. A bid that is not considered waits for the merchant like any bid between the thresholds.
- The answer comes at a date drawn alike for all bids, by the offer's id, whether there is an answer to give or not.

Everything is drawn from a keyed hash: a repetition, a restart or a process started anew draws the same again.
"""

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from domain.market.negotiation import MerchantLimits
from domain.market.policy import MarketPolicy

_PAIR_DRAWS = 5
_BYTES_PER_DRAW = 6
_PUNCTUAL_SECONDS = 5.0
"""An answer later than this was held up: by a worker that was away, or by a process that was lost."""


class Side(StrEnum):
    """The two thresholds, which draw margins of their own."""

    ACCEPT = "accept"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class BidRecord:
    """What a buyer bid within the period before a bid. The counts need not go beyond the highest that is allowed.

    ``customer``: of this store, by an order that was paid and delivered and not refunded.
    """

    on_listing: int = 0
    in_store: int = 0
    customer: bool = False


class Draws:
    """Every random number of automatic answers, from a keyed hash of what it belongs to."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"souk automatic answers", hashlib.sha256)

    def _uniform(self, *about: str, draws: int = 1) -> list[float]:
        digest = hmac.digest(self._key, "/".join(about).encode(), hashlib.sha256)
        parts = [digest[at : at + _BYTES_PER_DRAW] for at in range(0, draws * _BYTES_PER_DRAW, _BYTES_PER_DRAW)]
        return [int.from_bytes(part) / 256**_BYTES_PER_DRAW for part in parts]

    def margin(self, merchant_id: UUID, buyer_id: UUID, side: Side, policy: MarketPolicy) -> float:
        """How far, as the logarithm of a factor, a threshold is moved away from this buyer's bids. Never negative."""
        (common,) = self._uniform("merchant", side, str(merchant_id))
        pair = self._uniform("pair", side, str(merchant_id), str(buyer_id), draws=_PAIR_DRAWS)
        return policy.auto_answer_merchant_margin * common + policy.auto_answer_pair_margin * _middle(pair)

    def answer_date(self, offer_id: UUID, since: datetime, policy: MarketPolicy) -> datetime:
        """When a bid that stands since then is answered: every magnitude of delay between the bounds as likely."""
        least = policy.auto_answer_min_seconds
        (share,) = self._uniform("date", str(offer_id), since.isoformat())
        most = max(least, policy.auto_answer_max_seconds)
        return since + timedelta(seconds=least * (most / least) ** share)


def _middle(draws: Sequence[float]) -> float:
    """The median of five: density 30 x² (1 - x)², flat at both ends, so that no extreme of many shows an end soon."""
    return sorted(draws)[len(draws) // 2]


def was_held_up(date: datetime, now: datetime) -> bool:
    """Whether an answer due at ``date`` comes so late that the time would show what held it up: draw another date."""
    return (now - date).total_seconds() > _PUNCTUAL_SECONDS


def may_answer(limits: MerchantLimits, made_at: datetime) -> bool:
    """Whether a bid made then may be answered by these limits at all.

    Limits that were changed since do not answer it: whoever has many bids standing would see the change in all at once.
    """
    if limits.auto_accept_cents is None and limits.auto_decline_cents is None:
        return False
    return limits.changed_at is None or limits.changed_at <= made_at


def is_considered(record: BidRecord, policy: MarketPolicy) -> bool:
    """Whether a bid is among the first of its buyer, on this listing and in this store."""
    if record.customer:
        on_listing, in_store = policy.auto_answer_bids_per_listing, policy.auto_answer_bids_per_store
    else:
        on_listing, in_store = policy.auto_answer_first_bids_per_listing, policy.auto_answer_first_bids_per_store
    return record.on_listing < on_listing and record.in_store < in_store


def accepts_from(threshold_cents: int, margin: float) -> int:
    """The lowest bid that a threshold accepts, moved up by this margin."""
    return max(threshold_cents, math.ceil(threshold_cents * math.exp(margin)))


def declines_to(threshold_cents: int, margin: float) -> int:
    """The highest bid that a threshold declines, moved down by this margin."""
    return min(threshold_cents, math.floor(threshold_cents * math.exp(-margin)))


def decide_automatic_answer(
    price_cents: int, limits: MerchantLimits, accept_margin: float, decline_margin: float
) -> bool | None:
    """What the thresholds answer to a considered bid: True accept, False decline, None nothing.

    Never accepts below the threshold or the floor, never declines above the threshold.
    """
    accept, decline = limits.auto_accept_cents, limits.auto_decline_cents
    if accept is not None and price_cents >= accepts_from(accept, accept_margin):
        if limits.floor_cents is not None and price_cents < limits.floor_cents:
            return None
        return True
    if decline is not None and price_cents <= declines_to(decline, decline_margin):
        return False
    return None


def least_error(policy: MarketPolicy, identities: int) -> float:
    """The promise: no estimate of a threshold from automatic answers to so many buyers is better than this.

    The root mean square of the estimate's logarithm from the threshold's, about its relative error. The merchant's
    part alone is uniform and cannot be averaged; of the buyers' part each identity tells at most the Fisher
    information of its density, 40 by the square of its width (van Trees' inequality; what is read of answers to bids
    is less than that, however many there are).
    """
    common = policy.auto_answer_merchant_margin**2 / 12
    return math.sqrt(common + policy.auto_answer_pair_margin**2 / (40 * identities))
