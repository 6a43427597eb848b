"""When to concede how much: time-dependent tactics with a private reservation price.

P. Faratin, C. Sierra, N. R. Jennings, "Negotiation decision functions for autonomous agents", Robotics and
Autonomous Systems 24 (1998): of the way from its first to its reservation price a side has conceded, at time t,
``alpha(t) = kappa + (1 - kappa) * (min(t, tmax) / tmax) ** (1 / beta)``; beta < 1 holds out (Boulware), beta > 1
gives in early (Conceder). Here t counts rounds and tmax is ``max_rounds``. An offer is accepted when it is at
least as good as the one we would make next. Prices are integer cents.

Guarantees, whatever the other side does: bids rise strictly, asks fall strictly, a bid never passes the
buyer's reservation price, an ask never the seller's floor, and nobody accepts beyond their limit.
"""

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What to do about the other side's standing offer."""

    ACCEPT = "accept"
    COUNTER = "counter"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Move:
    """An answer; ``price_cents`` is the price accepted or proposed, None when leaving."""

    action: Action
    price_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Concession:
    """The shape of one side's way from its first price to its reservation price."""

    beta: float
    initial_share: float = 0.0

    def share(self, elapsed: float) -> float:
        """How much of the way is conceded when ``elapsed`` (0 to 1) of the time is gone: monotone, 0 to 1."""
        clamped = min(1.0, max(0.0, elapsed))
        return self.initial_share + (1.0 - self.initial_share) * math.pow(clamped, 1.0 / self.beta)


def temperament(name: str, low: float, high: float) -> float:
    """A number between ``low`` and ``high`` that is always the same for ``name``: agents have character."""
    digest = hashlib.sha256(name.encode()).digest()
    return low + (high - low) * int.from_bytes(digest[:4], "big") / 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class BuyerStrategy:
    """Bids upward from ``first_bid_cents`` to ``reservation_cents``.

    ``walk_away_cents`` is the highest ask still better than no deal. It can be above the reservation price:
    a bundle may be worth completing at a price one would not propose.
    """

    first_bid_cents: int
    reservation_cents: int
    walk_away_cents: int
    concession: Concession
    max_rounds: int = 10

    def opening(self) -> int | None:
        """The first bid, None when there is nothing to bid with."""
        bid = min(self.first_bid_cents, self.reservation_cents)
        return bid if bid >= 1 else None

    def planned(self, elapsed: float) -> int:
        """The price the tactic names for a moment, before the market's rules bend it."""
        first = min(self.first_bid_cents, self.reservation_cents)
        return first + math.floor((self.reservation_cents - first) * self.concession.share(elapsed))

    def answer(self, ask_cents: int, own_last_cents: int, standing_round: int) -> Move:
        """Answer an ask that is the ``standing_round``-th offer (from 1) of the negotiation."""
        next_round = standing_round + 1
        plan = max(own_last_cents + 1, self.planned(next_round / self.max_rounds))
        highest = min(ask_cents - 1, self.reservation_cents)
        if ask_cents <= min(plan, self.walk_away_cents):
            return Move(Action.ACCEPT, ask_cents)
        if next_round <= self.max_rounds and own_last_cents < highest:
            return Move(Action.COUNTER, min(plan, highest))
        if ask_cents <= self.walk_away_cents:
            return Move(Action.ACCEPT, ask_cents)
        return Move(Action.LEAVE)


@dataclass(frozen=True, slots=True)
class SellerStrategy:
    """Asks downward from ``list_price_cents`` to ``floor_cents``."""

    list_price_cents: int
    floor_cents: int
    concession: Concession
    max_rounds: int = 10

    def planned(self, elapsed: float) -> int:
        """The price the tactic names for a moment, before the market's rules bend it."""
        way = self.list_price_cents - self.floor_cents
        return self.floor_cents + math.ceil(way * (1.0 - self.concession.share(elapsed)))

    def answer(self, bid_cents: int, own_last_cents: int, standing_round: int) -> Move:
        """Answer a bid that is the ``standing_round``-th offer; our last ask is at first the list price."""
        next_round = standing_round + 1
        plan = min(own_last_cents - 1, self.planned(next_round / self.max_rounds))
        lowest = max(bid_cents + 1, self.floor_cents)
        if bid_cents >= max(plan, self.floor_cents):
            return Move(Action.ACCEPT, bid_cents)
        if next_round <= self.max_rounds and lowest < own_last_cents:
            return Move(Action.COUNTER, max(plan, lowest))
        if bid_cents >= self.floor_cents:
            return Move(Action.ACCEPT, bid_cents)
        return Move(Action.LEAVE)
