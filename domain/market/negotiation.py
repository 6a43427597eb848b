"""Negotiation: one buyer, one listing, private. A chain of alternating offers.

Every decision takes the state and ``now`` and returns what happens, or raises a typed error. The state is
read under lock by the activity that records the decision, and once before by the API, so a rule stands here
only. Prices are integer cents per unit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.market import errors
from domain.market.policy import MarketPolicy
from domain.market.states import CloseReason, ListingStatus, OfferStatus, Party, StoreStatus
from domain.platform.numbers import LEAST_SECONDS

MAX_CENTS = 2_147_483_647


@dataclass(frozen=True, slots=True)
class OfferView:
    """One round of a negotiation as the rules see it."""

    offer_id: UUID
    round: int
    proposed_by: Party
    price_cents: int
    quantity: int
    status: OfferStatus
    expires_at: datetime
    list_price_cents: int
    purchase_by: datetime | None = None
    remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NegotiationState:
    """The chain so far, oldest round first. ``spent`` once its accepted offer became an order."""

    buyer_id: UUID
    seller_id: UUID
    offers: tuple[OfferView, ...] = ()
    spent: bool = False

    @property
    def latest(self) -> OfferView:
        return self.offers[-1]

    @property
    def standing(self) -> OfferView | None:
        """The offer that awaits an answer, or None when the negotiation is decided."""
        return self.latest if self.latest.status is OfferStatus.PROPOSED else None

    @property
    def held(self) -> OfferView | None:
        """The accepted offer whose stock is held and that is not yet bought, or None."""
        return self.latest if self.latest.status is OfferStatus.ACCEPTED and not self.spent else None

    def last_price(self, party: Party) -> int | None:
        return next((o.price_cents for o in reversed(self.offers) if o.proposed_by is party), None)

    def party_of(self, agent_id: UUID) -> Party | None:
        return {self.buyer_id: Party.BUYER, self.seller_id: Party.SELLER}.get(agent_id)


@dataclass(frozen=True, slots=True)
class ListingView:
    """What the rules read of a listing and its store."""

    price_cents: int
    stock: int
    status: ListingStatus
    store_status: StoreStatus


@dataclass(frozen=True, slots=True)
class MerchantLimits:
    """The seller's private limits, cents per unit. ``changed_at``: since when they are what they are."""

    floor_cents: int | None = None
    auto_accept_cents: int | None = None
    auto_decline_cents: int | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BuyerStanding:
    """What the buyer has open and committed, read under the lock on its row.

    ``open_negotiations``: those that await an answer, and those whose accepted offer still holds stock.
    ``committed_cents``: standing bids, accepted and unspent offers, and orders not refunded, in the currency
    of the deal. The cap counts each currency by itself.
    """

    open_negotiations: int = 0
    max_open_negotiations: int | None = None
    committed_cents: int = 0
    spend_cap_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """A standing or held offer ends: with which status, why, and whether held stock returns."""

    status: OfferStatus
    reason: CloseReason
    returns_stock: bool = False


def check_listing_open(listing: ListingView) -> None:
    """Refuse when the listing or its store is not selling. Raises store.closed, listing.*."""
    if listing.store_status is not StoreStatus.ACTIVE:
        raise errors.STORE_CLOSED.error()
    if listing.status is ListingStatus.SOLD_OUT:
        raise errors.LISTING_SOLD_OUT.error()
    if listing.status is not ListingStatus.ACTIVE:
        raise errors.LISTING_NOT_ACTIVE.error()


def check_spend(buyer: BuyerStanding, total_cents: int) -> None:
    """Refuse a commitment over the buyer's own cap; only ever shown to the buyer."""
    if buyer.spend_cap_cents is not None and buyer.committed_cents + total_cents > buyer.spend_cap_cents:
        raise errors.SPEND_CAP.error()


def total_price(price_cents: int, quantity: int) -> int:
    """Price times quantity in cents. Raises money.amount_too_large beyond a 32-bit column."""
    total = price_cents * quantity
    if total > MAX_CENTS:
        raise errors.AMOUNT_TOO_LARGE.error()
    return total


