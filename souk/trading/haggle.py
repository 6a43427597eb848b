"""One buyer haggling over one listing, through the public API.

The buyer proposes, waits for the seller's answer by reading its offer, and lets a strategy decide. Waiting
is counted in answered reads, not in seconds, so time in which the market was down costs nobody patience.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

from souk_client import ApiProblem, AsyncSouk
from souk_client.models import Offer, Order
from souk_client.strategies import Action, BuyerStrategy, Move

POLL_SECONDS = 0.35
SELLER_LOOKS = 170
"""Answered reads of a standing offer before the buyer gives up on the seller: about a minute."""
DELIVERY_LOOKS = 170


@dataclass(frozen=True, slots=True)
class Haggled:
    """How it ended. ``price_cents`` is the agreed price, None without a deal."""

    offer_id: str | None
    price_cents: int | None
    rounds: int
    reason: str


async def haggle(
    buyer: AsyncSouk,
    listing_id: str,
    strategy: BuyerStrategy,
    messages: tuple[str, str] = (
        "Would you take this for it?",
        "Let us meet somewhere.",
    ),
) -> Haggled:
    """Negotiate to an accepted offer or to the reason why there is none.

    The spend cap and the market's rules may refuse a proposal: then the standing ask is taken if it is
    within the strategy's limit. Raises ApiProblem only when the market fails (5xx).
    """
    opening = strategy.opening()
    if opening is None:
        return Haggled(None, None, 0, "nothing to bid with")
    try:
        offer = await buyer.make_offer(listing_id, opening, buyer_message=messages[0])
    except ApiProblem as problem:
        if problem.is_fault:
            raise
        return Haggled(None, None, 0, problem.detail)
    own_last = opening
    while True:
        offer = await await_answer(buyer, offer)
        if offer.status != "PROPOSED":
            return concluded(offer, "")
        if offer.proposed_by == "BUYER":
            return concluded(await settle(buyer, offer, "withdraw"), "the seller did not answer")
        move = strategy.answer(offer.proposed_price_cents, own_last, offer.round)
        if move.action is Action.COUNTER and move.price_cents is not None:
            countered = await counter(buyer, offer, move.price_cents, messages[1])
            if countered is not None:
                offer, own_last = countered, move.price_cents
                continue
        return await take_or_leave(buyer, offer, strategy, move)


async def counter(buyer: AsyncSouk, offer: Offer, price_cents: int, message: str) -> Offer | None:
    """Counter; None when the market refuses, for example because the rounds are used up."""
    try:
        return await buyer.counter_offer(offer.offer_id, price_cents, message=message)
    except ApiProblem as problem:
        if problem.is_fault:
            raise
        return None


async def take_or_leave(buyer: AsyncSouk, offer: Offer, strategy: BuyerStrategy, move: Move) -> Haggled:
    """Accept the standing ask if it is within the strategy's limit, else end the negotiation."""
    if move.action is not Action.LEAVE and offer.proposed_price_cents <= strategy.walk_away_cents:
        offer = await settle(buyer, offer, "accept")
        if offer.status != "PROPOSED":
            return concluded(offer, "")
    return concluded(await settle(buyer, offer, "reject"), "the seller's price stayed too high")


def concluded(offer: Offer, reason: str) -> Haggled:
    """What a negotiation's last offer amounts to; whoever was faster than us has decided it."""
    rounds = offer.round
    if offer.status == "ACCEPTED":
        return Haggled(offer.offer_id, offer.proposed_price_cents, rounds, "agreed")
    return Haggled(
        None,
        None,
        rounds,
        reason or (offer.close_reason or offer.status).lower(),
    )


async def await_answer(buyer: AsyncSouk, offer: Offer) -> Offer:
    """The negotiation's newest offer once it is not the buyer's own open one, or the unanswered offer."""
    for _ in range(SELLER_LOOKS):
        offer = await buyer.offer(offer.superseded_by or offer.offer_id)
        if offer.superseded_by:
            continue
        if offer.status != "PROPOSED" or offer.proposed_by == "SELLER":
            return offer
        await asyncio.sleep(POLL_SECONDS)
    return offer


async def settle(buyer: AsyncSouk, offer: Offer, verb: Literal["accept", "reject", "withdraw"]) -> Offer:
    """Accept, reject or withdraw; when somebody was faster, the offer as it is now."""
    try:
        match verb:
            case "accept":
                return await buyer.accept_offer(offer.offer_id, round=offer.round)
            case "reject":
                return await buyer.reject_offer(offer.offer_id)
            case "withdraw":
                return await buyer.withdraw_offer(offer.offer_id)
    except ApiProblem as problem:
        if problem.is_fault:
            raise
        return await buyer.offer(offer.offer_id)


async def await_delivery(buyer: AsyncSouk, order: Order) -> Order:
    """The order once it is over, or delivered and paid, so that its review counts; or as it is when patience ends."""
    for _ in range(DELIVERY_LOOKS):
        if order.status == "REFUNDED" or (order.status == "DELIVERED" and order.paid_at is not None):
            break
        await asyncio.sleep(POLL_SECONDS)
        order = await buyer.order(order.order_id)
    return order
