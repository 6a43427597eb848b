"""The Negotiation process: every date it waits for, and what its commands are answered."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.market.negotiation import MerchantLimits
from domain.market.policy import DAY, HOUR
from domain.market.states import CloseReason, ListingStatus, OfferStatus
from domain.platform.workflows import NUDGE
from tests.workflows.market.books import BUYER, SELLER, Haggle
from tests.workflows.market.town import Town, refusal
from tests.workflows.waiting import has_ended, until


def haggle(town: Town) -> Haggle:
    return town.books.negotiations[town.deal_id]


def outcome(town: Town) -> tuple[OfferStatus, CloseReason | None]:
    return haggle(town).state.latest.status, haggle(town).reason


async def test_an_unanswered_offer_expires(town: Town):
    done = await town.bid()
    opened = await town.now()
    await town.end(town.deal)
    assert done.entity_id == haggle(town).state.latest.offer_id
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)
    assert await town.now() >= haggle(town).state.latest.expires_at > opened


async def test_an_accepted_offer_not_bought_lapses_and_returns_its_stock(town: Town):
    await town.bid(quantity=3)
    await town.answer("accept", "bid", SELLER, round=1)
    assert outcome(town) == (OfferStatus.ACCEPTED, None)
    assert town.books.listing.stock == 7
    await town.sleep(town.policy.purchase_window_seconds - HOUR)
    assert not await has_ended(town.deal)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_PURCHASED)
    assert town.books.listing.stock == 10


async def test_the_awaited_party_is_reminded_once_before_each_date(town: Town):
    town.books.reminds = True
    await town.bid()
    await town.sleep(35 * HOUR)
    assert town.books.sent == []
    await town.sleep(2 * HOUR)
    await until(lambda: town.books.sent == ["OFFER_EXPIRING_SOON to SELLER"])
    await town.counter("bid", SELLER, 900, "ask")
    await town.sleep(37 * HOUR)
    await until(lambda: town.books.sent[1:] == ["OFFER_EXPIRING_SOON to BUYER"])
    await town.answer("accept", "ask", BUYER)
    await town.end(town.deal)
    assert town.books.sent[2:] == ["ACCEPTED", "HOLD_LAPSING_SOON to BUYER", CloseReason.NOT_PURCHASED]


@pytest.mark.parametrize(("price", "status"), [(900, OfferStatus.ACCEPTED), (300, OfferStatus.REJECTED)])
async def test_a_threshold_answers_after_a_while_within_its_bounds(town: Town, price: int, status: OfferStatus):
    town.policy = town.policy.model_copy(
        update={"auto_answer_min_seconds": 2 * HOUR, "auto_answer_max_seconds": 4 * HOUR}
    )
    town.books.limits = MerchantLimits(auto_accept_cents=850, auto_decline_cents=400)
    await town.bid(price)
    await town.sleep(2 * HOUR - 60)
    assert outcome(town)[0] is OfferStatus.PROPOSED
    assert town.books.attempts["answer_automatically"] == 0
    await town.sleep(2 * HOUR + 120)
    await until(lambda: outcome(town)[0] is status)
    assert town.books.attempts["answer_automatically"] == 1
    assert town.books.sent == ["ACCEPTED" if price == 900 else "DECLINED"]


async def test_a_bid_between_the_thresholds_waits_for_the_merchant(town: Town):
    """It is looked at once, at a date like any other's; then nothing asks again, whatever the listing does."""
    town.books.limits = MerchantLimits(auto_accept_cents=850, auto_decline_cents=400)
    await town.bid(600)
    await town.sleep(DAY)
    assert outcome(town)[0] is OfferStatus.PROPOSED
    assert town.books.attempts["answer_automatically"] == 1
    town.books.limits = MerchantLimits(auto_accept_cents=500)
    await town.deal.signal(NUDGE)
    await until(lambda: town.books.attempts["settle_negotiation"] == 1)
    await town.sleep(3 * HOUR)
    assert outcome(town)[0] is OfferStatus.PROPOSED
    assert town.books.attempts["answer_automatically"] == 1


