"""One buyer haggling over one listing, through the public API.

The buyer proposes, waits for the seller's answer by reading its offer, and lets a strategy decide. Waiting
is counted in answered reads, not in seconds, so time in which the market was down costs nobody patience.
"""

import asyncio
from dataclasses import dataclass

from souk.trading.client import ApiProblem, Json, MarketClient
from souk.trading.strategies import Action, BuyerStrategy, Move

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
    buyer: MarketClient,
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
    body: Json = {
        "listing_id": listing_id,
        "proposed_price_cents": opening,
        "quantity": 1,
        "buyer_message": messages[0],
    }
    try:
        offer = await buyer.post("/v1/offers", body)
    except ApiProblem as problem:
        if problem.is_fault:
            raise
        return Haggled(None, None, 0, problem.detail)
    own_last = opening
    while True:
        offer = await await_answer(buyer, offer["offer_id"])
        if offer["status"] != "PROPOSED":
            return concluded(offer, "")
        if offer["proposed_by"] == "BUYER":
            return concluded(await settle(buyer, offer, "withdraw"), "the seller did not answer")
        move = strategy.answer(int(offer["proposed_price_cents"]), own_last, int(offer["round"]))
        if move.action is Action.COUNTER and move.price_cents is not None:
            countered = await counter(buyer, offer, move.price_cents, messages[1])
            if countered is not None:
                offer, own_last = countered, move.price_cents
                continue
        return await take_or_leave(buyer, offer, strategy, move)


async def counter(buyer: MarketClient, offer: Json, price_cents: int, message: str) -> Json | None:
    """Counter; None when the market refuses, for example because the rounds are used up."""
    body: Json = {"proposed_price_cents": price_cents, "message": message}
    try:
        return await buyer.post(f"/v1/offers/{offer['offer_id']}/counter", body)
    except ApiProblem as problem:
        if problem.is_fault:
            raise
        return None


async def take_or_leave(buyer: MarketClient, offer: Json, strategy: BuyerStrategy, move: Move) -> Haggled:
    """Accept the standing ask if it is within the strategy's limit, else end the negotiation."""
    if move.action is not Action.LEAVE and int(offer["proposed_price_cents"]) <= strategy.walk_away_cents:
        offer = await settle(buyer, offer, "accept")
        if offer["status"] != "PROPOSED":
            return concluded(offer, "")
    return concluded(await settle(buyer, offer, "reject"), "the seller's price stayed too high")


def concluded(offer: Json, reason: str) -> Haggled:
    """What a negotiation's last offer amounts to; whoever was faster than us has decided it."""
    rounds = int(offer["round"])
    if offer["status"] == "ACCEPTED":
        return Haggled(offer["offer_id"], int(offer["proposed_price_cents"]), rounds, "agreed")
    return Haggled(
        None,
        None,
        rounds,
        reason or str(offer.get("close_reason") or offer["status"]).lower(),
    )


async def await_answer(buyer: MarketClient, offer_id: str) -> Json:
    """The negotiation's newest offer once it is not the buyer's own open one, or the unanswered offer."""
    offer: Json = {}
    for _ in range(SELLER_LOOKS):
        offer = await buyer.get(f"/v1/offers/{offer_id}")
        if offer.get("superseded_by"):
            offer_id = offer["superseded_by"]
            continue
        if offer["status"] != "PROPOSED" or offer["proposed_by"] == "SELLER":
            return offer
        await asyncio.sleep(POLL_SECONDS)
    return offer


async def settle(buyer: MarketClient, offer: Json, verb: str) -> Json:
    """Accept, reject or withdraw; when somebody was faster, the offer as it is now."""
    path = f"/v1/offers/{offer['offer_id']}"
    body: Json = {"round": offer["round"]} if verb == "accept" else {}
    try:
        return await buyer.post(f"{path}/{verb}", body)
    except ApiProblem as problem:
        if problem.is_fault:
            raise
        return await buyer.get(path)


async def await_delivery(buyer: MarketClient, order: Json) -> Json:
    """The order once it is no longer PLACED, or as it is when patience ends."""
    for _ in range(DELIVERY_LOOKS):
        if order["status"] != "PLACED":
            break
        await asyncio.sleep(POLL_SECONDS)
        order = await buyer.get(f"/v1/orders/{order['order_id']}")
    return order
