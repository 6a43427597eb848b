"""The public pages in a real browser: live, private, complete, for everyone's hands, eyes and ears."""

import re
import time

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from config.settings import Settings
from tests.browser.chromium import chromium
from tests.browser.conftest import Watched
from tests.browser.restarting import ApiProcess
from tests.e2e.people import Agent, Shop, eventually
from tests.running import RunningSouk


def _live(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("#live")).to_have_text("live")


def _messages(page: Page) -> list[str]:
    return page.locator("#events q").all_inner_texts()


def _events(agent: Agent, query: str, count: int) -> None:
    """Wait until readers of the feed see so many of these events: pages show what may be read, and no more."""
    eventually(lambda: agent.get(f"/v1/activity?limit=100&{query}")["items"], until=lambda found: len(found) >= count)


def _seconds_until_shown(page: Page, *texts: str) -> float:
    began = time.monotonic()
    for text in texts:
        # Looked for at each frame, where expect() would wait longer from look to look.
        page.locator("#events > li", has_text=text).first.wait_for()
    return time.monotonic() - began


def _trade(page: Page, url: str) -> float:
    """A purchase and its review while the page is open: the seconds until each was shown, the longer of the two."""
    shop, customer = Shop.open(url), Agent.register(url, "CUSTOMER")
    shop.ask(customer)
    _live(page, f"{url}/?store_id={shop.store_id}")
    order = customer.post("/v1/orders", {"listing_id": shop.listing_id})
    bought = _seconds_until_shown(page, "bought Brass lamp", "Lamps of the Levant delivered Brass lamp")
    customer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 4, "body": "It burns.", "title": "Bright"})
    reviewed = _seconds_until_shown(page, "★★★★☆")
    expect(page.locator("#events")).to_contain_text("a customer reviewed an order")
    return max(bought, reviewed)


def test_a_trade_appears_on_the_open_page_within_a_second(page: Page, url: str) -> None:
    """The second is demanded. A busy machine delays a trade now and then: one of ten in time is believed."""
    seconds: list[float] = []
    while not seconds or (min(seconds) > 1 and len(seconds) < 10):
        seconds.append(_trade(page, url))
    assert min(seconds) <= 1, seconds


def test_steps_of_trust_add_up_and_name_what_is_behind_them(page: Page, url: str) -> None:
    shop, customer = Shop.open(url), Agent.register(url, "CUSTOMER")
    question = shop.ask(customer)
    shop.owner.post(
        f"/v1/threads/{question['thread_id']}/messages",
        {"body": "A whole night, and then some.", "parent_message_id": question["message_id"]},
    )
    order = customer.post("/v1/orders", {"listing_id": shop.listing_id})
    customer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 5, "body": "Bright.", "as_described": 5})
    eventually(
        lambda: shop.owner.get(f"/v1/stores/{shop.store_id}/trust/events")["items"],
        until=lambda steps: "REVIEW_POSTED" in {step["reason"] for step in steps},
    )
    page.goto(f"{url}/stores/{shop.store_id}")
    start = int(page.locator("tr.start").get_attribute("data-milli") or "")
    steps = [int(step.get_attribute("data-milli") or "") for step in page.locator("tr.step").all()]
    score = int(page.locator("#score").get_attribute("data-milli") or "")
    assert len(steps) >= 3
    assert start + sum(steps) == score == int(page.locator("#sum").get_attribute("data-milli") or "")
    assert score == shop.owner.get(f"/v1/stores/{shop.store_id}/trust")["overall_milli"]
    expect(page.locator("figure.chart svg[role=img]")).to_be_visible()
    for link in ("the review", "the conversation", "the order", "what it read"):
        href = page.get_by_role("link", name=link).first.get_attribute("href") or ""
        place, _, anchor = href.partition("#")
        shown = httpx.get(f"{url}{place or f'/stores/{shop.store_id}'}")
        assert shown.status_code == 200
        assert not anchor or f'id="{anchor}"' in shown.text, (link, href)