async def test_without_thresholds_nothing_is_asked(town: Town):
    await town.bid(900)
    await town.sleep(DAY)
    town.books.limits = MerchantLimits(auto_accept_cents=850)
    await town.deal.signal(NUDGE)
    await until(lambda: town.books.attempts["settle_negotiation"] == 1)
    await town.sleep(3 * HOUR)
    assert outcome(town)[0] is OfferStatus.PROPOSED
    assert town.books.attempts["answer_automatically"] == 0


async def test_limits_changed_meanwhile_leave_the_bid_to_the_merchant(town: Town):
    town.books.limits = MerchantLimits(auto_accept_cents=850, changed_at=await town.now())
    await town.bid(900)
    later = await town.now() + timedelta(seconds=1)
    town.books.limits = MerchantLimits(auto_accept_cents=850, changed_at=later)
    await town.sleep(3 * HOUR)
    assert outcome(town)[0] is OfferStatus.PROPOSED
    assert town.books.attempts["answer_automatically"] == 1


async def test_an_answer_that_was_held_up_comes_at_another_date(town: Town):
    """What was due while the market was away is not answered all at once when it comes back."""
    town.books.limits = MerchantLimits(auto_accept_cents=850)
    await town.bid(900)
    # Whenever it is asked, the answer is ten minutes late.
    town.books.skew = timedelta(minutes=10)
    await town.sleep(town.policy.auto_answer_max_seconds + 60)
    asked = town.books.attempts["answer_automatically"]
    assert asked > 0
    assert outcome(town)[0] is OfferStatus.PROPOSED
    town.books.skew = timedelta(0)
    await town.sleep(2 * HOUR)
    await until(lambda: outcome(town)[0] is OfferStatus.ACCEPTED)
    assert town.books.attempts["answer_automatically"] == asked + 1


async def test_an_offer_that_expired_before_its_answer_expires(town: Town):
    town.books.limits = MerchantLimits(auto_accept_cents=850)
    await town.bid(900)
    # When its answer is due, the database says that it has expired already.
    town.books.skew = timedelta(seconds=town.policy.offer_expiry_seconds)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)
    assert town.books.attempts["answer_automatically"] == 1


async def test_what_is_answered_by_hand_is_not_answered_again(town: Town):
    town.policy = town.policy.model_copy(
        update={"auto_answer_min_seconds": 2 * HOUR, "auto_answer_max_seconds": 4 * HOUR}
    )
    town.books.limits = MerchantLimits(auto_accept_cents=850)
    await town.bid(900)
    await town.counter("bid", SELLER, 950, "ask")
    await town.sleep(5 * HOUR)
    assert outcome(town)[0] is OfferStatus.PROPOSED
    assert town.books.attempts["answer_automatically"] == 0
    # The next bid gets an answer of its own.
    await town.counter("ask", BUYER, 910, "better bid")
    await town.sleep(5 * HOUR)
    await until(lambda: outcome(town)[0] is OfferStatus.ACCEPTED)


async def test_a_counter_resets_the_deadline(town: Town):
    await town.bid()
    first = haggle(town).state.latest.expires_at
    await town.sleep(47 * HOUR)
    await town.counter("bid", SELLER, 900, "ask")
    await town.sleep(2 * HOUR)
    assert await town.now() > first
    assert outcome(town) == (OfferStatus.PROPOSED, None)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)
    assert haggle(town).state.offers[0].status is OfferStatus.CANCELLED


async def test_a_nudge_with_nothing_due_changes_nothing(town: Town):
    await town.bid()
    await town.deal.signal(NUDGE)
    await until(lambda: town.books.attempts["settle_negotiation"] == 1)
    assert outcome(town) == (OfferStatus.PROPOSED, None)
    assert not await has_ended(town.deal)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)


async def test_a_nudge_tells_that_the_listing_was_paused(town: Town):
    await town.bid()
    town.books.listing = replace(town.books.listing, status=ListingStatus.PAUSED)
    await town.deal.signal(NUDGE)
    await until(lambda: has_ended(town.deal))
    assert outcome(town) == (OfferStatus.CANCELLED, CloseReason.LISTING_PAUSED)


