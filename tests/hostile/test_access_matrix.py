"""Every route × every kind of caller, compared with the table below. A route without a row fails.

Rows say who gets past the gate and what the others hear. ``ok`` is any answer that is no refusal of the caller:
success, or a refusal of the request itself (404 of a made-up id, 409, 422), because bodies here are empty.
Everything the table does not name gets through.
"""

import re

import httpx
import pytest

from tests.hostile.callers import KINDS, Callers

OK = "ok"
_WORDS = {401: "401", 403: "403", 404: "404"}


def row(**answers: str) -> dict[str, str]:
    """By caller, in KINDS' names with ``_`` for a blank; ``others`` for those who are not named."""
    others = answers.pop("others", OK)
    named = {kind: answers.get(kind.replace(" ", "_"), others) for kind in KINDS}
    # A key that was revoked is worth nothing anywhere.
    return named | {"revoked key": answers.get("revoked_key", "401")}


PUBLIC = row()
AGENT = row(none="401", operator="403")
CUSTOMER = row(none="401", operator="403", merchant="403", foreign_merchant="403")
MERCHANT = row(none="401", operator="403", customer="403", foreign_customer="403")
OWNER = MERCHANT | {"foreign merchant": "403"}
PARTY = AGENT | {"foreign customer": "404", "foreign merchant": "404"}
BUYER = PARTY | {"merchant": "404"}
SELLER = PARTY | {"customer": "404"}
# The customer's own.
HOLDER = PARTY | {"merchant": "404"}
# A platform that did not sign is nobody; a customer's key acts for that customer.
SHOPPER = CUSTOMER | {"foreign customer": "404"}
OPERATOR = row(none="401", others="403", operator=OK)
UNGATED = row(revoked_key=OK)

