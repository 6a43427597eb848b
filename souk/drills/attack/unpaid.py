"""A buyer that pays nothing against a store: it takes all stock, lets holds lapse, lets orders run past their promise.

What the store keeps is the right value.
"""

from typing import Any

from domain.market.policy import DAY
from souk.drills.attack.findings import Findings, Target
from souk.drills.attack.trust import review
from souk.drills.people import Agent, Shop, eventually

_WEEK = int(7 * DAY)
_HELD = (409, "order.unpaid_units")


def _stock(shop: Shop) -> int:
    left: int = shop.owner.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"]
    return left


def _claim_accuracy(shop: Shop) -> Any:
    return shop.owner.get(f"/v1/stores/{shop.store_id}/trust")["claim_accuracy_score"]


def _at_list_price(shop: Shop, quantity: int = 1) -> dict[str, Any]:
    return {"listing_id": shop.listing_id, "quantity": quantity, "expected_unit_price_cents": 1_500}


def _ended(buyer: Agent, order_id: str) -> dict[str, Any]:
    return eventually(lambda: buyer.get(f"/v1/orders/{order_id}"), until=lambda order: order["status"] == "REFUNDED")


def take_all_stock(target: Target, found: Findings) -> None:
    for delivery in ("SHIPPED", "INSTANT"):
        shop = Shop.open(target.url, inventory_on_hand=1_000, delivery=delivery)
        buyer = target.customer()
        shop.ask(buyer)
        answer = buyer.call("POST", "/v1/orders", _at_list_price(shop, 1_000))
        found.refuses(f"one order for all units ({delivery})", answer, *_HELD)
        if not answer.is_success:
            told = "At most 500 units" in answer.text
            found.expect(f"the refusal says how many may be held ({delivery})", told, True)
        while (answer := buyer.call("POST", "/v1/orders", _at_list_price(shop, 100))).status_code == 201:
            pass
        found.refuses(f"order after order ({delivery})", answer, *_HELD)
        found.expect(f"half of the stock stays ({delivery})", _stock(shop), 500)


def hold_stock_for_a_week(target: Target, found: Findings) -> None:
    shop = Shop.open(target.url, delivery="SHIPPED", promised_delivery_seconds=_WEEK)
    buyer, honest = target.customer(), target.customer()
    order = _ended(buyer, shop.buy(buyer, 5)["order_id"])
    found.expect("an order that is not paid ends", order["refund_reason"], "NOT_PAID")
    found.expect("its units return", _stock(shop), 10)
    # What is committed can be read only when every older transaction of the cluster is over.
    events = eventually(
        lambda: [item["type"] for item in buyer.get("/v1/inbox?order=oldest")["items"]],
        until=lambda types: "ORDER_REFUNDED" in types,
    )
    found.expect("its buyer was reminded", events, ["ORDER_PLACED", "PAYMENT_DUE_SOON", "ORDER_REFUNDED"])
    again = buyer.call("POST", "/v1/orders", _at_list_price(shop))
    found.refuses("the same stock again at once", again, *_HELD)
    path = f"/v1/orders/{shop.buy(honest, 5)['order_id']}"
    declined = shop.owner.post(f"{path}/decline", {"reason": "I keep them for buyers who pay."})
    said = (declined["refund_reason"], declined["decline_reason"])
    found.expect("a seller declines without waiting", said, ("DECLINED_BY_SELLER", "I keep them for buyers who pay."))
    found.expect("the units of a declined order return", _stock(shop), 10)
    found.expect("neither costs trust", _claim_accuracy(shop), 50)


def let_ten_orders_pass_their_promise(target: Target, found: Findings) -> None:
    shop = Shop.open(target.url, inventory_on_hand=100, delivery="SHIPPED", promised_delivery_seconds=_WEEK)
    buyers = [target.customer() for _ in range(10)]
    orders = [shop.buy(buyer)["order_id"] for buyer in buyers]
    reasons = {_ended(*pair)["refund_reason"] for pair in zip(buyers, orders, strict=True)}
    found.expect("ten unpaid orders end as not paid", reasons, {"NOT_PAID"})
    found.expect("all units return", _stock(shop), 100)
    found.expect("they cost no trust", _claim_accuracy(shop), 50)
    told = {event["reason"] for event in shop.owner.get(f"/v1/stores/{shop.store_id}/trust/events")["items"]}
    found.expect("no promise counts as broken", "OFFER_BROKEN" in told, False)


def bid_what_a_threshold_accepts(target: Target, found: Findings) -> None:
    """It holds half of the stock and no more, for the purchase window; and not the same again when that lapses."""
    shop = Shop.open(target.url, inventory_on_hand=40)
    shop.owner.ok("PUT", f"/v1/listings/{shop.listing_id}/limits", {"auto_accept_cents": 1_400})
    greedy, modest = target.customer(), target.customer()
    whole = shop.offer(greedy, 1_450, quantity=40)
    # Its answer is due before this one's, whose buyer asks for less.
    part = shop.offer(modest, 1_450, quantity=20)
    lapsed = eventually(
        lambda: modest.get(f"/v1/offers/{part['offer_id']}"), until=lambda offer: offer["status"] == "EXPIRED"
    )
    accepted = (lapsed["accepted_at"] is not None, lapsed["close_reason"])
    found.expect("half of the stock is held, and lapses", accepted, (True, "NOT_PURCHASED"))
    standing = greedy.get(f"/v1/offers/{whole['offer_id']}")["status"]
    found.expect("a bid for all stock is not accepted by itself", standing, "PROPOSED")
    found.expect("the units of a lapsed hold return", _stock(shop), 40)
    again = modest.call("POST", "/v1/orders", _at_list_price(shop))
    found.refuses("the same stock again at once", again, *_HELD)


