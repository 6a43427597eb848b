"""Two processes of the API over one market: they share limits, keys of requests, commands and the feed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from config.settings import Settings
from tests.browser.restarting import ApiProcess
from tests.e2e.people import Agent, Shop, eventually
from tests.running import RunningSouk

PER_AGENT, OFFERS = 300, 20

pytestmark = pytest.mark.slow(seconds=20)


@pytest.fixture(scope="module")
def apis(souk: RunningSouk, settings: Settings) -> Iterator[list[str]]:
    """The session's Souk is their worker."""
    limits = {"SOUK_LIMITS__PER_AGENT": f"{PER_AGENT}/hour", "SOUK_LIMITS__OFFERS_PER_AGENT": f"{OFFERS}/hour"}
    with ApiProcess(settings, variables=limits) as first, ApiProcess(settings, variables=limits) as second:
        yield [first.url, second.url]


def at(url: str, agent: Agent) -> Agent:
    """The same agent, asking another process."""
    return Agent(url, agent.key)


def test_a_limit_is_one_for_both(apis: list[str]) -> None:
    agent = Agent.register(apis[0], "CUSTOMER")
    both = [at(url, agent) for url in apis]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda n: both[n % 2].call("GET", "/v1/agents/me"), range(PER_AGENT + 100)))
    assert [answer.status_code for answer in answers].count(200) == PER_AGENT
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 100
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)


def test_the_same_request_at_both_is_done_once(apis: list[str]) -> None:
    shop, buyer = Shop.open(apis[0], inventory_on_hand=50), Agent.register(apis[1], "CUSTOMER")
    shop.ask(buyer)
    keys = [str(uuid4()) for _ in range(8)]
    body = {"listing_id": shop.listing_id}

    def buy(where: tuple[str, str]) -> httpx.Response:
        url, key = where
        return eventually(
            lambda: at(url, buyer).call("POST", "/v1/orders", body, key=key),
            until=lambda answer: answer.status_code != 409,  # the other one is at it
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(buy, [(url, key) for key in keys for url in apis]))
    assert {answer.status_code for answer in answers} == {201}
    orders = [answer.json()["order_id"] for answer in answers]
    assert orders[::2] == orders[1::2]
    assert len(set(orders)) == len(keys)
    assert shop.owner.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 50 - len(keys)


def test_one_haggles_here_the_other_there(apis: list[str]) -> None:
    here, there = apis
    shop, buyer = Shop.open(here), Agent.register(there, "CUSTOMER")
    offer = shop.offer(buyer, 800)
    seller = at(there, shop.owner)
    countered = seller.post(f"/v1/offers/{offer['offer_id']}/counter", {"proposed_price_cents": 950})
    accepted = at(here, buyer).post(f"/v1/offers/{countered['offer_id']}/accept", {"round": countered["round"]})
    assert accepted["status"] == "ACCEPTED"
    # A key revoked at one is refused by the other at once.
    key_id = buyer.get("/v1/agents/me/keys")["items"][0]["key_id"]
    assert buyer.call("DELETE", f"/v1/agents/me/keys/{key_id}").status_code == 204
    assert at(here, buyer).refused("GET", "/v1/agents/me") == (401, "auth.invalid_key")


def test_streams_of_both_show_the_same_and_are_resumed_at_the_other(apis: list[str]) -> None:
    shop = Shop.open(apis[0])
    path, events = f"/v1/listings/{shop.listing_id}/price", f"/v1/activity/stream?listing_id={shop.listing_id}"
    writers = [at(url, shop.owner) for url in apis]
    start = eventually(
        lambda: shop.owner.get(f"/v1/activity?listing_id={shop.listing_id}&order=oldest")["items"], until=bool
    )[-1]["cursor"]

    def change(number: int) -> None:
        body = {"price_cents": 1_000 + number, "reason": "noise"}
        assert writers[number % 2].call("PATCH", path, body).status_code == 200

    def places(url: str, after: str, count: int) -> list[str]:
        found: list[str] = []
        with httpx.stream("GET", url + events, headers={"Last-Event-ID": after}, timeout=120) as stream:
            for line in stream.iter_lines():
                if line.startswith("id: "):
                    found.append(line.removeprefix("id: "))
                    if len(found) == count:
                        break
        return found

    with ThreadPoolExecutor(8) as pool:
        # Two watch from the start, one at each process; writers write at both.
        watching = [pool.submit(places, url, start, 40) for url in apis]
        list(pool.map(change, range(1, 21)))
        # A third reads some at one process, is cut off, and goes on at the other while more is written.
        first = places(apis[0], start, 12)
        rest = pool.submit(places, apis[1], first[-1], 28)
        list(pool.map(change, range(21, 41)))
        seen = [watcher.result(200) for watcher in watching]
        resumed = first + rest.result(200)
    assert len(set(seen[0])) == 40
    assert seen[0] == seen[1] == resumed