TABLE: dict[str, dict[str, str]] = {
    "POST /v1/agents": PUBLIC,
    "GET /v1/agents/me": AGENT,
    "GET /v1/agents/me/keys": AGENT,
    "POST /v1/agents/me/keys": AGENT,
    "DELETE /v1/agents/me/keys/{key_id}": AGENT,
    "GET /v1/agents/me/limits": CUSTOMER,
    "PUT /v1/agents/me/limits": CUSTOMER,
    "GET /v1/agents/{agent_id}": PUBLIC,
    "POST /v1/stores": MERCHANT,
    "GET /v1/stores": PUBLIC,
    "PATCH /v1/stores/{store_id}": OWNER,
    "GET /v1/stores/{store_id}": PUBLIC,
    "PATCH /v1/stores/{store_id}/policies": OWNER,
    "PUT /v1/stores/{store_id}/price-list": OWNER,
    "PUT /v1/stores/{store_id}/blocks/{agent_id}": OWNER,
    "DELETE /v1/stores/{store_id}/blocks/{agent_id}": OWNER,
    "GET /v1/stores/{store_id}/blocks": OWNER,
    "GET /v1/stores/{store_id}/price-list": OWNER,
    "GET /v1/stores/{store_id}/delivery-countries": PUBLIC,
    "GET /v1/stores/{store_id}/updates": PUBLIC,
    "GET /v1/stores/{store_id}/trust": PUBLIC,
    "GET /v1/stores/{store_id}/trust/events": PUBLIC,
    "GET /v1/stores/{store_id}/trust/events.csv": PUBLIC,
    "POST /v1/products": OWNER,
    "GET /v1/products": PUBLIC,
    "PATCH /v1/products/{product_id}": OWNER,
    "GET /v1/products/{product_id}": PUBLIC,
    "POST /v1/listings": OWNER,
    "GET /v1/listings": PUBLIC,
    "PATCH /v1/listings/{listing_id}/price": OWNER,
    "PATCH /v1/listings/{listing_id}/inventory": OWNER,
    "PATCH /v1/listings/{listing_id}/status": OWNER,
    "PUT /v1/listings/{listing_id}/limits": OWNER,
    "GET /v1/listings/{listing_id}/limits": OWNER,
    "GET /v1/listings/{listing_id}": PUBLIC,
    "POST /v1/threads": AGENT,
    "GET /v1/threads": PUBLIC,
    "POST /v1/threads/{thread_id}/messages": AGENT,
    "GET /v1/threads/{thread_id}/messages": PUBLIC,
    "POST /v1/offer-references": PARTY,
    "GET /v1/threads/{thread_id}": PUBLIC,
    "GET /v1/listings/{listing_id}/review-thread": PUBLIC,
    "GET /v1/listings/{listing_id}/gating": CUSTOMER,
    "POST /v1/offers": CUSTOMER,
    "GET /v1/offers": AGENT,
    "POST /v1/offers/{offer_id}/counter": PARTY,
    "POST /v1/offers/{offer_id}/accept": PARTY,
    "POST /v1/offers/{offer_id}/reject": PARTY,
    "POST /v1/offers/{offer_id}/withdraw": PARTY,
    "GET /v1/offers/{offer_id}": PARTY,
    "POST /v1/orders": CUSTOMER,
    "GET /v1/orders": AGENT,
    "GET /v1/orders.csv": AGENT,
    "POST /v1/orders/{order_id}/payment": SELLER,
    "POST /v1/orders/{order_id}/deliver": SELLER,
    "POST /v1/orders/{order_id}/decline": SELLER,
    "POST /v1/orders/{order_id}/cancel": BUYER,
    "POST /v1/orders/{order_id}/refund-request": BUYER,
    "POST /v1/orders/{order_id}/refund-decision": SELLER,
    "POST /v1/orders/{order_id}/appeal": BUYER,
    "GET /v1/orders/{order_id}": PARTY,
    "GET /v1/orders/{order_id}/destination": PARTY,
    "POST /v1/reviews": CUSTOMER | {"foreign customer": "404"},
    "GET /v1/reviews/{review_id}": PUBLIC,
    "GET /v1/activity": PUBLIC,
    "GET /v1/activity/stream": PUBLIC,
    "GET /v1/inbox": AGENT,
    "GET /v1/inbox/stream": AGENT,
    "POST /v1/webhooks": AGENT,
    "GET /v1/webhooks": AGENT,
    "POST /v1/webhooks/{webhook_id}/rotate-secret": HOLDER,
    "POST /v1/webhooks/{webhook_id}/test": HOLDER,
    "GET /v1/webhooks/{webhook_id}/dead-letters": HOLDER,
    "POST /v1/webhooks/{webhook_id}/replay": HOLDER,
    "PATCH /v1/webhooks/{webhook_id}": HOLDER,
    "GET /v1/webhooks/{webhook_id}": HOLDER,
    "DELETE /v1/webhooks/{webhook_id}": HOLDER,
    "GET /v1/leaderboard": PUBLIC,
    "GET /v1/spotlight": PUBLIC,
    "GET /v1/search": PUBLIC,
    "GET /.well-known/ucp": PUBLIC,
    "POST /catalog/search": PUBLIC,
    "POST /catalog/lookup": PUBLIC,
    "POST /catalog/product": PUBLIC,
    "POST /carts": CUSTOMER,
    "GET /carts/{cart_id}": SHOPPER,
    "PUT /carts/{cart_id}": SHOPPER,
    "POST /carts/{cart_id}/cancel": SHOPPER,
    "POST /checkout-sessions": CUSTOMER,
    "GET /checkout-sessions/{checkout_id}": SHOPPER,
    "PUT /checkout-sessions/{checkout_id}": SHOPPER,
    "POST /checkout-sessions/{checkout_id}/complete": SHOPPER,
    "POST /checkout-sessions/{checkout_id}/cancel": SHOPPER,
    "GET /orders/{order_group_id}": SHOPPER,
    "POST /v1/operations/expire-offers": OPERATOR,
    "POST /v1/operations/audit": OPERATOR,
    "GET /v1/operations/attention": OPERATOR,
    "GET /v1/operations/processes/{kind}/{id}": OPERATOR,
    "GET /v1/operations/audit-log": OPERATOR,
    "GET /v1/operations/audit-log.csv": OPERATOR,
    "POST /v1/operations/orders/{order_id}/cancel": OPERATOR,
    "POST /v1/operations/orders/{order_id}/refund": OPERATOR,
    "POST /v1/operations/orders/{order_id}/appeal-decision": OPERATOR,
    "POST /v1/operations/stores/{store_id}/close": OPERATOR,
    "POST /v1/operations/messages/{message_id}/hide": OPERATOR,
    "POST /v1/operations/messages/{message_id}/show": OPERATOR,
    "POST /v1/operations/keys/{key_id}/revoke": OPERATOR,
    "POST /v1/operations/stores/{store_id}/nudge-trust": OPERATOR,
    "POST /v1/operations/processes/{kind}/{id}/wake": OPERATOR,
    "POST /v1/operations/terms/{id}/reveal": OPERATOR,
    "POST /v1/operators/session": OPERATOR,
    "POST /codec/encode": OPERATOR,
    "POST /codec/decode": OPERATOR,
    "GET /healthz": UNGATED,
    "GET /readyz": UNGATED,
    "GET /readyz/reads": UNGATED,
    "GET /metrics": UNGATED,
    "GET /problems/{code}": UNGATED,
    "GET /.well-known/oauth-protected-resource": PUBLIC,
    "GET /.well-known/oauth-protected-resource/mcp": PUBLIC,
    "GET /.well-known/agent-card.json": PUBLIC,
    "POST /a2a": PUBLIC,
    "POST /mcp": AGENT,
    "GET /mcp": AGENT,
    "DELETE /mcp": AGENT,
}
# Not REST, so not in its document.
BESIDE = {route for route in TABLE if route.endswith((" /mcp", " /a2a"))}
# Bodies that pass the schema, where the caller is looked at after it.
BODIES: dict[str, dict[str, object]] = {
    "PATCH /v1/stores/{store_id}": {"tagline": "mine now"},
    "PATCH /v1/stores/{store_id}/policies": {"return_policy_text": "None.", "reason": "mine now"},
    "PATCH /v1/products/{product_id}": {"title": "Mine now", "reason": "mine now"},
    "PATCH /v1/listings/{listing_id}/price": {"price_cents": 1_400, "reason": "mine now"},
    "PATCH /v1/listings/{listing_id}/inventory": {"delta": 1},
    "PATCH /v1/listings/{listing_id}/status": {"status": "ACTIVE"},
    "PUT /v1/listings/{listing_id}/limits": {},
    "PUT /v1/stores/{store_id}/price-list": {},
    "PUT /v1/stores/{store_id}/blocks/{agent_id}": {"reason": "mine now"},
    "POST /v1/products": {"store_id": "{store_id}", "title": "Mine now", "description": "Mine."},
    "POST /v1/listings": {"product_id": "{product_id}", "price_cents": 5, "inventory_on_hand": 1},
    "POST /v1/offer-references": {"offer_id": "{offer_id}", "thread_id": "{thread_id}"},
    "PUT /carts/{cart_id}": {"line_items": [{"item": {"id": "{listing_id}"}, "quantity": 1}]},
    "POST /v1/offers/{offer_id}/counter": {"proposed_price_cents": 1},
    "POST /v1/orders/{order_id}/decline": {"reason": "mine now"},
    "POST /v1/orders/{order_id}/appeal": {"reason": "mine now"},
    "POST /v1/orders/{order_id}/refund-decision": {"approve": True},
    "POST /v1/webhooks/{webhook_id}/replay": {"cursor": "WzEsMV0"},
    "POST /v1/reviews": {"order_id": "{order_id}", "rating": 1, "body": "Mine now."},
}  # fmt: skip
NOWHERE = "01920000-0000-7000-8000-00000000dead"
# Last, because they end what the others look at.
_ENDS = ("cancel", "close", "revoke", "withdraw", "reject", "accept", "DELETE")


