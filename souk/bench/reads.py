"""Every read there is to ask: the GET routes of the OpenAPI document, with ids that exist, and with every filter."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
from psycopg.rows import dict_row

from db.platform.ids import new_id
from db.platform.keys import format_key, hash_secret, random_secret

Json = dict[str, Any]
Ids = dict[str, str]
Viewers = dict[str, dict[str, str]]
# Pages for people are not in the document.
_PAGES = ("/", "/stores/{store_id}", "/listings/{listing_id}", "/threads/{thread_id}", "/search?q=lamp")
_LEFT_OUT = ("/stream", "/metrics", "/healthz", "/readyz", "/docs", "/openapi.json", "/.well-known", "/problems")
_WORDS = {"q": "lamp", "min_price_cents": "2000", "max_price_cents": "2000", "hours": "168", "order": "oldest"}
_PAGE_LIMIT = 10
_ID_LENGTH = 36


def acquaint(owner: psycopg.Connection[Any]) -> tuple[Ids, Viewers]:
    """One order and all that hangs on it, by the names of path parameters; and keys for its buyer and its seller."""
    with owner.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "SELECT r.order_id, r.listing_id, r.store_id, r.source_offer_id AS offer_id, r.buyer_customer_id,"
            " s.owner_merchant_id, l.product_id, v.review_id, t.thread_id FROM reviews v JOIN orders r USING (order_id)"
            " JOIN stores s USING (store_id) JOIN listings l ON l.listing_id = r.listing_id"
            " JOIN threads t ON t.context_listing_id = r.listing_id AND t.type = 'REVIEW' LIMIT 1"
        ).fetchone()
    assert found is not None
    ids = {name: str(value) for name, value in found.items()}
    buyer, seller = ids.pop("buyer_customer_id"), ids.pop("owner_merchant_id")
    ids |= {"agent_id": seller, "owner_merchant_id": seller, "owner_id": seller, "context_store_id": ids["store_id"],
            "context_listing_id": ids["listing_id"]}  # fmt: skip
    viewers = {"anyone": {}, "buyer": _key(owner, buyer), "seller": _key(owner, seller), "operator": _key(owner, None)}
    return ids, viewers


def _key(owner: psycopg.Connection[Any], agent_id: str | None) -> dict[str, str]:
    key_id, secret = new_id(), random_secret()
    owner.execute(
        "INSERT INTO api_keys (key_id, kind, agent_id, label, secret_hash) VALUES (%s, %s, %s, 'bench', %s)",
        [key_id, "AGENT" if agent_id else "OPERATOR", agent_id, hash_secret(secret)],
    )
    return {"Authorization": f"Bearer {format_key(key_id, secret)}"}


def reads(api: str, ids: Ids, viewers: Viewers) -> Iterator[tuple[str, str, str]]:
    """Name, viewer and path of every read that is answered. Whoever has no business there is not asked again."""
    with httpx.Client(base_url=api, timeout=120, trust_env=False) as client:
        document = client.get("/openapi.json").json()
        for shape, queries in _shapes(document, ids):
            if shape.endswith(_LEFT_OUT) or shape.startswith(_LEFT_OUT):
                continue
            path = shape
            for name, value in ids.items():
                path = path.replace(f"{{{name}}}", value)
            if "{" in path:
                continue
            for viewer in _who(client, path, viewers):
                for query in (*queries, *_next_page(client, path, viewers[viewer])):
                    asked = path + (("&" if "?" in path else "?") + urlencode(query) if query else "")
                    if client.get(asked, headers=viewers[viewer]).is_success:
                        by = "" if viewer == "anyone" else f" as {viewer}"
                        which = ", ".join(_named(name, value) for name, value in query.items())
                        yield f"{shape}{f' by {which}' if which else ''}{by}", viewer, asked


def _named(name: str, value: str) -> str:
    """With its value, where that says more than an id or a cursor does."""
    return name if name == "cursor" or len(value) >= _ID_LENGTH else f"{name}={value}"


def _who(client: httpx.Client, path: str, viewers: Viewers) -> list[str]:
    q = {"q": "lamp"}
    if any(client.get(path, params=params).is_success for params in (None, q)) or "?" in path:
        return ["anyone"]
    return [name for name, headers in viewers.items()
            if client.get(path, headers=headers).is_success
            or client.get(path, headers=headers, params=q).is_success]  # fmt: skip


def _next_page(client: httpx.Client, path: str, headers: dict[str, str]) -> list[dict[str, str]]:
    answer = client.get(path, headers=headers, params={"limit": _PAGE_LIMIT})
    if not answer.is_success or "json" not in answer.headers.get("content-type", ""):
        return []
    body = answer.json()
    cursor = body.get("next_cursor") if isinstance(body, dict) else None
    return [{"cursor": cursor}] if cursor else []


def _shapes(document: Json, ids: Ids) -> Iterator[tuple[str, list[dict[str, str]]]]:
    for path, methods in sorted(document["paths"].items()):
        if "get" not in methods:
            continue
        queries: list[dict[str, str]] = [{}]
        for parameter in methods["get"].get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] not in {"limit", "cursor", "after"}:
                queries += [{parameter["name"]: value} for value in _values(document, parameter, ids)]
        if path.endswith("/search"):
            queries = [query | {"q": "lamp"} for query in queries]
        yield path, queries
    for page in _PAGES:
        yield page, [{}]


def _values(document: Json, parameter: Json, ids: Ids) -> list[str]:
    name, schema = parameter["name"], parameter.get("schema", {})
    if name in ids:
        return [ids[name]]
    for option in (schema, *schema.get("anyOf", [])):
        known = option
        if "$ref" in option:
            known = document["components"]["schemas"][option["$ref"].rpartition("/")[2]]
        if "enum" in known:
            return [str(value) for value in known["enum"]]
    return [_WORDS[name]] if name in _WORDS else []
