"""The console in a real browser: it says what is stuck, does what it says, and writes down who and why."""

import re
from typing import Any

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from config.settings import Settings
from tests.browser.conftest import make_operator_key
from tests.e2e.people import Agent, Shop, eventually
from tests.running import RunningSouk
from workflows.client import connect

WHY = "Ticket 812: the seller went away"


@pytest.fixture(scope="module")
def key(settings: Settings) -> str:
    return make_operator_key(settings, "Ada of the night shift")


@pytest.fixture
def operator(url: str, key: str) -> Agent:
    return Agent(url, key)


@pytest.fixture
def console(browser: BrowserContext, url: str, key: str) -> Page:
    page = browser.new_page()
    page.goto(f"{url}/console")
    if page.url.endswith("/sign-in"):
        page.get_by_label("Operator's key").fill(key)
        page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("What needs attention")
    return page


def _shown(page: Page, url: str, *texts: str) -> None:
    """Open a page until it shows this: it does not change by itself, and what it shows takes its moment."""

    def look() -> str:
        page.goto(url)
        return page.locator("main").inner_text()

    eventually(look, until=lambda shown: all(text in shown for text in texts))


def _do(page: Page, button: str) -> None:
    """Follow an action from where it is offered, give the reason, and confirm."""
    page.get_by_role("link", name=button, exact=True).click()
    page.get_by_label(re.compile("Why")).fill(WHY)
    page.locator("main").get_by_role("button").click()
    expect(page.locator("h1")).to_contain_text("done")


def _logged(operator: Agent, action: str, entity: str | None = None) -> dict[str, Any]:
    entries = operator.get("/v1/operations/audit-log?limit=200")["items"]
    found = [e for e in entries if e["action"] == action and (entity is None or e["meta"].get("entity") == entity)]
    assert found, (action, entity)
    assert found[0]["operator"] == "Ada of the night shift"
    assert found[0]["reason"] == WHY
    return dict(found[0])