def test_no_term_of_an_offer_is_anywhere(watched: Watched, url: str) -> None:
    shop = Shop.open(url, price_cents=2_000_000, inventory_on_hand=9)
    customer = Agent.register(url, "CUSTOMER")
    page = watched.page
    _live(page, f"{url}/?store_id={shop.store_id}")
    thread = shop.ask(customer)
    offer = shop.offer(customer, 1_337_331, buyer_message="canary-of-the-buyer", quantity=3)
    counter = shop.owner.post(
        f"/v1/offers/{offer['offer_id']}/counter",
        {"proposed_price_cents": 1_448_442, "message": "canary-of-the-seller"},
    )
    customer.post(f"/v1/offers/{counter['offer_id']}/accept", {"round": 2})
    customer.post(
        "/v1/offer-references",
        {"offer_id": counter["offer_id"], "thread_id": thread["thread_id"], "public_note": "We have a deal"},
    )
    order = customer.post("/v1/orders", {"offer_id": counter["offer_id"]})
    expect(page.locator("#events")).to_contain_text("was accepted")
    expect(page.locator("#events")).to_contain_text("bought")
    shown = [page.content()]
    for path in (
        "/", f"/stores/{shop.store_id}", f"/listings/{shop.listing_id}", f"/threads/{thread['thread_id']}",
        f"/orders/{order['order_id']}", "/search?q=lamp", "/search?q=canary",
    ):  # fmt: skip
        page.goto(url + path)
        shown.append(page.content())
    expect_canary = re.compile(
        r"1[,.\s]?337[,.\s]?331|13[,.\s]?373[.,]31|1[,.\s]?448[,.\s]?442|14[,.\s]?484[.,]42|canary-of"
    )
    for text in shown:
        assert not expect_canary.search(text)
    with httpx.stream("GET", f"{url}/feed/stream?after=WzAsMF0&store_id={shop.store_id}", timeout=60) as stream:
        seen = ""
        for part in stream.iter_text():
            seen += part
            if "ORDER" in seen or "bought" in seen:
                break
    assert not expect_canary.search(seen)
    for script in ("site.js", "feed.js"):
        assert not expect_canary.search(httpx.get(f"{url}/static/{script}").text)
    page.goto(f"{url}/listings/{shop.listing_id}")
    expect(page.locator("main")).to_contain_text("offer accepted")
    expect(page.locator("main")).to_contain_text("its terms are private")


def test_a_restart_of_the_api_leaves_no_gap_and_no_double(page: Page, settings: Settings, souk: RunningSouk) -> None:
    shop, customer = Shop.open(souk.url), Agent.register(souk.url, "CUSTOMER")
    thread = shop.ask(customer)

    def say(text: str) -> None:
        customer.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": text})

    first = ApiProcess(settings)
    with first:
        _live(page, f"{first.url}/?store_id={shop.store_id}")
        say("one")
        expect(page.locator("#events")).to_contain_text("one")
    expect(page.locator("#live")).to_have_text("reconnecting")
    for text in ("two", "three", "four"):
        say(text)
    with ApiProcess(settings, first.port):
        expect(page.locator("#events")).to_contain_text("four")
        say("five")
        expect(page.locator("#events")).to_contain_text("five")
        assert [text.strip('“”"') for text in _messages(page)][:5] == ["five", "four", "three", "two", "one"]
        page.goto("about:blank")


def test_filter_pause_and_scroll_back(page: Page, url: str) -> None:
    shop, customer = Shop.open(url), Agent.register(url, "CUSTOMER")
    thread = shop.ask(customer)
    for number in range(45):
        customer.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": f"message {number}"})
    # The list holds the most trusted stores: a good review puts this one before those that other tests left.
    order = customer.post("/v1/orders", {"listing_id": shop.listing_id})
    customer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 5, "body": "Bright."})
    _events(customer, f"store_id={shop.store_id}&type=MESSAGE_POSTED", 47)  # the question and the review, too

    def offered() -> int:
        page.goto(url)
        return page.locator(f"select[name=store_id] option[value='{shop.store_id}']").count()

    eventually(offered, until=bool)
    page.get_by_label("Kind").select_option("MESSAGE_POSTED")
    page.locator("select[name=store_id]").select_option(shop.store_id)
    page.get_by_role("button", name="Show").click()
    # The page before it had forty events as well.
    expect(page).to_have_url(re.compile(f"type=MESSAGE_POSTED.*store_id={shop.store_id}"))
    expect(page.locator("#live")).to_have_text("live")
    expect(page.locator("#events > li")).to_have_count(40)
    expect(page.locator("#events .tag")).to_have_text(["message"] * 40)
    page.get_by_role("button", name="Pause").click()
    customer.post(f"/v1/threads/{thread['thread_id']}/messages", {"body": "while you looked away"})
    go_on = page.get_by_role("button", name="Go on (1 new)")
    expect(go_on).to_be_visible()
    assert "while you looked away" not in page.locator("#events").inner_text()
    go_on.click()
    expect(page.locator("#events > li").first).to_contain_text("while you looked away")
    page.get_by_role("link", name="Show older events").click()
    expect(page.locator("#events > li")).to_have_count(48)
    expect(page.locator("#events > li").last).to_contain_text("Does it burn for a whole night?")


