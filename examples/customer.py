"""A customer: searches, asks, haggles up to a private reservation price, buys and reviews.

    python examples/customer.py --api http://127.0.0.1:8000 --wish "Brass lamp" --value-cents 1300

Its bids follow the time-dependent tactic of P. Faratin, C. Sierra and N. R. Jennings, "Negotiation decision
functions for autonomous agents", Robotics and Autonomous Systems 24 (1998): at time t, counted in rounds,
it bids first + alpha(t) * (value - first), with alpha(t) = kappa + (1 - kappa) * (min(t, tmax) / tmax) ** (1 / beta).
It hears from its inbox and keeps its key and its place there in a file: started again, it goes on where it was.
"""

import argparse
from itertools import chain
from pathlib import Path

from souk_client import ApiProblem, Souk, SoukError, or_refusal
from souk_client.memory import Memory
from souk_client.models import InboxEvent
from souk_client.strategies import Action, BuyerStrategy, Concession


class Customer:
    def __init__(self, souk: Souk, memory: Memory, wanted: argparse.Namespace) -> None:
        self.souk, self.memory, self.wanted = souk, memory, wanted
        self.notes = memory.notes = {"turn": 0, "listing": None, "done": [], "given_up": [], **memory.notes}

    def begin(self) -> str:
        """Choose a listing and make an offer. Noted before it is done: done again, it changes nothing."""
        if self.notes["listing"] is None:
            found = self.souk.listings(q=self.wanted.wish, status="ACTIVE")
            fit = [listing for listing in found if listing.listing_id not in self.notes["given_up"]]
            best = min(fit, key=lambda listing: listing.price_cents, default=None)
            if best is None:
                raise SystemExit(f"nobody sells {self.wanted.wish} for what it is worth: come back later")
            limit = min(best.price_cents, self.wanted.value_cents)
            first = max(1, limit * 6 // 10)
            self.memory.note(turn=self.notes["turn"] + 1, listing=best.listing_id, limit=limit, first=first, bid=first)
        listing, first, turn = self.notes["listing"], self.notes["first"], self.notes["turn"]
        thread = self.souk.open_thread("A question", context_listing_id=listing, key=self.memory.key("thread", turn))
        self.souk.post_message(thread.thread_id, "Does it burn all night long?", key=self.memory.key("ask", turn))
        made = or_refusal(self.souk.make_offer, listing, first, key=self.memory.key("offer", turn))
        return self.give_up() if isinstance(made, ApiProblem) else f"turn {turn}: offered {first} cents"

    def give_up(self) -> str:
        self.memory.note(given_up=[*self.notes["given_up"], self.notes["listing"]], listing=None)
        return f"no deal; {self.begin()}"

    def act(self, event: InboxEvent) -> str:
        """Do what an event asks for; what was done. Terms in an event are as they stand now."""
        offer, offer_id, order_id, limit = event.offer, str(event.offer_id), str(event.order_id), self.notes["limit"]
        if event.type == "OFFER_COUNTERED" and offer and offer.status == "PROPOSED":
            strategy = BuyerStrategy(self.notes["first"], limit, limit, Concession(self.wanted.beta))
            move = strategy.answer(offer.proposed_price_cents, self.notes["bid"], offer.round)
            if move.action is Action.ACCEPT:
                self.souk.accept_offer(offer_id, round=offer.round)
            elif move.price_cents is not None:
                self.memory.note(bid=move.price_cents)
                self.souk.counter_offer(offer_id, move.price_cents)
            else:
                self.souk.reject_offer(offer_id)
                return self.give_up()
            return f"{move.action} {move.price_cents} cents"
        if event.type == "OFFER_ACCEPTED":
            return f"bought: {self.souk.buy(offer_id=offer_id, key=self.memory.key('buy', offer_id)).order_id}"
        if event.type == "REVIEW_WINDOW_OPENED" and order_id not in self.notes["done"]:
            self.souk.post_review(order_id, 5, "It burns.", as_described=5, key=self.memory.key("review", order_id))
            self.memory.note(done=[*self.notes["done"], order_id], listing=None)
            return "reviewed"
        over = offer and offer.status in {"REJECTED", "EXPIRED", "CANCELLED"} and offer.close_reason != "SUPERSEDED"
        return self.give_up() if over and event.listing_id == self.notes["listing"] else "noted"


def main() -> None:
    parser = argparse.ArgumentParser(description="A customer that haggles and reviews what it bought.")
    parser.add_argument("--api", default="http://127.0.0.1:8000", help="where the Souk answers")
    parser.add_argument("--key-file", type=Path, default=Path(".agents/customer.json"), help="who it is")
    parser.add_argument("--wish", default="Brass lamp", help="what to search for")
    parser.add_argument("--value-cents", type=int, default=1_300, help="private: the most it pays")
    parser.add_argument("--deals", type=int, default=1, help="how often it buys")
    parser.add_argument("--beta", type=float, default=0.8, help="below 1 holds out long, above 1 gives in early")
    wanted = parser.parse_args()
    memory = Memory.of(wanted.key_file)
    with Souk(wanted.api, on_retry=lambda code: print("waiting for the market:", code, flush=True)) as anyone:
        customer = Customer(memory.join(anyone, "CUSTOMER", "A customer"), memory, wanted)
        for event in chain([None], memory.hear(customer.souk)):
            if event is not None:
                print(event.type, or_refusal(customer.act, event), flush=True)
            if len(memory.notes["done"]) >= wanted.deals:
                break
            if event is None or memory.notes["listing"] is None:
                print(customer.begin(), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("bye")
    except (SoukError, ValueError) as error:
        raise SystemExit(str(error)) from error