def routes(document: dict[str, dict[str, dict[str, object]]]) -> set[str]:
    return BESIDE | {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


def heard(answer: httpx.Response) -> str:
    """What an answer tells; that there is nothing is an outcome in the commerce protocol, and so a 200."""
    said = answer.json() if answer.status_code == 200 and b'"status": "error"' in answer.content else {}
    nothing = any(message["code"] == "not_found" for message in said.get("messages", ()))
    return _WORDS.get(404 if nothing else answer.status_code, OK)


def filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: values[found[1]], text)


def test_every_route_has_a_row_and_every_row_a_route(callers: Callers) -> None:
    there = routes(callers.agents["none"].get("/openapi.json"))
    assert there - set(TABLE) == set(), "routes without a row: say in TABLE who may call them"
    assert set(TABLE) - there == set(), "rows without a route"


@pytest.mark.parametrize("kind", KINDS)
def test_the_matrix(callers: Callers, kind: str) -> None:
    there = routes(callers.agents["none"].get("/openapi.json"))
    wrong = []
    for route in sorted(there & set(TABLE), key=lambda name: (any(end in name for end in _ENDS), name)):
        method, path = route.split(" ")
        if path.endswith("/stream"):
            continue  # does not end; its gate is the list's beside it, and the feed's tests call it
        # Who may, meets made-up things where a real call would change what later rows need.
        own = TABLE[route][kind] == OK and method != "GET"
        known = callers.ids | {"kind": "order", "id": callers.ids["order_id"]}
        address = filled(path, dict.fromkeys(known, NOWHERE) | {"kind": "order"} if own else known)
        body = {
            name: filled(value, known) if isinstance(value, str) else value
            for name, value in BODIES.get(route, {}).items()
        }
        answer = callers.call(kind, method, address, (None if own else body) if method != "GET" else None)
        assert answer.status_code < 500, (kind, route, answer.text)
        found = heard(answer)
        if own and found == _WORDS[404]:
            found = OK  # past the gate, and nothing is there
        if found != TABLE[route][kind]:
            wrong.append((route, "wanted", TABLE[route][kind], "got", answer.status_code, answer.text[:160]))
    assert not wrong, "\n".join(map(str, wrong))
