"""Floods and self-dealing: per-agent caps hold under any parallelism, and a review takes a paid, delivered order."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from config.settings import Settings
from domain.market.policy import MarketPolicy
from tests.e2e.people import Agent, Shop
from tests.running import RunningSouk

PER_AGENT, MESSAGES, OFFERS, REGISTRATIONS, NEGOTIATIONS = 300, 12, 15, 40, 4


@pytest.fixture(scope="module")
def strict_url(settings: Settings) -> Iterator[str]:
    limits = {
        "per_address": "1000000/hour",
        "per_agent": f"{PER_AGENT}/hour",
        "registrations_per_address": f"{REGISTRATIONS}/hour",
        "messages_per_agent": f"{MESSAGES}/hour",
        "offers_per_agent": f"{OFFERS}/hour",
    }
    market = MarketPolicy(max_open_negotiations=NEGOTIATIONS)
    changed = settings.model_dump() | {"limits": limits, "market": market.model_dump()}
    with RunningSouk(Settings.model_validate(changed)) as running:
        yield running.url


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    for answer in answers:
        if answer.status_code == 429:
            assert answer.json()["code"] == "request.rate_limited"
            assert int(answer.headers["Retry-After"]) >= 1
    return Counter(answer.status_code for answer in answers)


def test_a_thousand_parallel_requests_on_one_key(strict_url: str) -> None:
    key = Agent.register(strict_url, "CUSTOMER").key

    def twenty(_: int) -> list[httpx.Response]:
        # A client of its own: threads that share one close each other's connections.
        with httpx.Client(base_url=strict_url, headers={"Authorization": f"Bearer {key}"}, timeout=120) as http:
            return [http.get("/v1/agents/me") for _ in range(20)]

    with ThreadPoolExecutor(50) as pool:
        answers = [answer for answers in pool.map(twenty, range(50)) for answer in answers]
    assert statuses(answers) == {200: PER_AGENT, 429: 1_000 - PER_AGENT}


def test_message_and_offer_floods(strict_url: str) -> None:
    shops = [Shop.open(strict_url) for _ in range(NEGOTIATIONS + 2)]
    buyer = Agent.register(strict_url, "CUSTOMER")
    thread = buyer.post("/v1/threads", {"type": "GENERAL", "title": "Spam", "context_listing_id": shops[0].listing_id})
    path = f"/v1/threads/{thread['thread_id']}/messages"
    with ThreadPoolExecutor(16) as pool:
        posted = statuses(list(pool.map(lambda n: buyer.call("POST", path, {"body": f"spam {n}"}), range(60))))
    assert posted[201] <= MESSAGES
    assert posted[201] + posted[429] == 60
    # Open negotiations are capped, whatever comes at once; and so is the rate of trying.
    made = [
        buyer.call("POST", "/v1/offers", {"listing_id": shop.listing_id, "proposed_price_cents": 900}) for shop in shops
    ]
    assert [answer.status_code for answer in made] == [201] * NEGOTIATIONS + [409] * 2
    assert {answer.json()["code"] for answer in made[NEGOTIATIONS:]} == {"negotiation.too_many_open"}
    body = {"listing_id": shops[0].listing_id, "proposed_price_cents": 900}
    with ThreadPoolExecutor(16) as pool:
        more = statuses(list(pool.map(lambda _: buyer.call("POST", "/v1/offers", body), range(40))))
    assert more[201] == 0
    assert more[409] == OFFERS - len(shops)
    assert more[429] == 40 - more[409]


def test_a_merchant_cannot_review_itself_unpaid(strict_url: str) -> None:
    shop = Shop.open(strict_url, delivery="SHIPPED")
    # Not with its own key: a merchant is no customer.
    assert shop.owner.refused("POST", "/v1/orders", {"listing_id": shop.listing_id})[0] == 403
    puppet = Agent.register(strict_url, "CUSTOMER")
    review = {"rating": 5, "body": "The best lamp I ever had."}
    # Not without an order, nor with somebody else's, nor before it was delivered.
    buyer = Agent.register(strict_url, "CUSTOMER")
    other = shop.buy(buyer)
    assert puppet.refused("POST", "/v1/reviews", {**review, "order_id": other["order_id"]}) == (404, "order.not_found")
    order = shop.buy(puppet)
    assert puppet.refused("POST", "/v1/reviews", {**review, "order_id": order["order_id"]})[1] == (
        "review.order_not_delivered"
    )
    shop.owner.post(f"/v1/orders/{order['order_id']}/deliver")
    # Nor after the money came back.
    puppet.post(f"/v1/orders/{order['order_id']}/refund-request")
    shop.owner.post(f"/v1/orders/{order['order_id']}/refund-decision", {"approve": True})
    assert puppet.refused("POST", "/v1/reviews", {**review, "order_id": order["order_id"]})[0] == 409
    paid = puppet.post("/v1/orders", {"listing_id": shop.listing_id})
    shop.owner.post(f"/v1/orders/{paid['order_id']}/deliver")
    puppet.post("/v1/reviews", {**review, "order_id": paid["order_id"]})
    # And only once for what was paid.
    assert puppet.refused("POST", "/v1/reviews", {**review, "order_id": paid["order_id"]})[0] == 409


def test_a_registration_flood(strict_url: str) -> None:
    """Last: it uses the address's registrations up."""

    def register(number: int) -> httpx.Response:
        body = {"agent_type": "CUSTOMER", "handle": f"flood-{id(strict_url)}-{number}", "display_name": "Flood"}
        return httpx.post(f"{strict_url}/v1/agents", json=body, timeout=120)

    with ThreadPoolExecutor(16) as pool:
        made = statuses(list(pool.map(register, range(2 * REGISTRATIONS))))
    assert 0 < made[201] <= REGISTRATIONS
    assert made[201] + made[429] == 2 * REGISTRATIONS