def test_without_a_key_there_is_only_the_form(browser: BrowserContext, url: str, key: str) -> None:
    customer = Agent.register(url, "CUSTOMER")
    for path in ("/console", "/console/log", "/console/metrics", "/console/act/expire-offers"):
        answer = httpx.get(url + path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    own = {"Origin": url}
    for wrong in ("souk_nonsense", str(customer.key)):
        refused = httpx.post(f"{url}/console/sign-in", data={"key": wrong}, headers=own)
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers
    foreign = httpx.post(f"{url}/console/sign-in", data={"key": key}, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403
    good = httpx.post(f"{url}/console/sign-in", data={"key": key}, headers=own)
    cookie = good.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/console" in cookie
    jar = {"souk_console": good.cookies["souk_console"]}
    form = {"reason": WHY, "command_id": "01890000-0000-7000-8000-000000000000"}
    for headers in ({"Origin": "https://elsewhere.example"}, {}):
        sent = httpx.post(f"{url}/console/act/expire-offers", data=form, headers=headers, cookies=jar)
        assert sent.status_code == 403


def test_cancel_an_order(console: Page, url: str, operator: Agent) -> None:
    shop = Shop.open(url, delivery="SHIPPED", inventory_on_hand=3, promised_delivery_seconds=3600)
    order = shop.buy(Agent.register(url, "CUSTOMER"))
    _shown(console, f"{url}/console/processes/order/{order['order_id']}", "They agree.", "The order was placed")
    console.goto(f"{url}/console")
    console.get_by_label("Id of a negotiation").fill(order["order_id"])
    console.get_by_role("button", name="Find").click()
    expect(console.locator("main")).to_contain_text("They agree.")
    expect(console.locator("main")).to_contain_text("The order was placed")
    _do(console, "Cancel the order")
    after = operator.get(f"/v1/operations/processes/order/{order['order_id']}")
    assert (after["projection"]["status"], after["projection"]["refund_reason"]) == ("REFUNDED", "BY_OPERATOR")
    assert operator.get(f"/v1/listings/{shop.listing_id}")["inventory_on_hand"] == 3
    _logged(operator, "order.cancel", order["order_id"])
    done = eventually(
        lambda: operator.get(f"/v1/operations/processes/order/{order['order_id']}"),
        until=lambda p: not p["differences"],
    )
    assert done["workflow"]["status"] == "completed"


def test_refund_an_order_once(console: Page, url: str, operator: Agent) -> None:
    shop = Shop.open(url)
    customer = Agent.register(url, "CUSTOMER")
    order = shop.buy(customer)
    console.goto(f"{url}/console/processes/order/{order['order_id']}")
    _do(console, "Refund the order")
    assert customer.get(f"/v1/orders/{order['order_id']}")["status"] == "REFUNDED"
    _logged(operator, "order.refund", order["order_id"])
    again = operator.call("POST", f"/v1/operations/orders/{order['order_id']}/refund", {"reason": WHY})
    assert (again.status_code, again.json()["code"]) == (409, "order.refunded")


def test_close_a_store(console: Page, url: str, operator: Agent) -> None:
    shop = Shop.open(url)
    customer = Agent.register(url, "CUSTOMER")
    offer = shop.offer(customer, 1000)
    console.goto(f"{url}/console/processes/store-trust/{shop.store_id}")
    _do(console, "Close the store")
    assert operator.get(f"/v1/stores/{shop.store_id}")["status"] == "CLOSED"
    closed = eventually(
        lambda: customer.get(f"/v1/offers/{offer['offer_id']}"), until=lambda found: found["status"] != "PROPOSED"
    )
    assert (closed["status"], closed["close_reason"]) == ("CANCELLED", "STORE_CLOSED")
    _logged(operator, "store.close", shop.store_id)


def test_revoke_a_key(console: Page, url: str, operator: Agent) -> None:
    shop = Shop.open(url)
    console.goto(f"{url}/console/processes/store-trust/{shop.store_id}")
    console.get_by_role("link", name="The merchant's keys").click()
    _do(console, "Revoke")
    assert shop.owner.refused("GET", "/v1/agents/me") == (401, "auth.invalid_key")
    _logged(operator, "key.revoke")


def test_nudge_trust_and_expire_offers(console: Page, url: str, operator: Agent) -> None:
    shop = Shop.open(url)
    events = f"/v1/stores/{shop.store_id}/trust/events"
    eventually(lambda: shop.owner.get(events)["items"], until=bool)
    _shown(console, f"{url}/console/processes/store-trust/{shop.store_id}", "the policies were read anew")
    _do(console, "Nudge trust")
    _logged(operator, "trust.nudge", shop.store_id)
    console.goto(f"{url}/console")
    _do(console, "Expire offers now")
    _logged(operator, "offers.expire")
    console.goto(f"{url}/console/log")
    expect(console.locator("main")).to_contain_text(WHY)
    expect(console.locator("main")).to_contain_text("Ada of the night shift")


def test_what_is_stuck_is_named_with_the_action_that_helps(
    console: Page, url: str, operator: Agent, owner_url: str
) -> None:
    """A process that died under an open order is marked, and waking it starts it anew."""
    shop = Shop.open(url, delivery="SHIPPED", promised_delivery_seconds=3600)

    def row_of(order_id: str) -> Locator:
        return console.locator("tr", has=console.locator(f"a[href='/console/processes/order/{order_id}']"))

    def overdue() -> Any:
        order = shop.buy(Agent.register(url, "CUSTOMER"))
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute(
                "UPDATE orders SET remind_at = now() - interval '1 hour', promised_at = now() - interval '10 minutes'"
                " WHERE order_id = %s",
                [order["order_id"]],
            )
        console.goto(f"{url}/console")
        return order if row_of(order["order_id"]).count() else None

    # The sweep, which comes now and then, may have mended it before anybody looked: then once more.
    order = eventually(overdue, until=bool)
    row = row_of(order["order_id"]).first
    expect(row).to_contain_text("overdue")
    expect(row).to_contain_text("the merchant's delivery")
    row.get_by_role("link", name="Wake").click()
    console.get_by_label(re.compile("Why")).fill(WHY)
    console.locator("main").get_by_role("button").click()
    expect(console.locator("h1")).to_contain_text("done")
    woken = eventually(
        lambda: operator.get(f"/v1/operations/processes/order/{order['order_id']}"),
        until=lambda found: found["projection"]["status"] == "REFUNDED",
    )
    assert woken["projection"]["refund_reason"] == "DELIVERY_MISSED"
    _logged(operator, "process.wake", order["order_id"])

    def listed() -> int:
        console.goto(f"{url}/console")
        return console.locator(f"a[href='/console/processes/order/{order['order_id']}']").count()

    eventually(listed, until=lambda count: count == 0)


async def _terminate(settings: Settings, process_id: str) -> None:
    client = await connect(
        settings.temporal_address, settings.temporal_namespace, settings.payload_keys.get_secret_value()
    )
    await client.get_workflow_handle(process_id).terminate("a test")


def test_a_dead_process_differs_from_its_projection_until_it_is_woken(
    console: Page, url: str, operator: Agent, souk: RunningSouk, settings: Settings
) -> None:
    shop = Shop.open(url, delivery="SHIPPED")
    order = shop.buy(Agent.register(url, "CUSTOMER"))
    souk.run(_terminate(settings, f"order/{order['order_id']}"))
    _shown(console, f"{url}/console/processes/order/{order['order_id']}", "the workflow is terminated")
    expect(console.get_by_role("alert")).to_contain_text("the workflow is terminated")
    eventually(
        lambda: [
            item["why"] for item in operator.get("/v1/operations/attention")["items"] if item["id"] == order["order_id"]
        ],
        until=lambda why: why == ["dead letter"],
    )
    console.goto(f"{url}/console")
    row = console.locator("tr", has=console.locator(f"a[href='/console/processes/order/{order['order_id']}']")).first
    expect(row).to_contain_text("dead letter")
    row.get_by_role("link", name="Wake").click()
    console.get_by_label(re.compile("Why")).fill(WHY)
    console.locator("main").get_by_role("button").click()
    expect(console.locator("h1")).to_contain_text("done")
    _shown(console, f"{url}/console/processes/order/{order['order_id']}", "They agree.")
    shop.owner.post(f"/v1/orders/{order['order_id']}/deliver")


def test_terms_stay_hidden_until_a_reason_is_in_the_log(console: Page, url: str, operator: Agent) -> None:
    shop = Shop.open(url, price_cents=2_000_000)
    offer = shop.offer(Agent.register(url, "CUSTOMER"), 1_337_331, buyer_message="canary-of-the-buyer")
    where = f"{url}/console/processes/negotiation/{offer['negotiation_id']}"
    console.goto(where)
    canary = re.compile(r"1337331|13,373\.31|canary-of")
    assert not canary.search(console.content())
    assert not canary.search(
        operator.call("GET", f"/v1/operations/processes/negotiation/{offer['negotiation_id']}").text
    )
    assert operator.refused("GET", f"/v1/offers/{offer['offer_id']}")[0] in {403, 404}
    console.get_by_role("link", name="Reveal its terms").click()
    console.get_by_role("button", name="Show the terms").click()
    expect(console.locator("main")).not_to_contain_text("$13,373.31")  # the browser asks for the reason first
    console.get_by_label(re.compile("Why")).fill(WHY)
    console.get_by_role("button", name="Show the terms").click()
    expect(console.locator("main")).to_contain_text("$13,373.31")
    expect(console.locator("main")).to_contain_text("canary-of-the-buyer")
    _logged(operator, "terms.reveal", offer["negotiation_id"])


def test_metrics_are_those_of_the_endpoint(console: Page, url: str) -> None:
    console.goto(f"{url}/console/metrics")
    shown = console.locator("main").inner_text()
    for name in ("souk_db_connections_in_use", "souk_db_pool_size", "souk_tasks_waiting", "souk_oldest_task_waits"):
        assert name in shown
        assert name in httpx.get(f"{url}/metrics").text
    assert "/v1/orders" in shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(console: Page, url: str, scheme: str) -> None:
    shop = Shop.open(url, delivery="SHIPPED")
    order = shop.buy(Agent.register(url, "CUSTOMER"))
    console.emulate_media(color_scheme=scheme)
    for path in (
        "", f"/processes/order/{order['order_id']}", f"/processes/store-trust/{shop.store_id}", "/log", "/metrics",
        f"/act/cancel-order?target={order['order_id']}", f"/reveal/{order['order_id']}",
        f"/agents/{shop.owner.agent_id}",
    ):  # fmt: skip
        console.goto(f"{url}/console{path}")
        found = Axe().run(console).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in {"serious", "critical"}]
        assert not serious, (path, serious)
