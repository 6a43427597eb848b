"""Goods to nowhere at a cheap rate, and what the commerce protocol's answers say of business and of mistakes."""

from typing import Any

import httpx

from db.platform.ids import new_id
from souk.drills.attack.callers import HOME
from souk.drills.attack.findings import PLATFORM, Findings, Target
from souk.drills.people import Agent, Shop

_RATES = [
    {"option_id": "std", "title": "Standard", "service_level": "standard", "price_cents": 500},
    {"option_id": "hk", "title": "Standard", "service_level": "standard", "country": "HK", "price_cents": 9_000},
]
_HONG_KONG = {"postal_code": None, "address_region": "Kowloon", "address_locality": "Kowloon"}


def _shop(target: Target, **listing: Any) -> tuple[Shop, Agent]:
    shop = Shop.open(target.url, delivery="SHIPPED", **listing)
    shop.owner.ok("PUT", f"/v1/stores/{shop.store_id}/price-list", {"rates": _RATES})
    customer = target.customer()
    shop.ask(customer)
    customer.http.headers.update(PLATFORM)
    return shop, customer


def _session(shop: Shop, customer: Agent, option: str, place: dict[str, Any]) -> Any:
    destination = {name: value for name, value in place.items() if value is not None}
    way = {
        "type": "shipping", "destinations": [destination], "selected_destination_id": destination["id"],
        "groups": [{"selected_option_id": option}],
    }  # fmt: skip
    body = {"line_items": [{"item": {"id": shop.listing_id}, "quantity": 1}], "fulfillment": {"methods": [way]}}
    return customer.post("/checkout-sessions", body)


def _delivery(session: Any) -> list[int]:
    return [each["amount"] for each in session["totals"] if each["type"] == "fulfillment"]


def _invalid(session: Any) -> set[str]:
    """Fields of the address that are called invalid."""
    paths = [each["path"] for each in session.get("messages", ()) if each["code"] == "address_invalid"]
    return {path.rsplit(".", 1)[1] for path in paths}


def send_to_nowhere(target: Target, found: Findings) -> None:
    shop, customer = _shop(target)
    for country in ("HKG", "Hong Kong", "UK", "XK", "840"):
        session = _session(shop, customer, "std", {**HOME, "address_country": country})
        right: tuple[str, list[int], set[str]] = ("incomplete", [], {"address_country"})
        seen = (session["status"], _delivery(session), _invalid(session))
        found.expect(f"{country!r} is no country, and has no rate", seen, right)
        _cannot_complete(found, customer, session, country)
    bare = _session(shop, customer, "std", {"id": "home", "address_country": "us"})
    missing = {"street_address", "address_locality", "address_region", "postal_code", "full_name"}
    found.expect("a country alone is no address", (bare["status"], _invalid(bare)), ("incomplete", missing))
    _cannot_complete(found, customer, bare, "us alone")
    wrong = _session(shop, customer, "std", {**HOME, "postal_code": "M5V 2H1"})
    found.expect("another country's postal code", (wrong["status"], _invalid(wrong)), ("incomplete", {"postal_code"}))
    for country in ("HK", " hk "):
        dear = _session(shop, customer, "hk", {**HOME, **_HONG_KONG, "address_country": country})
        told = (dear["status"], _delivery(dear))
        found.expect(f"{country!r} has its own rate", told, ("ready_for_complete", [9_000]))
    cheap = _session(shop, customer, "std", {**HOME, **_HONG_KONG, "address_country": "HK"})
    found.expect("it does not have that of everywhere", _delivery(cheap), [])
    home = _session(shop, customer, "std", HOME)
    found.expect("a whole address is ready", (home["status"], _delivery(home)), ("ready_for_complete", [500]))
    found.expect("nothing was sold", customer.get("/v1/orders")["items"], [])


def _cannot_complete(found: Findings, customer: Agent, session: Any, what: str) -> None:
    answer = customer.call("POST", f"/checkout-sessions/{session['id']}/complete", {})
    found.expect(f"nothing is sent to {what!r}", _outcome(answer), (200, "error", "checkout_fulfillment_missing"))


def _outcome(answer: httpx.Response) -> tuple[int, Any, Any]:
    """Status, what the document calls itself, and the code of its first message."""
    try:
        document = answer.json()
        codes = [message["code"] for message in document.get("messages", ())]
        return answer.status_code, document["ucp"]["status"], codes[0] if codes else None
    except (ValueError, LookupError, TypeError):
        return answer.status_code, answer.text[:100], None


def hear_of_business(target: Target, found: Findings) -> None:
    """What the shop cannot do is an outcome: 200, ``ucp.status`` error, and messages. Mistakes are 4xx."""
    (shop, customer), (empty, _) = _shop(target), _shop(target, inventory_on_hand=0)
    line = {"item": {"id": shop.listing_id}, "quantity": 1}
    for path in ("/carts", "/checkout-sessions"):
        sold_out = customer.call("POST", path, {"line_items": [{"item": {"id": empty.listing_id}, "quantity": 1}]})
        found.expect(f"POST {path}, sold out", _outcome(sold_out), (200, "error", "out_of_stock"))
        for unknown in ("no_such_item", str(new_id())):
            answer = customer.call("POST", path, {"line_items": [line, {"item": {"id": unknown}, "quantity": 1}]})
            found.expect(f"POST {path}, an unknown item", _outcome(answer), (200, "error", "not_found"))
        codes = [f"CODE{number}" for number in range(11)]
        answer = customer.call("POST", path, {"line_items": [line], "discounts": {"codes": codes}})
        too_many = (200, "error", "checkout_too_many_discount_codes")
        found.expect(f"POST {path}, eleven codes", _outcome(answer), too_many)
        told = "at most 10 discount codes" in answer.text
        found.expect(f"POST {path}, it says how many codes there may be", told, True)
        answer = customer.call("POST", path, {"line_items": [line], "discounts": {"codes": codes[:10]}})
        found.expect(f"POST {path}, ten codes", answer.status_code, 201)
        mistake = customer.call("POST", path, {"line_items": [{**line, "quantity": -1}]})
        found.expect(f"POST {path}, a quantity below zero is a mistake", mistake.status_code, 422)
    session = _session(shop, customer, "std", HOME)
    path = f"/checkout-sessions/{session['id']}"
    done = customer.call("POST", f"{path}/complete", {})
    found.expect("a session that is ready is completed", _outcome(done), (200, "success", None))
    over = customer.call("POST", f"{path}/complete", {})
    found.expect("a session that is over", _outcome(over), (200, "error", "checkout_over"))
    nowhere = customer.call("GET", f"/checkout-sessions/{new_id()}")
    found.expect("a session that is not there", _outcome(nowhere), (200, "error", "not_found"))
