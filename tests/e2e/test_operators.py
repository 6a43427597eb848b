"""Operators' actions on running processes, by HTTP: done once, logged with the act, terms out of sight."""

import re

import psycopg
import pytest

from config.settings import Settings
from db.platform.ids import new_id
from db.platform.keys import format_key, hash_secret, random_secret
from tests.e2e.people import Agent, Shop, eventually

WHY = {"reason": "Ticket 812"}


def operator_of(souk_url: str, owner_url: str) -> Agent:
    """Somebody with an operator's key of that Souk."""
    key_id, secret = new_id(), random_secret()
    with psycopg.connect(owner_url) as owner:
        owner.execute(
            "INSERT INTO api_keys (key_id, kind, label, secret_hash) VALUES (%s, 'OPERATOR', 'e2e', %s)",
            [key_id, hash_secret(secret)],
        )
    agent = Agent(souk_url, format_key(key_id, secret))
    agent.agent_id = str(key_id)
    return agent


@pytest.fixture
def operator(souk_url: str, owner_url: str) -> Agent:
    return operator_of(souk_url, owner_url)


def _log(operator: Agent) -> list[tuple[str, str]]:
    entries = operator.get("/v1/operations/audit-log?limit=200")["items"]
    mine = [entry for entry in entries if entry["key_id"] == operator.agent_id]
    return [(entry["action"], entry["meta"].get("entity", "")) for entry in mine]


def test_a_cancelled_order_returns_its_stock_and_is_logged_once(souk_url: str, operator: Agent) -> None:
    shop = Shop.open(souk_url, delivery="SHIPPED", inventory_on_hand=2, promised_delivery_seconds=3600)
    customer = Agent.register(souk_url, "CUSTOMER")
    order_id = shop.buy(customer)["order_id"]
    path = f"/v1/operations/orders/{order_id}"
    assert operator.refused("POST", f"{path}/refund", WHY) == (409, "order.not_delivered")
    first = operator.post(f"{path}/cancel", WHY, key=f"cancel-{order_id}")
    assert operator.post(f"{path}/cancel", WHY, key=f"cancel-{order_id}") == first
    assert operator.refused("POST", f"{path}/cancel", WHY) == (409, "order.refunded")
    assert customer.get(f"/v1/orders/{order_id}")["refund_reason"] == "BY_OPERATOR"
    assert customer.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 2
    assert _log(operator) == [("order.cancel", order_id)]


def test_a_refund_voids_the_review_window(souk_url: str, operator: Agent) -> None:
    shop, customer = Shop.open(souk_url), Agent.register(souk_url, "CUSTOMER")
    order_id = shop.buy(customer)["order_id"]
    assert operator.refused("POST", f"/v1/operations/orders/{order_id}/cancel", WHY)[0] == 409
    operator.post(f"/v1/operations/orders/{order_id}/refund", {**WHY, "goods_returned": True})
    assert customer.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 10
    window = eventually(
        lambda: operator.get(f"/v1/operations/processes/review-window/{order_id}"),
        until=lambda found: not found["workflow"]["running"],
    )
    assert (window["projection"]["status"], window["differences"]) == ("VOID", [])
    assert _log(operator) == [("order.refund", order_id)]


def test_a_process_is_shown_without_its_terms(souk_url: str, operator: Agent) -> None:
    shop = Shop.open(souk_url, price_cents=2_000_000)
    offer = shop.offer(Agent.register(souk_url, "CUSTOMER"), 1_337_331, buyer_message="canary-of-the-buyer")
    negotiation = offer["negotiation_id"]
    shown = operator.call("GET", f"/v1/operations/processes/negotiation/{negotiation}")
    assert shown.json()["story"][0]["what"] == "Round 1: the buyer made an offer"
    assert not re.search("1337331|canary", shown.text)
    revealed = operator.post(f"/v1/operations/terms/{negotiation}/reveal", WHY)
    assert revealed["offers"][0]["proposed_price_cents"] == 1_337_331
    assert _log(operator) == [("terms.reveal", negotiation)]
    for nobody in (Agent(souk_url), shop.owner):
        assert nobody.refused("POST", f"/v1/operations/terms/{negotiation}/reveal", WHY)[0] in {401, 403}


def test_a_lost_process_is_woken(souk_url: str, operator: Agent, souk, settings: Settings) -> None:
    from workflows.client import connect

    async def terminate(process_id: str) -> None:
        client = await connect(
            settings.temporal_address, settings.temporal_namespace, settings.payload_keys.get_secret_value()
        )
        await client.get_workflow_handle(process_id).terminate("a test")

    shop = Shop.open(souk_url, delivery="SHIPPED")
    order_id = shop.buy(Agent.register(souk_url, "CUSTOMER"))["order_id"]
    souk.run(terminate(f"order/{order_id}"))
    where = f"/v1/operations/processes/order/{order_id}"
    assert "terminated" in operator.get(where)["differences"][0]
    eventually(
        lambda: [i["why"] for i in operator.get("/v1/operations/attention")["items"] if i["id"] == order_id],
        until=lambda why: why == ["dead letter"],
    )
    operator.post(f"{where}/wake", WHY)
    eventually(lambda: operator.get(where), until=lambda found: not found["differences"])
    shop.owner.post(f"/v1/orders/{order_id}/deliver")
    assert operator.get(where)["projection"]["status"] == "DELIVERED"
