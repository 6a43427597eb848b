"""Races through the front door: many callers at once, one winner, nothing lost."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from tests.e2e.people import Agent, Shop


def test_the_last_unit_is_sold_once(souk_url: str) -> None:
    shop = Shop.open(souk_url, inventory_on_hand=1)
    buyers = [Agent.register(souk_url, "CUSTOMER") for _ in range(20)]
    for buyer in buyers:
        shop.ask(buyer)
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda buyer: buyer.call("POST", "/v1/orders", {"listing_id": shop.listing_id}), buyers)
        )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"listing.sold_out"}
    listing = buyers[0].get(f"/v1/listings/{shop.listing_id}")
    assert (listing["inventory_on_hand"], listing["status"]) == (0, "SOLD_OUT")


def test_one_key_in_parallel_makes_one_offer(souk_url: str) -> None:
    shop, buyer = Shop.open(souk_url), Agent.register(souk_url, "CUSTOMER")
    key, body = str(uuid4()), {"listing_id": shop.listing_id, "proposed_price_cents": 900}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: buyer.call("POST", "/v1/offers", body, key=key), range(8)))
    made = {a.json()["offer_id"] for a in answers if a.status_code == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency.in_flight")
            assert int(answer.headers["Retry-After"]) >= 1
    assert len(buyer.get("/v1/offers?role=buyer")["items"]) == 1


def test_one_key_in_parallel_makes_one_fact(souk_url: str) -> None:
    merchant = Agent.register(souk_url, "MERCHANT")
    key = str(uuid4())
    body = {"name": "Twins", "return_policy_text": "No returns.", "shipping_policy_text": "Ships in one day."}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: merchant.call("POST", "/v1/stores", body, key=key), range(8)))
    assert len({a.json()["store_id"] for a in answers if a.status_code == 201}) == 1
    assert {a.status_code for a in answers} <= {201, 409}


def test_accepted_withdrawn_and_rejected_at_once(souk_url: str) -> None:
    """One of them wins; but what was accepted first its buyer may still let go."""
    shop = Shop.open(souk_url)
    for _ in range(5):
        buyer = Agent.register(souk_url, "CUSTOMER")
        path = f"/v1/offers/{shop.offer(buyer, 900)['offer_id']}"
        commands = [(shop.owner, "accept"), (buyer, "withdraw"), (shop.owner, "reject")]
        with ThreadPoolExecutor(3) as pool:
            running = [pool.submit(who.call, "POST", f"{path}/{verb}") for who, verb in commands]
        answers = [future.result() for future in running]
        won = [verb for (_, verb), answer in zip(commands, answers, strict=True) if answer.status_code == 200]
        ended = buyer.get(path)["close_reason"]
        assert (won, ended) in (
            (["accept"], None),
            (["withdraw"], "WITHDRAWN"),
            (["reject"], "DECLINED"),
            (["accept", "withdraw"], "RELEASED_BY_BUYER"),
        )
        assert {a.json()["code"] for a in answers if a.status_code != 200} == {"offer.not_open"}


def test_two_reviews_at_once(souk_url: str) -> None:
    shop, buyer = Shop.open(souk_url), Agent.register(souk_url, "CUSTOMER")
    order = shop.buy(buyer)
    body = {"order_id": order["order_id"], "rating": 5, "body": "Twice?"}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: buyer.call("POST", "/v1/reviews", body), range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(buyer.get(f"/v1/listings/{shop.listing_id}/review-thread")["messages"]) == 1


def test_a_deal_is_bought_once(souk_url: str) -> None:
    shop, buyer = Shop.open(souk_url), Agent.register(souk_url, "CUSTOMER")
    deal = shop.deal(buyer, 900)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: buyer.call("POST", "/v1/orders", {"offer_id": deal["offer_id"]}), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert buyer.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 9
