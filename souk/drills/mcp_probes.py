"""The same search through /mcp: every tool that tells something, every refusal, every resource, as every viewer.

Canaries go in as arguments, too, so that the log's files, searched later, show whether a call left any there.
"""

from collections.abc import Iterator
from typing import Any

from souk.drills.canaries import BUYER, OBSERVER, OPERATOR, RIVAL, STRANGER, VIEWERS, Planted
from souk.drills.probes import Search

_HEADERS = {"Accept": "application/json, text/event-stream"}
Call = tuple[str, dict[str, Any]]


def tools(planted: Planted, search: Search) -> int:
    """Returns how many calls were made."""
    asked = 0
    for viewer in VIEWERS:
        for tool, arguments in _looks(planted):
            asked += _call(planted, search, viewer, f"tool {tool}", "tools/call", name=tool, arguments=arguments)
        for uri in _resources(planted):
            asked += _call(planted, search, viewer, f"resource {uri}", "resources/read", uri=uri)
    for viewer in (OBSERVER, STRANGER, RIVAL, OPERATOR):
        for tool, arguments in _attempts(planted):
            asked += _call(planted, search, viewer, f"tool {tool}", "tools/call", name=tool, arguments=arguments)
    for canary in planted.canaries:
        if BUYER in canary.seen_by:
            arguments = {"query": canary.text, canary.text: canary.text}
            asked += _call(planted, search, BUYER, "a query", "tools/call", name="find_listings", arguments=arguments)
    return asked


def _looks(planted: Planted) -> Iterator[Call]:
    ids = planted.ids
    yield "find_listings", {"status": "ANY", "limit": 50}
    yield from (("look_at_listing", {"listing_id": one}) for one in ids["listing_id"])
    yield from (("store_trust", {"store_id": one}) for one in ids["store_id"])
    yield from (("block_customer", {"store_id": one}) for one in ids["store_id"])
    yield from (("read_thread", {"thread_id": one}) for one in ids["thread_id"])
    yield from (("my_deals", {"id": one}) for one in [*ids["offer_id"], *ids["order_id"]])
    yield "my_deals", {"limit": 50}
    yield "read_inbox", {"limit": 50}


def _resources(planted: Planted) -> Iterator[str]:
    yield from ("souk://listings", "souk://threads")
    for kind in ("listing", "store", "thread"):
        yield from (f"souk://{kind}s/{one}" for one in planted.ids[f"{kind}_id"])


def _attempts(planted: Planted) -> Iterator[Call]:
    """What a prober can try on offers that are not its own."""
    for one in planted.ids["offer_id"]:
        for decision in ("accept", "reject", "withdraw"):
            yield "decide_offer", {"offer_id": one, "decision": decision}
        yield "counter_offer", {"offer_id": one, "price_cents": 1}
        yield "counter_offer", {"offer_id": one, "price_cents": "all of it"}
        yield "buy", {"offer_id": one}


def _call(planted: Planted, search: Search, viewer: str, where: str, method: str, **params: Any) -> int:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = planted.clients[viewer].post("/mcp", json=body, headers=_HEADERS)
    search.look(f"MCP {where}", viewer, answer.content + repr(answer.headers.raw).encode())
    return 1
