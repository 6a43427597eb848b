"""A negotiation as a state machine: whatever two parties and the clock do, its invariants hold."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.market import negotiation as rules
from domain.market.negotiation import BuyerStanding, Closing, ListingView, MerchantLimits, NegotiationState, OfferView
from domain.market.policy import MarketPolicy
from domain.market.states import CloseReason, ListingStatus, OfferStatus, Party
from domain.platform.errors import DomainError
from tests.rules.market.test_negotiation import BUYER, OPEN, SELLER, T0, offer_id

POLICY = MarketPolicy(max_rounds=5)
parties = st.sampled_from(Party)
rounds = st.integers(1, 6)
TERMINAL = {OfferStatus.REJECTED, OfferStatus.EXPIRED, OfferStatus.CANCELLED}


class Haggling(RuleBasedStateMachine):
    """Random commands by either party on any round, in time and late; refusals change nothing."""

    now: datetime
    listing: ListingView
    limits: MerchantLimits
    buyer: BuyerStanding
    state: NegotiationState
    ended: list[Closing]
    accepted: int

    @initialize(
        price=st.integers(1, 1_000),
        floor=st.none() | st.integers(1, 1_000),
        cap=st.none() | st.integers(1, 1_000),
    )
    def open(self, price: int, floor: int | None, cap: int | None):
        self.now, self.listing = T0, OPEN
        self.limits, self.buyer = MerchantLimits(floor_cents=floor), BuyerStanding(spend_cap_cents=cap)
        self.ended, self.accepted = [], 0
        self.state = NegotiationState(BUYER, SELLER)
        try:
            rules.decide_first_offer(self.listing, self.buyer, price, 1, POLICY)
        except DomainError:
            # Over its own cap, which is at least 1.
            price = 1
            rules.decide_first_offer(self.listing, self.buyer, price, 1, POLICY)
        self._propose(Party.BUYER, price)

    def _propose(self, by: Party, price: int) -> None:
        number = len(self.state.offers) + 1
        expires_at = rules.expiry(self.now, None, POLICY)
        offer = OfferView(
            offer_id(number), number, by, price, 1, OfferStatus.PROPOSED, expires_at, self.listing.price_cents
        )
        self.state = replace(self.state, offers=(*self.state.offers, offer))

    def _put(self, **changes: object) -> None:
        latest = replace(self.state.latest, **changes)
        self.state = replace(self.state, offers=(*self.state.offers[:-1], latest))

    def _close(self, closing: Closing) -> None:
        self._put(status=closing.status)
        self.ended.append(closing)

    @rule(by=parties, answered=rounds, price=st.integers(1, 1_000))
    def counter(self, by: Party, answered: int, price: int):
        standing, before = self.state.standing, self.state
        try:
            rules.decide_counter(
                self.state, by, offer_id(answered), price, self.listing, self.limits, self.buyer, self.now, POLICY
            )
        except DomainError:
            assert self.state == before
            return
        assert standing is not None
        assert standing.round == answered
        self._put(status=OfferStatus.CANCELLED)
        self._propose(by, price)

    @precondition(lambda self: self.state.standing is not None and len(self.state.offers) < POLICY.max_rounds)
    @rule(share=st.floats(0, 1))
    def counter_well(self, share: float):
        """The party whose turn it is, with a price it may name, so chains grow long."""
        standing = self.state.latest
        low, high = rules.counter_bounds(self.state, standing.proposed_by.other, self.listing.price_cents)
        if low <= high:
            self.counter(standing.proposed_by.other, standing.round, low + int((high - low) * share))

    @rule(by=parties, answered=rounds, seen=st.none() | rounds)
    def accept(self, by: Party, answered: int, seen: int | None):
        standing = self.state.standing
        try:
            closing = rules.decide_accept(
                self.state, by, offer_id(answered), seen, self.listing, self.limits, self.buyer, self.now
            )
        except DomainError:
            return
        # Nobody accepts what they have not seen, what is their own, or what is over.
        assert standing is not None
        assert standing.round == answered
        assert seen in {None, standing.round}
        assert standing.proposed_by is not by
        assert self.now < standing.expires_at
        if closing is None:
            assert (
                self.limits.floor_cents is None or by is Party.BUYER or standing.price_cents >= self.limits.floor_cents
            )
            self.accepted += 1
            self._put(status=OfferStatus.ACCEPTED, purchase_by=self.now + timedelta(hours=24))
        else:
            self._close(closing)

    @rule(by=parties, answered=rounds)
    def reject(self, by: Party, answered: int):
        standing = self.state.standing
        try:
            rules.decide_reject(self.state, by, offer_id(answered), self.now)
        except DomainError:
            return
        assert standing is not None
        assert standing.proposed_by is not by
        self._close(Closing(OfferStatus.REJECTED, CloseReason.DECLINED))

    @rule(by=parties, answered=rounds)
    def withdraw(self, by: Party, answered: int):
        standing, held = self.state.standing, self.state.held
        try:
            closing = rules.decide_withdraw(self.state, by, offer_id(answered), self.now)
        except DomainError:
            return
        if held is not None:
            kept = CloseReason.BROKEN_BY_SELLER if by is Party.SELLER else CloseReason.RELEASED_BY_BUYER
            assert closing.reason is kept
        else:
            assert standing is not None
            assert standing.proposed_by is by
        self._close(closing)

    @rule(hours=st.sampled_from([1, 20, 30, 47]))
    def wait(self, hours: int):
        self.now += timedelta(hours=hours)

    @rule()
    def settle(self):
        closing = rules.decide_due(self.state, self.listing, self.now)
        if closing is not None:
            self._close(closing)
        # Settled once, nothing more is due at this moment.
        assert rules.decide_due(self.state, self.listing, self.now) is None

    @rule(price=st.integers(1, 1_000), status=st.sampled_from(ListingStatus))
    def change_listing(self, price: int, status: ListingStatus):
        self.listing = replace(self.listing, price_cents=price, status=status)

    @precondition(lambda self: self.state.held is not None and self.now < self.state.latest.purchase_by)
    @rule()
    def buy(self):
        self.state = replace(self.state, spent=True)

    @invariant()
    def turns_alternate_and_start_with_the_buyer(self):
        for number, offer in enumerate(self.state.offers):
            assert offer.proposed_by is (Party.SELLER if number % 2 else Party.BUYER)
            assert offer.round == number + 1

    @invariant()
    def prices_are_monotone_and_converge(self):
        bids = [o.price_cents for o in self.state.offers if o.proposed_by is Party.BUYER]
        asks = [o.price_cents for o in self.state.offers if o.proposed_by is Party.SELLER]
        assert all(earlier < later for earlier, later in pairwise(bids))
        assert all(earlier > later for earlier, later in pairwise(asks))
        assert not asks or bids[-1] < asks[-1]
        assert all(1 <= price <= 1_000 for price in bids)
        assert all(1 < price < 1_000 for price in asks)

    @invariant()
    def the_round_cap_holds(self):
        assert len(self.state.offers) <= POLICY.max_rounds

    @invariant()
    def only_the_latest_offer_may_stand_and_one_end_is_final(self):
        assert all(o.status is OfferStatus.CANCELLED for o in self.state.offers[:-1])
        assert len(self.ended) <= 1
        assert self.accepted <= 1
        if self.ended:
            assert self.state.latest.status is self.ended[0].status
            assert self.state.latest.status in TERMINAL
            assert not self.state.spent
            assert self.state.standing is None
            assert self.state.held is None
            assert self.ended[0].returns_stock == (self.accepted == 1)


Haggling.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestHaggling = Haggling.TestCase