def hold_beyond_the_cap(target: Target, found: Findings) -> None:
    buyer = target.customer()
    buyer.ok("PUT", "/v1/agents/me/limits", {"max_open_negotiations": 2})
    shops = [Shop.open(target.url) for _ in range(3)]
    for shop in shops[:2]:
        shop.deal(buyer, 1_000)
    third = {"listing_id": shops[2].listing_id, "proposed_price_cents": 1_000}
    answer = buyer.call("POST", "/v1/offers", third)
    found.refuses("holds count as open negotiations", answer, 409, "negotiation.too_many_open")


def let_go_of_a_hold(target: Target, found: Findings) -> None:
    shop, buyer = Shop.open(target.url), target.customer()
    deal = shop.deal(buyer, 1_000, quantity=10)
    found.expect("a seller may sell all to one buyer", _stock(shop), 0)
    released = buyer.post(f"/v1/offers/{deal['offer_id']}/withdraw")
    said = (released["status"], released["close_reason"])
    found.expect("a buyer lets go of what it does not want", said, ("CANCELLED", "RELEASED_BY_BUYER"))
    found.expect("the units of a released hold return", _stock(shop), 10)
    found.expect("the seller loses no trust by it", _claim_accuracy(shop), 50)


def give_one_star_unpaid(target: Target, found: Findings) -> None:
    shop = Shop.open(target.url)
    for _ in range(8):
        buyer = target.customer()
        review(buyer, shop.buy(buyer), 1)
    path = f"/v1/stores/{shop.store_id}/trust"
    eventually(
        lambda: [step["reason"] for step in shop.owner.get(f"{path}/events?limit=200")["items"]],
        until=lambda reasons: "REVIEW_POSTED" in reasons,
    )
    [product] = [each for each in shop.owner.get(path)["components"] if each["component"] == "product"]
    found.expect("eight unpaid one-star reviews weigh less than an eighth of a unit", product["evidence_s"] < 125, True)


def stay_after_a_block(target: Target, found: Findings) -> None:
    """Who is blocked is out, and learns no reason."""
    shop = Shop.open(target.url, delivery="SHIPPED", promised_delivery_seconds=_WEEK)
    buyer = target.customer()
    thread = shop.ask(buyer)
    offer, order = shop.offer(buyer, 900), shop.buy(buyer)
    blocks, reason = f"/v1/stores/{shop.store_id}/blocks", "secret-why-of-the-owner"
    shop.owner.ok("PUT", f"{blocks}/{buyer.agent_id}", {"reason": reason})
    listed = [item["agent_id"] for item in shop.owner.get(blocks)["items"]]
    found.expect("its owner sees whom it blocked", listed, [buyer.agent_id])
    for path, sent in (
        ("/v1/orders", _at_list_price(shop)),
        ("/v1/offers", {"listing_id": shop.listing_id, "proposed_price_cents": 800}),
        ("/v1/threads", {"type": "GENERAL", "title": "Why?", "context_store_id": shop.store_id}),
        (f"/v1/threads/{thread['thread_id']}/messages", {"body": "Why may I not buy here any more?"}),
    ):
        answer = buyer.call("POST", path, sent)
        found.refuses(f"POST {path.replace(thread['thread_id'], '*')}", answer, 403, "store.blocked")
    found.expect("its unpaid order ends", _ended(buyer, order["order_id"])["refund_reason"], "BUYER_BLOCKED")
    gone = eventually(
        lambda: buyer.get(f"/v1/offers/{offer['offer_id']}"), until=lambda made: made["status"] == "CANCELLED"
    )
    found.expect("its standing offer ends", gone["close_reason"], "BUYER_BLOCKED")
    events = shop.feed("OFFER_CANCELLED", "ORDER_REFUNDED")
    found.expect("no public event says why", [event for event in events if "BLOCKED" in str(event)], [])
    gating = buyer.get(f"/v1/listings/{shop.listing_id}/gating")
    found.expect("gating says so", (gating["satisfied"], gating["blocked"]), (False, True))
    looks = ("/v1/inbox", "/v1/orders", "/v1/offers", f"/v1/stores/{shop.store_id}")
    told = [path for path in looks if reason in buyer.call("GET", path).text]
    found.expect("it learns no reason", told, [])
    found.expect("it reads no list of blocks", buyer.call("GET", blocks).status_code, 403)
    let_in = shop.owner.call("DELETE", f"{blocks}/{buyer.agent_id}").status_code
    found.expect("a block may be lifted", let_in, 204)
    found.expect("then it may bid again", shop.offer(buyer, 800)["status"], "PROPOSED")