async def test_a_refused_first_offer_ends_the_process(town: Town):
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.bid(5_000)
    assert refusal(caught) == "offer.price_out_of_range"
    await until(lambda: has_ended(town.deal))
    assert town.deal_id not in town.books.negotiations


async def test_a_refused_later_command_leaves_it_open(town: Town):
    await town.bid()
    for attempt, expected in (
        (town.counter("bid", BUYER, 900, "own turn"), "offer.not_your_turn"),
        (town.counter("bid", SELLER, 700, "too low"), "offer.price_out_of_range"),
        (town.answer("accept", "bid", town.key("somebody"), "a stranger"), "offer.not_found"),
        (town.answer("accept", "other bid", SELLER, "unknown"), "offer.not_open"),
        (town.answer("accept", "bid", SELLER, "unseen", round=2), "offer.round_mismatch"),
        (town.answer("withdraw", "bid", SELLER, "not mine"), "offer.not_maker"),
    ):
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await attempt
        assert refusal(caught) == expected
    assert not await has_ended(town.deal)
    await town.answer("reject", "bid", SELLER)
    await until(lambda: has_ended(town.deal))
    assert outcome(town) == (OfferStatus.REJECTED, CloseReason.DECLINED)


async def test_an_accept_that_comes_too_late_is_refused_before_the_timer_fires(town: Town):
    await town.bid()
    town.books.skew = timedelta(seconds=town.policy.offer_expiry_seconds)  # the database's clock decides
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.answer("accept", "bid", SELLER)
    assert refusal(caught) == "offer.expired"
    assert not await has_ended(town.deal)
    await town.deal.signal(NUDGE)  # as the sweep would
    await until(lambda: has_ended(town.deal))
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)
    assert town.books.listing.stock == 10


async def test_a_timer_that_fires_before_the_database_agrees_looks_again(town: Town):
    await town.bid()
    town.books.skew = timedelta(seconds=-2)
    await town.end(town.deal)
    assert outcome(town) == (OfferStatus.EXPIRED, CloseReason.NOT_ANSWERED)
    assert 2 <= town.books.attempts["settle_negotiation"] <= 30


async def test_an_accept_of_the_last_stock_tells_the_other_negotiations(town: Town):
    await town.bid(quantity=10)
    await town.answer("accept", "bid", SELLER)
    assert town.books.listing.status is ListingStatus.SOLD_OUT
    await until(lambda: town.books.attempts["nudge_negotiations_on_listing"] == 1)
    # The seller breaks its word: the stock returns, its trust hears of it.
    await town.answer("withdraw", "bid", SELLER, "broken")
    await until(lambda: has_ended(town.deal))
    assert outcome(town) == (OfferStatus.CANCELLED, CloseReason.BROKEN_BY_SELLER)
    assert town.books.listing.stock == 10
    assert town.books.attempts["tell_store_trust"] == 1


async def test_a_buyer_lets_its_hold_go(town: Town):
    await town.bid(quantity=10)
    await town.answer("accept", "bid", SELLER)
    await town.answer("withdraw", "bid", BUYER, "not any more")
    await until(lambda: has_ended(town.deal))
    assert outcome(town) == (OfferStatus.CANCELLED, CloseReason.RELEASED_BY_BUYER)
    assert town.books.listing.stock == 10
    assert town.books.attempts["tell_store_trust"] == 0


async def test_an_accept_with_too_little_stock_is_refused_and_the_offer_stands(town: Town):
    await town.bid(quantity=5)
    town.books.move_stock(-6)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.answer("accept", "bid", SELLER)
    assert refusal(caught) == "listing.sold_out"
    assert outcome(town) == (OfferStatus.PROPOSED, None)
    town.books.move_stock(1)
    await town.answer("accept", "bid", SELLER, "again")
    assert outcome(town) == (OfferStatus.ACCEPTED, None)


async def test_an_accept_of_what_is_sold_out_is_refused_and_ends_the_offer(town: Town):
    await town.bid(quantity=5)
    town.books.move_stock(-10)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await town.answer("accept", "bid", SELLER)
    assert refusal(caught) == "listing.sold_out"
    await until(lambda: has_ended(town.deal))
    assert outcome(town) == (OfferStatus.CANCELLED, CloseReason.SOLD_OUT)