def expiry(now: datetime, expires_in_seconds: float | None, policy: MarketPolicy) -> datetime:
    """When an offer made now expires. Raises offer.expiry_out_of_range."""
    seconds = policy.offer_expiry_seconds if expires_in_seconds is None else expires_in_seconds
    longest = max(policy.offer_expiry_max_seconds, policy.offer_expiry_seconds)
    if not LEAST_SECONDS <= seconds <= longest:
        raise errors.OFFER_EXPIRY_RANGE.error(
            f"expires_in_seconds must be at least {LEAST_SECONDS:g} and at most {longest:g}."
        )
    return now + timedelta(seconds=seconds)


def decide_first_offer(
    listing: ListingView,
    buyer: BuyerStanding,
    price_cents: int,
    quantity: int,
    policy: MarketPolicy,
) -> None:
    """Whether a buyer may open a negotiation at this price. The price is between 1 and the list price."""
    check_listing_open(listing)
    if not 1 <= price_cents <= listing.price_cents:
        raise errors.OFFER_PRICE_RANGE.error(f"A first offer is between 1 and the list price, {listing.price_cents}.")
    if quantity > listing.stock:
        raise errors.LISTING_SOLD_OUT.error(f"Only {listing.stock} in stock.")
    cap = min(buyer.max_open_negotiations or policy.max_open_negotiations, policy.max_open_negotiations)
    if buyer.max_open_negotiations == 0 or buyer.open_negotiations >= cap:
        raise errors.NEGOTIATION_CAP.error()
    check_spend(buyer, total_price(price_cents, quantity))


def _require_standing(state: NegotiationState, offer_id: UUID, now: datetime) -> OfferView:
    standing = state.standing
    if standing is None or standing.offer_id != offer_id:
        raise errors.OFFER_NOT_OPEN.error()
    if now >= standing.expires_at:
        # The server's clock decides, also when the timer has not fired yet.
        raise errors.OFFER_EXPIRED.error()
    return standing


def _require_turn(state: NegotiationState, by: Party, offer_id: UUID, now: datetime) -> OfferView:
    standing = _require_standing(state, offer_id, now)
    if standing.proposed_by is by:
        raise errors.OFFER_NOT_YOUR_TURN.error()
    return standing


def counter_bounds(state: NegotiationState, by: Party, list_price_cents: int) -> tuple[int, int]:
    """The lowest and highest price ``by`` may counter with now, both inclusive. Empty when low > high.

    A buyer goes above its own last bid and stays below the standing ask; a seller goes below its own last
    ask (at first the list price) and stays above the standing bid.
    """
    standing = state.latest.price_cents
    if by is Party.BUYER:
        return (state.last_price(Party.BUYER) or 0) + 1, min(standing - 1, list_price_cents)
    last_ask = state.last_price(Party.SELLER)
    ceiling = list_price_cents if last_ask is None else min(last_ask, list_price_cents)
    return standing + 1, ceiling - 1


def decide_counter(
    state: NegotiationState,
    by: Party,
    offer_id: UUID,
    price_cents: int,
    listing: ListingView,
    limits: MerchantLimits,
    buyer: BuyerStanding,
    now: datetime,
    policy: MarketPolicy,
) -> None:
    """Whether ``by`` may answer the standing offer with this price.

    ``buyer.committed_cents`` excludes this negotiation. ``limits`` are consulted for the seller only.
    """
    standing = _require_turn(state, by, offer_id, now)
    check_listing_open(listing)
    if len(state.offers) >= policy.max_rounds:
        raise errors.ROUNDS_EXHAUSTED.error()
    low, high = counter_bounds(state, by, listing.price_cents)
    if not low <= price_cents <= high:
        allowed = f"between {low} and {high}" if low <= high else "no price: accept, reject or withdraw"
        raise errors.OFFER_PRICE_RANGE.error(f"Your counter-offer in this round may be {allowed}.")
    total = total_price(price_cents, standing.quantity)
    if by is Party.SELLER:
        check_floor(limits, price_cents)
    else:
        check_spend(buyer, total)