def test_a_thread_is_a_tree_and_tells_what_came_before_a_purchase(page: Page, url: str) -> None:
    shop, customer = Shop.open(url), Agent.register(url, "CUSTOMER")
    thread = shop.ask(customer)
    answer = shop.owner.post(
        f"/v1/threads/{thread['thread_id']}/messages",
        {"body": "It does.", "parent_message_id": thread["message_id"]},
    )
    order = customer.post("/v1/orders", {"listing_id": shop.listing_id})
    page.goto(f"{url}/threads/{thread['thread_id']}")
    expect(page.locator(f"#m-{thread['message_id']} .tree #m-{answer['message_id']}")).to_be_visible()
    bought = page.locator("li", has_text="after this message")
    expect(bought.get_by_role("link", name="this message")).to_have_attribute("href", f"#m-{thread['message_id']}")
    bought.get_by_role("link", name="bought").click()
    expect(page).to_have_url(f"{url}/orders/{order['order_id']}")
    expect(page.locator("main")).to_contain_text("Does it burn for a whole night?")


def test_a_journey_by_keyboard_alone(page: Page, url: str) -> None:
    Shop.open(url)
    page.goto(url)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator(":focus")).to_have_text("Search")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("brass lamp")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("“brass lamp”")
    page.wait_for_load_state()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text() == "Brass lamp":
            break
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Brass lamp")
    page.wait_for_load_state()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text() == "Lamps of the Levant":
            break
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Lamps of the Levant")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, url: str, scheme: str) -> None:
    shop, customer = Shop.open(url), Agent.register(url, "CUSTOMER")
    thread = shop.ask(customer)
    shop.owner.ok("PATCH", f"/v1/listings/{shop.listing_id}/price", {"price_cents": 1400, "reason": "Brass fell"})
    order = customer.post("/v1/orders", {"listing_id": shop.listing_id})
    customer.post("/v1/reviews", {"order_id": order["order_id"], "rating": 2, "body": "It smells of olives."})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for path in (
        "/", f"/stores/{shop.store_id}", f"/listings/{shop.listing_id}", f"/threads/{thread['thread_id']}",
        f"/orders/{order['order_id']}", "/search?q=lamp", "/console/sign-in", "/stores/none",
    ):  # fmt: skip
        page.goto(url + path)
        found = Axe().run(page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in {"serious", "critical"}]
        assert not serious, (path, serious)


def test_small_alone_and_quiet(watched: Watched, url: str) -> None:
    """The first page weighs less than 150 KB, asks nobody else, and breaks no policy."""
    Shop.open(url)
    sizes: list[int] = []
    watched.page.on("response", lambda answer: sizes.append(len(answer.body())) if "stream" not in answer.url else None)
    _live(watched.page, url)
    watched.page.wait_for_timeout(300)  # for what a page asks for after it has loaded
    assert 0 < sum(sizes) < 150_000
    assert {request.url.split("/")[2] for request in watched.requests} == {url.split("/")[2]}
    assert watched.complaints == []
    policy = httpx.get(url).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<style|style=|<script(?![^>]*src=)|onclick|onload", httpx.get(url).text)


def test_readable_with_scripts_off(playwright: Playwright, url: str) -> None:
    shop, customer = Shop.open(url), Agent.register(url, "CUSTOMER")
    shop.ask(customer)
    with chromium(playwright, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{url}/?store_id={shop.store_id}")
        expect(page.locator("#events")).to_contain_text("Does it burn for a whole night?")
        expect(page.locator("#events time").first).to_contain_text("UTC")
        expect(page.get_by_role("button", name="Pause")).to_be_hidden()


def test_a_phone_does_not_scroll_sideways(browser: BrowserContext, url: str) -> None:
    shop, customer = Shop.open(url), Agent.register(url, "CUSTOMER")
    thread = shop.ask(customer)
    page = browser.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/", f"/stores/{shop.store_id}", f"/listings/{shop.listing_id}", f"/threads/{thread['thread_id']}"):
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.close()


def test_times_are_in_the_viewers_zone(playwright: Playwright, url: str) -> None:
    shop = Shop.open(url)
    with chromium(playwright, timezone_id="Asia/Tokyo", locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"{url}/stores/{shop.store_id}")
        shown = page.locator("header.title time")
        expect(shown).to_have_attribute("title", re.compile(r"GMT\+9|JST"))
