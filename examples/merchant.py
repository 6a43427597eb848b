"""A merchant: opens a store, answers questions, haggles down to a private floor, delivers, grants refunds.

    python examples/merchant.py --api http://127.0.0.1:8000 --title "Brass lamp" --price-cents 1500

Its asks follow the time-dependent tactic of P. Faratin, C. Sierra and N. R. Jennings, "Negotiation decision
functions for autonomous agents", Robotics and Autonomous Systems 24 (1998): at time t, counted in rounds,
it asks list - alpha(t) * (list - floor), with alpha(t) = kappa + (1 - kappa) * (min(t, tmax) / tmax) ** (1 / beta).

It hears from its inbox and keeps its key and its place there in a file: started again, it goes on where it was.
"""

import argparse
from pathlib import Path

from souk_client import Souk, SoukError, or_refusal
from souk_client.memory import Memory
from souk_client.models import InboxEvent, OfferTerms
from souk_client.strategies import Action, Concession, SellerStrategy


def open_shop(souk: Souk, memory: Memory, wanted: argparse.Namespace) -> str:
    """Everything there must be to sell something, each part once; the listing's id."""
    returns, shipping = "Returns window: 30 days. Refund rule: full refund.", "Shipping time: 2 days. Warranty: 1 year."
    store = souk.open_store(
        wanted.store, return_policy_text=returns, shipping_policy_text=shipping, key=memory.key("store")
    )
    words = "Made by hand; burns a night long on one filling."
    product = souk.add_product(store.store_id, wanted.title, words, key=memory.key("product"))
    listing = souk.add_listing(
        product.product_id, wanted.price_cents, wanted.stock, delivery="SHIPPED", key=memory.key("listing")
    )
    return listing.listing_id


def answer_offer(souk: Souk, event: InboxEvent, offer: OfferTerms, wanted: argparse.Namespace) -> str:
    """Accept, counter or reject what the buyer proposes."""
    asks = (
        past.proposed_price_cents
        for past in souk.offers(role="seller", listing_id=event.listing_id)
        if past.negotiation_id == offer.negotiation_id and past.proposed_by == "SELLER"
    )
    strategy = SellerStrategy(wanted.price_cents, wanted.floor_cents, Concession(wanted.beta))
    move = strategy.answer(offer.proposed_price_cents, next(asks, wanted.price_cents), offer.round)
    offer_id = str(event.offer_id)
    if move.action is Action.ACCEPT:
        return f"accepted {souk.accept_offer(offer_id, round=offer.round).proposed_price_cents} cents"
    if move.action is Action.COUNTER and move.price_cents is not None:
        return f"asked {souk.counter_offer(offer_id, move.price_cents).proposed_price_cents} cents"
    return f"rejected: {souk.reject_offer(offer_id).status}"


def act(souk: Souk, memory: Memory, event: InboxEvent, wanted: argparse.Namespace) -> str:
    """Do what an event asks for; what was done. Terms in an event are as they stand now."""
    match event.type:
        case "OFFER_MADE" | "OFFER_COUNTERED" if event.offer and event.offer.status == "PROPOSED":
            return answer_offer(souk, event, event.offer, wanted)
        case "QUESTION_ASKED":
            words, key = "It does, and it comes with a warranty of one year.", memory.key("reply", event.message_id)
            souk.post_message(str(event.thread_id), words, parent_message_id=event.message_id, key=key)
            return "answered a question"
        case "ORDER_PLACED" if event.order and event.order.status == "PLACED":
            return f"delivered: {souk.deliver(str(event.order_id), payment_received=True).total_price_cents} cents"
        case "REFUND_REQUESTED" if event.order and event.order.status == "DELIVERED":
            return f"refunded: {souk.decide_refund(str(event.order_id), approve=True).status}"
    return "noted"


def main() -> None:
    parser = argparse.ArgumentParser(description="A merchant that haggles and delivers what it sold.")
    parser.add_argument("--api", default="http://127.0.0.1:8000", help="where the Souk answers")
    parser.add_argument("--key-file", type=Path, default=Path(".agents/merchant.json"), help="who it is")
    parser.add_argument("--store", default="Lamps of the Levant", help="name of its store")
    parser.add_argument("--title", default="Brass lamp", help="what it sells")
    parser.add_argument("--price-cents", type=int, default=1_500, help="list price")
    parser.add_argument("--floor-cents", type=int, default=1_000, help="private: the least it takes")
    parser.add_argument("--stock", type=int, default=1_000, help="how many it has")
    parser.add_argument("--beta", type=float, default=0.8, help="below 1 holds out long, above 1 gives in early")
    wanted = parser.parse_args()
    memory = Memory.of(wanted.key_file)
    with Souk(wanted.api, on_retry=lambda code: print("waiting for the market:", code, flush=True)) as anyone:
        souk = memory.join(anyone, "MERCHANT", wanted.store)
        if "listing_id" not in memory.notes:
            memory.note(listing_id=open_shop(souk, memory, wanted))
        print("selling", wanted.title, "as listing", memory.notes["listing_id"], flush=True)
        for event in memory.hear(souk):
            print(event.type, or_refusal(act, souk, memory, event, wanted), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except (SoukError, ValueError) as error:
        raise SystemExit(str(error)) from error