def check_floor(limits: MerchantLimits, price_cents: int) -> None:
    """Keep a merchant from going below its own floor; only ever shown to the merchant."""
    if limits.floor_cents is not None and price_cents < limits.floor_cents:
        raise errors.BELOW_OWN_FLOOR.error()


def decide_accept(
    state: NegotiationState,
    by: Party,
    offer_id: UUID,
    round_seen: int | None,
    listing: ListingView,
    limits: MerchantLimits,
    buyer: BuyerStanding,
    now: datetime,
) -> Closing | None:
    """Accept the exact offer seen. None: accepted. A Closing: it cannot be, and ends instead (sold out …).

    The buyer's cap is consulted only when the buyer accepts: what a merchant accepts was counted when it
    was bid, so that a merchant never learns of the cap.
    """
    standing = _require_turn(state, by, offer_id, now)
    if round_seen is not None and round_seen != standing.round:
        raise errors.OFFER_ROUND.error()
    if by is Party.SELLER:
        check_floor(limits, standing.price_cents)
    else:
        check_spend(buyer, total_price(standing.price_cents, standing.quantity))
    closing = unsellable(standing, listing)
    if closing is None and is_short(standing, listing):
        raise errors.LISTING_SOLD_OUT.error(f"Only {listing.stock} in stock.")
    return closing


def decide_reject(state: NegotiationState, by: Party, offer_id: UUID, now: datetime) -> None:
    """Whether ``by`` may decline the standing offer."""
    _require_turn(state, by, offer_id, now)


def decide_withdraw(state: NegotiationState, by: Party, offer_id: UUID, now: datetime) -> Closing:
    """Take back a standing offer, or an accepted one: its stock returns.

    A buyer is free to do without what it has not bought; a seller breaks its word (OFFER_BROKEN).
    """
    held = state.held
    if held is not None and held.offer_id == offer_id:
        if held.purchase_by is not None and now >= held.purchase_by:
            raise errors.PURCHASE_WINDOW_PASSED.error()
        reason = CloseReason.RELEASED_BY_BUYER if by is Party.BUYER else CloseReason.BROKEN_BY_SELLER
        return Closing(OfferStatus.CANCELLED, reason, returns_stock=True)
    standing = _require_standing(state, offer_id, now)
    if standing.proposed_by is not by:
        raise errors.OFFER_NOT_MAKER.error()
    return Closing(OfferStatus.CANCELLED, CloseReason.WITHDRAWN)


def unsellable(standing: OfferView, listing: ListingView) -> Closing | None:
    """Why the listing ends a standing offer, or None while it does not.

    The end is a public event, so it depends on what everybody sees: never on the offer's price or quantity.
    """
    if listing.store_status is not StoreStatus.ACTIVE:
        return Closing(OfferStatus.CANCELLED, CloseReason.STORE_CLOSED)
    if listing.status is ListingStatus.PAUSED:
        return Closing(OfferStatus.CANCELLED, CloseReason.LISTING_PAUSED)
    if listing.status is ListingStatus.SOLD_OUT:
        return Closing(OfferStatus.CANCELLED, CloseReason.SOLD_OUT)
    if listing.price_cents < standing.list_price_cents:
        # Also when the new price is above the offer's: which offers end must not tell what they bid.
        return Closing(OfferStatus.CANCELLED, CloseReason.PRICE_FELL)
    return None


def is_short(standing: OfferView, listing: ListingView) -> bool:
    """Whether too little is left for an offer's quantity. Then nobody can accept it; it stands, stock may return."""
    return listing.stock < standing.quantity


def decide_due(state: NegotiationState, listing: ListingView, now: datetime) -> Closing | None:
    """What time or the listing has brought about since the last look: expiry, a lapsed hold, a cancellation."""
    standing, held = state.standing, state.held
    if standing is not None:
        if now >= standing.expires_at:
            return Closing(OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)
        return unsellable(standing, listing)
    if held is not None and held.purchase_by is not None and now >= held.purchase_by:
        return Closing(OfferStatus.EXPIRED, CloseReason.NOT_PURCHASED, returns_stock=True)
    return None
