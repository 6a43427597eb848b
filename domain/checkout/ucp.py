"""The version of the Universal Commerce Protocol that Souk speaks, its capabilities, and their negotiation.

The business selects: active is what both sides have at a version both have, without extensions whose parents
are missing. Invariant: an answer names no capability that was not negotiated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

VERSION = "2026-04-08"
SERVICE = "dev.ucp.shopping"
CHECKOUT = "dev.ucp.shopping.checkout"
CART = "dev.ucp.shopping.cart"
ORDER = "dev.ucp.shopping.order"
SEARCH = "dev.ucp.shopping.catalog.search"
LOOKUP = "dev.ucp.shopping.catalog.lookup"
FULFILLMENT = "dev.ucp.shopping.fulfillment"
DISCOUNT = "dev.ucp.shopping.discount"
BUYER_CONSENT = "dev.ucp.shopping.buyer_consent"
_SITE = f"https://ucp.dev/{VERSION}"


@dataclass(frozen=True, slots=True)
class Capability:
    """One that Souk has. ``page`` and ``schema`` are paths under the protocol's site."""

    page: str
    schema: str
    extends: tuple[str, ...] = ()

    def described(self) -> dict[str, Any]:
        """As the discovery document tells it."""
        told: dict[str, Any] = {
            "version": VERSION,
            "spec": f"{_SITE}/specification/{self.page}",
            "schema": f"{_SITE}/schemas/shopping/{self.schema}.json",
        }
        if self.extends:
            told["extends"] = self.extends[0] if len(self.extends) == 1 else list(self.extends)
        return told


CAPABILITIES: Mapping[str, Capability] = {
    CHECKOUT: Capability("checkout", "checkout"),
    FULFILLMENT: Capability("fulfillment", "fulfillment", (CHECKOUT,)),
    DISCOUNT: Capability("discount", "discount", (CHECKOUT, CART)),
    BUYER_CONSENT: Capability("buyer-consent", "buyer_consent", (CHECKOUT,)),
    CART: Capability("cart", "cart"),
    ORDER: Capability("order", "order"),
    SEARCH: Capability("catalog/search", "catalog_search"),
    LOOKUP: Capability("catalog/lookup", "catalog_lookup"),
}


def service_described(endpoint: str) -> dict[str, Any]:
    """The REST binding of the shopping service at ``endpoint``."""
    return {
        "version": VERSION,
        "spec": f"{_SITE}/specification/overview",
        "transport": "rest",
        "schema": f"{_SITE}/services/shopping/rest.openapi.json",
        "endpoint": endpoint,
    }


def decide_capabilities(offered: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The active ones of a platform that offers these, each with the versions it has."""
    active = {name for name in CAPABILITIES if VERSION in set(offered.get(name, ()))}
    while orphans := {
        name for name in active if (parents := CAPABILITIES[name].extends) and not active.intersection(parents)
    }:
        active -= orphans
    return frozenset(active)


def relevant_capabilities(active: frozenset[str], root: str) -> dict[str, list[dict[str, str]]]:
    """What an answer of an operation of ``root`` says is active: the root and its active extensions."""
    return {
        name: [{"version": VERSION}]
        for name, capability in CAPABILITIES.items()
        if name in active and (name == root or root in capability.extends)
    }
