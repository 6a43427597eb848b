"""Does anything public tell who bargained? Offers at times nobody knows, by an actor drawn by lot among candidates.

Each trial has a store, a listing and candidates of its own. One of them makes an offer, which then stands, is answered
or taken back; all others call as well, so that calling alone tells nothing. A stranger polls all that it may read, and
``guessing`` tries to name the actor. A purchase names its buyer by design: those trials show that the attack can see.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from random import Random  # noqa: TID251 - seeded: lots, not a rule
from typing import Any

import httpx

from souk.drills.canaries import PlantingError, post, register
from souk.drills.guessing import Event, Poll, Tally, Trial, links, place_of, tally

_CANDIDATES = 8
_AT_ONCE = 3
_PRICE = 5_000
_PAUSE_SECONDS = 0.05
_COURSES = ("stands", "countered", "declined", "withdrawn", "broken", "cut", "bought")
_PAGES = ("/", "/stores/{store_id}", "/listings/{listing_id}", "/threads/{thread_id}")
_SEEN_AGAIN_SECONDS = 1.5
_FEED = "/v1/activity?order=oldest&limit=200&store_id="
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LinkReport:
    """How much was guessed, the guess least likely by chance, and what links actors to events or is told outright."""

    trials: int
    candidates: int
    events: int
    guesses: int
    strongest: str
    links: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    buyers_named: int = 0
    purchases: int = 0

    @property
    def faults(self) -> list[str]:
        blind = [] if self.purchases and self.buyers_named == self.purchases else ["the linking attack is blind"]
        return [*self.links, *self.told, *blind]


def probe_links(api: str, document: Mapping[str, Any], trials: int, seed: int) -> LinkReport:
    """Make the trials and attack them. Raises PlantingError when the market does not do its part."""
    stranger, _ = register(api, "CUSTOMER")
    paths = sorted(path for path, methods in document["paths"].items() if "get" in methods)

    def run(number: int) -> _Done:
        dice = Random(f"links/{seed}/{number}")  # noqa: S311 - lots, not a secret
        return _Run(api, stranger, paths, dice, _COURSES[number % len(_COURSES)]).run()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        runs = list(pool.map(run, range(trials)))
    anonymous = [run.trial for run in runs if not run.trial.named]
    bought = [run.trial for run in runs if run.trial.named]
    found = tally(anonymous, seed)
    return LinkReport(
        trials=len(runs),
        candidates=_CANDIDATES,
        events=sum(len(run.trial.events) for run in runs),
        guesses=sum(one.tries for one in found),
        strongest=str(found[0]) if found else "",
        links=[str(one) for one in links(found)],
        told=sorted({told for run in runs for told in run.told}),
        buyers_named=_named(tally(bought, seed)),
        purchases=len(bought),
    )


def _named(tallies: Sequence[Tally]) -> int:
    """How many buyers the feed named by their purchases: they alone have an order in it."""
    return sum(one.hits for one in tallies if one.way == f"OFFER_MADE (first): most {_FEED}*.items[].order_id")


@dataclass(slots=True)
class _Done:
    trial: Trial
    told: list[str]


class _Run:
    """One trial."""

    def __init__(self, api: str, stranger: httpx.Client, paths: Sequence[str], dice: Random, course: str) -> None:
        self._api, self._stranger, self._paths, self._dice, self._course = api, stranger, paths, dice, course
        self._polls: list[Poll] = []
        self._raw: list[tuple[str, str]] = []
        self._private: set[str] = set()
        self._closed: set[str] = set()
        self._ids: dict[str, list[str]] = {}

    def run(self) -> _Done:
        seller, _ = register(self._api, "MERCHANT")
        self._listing = self._open(seller)
        # By lot: nothing that anyone else does depends on who it is.
        actor = self._dice.randrange(_CANDIDATES)
        self._poll()
        agents, offer = self._all_call(actor)
        self._ids["agent_id"] = [agent_id for _, agent_id in agents]
        self._poll()
        self._go_on(agents[actor][0], seller, offer)
        self._someone_asks(agents)
        self._poll()
        # What follows later, as trust does.
        time.sleep(_SEEN_AGAIN_SECONDS)
        self._poll()
        trial = Trial(self._ids["agent_id"], actor, self._polls, list(self._events()), self._course == "bought")
        return _Done(trial, self._told())

    def _open(self, seller: httpx.Client) -> str:
        texts = {"return_policy_text": "Returns within 30 days.", "shipping_policy_text": "Ships within 2 days."}
        store_id = post(seller, "/v1/stores", {"name": "Masks", **texts})["store_id"]
        product = post(seller, "/v1/products", {"store_id": store_id, "title": "A mask", "description": "For a ball."})
        body = {"product_id": product["product_id"], "price_cents": _PRICE, "inventory_on_hand": 100}
        listing_id: str = post(seller, "/v1/listings", body)["listing_id"]
        self._ids |= {"store_id": [store_id], "product_id": [product["product_id"]], "listing_id": [listing_id]}
        return listing_id

    def _pause(self) -> None:
        time.sleep(self._dice.random() * _PAUSE_SECONDS)

    def _all_call(self, actor: int) -> tuple[list[tuple[httpx.Client, str]], Json]:
        """One after the other candidates register and look into their inboxes; the actor makes its offer instead."""
        offer: Json = {}
        agents = []
        for number in range(_CANDIDATES):
            self._pause()
            client, agent_id = register(self._api, "CUSTOMER")
            agents.append((client, agent_id))
            if number != actor:
                client.get("/v1/inbox").raise_for_status()
                continue
            body = {"listing_id": self._listing, "proposed_price_cents": 1_000 + self._dice.randrange(3_000)}
            offer = post(client, "/v1/offers", body)
            self._keep(offer)
        return agents, offer

    def _keep(self, offer: Json) -> None:
        self._private |= {offer["offer_id"], offer["negotiation_id"]}

    def _go_on(self, buyer: httpx.Client, seller: httpx.Client, offer: Json) -> None:
        path = f"/v1/offers/{offer['offer_id']}"
        self._pause()
        match self._course:
            case "countered":
                counter = post(seller, f"{path}/counter", {"proposed_price_cents": 4_500})
                self._keep(counter)
                self._pause()
                self._keep(post(buyer, f"/v1/offers/{counter['offer_id']}/counter", {"proposed_price_cents": 4_200}))
            case "declined":
                post(seller, f"{path}/reject")
            case "withdrawn":
                post(buyer, f"{path}/withdraw")
            case "broken":
                post(seller, f"{path}/accept", {"round": 1})
                self._pause()
                post(seller, f"{path}/withdraw")
            case "cut":
                body = {"price_cents": _PRICE - 1, "reason": "A fair."}
                post(seller, f"/v1/listings/{self._listing}/price", body, "PATCH")
            case "bought":
                post(seller, f"{path}/accept", {"round": 1})
                self._pause()
                order = post(buyer, "/v1/orders", {"offer_id": offer["offer_id"]})
                self._ids["order_id"] = [order["order_id"]]

    def _someone_asks(self, agents: Sequence[tuple[httpx.Client, str]]) -> None:
        """Somebody drawn by lot, the actor as likely as any, says something in public."""
        self._pause()
        client, _ = self._dice.choice(agents)
        body = {"type": "GENERAL", "title": "Masks", "context_listing_id": self._listing}
        thread = post(client, "/v1/threads", body)["thread_id"]
        post(client, f"/v1/threads/{thread}/messages", {"body": "Does it hide a long nose as well?"})
        self._ids["thread_id"] = [thread]

    def _addresses(self) -> Iterator[str]:
        for path in (*self._paths, *(f"page {page}" for page in _PAGES)):
            slots = re.findall(r"{(\w+)}", path)
            if path.endswith("/stream") or any(slot not in self._ids for slot in slots) or len(slots) > 1:
                continue
            if slots:
                yield from (path.replace(f"{{{slots[0]}}}", key) for key in self._ids[slots[0]])
            else:
                yield path
        yield f"{_FEED}{self._ids['store_id'][0]}"

    def _poll(self) -> None:
        """All that the stranger may read, now."""
        poll: dict[str, Any] = {}
        for address in self._addresses():
            if address in self._closed:
                continue
            answer = self._stranger.get(address.removeprefix("page "))
            if answer.status_code in {401, 403}:
                self._closed.add(address)
            if not answer.is_success:
                continue
            self._raw.append((address, answer.text))
            poll[address] = answer.json() if "json" in answer.headers.get("content-type", "") else answer.text
        self._polls.append(poll)

    def _events(self) -> Iterator[Event]:
        """The first and the last anonymous event of each type."""
        feed = f"{_FEED}{self._ids['store_id'][0]}"
        seen: dict[str, int] = {}
        for number, poll in enumerate(self._polls):
            for item in poll[feed]["items"]:
                seen.setdefault(item["activity_event_id"], number)
        nameless: dict[str, list[Json]] = {}
        for item in self._polls[-1][feed]["items"]:
            if item["actor_agent_id"] is None and seen[item["activity_event_id"]] > 0:
                nameless.setdefault(item["type"], []).append(item)
        if "OFFER_MADE" not in nameless:
            raise PlantingError("the feed does not show an offer that was made")
        for kind, items in nameless.items():
            for which, item in {"first": items[0], "last": items[-1]}.items():
                when = datetime.fromisoformat(item["created_at"]).timestamp()
                place = place_of(item["cursor"])
                assert place is not None
                yield Event(f"{kind} ({which})", seen[item["activity_event_id"]], when, place)

    def _told(self) -> list[str]:
        """Ids of private things in public documents; an order's id among the rows of trust."""
        orders = set(self._ids.get("order_id", []))
        return [
            f"{re.sub(r'[0-9a-f-]{36}', '*', address)} tells the id of {'an order' if key in orders else 'an offer'}"
            for address, content in self._raw
            for key in (*self._private, *orders)
            if key in content and (key not in orders or "/trust" in address)
        ]
